"""One response of the rehearsal server as events, without clock or socket.

The order is that of recorded sessions of the service: ``response.created``, the item, audio
before the transcript of it, and a group of ``.done`` at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal
from uuid import uuid4

import msgspec
import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from .._structs import Value
from ..audio import ClipConverter, Pcm, pcm_from_bytes
from ..protocol import events
from .partner import CallTool
from .tts import Spoken

DELTA_SAMPLES = 3_600
"""150 ms at 24 kHz; the service's deltas have 31 to 1223 ms (recorded)."""


def new_id() -> str:
    """An id for an item, a response or an event, in the form that the service uses."""
    return str(uuid4())


class UserInput(Struct, eq=False, kw_only=True):
    """Speech or text of the user, or the output of a tool.

    `text` is empty until spoken words are known, and remains so where none were recognised.
    `received` is the audio as received, where that was not at 24 kHz. `call_id` is that of the
    call whose output it is.
    """

    item_id: str = field(default_factory=new_id)
    role: Literal["user", "tool"] = "user"
    text: str = ""
    pcm: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))
    received: Spoken | None = None
    call_id: str = ""


class Delta(Value, frozen=True):
    """The next events of a response, and the duration of their audio [s]."""

    events: tuple[events.ServerEvent, ...]
    duration_s: float = 0.0


class _Mark(Value, frozen=True):
    """The sample at which a text begins to be spoken."""

    sample: int
    text: str


