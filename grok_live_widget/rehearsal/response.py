"""One reply of the rehearsal: which events it is told in; no clock, no socket.

The order is that of recorded sessions of the service: ``response.created``, the item is
announced, sound before the words that it carries, and a group of ``.done`` at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import orjson
from numpy.typing import NDArray

from ..audio import ClipConverter, pcm_from_bytes
from ..protocol import (
    AudioDelta,
    AudioDone,
    AudioFormat,
    ContentPartAdded,
    ContentPartDone,
    Item,
    ItemAdded,
    OutputItemAdded,
    OutputItemDone,
    ResponseCreated,
    ServerEvent,
    TextDelta,
    TextDone,
    ToolArgumentsDelta,
    ToolCalled,
    TranscriptDelta,
    TranscriptDone,
)
from .partner import ToolCall
from .tts import Spoken

__all__ = ["DELTA_SAMPLES", "Delta", "Reply", "UserInput", "new_id"]

DELTA_SAMPLES = 3_600
"""150 ms at 24 kHz; the service's pieces are of 31 to 1223 ms (recorded)."""

_NOTHING = np.zeros(0, np.int16)


def new_id() -> str:
    """A name for an item, a response or a frame, as the service makes them."""
    return str(uuid4())


@dataclass(slots=True, eq=False, kw_only=True)
class UserInput:
    """What the client said or typed, or what its tool returned.

    `text` is empty until the words of a sound are known, and after that where none were.
    `received` is the sound as it came, where that was not at 24 kHz.
    """

    item_id: str = field(default_factory=new_id)
    role: Literal["user", "tool"] = "user"
    text: str = ""
    pcm: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    received: Spoken | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """The next events of a reply, and how long their sound is [s]."""

    events: tuple[ServerEvent, ...]
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """From this sample on, this is said."""

    sample: int
    text: str


