"""The widget: a panel in the notebook, and the talk that it shows."""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Literal, Unpack

import anywidget
import ipywidgets
import traitlets

from .._structs import names_checked
from ..client import TALK_THREAD, Secret, TalkAPI, warn_of_rehearsal, wrap_secret
from ..diagnostics import Check, Report, all_of, choose_server, examine
from ..exceptions import ConfigurationError
from ..settings import SettingsKwargs, check_setting_names, expand_kwargs_signature
from .bridge import FrontendBridge
from .catalogue import check_language, texts_of
from .channel import CommChannel, call_when_marimo_closes, keep_frontend_routing
from .direct import ChannelStatus, chosen_channel
from .front_end import STATIC, check_built
from .loudspeaker import LoudspeakerStatus
from .messages import MicrophoneWanted
from .microphone import MicrophoneStatus
from .page_checks import page_checks
from .saved_output import PANEL_TEXT, SavedOutput, check_keeps, shell_with_kernel
from .tool_output import ToolOutput
from .traits import TalkTraits, flag

ANSWER_WITHIN_S = 120.0
"""How long the reply to a file that was dropped on the panel is awaited."""


class GrokLive(TalkTraits, anywidget.AnyWidget):
    """A talk with a panel.

    It has all methods and properties of `Talk`. Audio, transcript and key are in no trait,
    since traits are saved into notebook files. What tools display appears below the panel.

    Parameters
    ----------
    api_key : str or None
        None looks in the environment (``XAI_API_KEY``), Colab's secrets, the keyring and
        ``.env``; without a key, the embedded rehearsal server is used.
    half_duplex : bool
        The trait of this name; see below.
    language : {"en", "de"} or None
        The language of the panel, and of what stands in its place in a saved notebook. None: that
        of the page around it, which JupyterLab's settings choose, or else the browser's; English
        where there are no texts in that, and in a saved notebook. Python's messages are English.
    channel : {"auto", "direct", "proxy", "comm"}
        What may carry the sound between page and Python: see the attribute. ``"direct"``: a
        WebSocket of its own where the page is on this computer. ``"proxy"``: one through the
        notebook server, where that has jupyter-server-proxy. ``"comm"``: Jupyter's messages, which
        are used where the others cannot be. ``"auto"``: the first of these that can be.
    keep_in_notebook : bool or "audio"
        Whether the cell's output gets the talk when it stops: see the attribute.
    **settings
        See `Settings`.

    Attributes
    ----------
    volume : float in [0, 1]
        How loud replies are played: a factor of the samples. 1 leaves them as they are.
    muted : bool
        Whether the microphone is muted, as by the panel's button, or will be when it is switched
        on.
    half_duplex : bool
        Whether the microphone is not sent while a reply sounds, and for 0.2 s after it. The
        reply can then be interrupted by the button, and not by speech.
    threshold : float in [0.1, 0.9]
        That of the talk's `ServerVad`. A new value updates the talk, and nothing waits for that; if
        the talk refuses, a note says why, and the trait goes back.
    silence_duration_ms : int in [0, 10000] [ms]
        That of the talk's `ServerVad`, likewise.
    phase : str
        As of `Talk`; cannot be set. Functions that observe it are called between cells, or before a
        call of the talk returns, and never on the talk's own thread.

    Raises
    ------
    ConfigurationError, AuthenticationError
        The settings are checked at once; no connection is opened.

    Examples
    --------
    The panel; a notebook shows it where it is the last value of a cell.

    >>> from grok_live_widget import GrokLive
    >>> live = GrokLive(voice="nova", partner=["Good morning."])
    >>> live
    <GrokLive with rehearsal, not connected, 0 turns>
    >>> live.ask("Hello.").text
    'Good morning.'

    The attributes above are traits, which can be linked with other widgets.

    >>> import ipywidgets
    >>> slider = ipywidgets.FloatSlider(max=1, step=0.05)
    >>> link = ipywidgets.link((live, "volume"), (slider, "value"))
    >>> slider.value = 0.5
    >>> live.volume
    0.5
    >>> live.close()
    """

    _is_closing = False
    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"
    # The page shows it in the panel, whatever box or output the panel is in.
    _tool_area = traitlets.Instance(ipywidgets.Output).tag(
        sync=True, **ipywidgets.widget_serialization
    )
    # Those of the panel's own bundle, so that a page shows it without asking, and without a kernel.
    _texts = traitlets.Dict().tag(sync=True)

    @names_checked
    @expand_kwargs_signature(SettingsKwargs)
    def __init__(
        self,
        *,
        api_key: str | Secret | None = None,
        keep_in_notebook: bool | Literal["audio"] = False,
        half_duplex: bool = False,
        language: Literal["en", "de"] | None = None,
        channel: Literal["auto", "direct", "proxy", "comm"] = "auto",
        **settings: Unpack[SettingsKwargs],
    ) -> None:
        api_key = wrap_secret(api_key)
        check_keeps(keep_in_notebook)
        flag("half_duplex", half_duplex)
        check_language(language)
        allowed_channel = chosen_channel(channel)
        check_built("widget.js")
        own = ("api_key", "keep_in_notebook", "half_duplex", "language", "channel")
        check_setting_names(settings, *own)
        self._begin(api_key, settings)
        # By the panel, also one that is shown later.
        self._sessions.expect_player()
        self._tool_output = ToolOutput()
        self._sessions.tool_threads.stage = self._tool_output.capture
        anywidget.AnyWidget.__init__(
            self,
            _tool_area=self._tool_output.area,
            _texts=texts_of("panel", language),
            half_duplex=half_duplex,
            **self._begin_traits(),
        )
        self._channel = CommChannel(self)
        self._bridge = FrontendBridge(
            self._sessions,
            self._channel.send,
            partial(self._asker.ask, sample_rate=None, timeout_s=ANSWER_WITHIN_S),
            self._examine,
            language=language,
            channel=allowed_channel,
        )
        self._channel.listen(self._bridge.receive)
        self._saved_output = SavedOutput(
            self._sessions, self._tool_output, keep_in_notebook, language
        )
        _replace_earlier(self)
        self._is_displayed = False
        if shell_with_kernel() is None:
            warn_of_rehearsal(self._sessions.endpoint)
        else:
            _warn_unless_displayed(self)

    @property
    def microphone(self) -> MicrophoneStatus:
        """What the page that captures says of its microphone, such as why it is off."""
        return self._bridge.microphone

    @property
    def channel(self) -> ChannelStatus:
        """What carries the sound between the page and Python, and why not the direct channel."""
        return self._bridge.channel

    @property
    def loudspeaker(self) -> LoudspeakerStatus:
        """What the page that plays says of its loudspeaker, such as why a reply is not heard."""
        return self._bridge.loudspeaker

    def observe(
        self,
        handler: Callable[[Any], object],
        names: Any = traitlets.All,
        type: Any = "change",  # noqa: A002  (the name of traitlets)
    ) -> None:
        """Call a function when a trait of the widget changes, such as ``muted`` or ``layout``;
        see `on` for what happens in the talk.

        Parameters
        ----------
        handler : callable
            Called with a dictionary that describes the change.
        names : str, list of str or traitlets.All
            The traits.
        type : str or traitlets.All
            The kind of notification; ``"change"`` is that of a new value.

        Raises
        ------
        ConfigurationError
            For a name that is no trait: nothing would ever call the function.
        """
        given = [names] if isinstance(names, str) else names
        for name in () if names is traitlets.All else given:
            if not self.has_trait(name):
                raise ConfigurationError(
                    f"{name!r} is no trait of the widget, so that nothing tells of its changes.",
                    cure='live.on("turn", f) calls a function when something happens.',
                )
        super().observe(handler, names, type)

    @traitlets.observe("comm")
    def _follow_comm(self, change: Any) -> None:
        keep_frontend_routing(change["new"])
        call_when_marimo_closes(change["new"], weakref.WeakMethod(self._end_with_comm))

    def _end_with_comm(self) -> None:
        if not self._is_closing:
            self.close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The panel, which says whether the rehearsal answers."""
        self._is_displayed = True
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        shell = shell_with_kernel()
        if shell is not None:
            # A saved notebook would still say it when it is no longer true.
            bundle[0]["text/plain"] = PANEL_TEXT
            self._saved_output.show(shell)
        return bundle

    @property
    def keep_in_notebook(self) -> bool | Literal["audio"]:
        """Whether the cell's output gets the talk each time it stops; False unless it was asked
        for.

        True: a table of all turns with their texts, waveforms and times, and what tools displayed.
        ``"audio"``: with players too; the sound of a talk that would add more than 20 MB is left
        out. Assigning replaces what the output shows of a talk that has stopped.
        """
        return self._saved_output.keeps

    @keep_in_notebook.setter
    def keep_in_notebook(self, value: bool | Literal["audio"]) -> None:
        self._saved_output.keeps = value
        if self.phase == "closed" or not value:
            self._saved_output.refresh(is_in_cell=True)

    def start(self) -> None:
        """Open the connection and ask the page for the microphone.

        A page that needs a click to open the microphone shows its Start button.

        Raises
        ------
        AuthenticationError, ConnectError
        """
        super().start()
        self._want_microphone(True)

    async def start_async(self) -> None:
        """Open the connection like `start`, awaitable from any loop."""
        await super().start_async()
        self._want_microphone(True)

    def stop(self) -> None:
        """Close the connection; `turns` stay. Harmless when it is closed."""
        with self._saved_output.refreshed_here():
            super().stop()

    async def stop_async(self) -> None:
        """`stop`, awaited."""
        with self._saved_output.refreshed_here():
            await super().stop_async()

    def doctor(self) -> Report:
        """`grok_live_widget.doctor` with the settings of this talk, and what its page knows.

        That is whether it may have a microphone, what the browser applies to the sound, how long
        messages take both ways, and what the tests of microphone and loudspeaker have shown, which
        are in the panel below "Doctor".

        A second connection is opened for it, and closed; the talk goes on. Where the kernel reads
        the page's messages only between cells, the report says so.

        Returns
        -------
        Report
        """
        return Report(TALK_THREAD.run(all_of(self._examine(is_blocking=True))))

    async def doctor_async(self) -> Report:
        """`doctor`, awaited: some kernels read the page's messages meanwhile.

        Returns
        -------
        Report
        """
        return Report(await TALK_THREAD.arun(all_of(self._examine())))

    async def _examine(
        self, page: str = "", *, is_blocking: bool = False
    ) -> AsyncIterator[list[Check]]:
        """Checks in groups, as they become known.

        Parameters
        ----------
        page : str
            Empty: the page that captures and plays.
        """
        talk = self._sessions
        chosen = await asyncio.to_thread(choose_server, talk.settings, talk.api_key)
        async for checks in examine(talk.settings, chosen):
            yield checks
        yield await page_checks(
            self._bridge,
            page,
            processing=talk.settings.processing,
            timeout_s=talk.timeouts.pong_s,
            is_blocking=is_blocking,
            is_beside_cells=lambda: self._channel.is_beside_cells,
        )

    def _want_microphone(self, wanted: bool) -> None:
        TALK_THREAD.call(self._channel.send, MicrophoneWanted(wanted=wanted))

    def close(self) -> None:
        """End the talk and remove the panel; `turns` can still be read."""
        if sys.is_finalizing():
            return  # The process ends everything, and threads can no longer be waited for.
        if self.comm is not None:
            self._is_closing = True
            TALK_THREAD.run(self._bridge.close(), makes_calls=False)
            with self._saved_output.refreshed_here():
                TalkAPI.close(self)
            self._tool_output.close()
        anywidget.AnyWidget.close(self)

    async def close_async(self) -> None:
        """End the talk, awaited; the panel stays."""
        with self._saved_output.refreshed_here():
            await super().close_async()

    def __repr__(self) -> str:
        return TalkAPI.__repr__(self)


# --------------------------------------------------------------------------- cells that run again
# By cell: its last execution, and the widgets made in it.
_by_cell: dict[str, tuple[str, weakref.WeakSet[GrokLive]]] = {}


def _replace_earlier(widget: GrokLive) -> None:
    """Close the widgets that an earlier execution of the same cell made.

    ipywidgets keeps every widget alive, and the page does not notice when a cell that made one
    runs again; without this the old socket and the old microphone would stay open.
    """
    cell, execution = _running_cell()
    if not cell:
        return
    earlier_execution, widgets = _by_cell.get(cell, ("", weakref.WeakSet()))
    if earlier_execution != execution:
        for earlier in list(widgets):
            earlier.close()
        widgets = weakref.WeakSet()
    widgets.add(widget)
    _by_cell[cell] = (execution, widgets)


def _running_cell() -> tuple[str, str]:
    """The ids of the running cell and of its execution; empty outside of a notebook."""
    shell = shell_with_kernel()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    execution = str(parent.get("header", {}).get("msg_id", ""))
    # JupyterLab and VS Code send the cell's id; other front ends only its code.
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code", "")
    return str(cell), execution


# --------------------------------------------------------------------------- the rehearsal
def _warn_unless_displayed(widget: GrokLive) -> None:
    """Warn of the rehearsal after the first cell that has talked, where no panel says it."""
    shell, reference = shell_with_kernel(), weakref.ref(widget)

    def after_cell(_: object) -> None:
        live = reference()
        if live is not None and not live.turns and not live._is_displayed:
            return
        shell.events.unregister("post_run_cell", after_cell)
        if live is not None and not live._is_displayed and not _is_in_a_box(live):
            warn_of_rehearsal(live._sessions.endpoint)

    shell.events.register("post_run_cell", after_cell)


def _is_in_a_box(widget: GrokLive) -> bool:
    """Whether another widget, such as a box or a tab, contains it, and so displays it."""
    states = ipywidgets.Widget.get_manager_state()["state"]
    return any(f"IPY_MODEL_{widget.model_id}" in str(each["state"]) for each in states.values())
