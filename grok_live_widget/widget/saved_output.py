"""What a saved notebook shows of a talk below its panel: a placeholder, or the talk itself.

JupyterLab shows the panel's output only while the panel's model exists, and an error message in its
place otherwise, whatever else the output holds (``WidgetRenderer`` of jupyterlab_widgets). So this
is an output of its own, which needs no model.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Literal

from .._threads import BackgroundTasks
from ..audio import wav_bytes
from ..client import TALK_THREAD, TalkSession
from ..conversation import Turn, Turns, placements_of, plain_text, whole_table_of
from ..exceptions import AudioDropped
from ..protocol import Event, PhaseChanged
from ..recording import Redactor
from ..settings import one_of
from .catalogue import ENGLISH
from .tool_output import ToolOutput
from .translations import translate

Keeps = bool | Literal["audio"]

MOST_SOUND_MB = 20
"""The most sound that is put into a notebook, as base64; each editor holds all of it in memory."""

# Two, of which base64 makes four letters for each three.
_BYTES_PER_SAMPLE = 2 * 4 / 3

_NOTE_TOPIC = "keep_in_notebook"

PANEL_TEXT = "<GrokLive panel>"

_PLACE = (
    "This is the place of a live voice panel (grok_live_widget). Its kernel does not run any more, "
    "or its talk was closed: run the cell that made it again."
)
_NOTHING_KEPT = (
    "What was said is not kept in the notebook; GrokLive(keep_in_notebook=True) keeps a talk."
)
_TO_COME = "What is said is put here when the talk stops (keep_in_notebook)."
_TOOLS = "Displayed by tools"

# Elements that hold one output each: of JupyterLab, of notebook pages of nbconvert, and of VS Code
# (OutputContainer in its webviewPreloads.ts). The error message is the only text that is a direct
# child of an output of widgets. Each `:has` names a class: with `*` the browser would look at the
# styles around the panel anew whenever the panel adds an element.
_STYLE = """
<style>
:is(.jp-OutputArea-child,.output_area,.output_container):has(.glw-panel)~* .glw-placeholder{
display:none}
.jp-OutputArea-child:has(~.jp-OutputArea-child .glw-saved)>.jupyter-widgets:not(:has(>.lm-Widget)){
display:none}
.jp-OutputArea-child:has(+.jp-OutputArea-child .glw-saved):not(:has(.glw-panel))>.jp-RenderedText,
.output_area:has(+.output_area .glw-saved):not(:has(.glw-panel))>.output_text{display:none}
.glw-placeholder{font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;
opacity:.8}
.glw-saved h4{font-size:13px;margin:8px 0 4px}
</style>"""

# Of what a tool displayed, the form that is kept: the first that there is.
_IMAGES = ("image/png", "image/jpeg", "image/gif")


def check_keeps(value: object) -> None:
    """Raise `ConfigurationError` unless it is a value of ``keep_in_notebook=``."""
    one_of("keep_in_notebook", value, (False, True, "audio"))


class SavedOutput:
    """The output below a panel, in the cells that display it.

    Parameters
    ----------
    talk : TalkSession
    tool_output : ToolOutput
        What tools displayed.
    keeps : bool or "audio"
        See `keeps`.
    language : str or None
        That of what is said about the talk; None: English.
    """

    def __init__(
        self, talk: TalkSession, tool_output: ToolOutput, keeps: Keeps, language: str | None
    ) -> None:
        self._talk, self._tool_output, self._keeps = talk, tool_output, keeps
        # No page is asked for its language: the notebook may be read by others.
        self._language = language or ENGLISH
        self._redact = Redactor(
            lambda: [form for each in talk.secrets() for form in (each, escape(each))]
        )
        self._display_id = f"grok-live-{uuid.uuid4().hex}"
        # The message that ran the cell that displayed the panel last.
        self._cell: dict[str, Any] | None = None
        # Held while the output is made and published: the newest must be published last.
        self._lock = threading.Lock()
        # Whether the running cell displays the panel, and its end adds the output.
        self._is_due = False
        # Whether a call that stops the talk replaces the output itself.
        self._is_held = False
        self._tasks = BackgroundTasks()
        talk.add_listener(self._observe)

    @property
    def keeps(self) -> Keeps:
        """Whether the talk is put into the output, and with its sound."""
        return self._keeps

    @keeps.setter
    def keeps(self, value: Keeps) -> None:
        check_keeps(value)
        self._keeps = value

    # ----------------------------------------------------------------- when
    def show(self, shell: Any) -> None:
        """Add the output at the end of the running cell, which displays the panel."""
        publisher = shell.display_pub
        # `%%capture` has another publisher.
        if self._is_due or not hasattr(publisher, "register_hook"):
            return
        self._is_due = True

        def after_cell(_: object) -> None:
            self._is_due = False
            shell.events.unregister("post_run_cell", after_cell)
            with self._lock:
                self._cell = dict(publisher.parent_header)
                self._publish(publisher, self._cell, is_update=False)

        shell.events.register("post_run_cell", after_cell)

    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """Follow the talk, on its loop: when it stops, the output is replaced."""
        if isinstance(event, PhaseChanged) and event.phase == "closed" and not self._is_held:
            # Waveforms of a long talk take a while.
            self._tasks.spawn(asyncio.to_thread(self.refresh))

    @contextlib.contextmanager
    def refreshed_here(self) -> Iterator[None]:
        """Replace the output after what is done here, as a part of the running cell.

        What executes a notebook from end to end (nbclient) drops messages that belong to another
        cell than the running one.
        """
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        self.refresh(is_in_cell=True)

    def refresh(self, *, is_in_cell: bool = False) -> None:
        """Replace the output, in whatever cells it is; from any thread.

        Parameters
        ----------
        is_in_cell : bool
            Whether a running cell calls this.
        """
        publisher: Any = getattr(shell_with_kernel(), "display_pub", None)
        with self._lock:
            if self._cell is None or not hasattr(publisher, "register_hook"):
                return
            here = dict(publisher.parent_header) if is_in_cell else {}
            is_cell = here.get("msg_type") == "execute_request"
            self._publish(publisher, here if is_cell else self._cell, is_update=True)

    def _publish(self, publisher: Any, cell: dict[str, Any], *, is_update: bool) -> None:
        def assign(message: dict[str, Any]) -> dict[str, Any]:
            message["parent_header"] = cell
            return message

        # Hooks belong to the thread.
        bundle = self._bundle()
        publisher.register_hook(assign)
        try:
            publisher.publish(bundle, transient={"display_id": self._display_id}, update=is_update)
        finally:
            publisher.unregister_hook(assign)

    # ----------------------------------------------------------------- what
    def _bundle(self) -> dict[str, str]:
        turns = self._talk.conversation.turns
        if not self._keeps or not turns:
            text = self._said(f"{_PLACE} {_TO_COME if self._keeps else _NOTHING_KEPT}")
            html = f'<div class="glw-saved glw-placeholder">{escape(text)}</div>'
        else:
            placements = placements_of(turns)
            wavs, remark = self._sound(turns) if self._keeps == "audio" else ({}, "")
            text = self._redact(plain_text(placements))
            table = whole_table_of(placements, wavs)
            outputs = self._tool_output.area.outputs
            shown = "".join(f"<div>{_html_of(each['data'])}</div>" for each in outputs)
            tools = f"<h4>{self._said(_TOOLS)}</h4>{shown}" if shown else ""
            remark = f"<div><i>{escape(self._said(remark))}</i></div>" if remark else ""
            html = f'<div class="glw-saved">{self._redact(table + tools)}{remark}</div>'
        return {"text/plain": text, "text/html": html + _STYLE}

    def _said(self, english: str) -> str:
        return translate(english, self._language)

    def _sound(self, turns: Turns) -> tuple[dict[Turn, bytes], str]:
        """The sound of each turn as a WAV file, unless it is too much; what is said of it."""
        size_mb = sum(turn.sample_count for turn in turns) * _BYTES_PER_SAMPLE / 1e6
        is_kept = size_mb <= MOST_SOUND_MB
        remark = (
            f"The sound of this talk adds {size_mb:.1f} MB to the notebook."
            if is_kept
            else f"The sound of this talk is not kept in the notebook, since it would add "
            f"{size_mb:.1f} MB to it, and {MOST_SOUND_MB} MB is the most; "
            'turns.write_wav("talk.wav") writes it to a file.'
        )
        TALK_THREAD.call(self._talk.note, remark, "info", _NOTE_TOPIC)
        wavs: dict[Turn, bytes] = {}
        for turn in turns if is_kept else ():
            with contextlib.suppress(AudioDropped):
                if turn.sample_count:
                    wavs[turn] = wav_bytes(turn.pcm, turn.sample_rate)
        return wavs, remark


def _html_of(data: dict[str, Any]) -> str:
    """An output as HTML, which needs neither a kernel nor another file."""
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return _joined(data[kind])
    for kind in _IMAGES:
        if kind in data:
            return f'<img alt="" src="data:{kind};base64,{escape(_joined(data[kind]))}">'
    return f"<pre>{escape(_joined(data.get('text/plain', '')))}</pre>"


def _joined(text: str | Sequence[str]) -> str:
    """A text of the notebook format, which may be a list of its lines."""
    return text if isinstance(text, str) else "".join(text)


def shell_with_kernel() -> Any:
    """IPython's shell; None outside of a notebook."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None