class Reply:
    """What is said to one `UserInput`, cut into deltas.

    Parameters
    ----------
    heard : UserInput
        What is answered.
    previous_item_id : str or None
        The item before this reply's.
    verbatim : str or None
        Words to be spoken as they are, instead of an answer.
    is_interruptible : bool
        Whether speech may end it.
    form : AudioFormat
        How its sound travels, from its beginning to its end.
    """

    def __init__(
        self,
        heard: UserInput,
        *,
        previous_item_id: str | None = None,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
        verbatim: str | None = None,
        is_interruptible: bool = True,
        form: AudioFormat = AudioFormat(),
    ) -> None:
        self.heard = heard
        self.instructions = instructions
        self.metadata = metadata
        self.verbatim = verbatim
        self.is_interruptible = is_interruptible
        self.form = form
        self.response_id, self.item_id = new_id(), new_id()
        self.is_begun = False
        self.sent_count = 0
        self._previous_item_id = previous_item_id
        self._part = ""
        self._calls: list[ToolCall] = []
        self._made_calls: list[Item] = []
        self._is_ended = False
        self._converter = ClipConverter(form.sample_rate)
        self._waiting = _NOTHING
        self._added_s = 0.0
        self._marks: deque[_Mark] = deque()
        self._told: list[_Mark] = []

    @property
    def text(self) -> str:
        """What has been told so far of what is said."""
        return "".join(mark.text for mark in self._told)

    @property
    def sent_s(self) -> float:
        """How long the sound is that has been told [s]."""
        return self.sent_count / self.form.sample_rate

    @property
    def _delta_samples(self) -> int:
        return DELTA_SAMPLES * self.form.sample_rate // 24_000

    def text_until(self, sample: int) -> str:
        """What is said up to a sample of this reply."""
        return "".join(mark.text for mark in self._told if mark.sample < sample).strip()

    def begin(self) -> list[ServerEvent]:
        """The reply is announced; nothing of it is known yet."""
        self.is_begun = True
        return [ResponseCreated(self.response_id, self.metadata)]

    def add(self, spoken: Spoken) -> None:
        """Append sound and text; `next_delta` cuts them."""
        if spoken.text:
            self._marks.append(_Mark(self._sample_at(self._added_s), spoken.text))
        self._added_s += spoken.pcm.size / spoken.sample_rate
        self._convert(spoken.pcm, spoken.sample_rate, more=True)

    def _convert(self, pcm: NDArray[np.int16], rate_hz: int, *, more: bool) -> None:
        ready = pcm_from_bytes(self._converter.convert(pcm, rate_hz, more=more))
        self._waiting = np.concatenate((self._waiting, ready))

    def _sample_at(self, time_s: float) -> int:
        return round(time_s * self.form.sample_rate)

    def next_delta(self, *, is_last: bool = False) -> Delta | None:
        """Cut the next delta; None while there is too little for one.

        Parameters
        ----------
        is_last : bool
            Nothing will be added, so what is left counts as enough.
        """
        if not self._added_s:
            return self._text_delta()
        if is_last:
            self._convert(_NOTHING, self.form.sample_rate, more=False)
        if self._waiting.size >= self._delta_samples or (is_last and self._waiting.size):
            return self._sound_delta()
        rest = self._due_words(is_last=is_last)
        return Delta(tuple(rest)) if rest else None

    def call(self, tool_call: ToolCall) -> list[ServerEvent]:
        """Ask for a function once the message is complete."""
        self._calls.append(tool_call)
        return []

    def end(self) -> list[ServerEvent]:
        """The ``.done`` of everything that was begun, and the calls; not ``response.done``."""
        self._is_ended = True
        message = self._message_done() if self._part else []
        return message + [event for call in self._calls for event in self._call_events(call)]

    def output(self) -> tuple[Item, ...]:
        """The items it consists of, whole, as ``response.done`` lists them (recorded)."""
        if not self._part:
            return tuple(self._made_calls)
        status = "completed" if self._is_ended else "incomplete"
        message = Item(
            role="assistant", item_id=self.item_id, status=status, part=self._part, text=self.text
        )
        return (message, *self._made_calls)

    def _names(self) -> dict[str, Any]:
        return {"response_id": self.response_id, "item_id": self.item_id}

    def _open(self, part: str) -> list[ServerEvent]:
        """Announce the item, before its first delta."""
        if self._part:
            return []
        self._part = part
        item = Item(role="assistant", item_id=self.item_id, status="in_progress")
        return [
            OutputItemAdded(self.response_id, item),
            ItemAdded(item, self._previous_item_id),
            ContentPartAdded(part=part, **self._names()),
        ]

    def _text_delta(self) -> Delta | None:
        if not self._marks:
            return None
        mark = self._marks.popleft()
        self._told.append(mark)
        return Delta((*self._open("text"), TextDelta(delta=mark.text, **self._names())))

    def _sound_delta(self) -> Delta:
        events = self._open("audio")
        size = self._delta_samples
        pcm, self._waiting = self._waiting[:size], self._waiting[size:]
        events.append(AudioDelta(pcm=pcm.astype("<i2", copy=False).tobytes(), **self._names()))
        self.sent_count += pcm.size
        return Delta((*events, *self._due_words()), pcm.size / self.form.sample_rate)

    def _due_words(self, *, is_last: bool = False) -> list[ServerEvent]:
        """The words whose sound has begun to be sent."""
        due = []
        while self._marks and (is_last or self._marks[0].sample < self.sent_count):
            mark = self._marks.popleft()
            self._told.append(mark)
            start_s = round(mark.sample / self.form.sample_rate, 3)
            due.append(TranscriptDelta(delta=mark.text, start_time_s=start_s, **self._names()))
        return list[ServerEvent](due)

    def _message_done(self) -> list[ServerEvent]:
        item = Item(role="assistant", item_id=self.item_id, status="completed")
        names, last = self._names(), OutputItemDone(self.response_id, item)
        if self._part == "text" and not self.sent_count:
            return [TextDone(text=self.text, **names), ContentPartDone(**names), last]
        return [
            TranscriptDone(transcript=self.text, **names),
            ContentPartDone(**names),
            AudioDone(**names),
            last,
        ]

    def _call_events(self, call: ToolCall) -> list[ServerEvent]:
        """A function call, whole: the service sends its arguments in one delta (recorded)."""
        arguments = orjson.dumps(dict(call.arguments)).decode()
        item_id, call_id = new_id(), f"call-{uuid4()}-0"
        names: dict[str, Any] = {
            "response_id": self.response_id,
            "item_id": item_id,
            "call_id": call_id,
        }

        def item(role: Literal["user", "tool"], status: str, text: str) -> Item:
            return Item(
                kind="function_call", role=role, item_id=item_id, status=status,
                text=text, name=call.name, call_id=call_id,
            )  # fmt: skip

        # The role differs between the two kinds of frames (recorded).
        made = item("user", "completed", arguments)
        self._made_calls.append(made)
        return [
            OutputItemAdded(self.response_id, item("user", "in_progress", "")),
            ItemAdded(item("tool", "in_progress", "")),
            ToolArgumentsDelta(delta=arguments, **names),
            ToolCalled(name=call.name, arguments=arguments, **names),
            OutputItemDone(self.response_id, made),
        ]
