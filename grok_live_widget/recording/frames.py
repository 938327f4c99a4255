"""The WebSocket frames of a talk, to be read: a table of what was sent and received."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import msgspec

from .._structs import Value, did_you_mean, names_checked
from ..conversation import Turn, data_frame, written
from ..exceptions import ConfigurationError
from ..protocol import DIALECTS
from ..settings import between, one_of
from .event_json import encoded

OPEN, CLOSE = "websocket.open", "websocket.close"
BINARY, TEXT = "websocket.binary", "websocket.text"
"""Types of what is no message with a type of its own."""

COLUMNS = (
    *("index", "time_s", "direction", "type", "size", "connection"),
    *("item_id", "response_id", "message"),
)
"""The names of the columns of `Frames.to_frame`, in their order."""

ARROWS = {"sent": "→", "received": "←"}

_WIRE_TYPES = {
    message.wire_type
    for dialect in DIALECTS.values()
    for message in (*dialect.client_messages, *dialect.server_messages)
}
_TYPES = {OPEN, CLOSE, BINARY, TEXT, *_WIRE_TYPES}.union(
    *(each.audio_delta_types for each in DIALECTS.values())
)
_MOST_LINES = 20


class Frame(Value, frozen=True, kw_only=True):
    """One WebSocket message that was sent or received, or the opening or the end of a connection.

    Parameters
    ----------
    index : int
        Its number in the talk, from 0.
    time_s : float [s]
        Since the talk's first event, as `Turn.started_s`. The opening of the first connection is
        before it.
    direction : {"sent", "received"}
    size : int
        Bytes of the message on the wire; 0 of ``websocket.open`` and ``websocket.close``.
    connection : int
        The number of its connection, from 0; one that was refused counts too.
    content : bytes
        The text of the message, without audio and without keys.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     _ = talk.ask("Hello.")
    >>> frame = talk.frames.filter(type="response.output_audio.delta")[0]
    >>> frame.direction, frame.message["delta"].endswith("bytes of audio)")
    ('received', True)
    """

    index: int
    time_s: float
    direction: Literal["sent", "received"]
    size: int
    connection: int
    content: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The JSON of the message, a new dict. In place of audio there is its length, as
        ``"(9600 bytes of audio)"``, and ``"(key)"`` in place of what gives access.

        A message that is no JSON object has the type ``websocket.text`` and its ``text``.
        """
        try:
            message = msgspec.json.decode(self.content)
        except (msgspec.DecodeError, ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return message
        return {"type": TEXT, "text": self.content.decode("utf-8", "replace")}

    @property
    def type(self) -> str:
        """The type of the message, such as ``"response.output_audio.delta"``; empty where it has
        none. ``websocket.open``, ``websocket.close``, ``websocket.binary`` (audio) and
        ``websocket.text`` are the types of what is no JSON message.
        """
        return _text(self.message, "type")

    @property
    def item_id(self) -> str:
        """The item that the message is about, as in `Turn.item_id`; empty where it names none."""
        message = self.message
        return _text(message, "item_id") or _text(message.get("item"), "id")

    @property
    def response_id(self) -> str:
        """The response that the message is about; empty where it names none."""
        message = self.message
        return _text(message, "response_id") or _text(message.get("response"), "id")

    def row(self) -> dict[str, Any]:
        """The frame as one row of `Frames.to_frame`.

        Returns
        -------
        dict of str to object
            By the names of the columns, in their order.
        """
        message = self.message
        return {
            "index": self.index,
            "time_s": self.time_s,
            "direction": self.direction,
            "type": _text(message, "type"),
            "size": self.size,
            "connection": self.connection,
            "item_id": self.item_id,
            "response_id": self.response_id,
            "message": message,
        }

    def __repr__(self) -> str:
        return f"<Frame {self.index} {self.direction} {self.time_s:z.3f} s {self.type}>"


def _text(message: object, key: str) -> str:
    value = message.get(key) if isinstance(message, dict) else None
    return value if isinstance(value, str) else ""


class Run(NamedTuple):
    """Successive frames of one type, direction and connection: the first one, and all of them."""

    first: Frame
    type: str
    frame_count: int
    byte_count: int


class Frames(Sequence[Frame]):
    """The WebSocket frames of a talk, oldest first, as of when it was asked for them.

    The newest 20,000 frames are kept, and no more than 8 MB of their text. Indexing gives a
    `Frame`, slicing new `Frames`.

    Parameters
    ----------
    frames : sequence of Frame
    dropped_count : int
        How many older frames of the talk are not kept any more.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     turn = talk.ask("Hello.")
    >>> talk.frames[0].type, talk.frames[-1].type
    ('websocket.open', 'websocket.close')
    >>> talk.frames.filter(turn=turn)[-1].type
    'response.done'
    """

    def __init__(self, frames: Sequence[Frame] = (), dropped_count: int = 0) -> None:
        self._frames = list(frames)
        self.dropped_count = dropped_count

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> Frame | Frames:
        found = self._frames[index]
        return Frames(found, self.dropped_count) if isinstance(found, list) else found

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    @names_checked
    def filter(
        self,
        *,
        type: str | Sequence[str] | None = None,  # noqa: A002 (its name in the messages)
        direction: Literal["sent", "received"] | None = None,
        since_s: float | None = None,
        until_s: float | None = None,
        connection: int | None = None,
        turn: Turn | None = None,
    ) -> Frames:
        """Only the frames for which all that is given holds.

        Parameters
        ----------
        type : str, sequence of str, or None
            One type, or several of which a frame has one.
        direction : {"sent", "received"} or None
        since_s, until_s : float or None [s]
            By `Frame.time_s`; `until_s` itself is not included.
        connection : int or None
        turn : Turn or None
            The frames that name the item of this turn, or the response of this reply. The sound
            of the user is sent without names.

        Returns
        -------
        Frames

        Raises
        ------
        ConfigurationError
            When there is no such type or direction, or when no frame names an item.
        """
        types = None if type is None else self._checked_types(type)
        one_of("direction", direction, (*ARROWS, None))
        between("since_s", since_s, -math.inf, math.inf, or_none=True)
        between("until_s", until_s, -math.inf, math.inf, or_none=True)
        found: Iterable[Frame] = self._frames if turn is None else self._of_turn(turn)
        return Frames(
            [
                frame
                for frame in found
                if direction in (None, frame.direction)
                and connection in (None, frame.connection)
                and (since_s is None or frame.time_s >= since_s)
                and (until_s is None or frame.time_s < until_s)
                and (types is None or frame.type in types)
            ],
            self.dropped_count,
        )

    def _checked_types(self, wanted: str | Sequence[str]) -> frozenset[str]:
        types = frozenset([wanted] if isinstance(wanted, str) else wanted)
        if types <= _TYPES:
            return types
        # Servers may send others.
        own = {each.type for each in self}
        for name in sorted(types - _TYPES - own, key=str):
            raise ConfigurationError(
                f"there is no type of frames {name!r}.",
                cure=f"{did_you_mean(name, sorted(_TYPES | own))}"
                f"Those here are: {', '.join(sorted(own)) or 'none'}.",
            )
        return types

    def _of_turn(self, turn: Turn) -> list[Frame]:
        if not isinstance(turn, Turn):
            raise ConfigurationError(
                f"turn must be a Turn, not {turn!r}.", cure="talk.turns[-1] is one."
            )
        ids = [(frame, frame.item_id, frame.response_id) for frame in self]
        if self._frames and not any(item_id for _, item_id, _ in ids):
            raise ConfigurationError(
                "none of these frames names an item, so that those of a turn cannot be found.",
                cure="The live dialect sends no ids; filter(since_s=turn.started_s) uses the time.",
            )
        return [
            frame
            for frame, item_id, response_id in ids
            if (item_id and item_id == turn.item_id)
            or (response_id and response_id == turn._response_id)
        ]

    def runs(self) -> list[Run]:
        """Successive frames of one type, direction and connection, together.

        Returns
        -------
        list of Run
            Named tuples of the first frame, the type, the number of frames and that of their bytes.
        """
        rows = [(frame, frame.type) for frame in self]
        runs = []
        for (name, *_), group in groupby(
            rows, lambda row: (row[1], row[0].direction, row[0].connection)
        ):
            frames = [frame for frame, _ in group]
            runs.append(Run(frames[0], name, len(frames), sum(each.size for each in frames)))
        return runs

    # ----------------------------------------------------------------- written
    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a frame (needs pandas).

        Returns
        -------
        pandas.DataFrame
            Its columns are attributes of `Frame`; ``message`` holds dicts.

        Raises
        ------
        ImportError
            Without pandas.
        """
        return data_frame((frame.row() for frame in self), COLUMNS)

    def to_json(self) -> str:
        """One line of JSON for each frame, without its ids, which are in its message.

        Returns
        -------
        str
            JSON lines.
        """
        return self._json_lines().decode("utf-8", "replace")

    def write(self, path: str | PathLike[str]) -> Path:
        """Write what `to_json` returns into a file, for example for a bug report.

        Parameters
        ----------
        path : str or PathLike

        Returns
        -------
        Path

        Raises
        ------
        ConfigurationError
            When it cannot be written there.
        """
        return written(path, lambda target: target.write_bytes(self._json_lines()))

    def _json_lines(self) -> bytes:
        names = [name for name in COLUMNS if not name.endswith("_id")]
        rows = (frame.row() for frame in self)
        return b"".join(encoded({name: row[name] for name in names}) + b"\n" for row in rows)

    # ----------------------------------------------------------------- representations
    def summary(self) -> str:
        """How many frames there are, in which directions, and of how many connections.

        Returns
        -------
        str
            In one line.
        """
        sent_count = sum(each.direction == "sent" for each in self)
        connection_count = len({each.connection for each in self})
        counts = [(sent_count, "sent"), (len(self) - sent_count, "received")]
        parts = [f"{count:,} {name}" for count, name in counts]
        if self.dropped_count:
            parts.append(f"{self.dropped_count:,} older ones dropped")
        connections = f"{connection_count} connection{'' if connection_count == 1 else 's'}"
        frames = f"{len(self):,} frame{'' if len(self) == 1 else 's'}"
        return f"{frames} ({', '.join(parts)}) of {connections}"

    def __repr__(self) -> str:
        runs = self.runs()
        left_out = sum(each.frame_count for each in runs[:-_MOST_LINES])
        lines = [f"  … {left_out:,} earlier"] if left_out else []
        for first, name, count, size in runs[-_MOST_LINES:]:
            times = f" ×{count}" if count > 1 else ""
            bytes_ = f", {size:,} bytes" if size else ""
            arrow = ARROWS[first.direction]
            lines.append(f"  {first.index} {first.time_s:z.3f} s {arrow} {name}{times}{bytes_}")
        return "\n".join([self.summary(), *lines])

    def _repr_html_(self) -> str:
        from .frames_html import table_of

        return table_of(self)


# --------------------------------------------------------------------------- reading
class _Line(Value, frozen=True, kw_only=True):
    index: int
    time_s: float
    direction: Literal["sent", "received"]
    size: int
    connection: int
    message: msgspec.Raw


def read_frames(path: Path, notes: list[str]) -> Frames:
    """The frames in a file of JSON lines; none where there is no file."""
    frames, decoder = [], msgspec.json.Decoder(_Line)
    text = path.read_bytes() if path.is_file() else b""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            read = decoder.decode(line)
        except (msgspec.DecodeError, ValueError, RecursionError):
            notes.append(f"Line {number} of {path.name} cannot be read, and was left out.")
            continue
        frames.append(
            Frame(
                index=read.index,
                time_s=read.time_s,
                direction=read.direction,
                size=read.size,
                connection=read.connection,
                content=bytes(read.message),
            )
        )
    return Frames(frames, frames[0].index if frames else 0)
