"""The widget: a panel in the notebook, and the talk behind it."""

from __future__ import annotations

import pathlib
import sys
import time
import weakref
from typing import Any, Unpack

import anywidget
import traitlets

from ..client import TALK_THREAD, ReconnectingSession, Secret, TalkAPI, wrap_secret
from ..exceptions import ConfigurationError
from ..settings import SettingsKwargs, expand_kwargs_signature
from ..tools import functions_of
from .bridge import MAX_CHUNK_BYTES, Panel, Post
from .tool_output import ToolDisplays

__all__ = ["GrokLive"]

_STATIC = pathlib.Path(__file__).parent / "static"


class GrokLive(TalkAPI, anywidget.AnyWidget):
    """A talk with a panel::

        live = GrokLive(voice="nova", instructions="Answer in one sentence.")
        live

    Everything of `Talk` is here too. Audio, transcript and key are in no trait, since traits
    are saved into notebook files. With tools, what they display appears under the panel.

    Parameters
    ----------
    api_key : str or None
        None looks in the environment (``XAI_API_KEY``), Colab's secrets, the keyring and
        ``.env``; where there is none, the embedded rehearsal answers.
    **settings
        See `Settings`.

    Raises
    ------
    ConfigurationError, AuthenticationError
        At once. Constructing opens nothing.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    @expand_kwargs_signature(SettingsKwargs)
    def __init__(
        self, *, api_key: str | Secret | None = None, **settings: Unpack[SettingsKwargs]
    ) -> None:
        api_key = wrap_secret(api_key)
        _check_bundle()
        self._begin(api_key, settings)
        anywidget.AnyWidget.__init__(self)
        self._panel = TALK_THREAD.run(_made(self._sessions, self._post))
        self.on_msg(self._receive)
        self._displays: ToolDisplays | None = None
        if functions_of(self._sessions.settings.tools):
            self._displays = ToolDisplays()
            self._sessions.tool_stage = self._displays.caught
        _replace_earlier(self)

    @traitlets.observe("comm")
    def _trust_the_front_ends_routing(self, change: Any) -> None:
        """Keep incoming messages on the thread that the front end chose.

        ipykernel 7.4 sends them to the shell that last published on the comm, so that one
        message from a cell puts the microphone behind the running cell (0 of 25 messages came
        through without this, 25 of 25 with it). The hook is private, hence the question.

        And keep them from posing as cells: `comm` runs the hooks of a cell (``pre_execute``,
        ``post_execute``) around each message, on whatever thread it comes. Matplotlib draws
        and closes all figures there, also the one that a cell is just making.
        """
        comm = change["new"]
        if comm is not None and hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda data, default: default
        if comm is not None and hasattr(comm, "_msg_callback"):
            comm.handle_msg = lambda message: comm._msg_callback and comm._msg_callback(message)

    def _receive(self, widget: object, content: Any, buffers: list[Any]) -> None:
        """Runs on the main thread or a subshell's: copies, hands over, and returns."""
        is_sound = bool(buffers) and memoryview(buffers[0]).nbytes <= MAX_CHUNK_BYTES
        buffer = bytes(buffers[0]) if is_sound else None
        TALK_THREAD.call(self._panel.receive, content, buffer, time.monotonic())

    def _post(self, content: dict[str, Any], buffer: bytes | None) -> None:
        if self.comm is not None:
            self.send(content, buffers=None if buffer is None else [buffer])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The panel; with tools, a box of the panel and the area of what they display."""
        if self._displays is None or self.comm is None:
            return super()._repr_mimebundle_(**kwargs)
        bundle = self._displays.under(self)._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self)}

    def start(self) -> None:
        """Open the line and ask the page for the microphone.

        A page that may not open the microphone without a click shows its Start button.

        Raises
        ------
        AuthenticationError, ConnectError
        """
        super().start()
        self._want_microphone(True)

    async def start_async(self) -> None:
        """`start`, awaited."""
        await super().start_async()
        self._want_microphone(True)

    def _want_microphone(self, wanted: bool) -> None:
        content = {"type": "microphone_wanted", "wanted": wanted}
        TALK_THREAD.call(self._post, content, None)

    def close(self) -> None:
        """End the talk and remove the panel; `turns` stay readable."""
        if sys.is_finalizing():
            return  # Python's end takes everything along, and no thread can be waited for.
        if self.comm is not None:
            TALK_THREAD.run(_closed(self._panel))
            TalkAPI.close(self)
            if self._displays is not None:
                self._displays.close()
        anywidget.AnyWidget.close(self)

    def __repr__(self) -> str:
        return TalkAPI.__repr__(self)


async def _made(talk: ReconnectingSession, post: Post) -> Panel:
    return Panel(talk, post)


async def _closed(panel: Panel) -> None:
    panel.close()


def _check_bundle() -> None:
    if not (_STATIC / "widget.js").exists():
        raise ConfigurationError(
            "the panel's front end is missing, since this copy was not built.",
            cure="In a checkout run `make build`; otherwise reinstall grok-live-widget.",
        )


# --------------------------------------------------------------------------- cells that run again
_by_cell: dict[str, tuple[str, weakref.WeakSet[GrokLive]]] = {}


def _replace_earlier(widget: GrokLive) -> None:
    """Close what an earlier execution of the same cell made.

    ipywidgets keeps every widget alive, and the page is told nothing when a cell that made one
    runs again; without this the old socket and the old microphone would stay open.
    """
    cell, execution = _where_we_are()
    if not cell:
        return
    earlier_execution, widgets = _by_cell.get(cell, ("", weakref.WeakSet()))
    if earlier_execution != execution:
        for earlier in list(widgets):
            earlier.close()
        widgets = weakref.WeakSet()
    widgets.add(widget)
    _by_cell[cell] = (execution, widgets)


def _where_we_are() -> tuple[str, str]:
    """The running cell and its execution; empty outside of a notebook."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return "", ""
    shell = get_ipython()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    execution = str(parent.get("header", {}).get("msg_id", ""))
    # JupyterLab and VS Code name the cell; elsewhere its text stands for it.
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code", "")
    return str(cell), execution