@dataclass(eq=False, repr=False)
class Response:
    """The answer to one `UserInput`, cut into deltas.

    Parameters
    ----------
    user_input : UserInput
        The input to be answered.
    previous_item_id : str or None
        The item before that of this response.
    verbatim : str or None
        Text to be spoken as it is, instead of the partner's answer.
    is_interruptible : bool
        Whether speech may interrupt it.
    audio_format : events.AudioFormat
        The format of its audio, from its beginning to its end.

    Attributes
    ----------
    call_items : list of events.Item
        The function calls that have been sent.
    """

    user_input: UserInput
    _: KW_ONLY
    previous_item_id: str | None = None
    instructions: str | None = None
    metadata: Mapping[str, str] | None = None
    verbatim: str | None = None
    is_interruptible: bool = True
    audio_format: events.AudioFormat = events.AudioFormat()

    def __post_init__(self) -> None:
        self.response_id, self.item_id = new_id(), new_id()
        self.is_announced = False
        self.sent_count = 0
        self._part = ""
        self._calls: list[CallTool] = []
        self.call_items: list[events.Item] = []
        self._is_ended = False
        self._converter = ClipConverter(self.audio_format.sample_rate)
        self._unsent = pcm_from_bytes(b"")
        self._added_s = 0.0
        self._marks: deque[_Mark] = deque()
        self._sent_marks: list[_Mark] = []

    @property
    def text(self) -> str:
        """The text whose events were sent."""
        return "".join(mark.text for mark in self._sent_marks)

    @property
    def is_empty(self) -> bool:
        """Whether neither text, audio nor a call was added."""
        return not (self._added_s or self._marks or self._sent_marks or self._calls)

    @property
    def sent_s(self) -> float:
        """The duration of the audio that was sent [s]."""
        return self.sent_count / self.audio_format.sample_rate

    @property
    def _delta_samples(self) -> int:
        return DELTA_SAMPLES * self.audio_format.sample_rate // 24_000

    def text_until(self, sample: int) -> str:
        """The text spoken up to a sample of this response."""
        return "".join(mark.text for mark in self._sent_marks if mark.sample < sample).strip()

    def begin(self) -> list[events.ServerEvent]:
        """The events that announce the response."""
        self.is_announced = True
        return [events.ResponseCreated(self.response_id, self.metadata)]

    def add(self, spoken: Spoken) -> None:
        """Append audio and text; `next_delta` cuts them."""
        if spoken.text:
            self._marks.append(_Mark(self._sample_at(self._added_s), spoken.text))
        self._added_s += spoken.pcm.size / spoken.sample_rate
        self._convert(spoken.pcm, spoken.sample_rate, more=True)

    def _convert(self, pcm: Pcm, rate_hz: int, *, more: bool) -> None:
        ready = pcm_from_bytes(self._converter.convert(pcm, rate_hz, more=more))
        self._unsent = np.concatenate((self._unsent, ready))

    def _sample_at(self, time_s: float) -> int:
        return round(time_s * self.audio_format.sample_rate)

    def next_delta(self, *, is_last: bool = False) -> Delta | None:
        """Cut the next delta; None while there is too little for one.

        Parameters
        ----------
        is_last : bool
            Whether nothing will be added, so that the rest is a delta of any size.
        """
        if not self._added_s:
            return self._text_delta()
        if is_last:
            self._convert(pcm_from_bytes(b""), self.audio_format.sample_rate, more=False)
        if self._unsent.size >= self._delta_samples or (is_last and self._unsent.size):
            return self._audio_delta()
        rest = self._due_transcript(is_last=is_last)
        return Delta(tuple(rest)) if rest else None

    def call(self, tool_call: CallTool) -> None:
        """Add a function call; it is sent after the message."""
        self._calls.append(tool_call)

    def end(self) -> list[events.ServerEvent]:
        """The ``.done`` events of the message, and the calls; not ``response.done``."""
        self._is_ended = True
        message = self._message_done() if self._part else []
        return message + [event for call in self._calls for event in self._call_events(call)]

    def output(self) -> tuple[events.Item, ...]:
        """The complete items of the response, as ``response.done`` lists them (recorded)."""
        if not self._part:
            return tuple(self.call_items)
        status = "completed" if self._is_ended else "incomplete"
        message = events.Item(
            role="assistant", item_id=self.item_id, status=status, part=self._part, text=self.text
        )
        return (message, *self.call_items)

    def _ids(self) -> dict[str, Any]:
        return {"response_id": self.response_id, "item_id": self.item_id}

    def _open_item(self, part: str) -> list[events.ServerEvent]:
        """The events that announce the item, before its first delta."""
        if self._part:
            return []
        self._part = part
        item = events.Item(role="assistant", item_id=self.item_id, status="in_progress")
        return [
            events.OutputItemAdded(self.response_id, item),
            events.ItemAdded(item, self.previous_item_id),
            events.ContentPartAdded(part=part, **self._ids()),
        ]

    def _text_delta(self) -> Delta | None:
        if not self._marks:
            return None
        mark = self._marks.popleft()
        self._sent_marks.append(mark)
        return Delta((*self._open_item("text"), events.TextDelta(delta=mark.text, **self._ids())))

    def _audio_delta(self) -> Delta:
        announced = self._open_item("audio")
        size = self._delta_samples
        pcm, self._unsent = self._unsent[:size], self._unsent[size:]
        announced.append(
            events.AudioDelta(pcm=pcm.astype("<i2", copy=False).tobytes(), **self._ids())
        )
        self.sent_count += pcm.size
        return Delta(
            (*announced, *self._due_transcript()), pcm.size / self.audio_format.sample_rate
        )

    def _due_transcript(self, *, is_last: bool = False) -> list[events.ServerEvent]:
        """The transcript of the words whose audio has begun to be sent."""
        due = []
        while self._marks and (is_last or self._marks[0].sample < self.sent_count):
            mark = self._marks.popleft()
            self._sent_marks.append(mark)
            start_s = round(mark.sample / self.audio_format.sample_rate, 3)
            due.append(events.TranscriptDelta(delta=mark.text, start_time_s=start_s, **self._ids()))
        return list[events.ServerEvent](due)

    def _message_done(self) -> list[events.ServerEvent]:
        item = events.Item(role="assistant", item_id=self.item_id, status="completed")
        ids, last = self._ids(), events.OutputItemDone(self.response_id, item)
        if self._part == "text" and not self.sent_count:
            return [events.TextDone(text=self.text, **ids), events.ContentPartDone(**ids), last]
        return [
            events.TranscriptDone(transcript=self.text, **ids),
            events.ContentPartDone(**ids),
            events.AudioDone(**ids),
            last,
        ]

    def _call_events(self, call: CallTool) -> list[events.ServerEvent]:
        """A complete function call: the service sends its arguments in one delta (recorded)."""
        arguments = msgspec.json.encode(dict(call.arguments)).decode()
        ids = {**self._ids(), "item_id": new_id(), "call_id": f"call-{uuid4()}-0"}
        begun = events.Item(
            kind="function_call", role="user", item_id=ids["item_id"], status="in_progress",
            name=call.name, call_id=ids["call_id"],
        )  # fmt: skip
        done = replace(begun, status="completed", text=arguments)
        self.call_items.append(done)
        return [
            events.OutputItemAdded(self.response_id, begun),
            # The role differs between the two kinds of events (recorded).
            events.ItemAdded(replace(begun, role="tool")),
            events.ToolArgumentsDelta(delta=arguments, **ids),
            events.ToolCalled(name=call.name, arguments=arguments, **ids),
            events.OutputItemDone(self.response_id, done),
        ]
