"""The newest WebSocket frames of a talk, without their audio.

Frames are added for each message of a connection, on the loop that reads it. Therefore nothing is
read then: audio of the usual form is cut out of the text. Secrets, and audio of other forms, are
left out when somebody asks for the frames.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from ..protocol import AUDIO_CUT, DIALECTS, Opening, bytes_from_base64
from .event_json import encoded
from .frames import BINARY, CLOSE, OPEN, Frame, Frames
from .redact import SHORTEST_SECRET

MOST_FRAMES = 20_000
MOST_BYTES = 8_000_000
"""How many frames, and bytes of their text, are kept; older ones are dropped."""

_KEY = "(key)"
# Where secrets are in messages, also those of fewer letters than are looked for elsewhere.
_SECRET_FIELDS = ("api_key", "authorization", "client_secret")
_HEADERS = "headers"
# What this package puts into a URL itself. Anything else in the query may be a secret.
_SHOWN_PARAMETERS = ("model", "conversation_id")

_AUDIO_DELTAS = {name for dialect in DIALECTS.values() for name in dialect.audio_delta_types}
_APPEND, _AUDIO = b'{"type":"input_audio_buffer.append"', b'"audio":"'
_PADDING = ord("=")
_BINARY = b'{"type":"%b","audio":%b}' % (BINARY.encode(), AUDIO_CUT)
# What else is read for access and audio in it.
_MARKS = (b'"mcp"', b"audio.delta")
# Longer texts are read, since they may hold audio or much else.
_LONG_BYTES, _MOST_BYTES_OF_FRAME = 2_048, 65_536
_LONG_LETTERS, _SHOWN_LETTERS = 4_000, 1_000

Record = tuple[int, float, bool, int, int, bytes, int]
"""Index, time on the monotonic clock [s], whether it was sent, number of the connection, size in
bytes, the text, and how many bytes of audio were cut out of it; -1: none were."""


class FrameLog:
    """The newest frames of all connections of a talk.

    One loop adds; any thread may read.

    Parameters
    ----------
    most_frames, most_bytes : int
        The limits of what is kept.

    Attributes
    ----------
    on_add : callable or None
        ``on_add(record)`` is called with each frame that is added.
    """

    def __init__(self, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self.on_add: Callable[[Record], object] | None = None
        self._records: deque[Record] = deque()
        self._frame_count = self._byte_count = self._connection_count = 0
        # In each way in which they may be written, longest first: one may contain another.
        self._secrets: tuple[bytes, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        # The texts are as they were on the wire, with the key.
        return (FrameLog, ())

    def add_secrets(self, *secrets: str) -> None:
        """Keep these out of what is read from now on, also where it was added before."""
        forms = set(self._secrets)
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                texts = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
                # Some servers escape the slash.
                texts |= {secret, *(text.replace("/", r"\/") for text in texts)}
                forms |= {text.encode("utf-8", "surrogatepass") for text in texts}
        self._secrets = tuple(sorted(forms, key=len, reverse=True))

    # ----------------------------------------------------------------- adding
    def new_connection(self) -> int:
        """The number of a connection that is to be opened, from 0."""
        self._connection_count += 1
        return self._connection_count - 1

    def add_opening(
        self,
        connection: int,
        now_s: float,
        opening: Opening,
        dialect: str,
        status: int | None,
        error: str = "",
    ) -> None:
        """Add how a connection was opened, or why it was not."""
        message: dict[str, Any] = {
            "type": OPEN,
            "url": _shown_url(opening.url),
            "dialect": dialect,
            "headers": dict.fromkeys(opening.headers, _KEY),
            "status": status,
        }
        self._add_message(connection, now_s, message | ({"error": error} if error else {}), True)

    def add_close(
        self, connection: int, now_s: float, code: int | None, reason: str, *, is_sent: bool
    ) -> None:
        """Add the end of a connection."""
        message = {"type": CLOSE, "code": code, "reason": reason}
        self._add_message(connection, now_s, message, is_sent)

    def _add_message(
        self, connection: int, now_s: float, message: Mapping[str, Any], is_sent: bool
    ) -> None:
        self._add(now_s, is_sent, connection, 0, encoded(message))

    def add_sent(self, frame: bytes, now_s: float, connection: int) -> None:
        """Add a text message that was sent; audio is its last field."""
        size = len(frame)
        if not frame.startswith(_APPEND):
            self._add(now_s, True, connection, size, frame)
            return
        start = frame.find(_AUDIO, len(_APPEND)) + len(_AUDIO)
        padding = (frame[-3] == _PADDING) + (frame[-4] == _PADDING)
        byte_count = (size - len('"}') - start) // 4 * 3 - padding
        text = b"".join((frame[: start - 1], AUDIO_CUT, b"}"))
        self._add(now_s, True, connection, size, text, byte_count)

    def add_received(
        self, text: bytes, size: int, now_s: float, connection: int, audio_byte_count: int
    ) -> None:
        """Add a text message that was received, as `Dialect.read_server` returns it."""
        self._add(now_s, False, connection, size, text, audio_byte_count)

    def add_binary(self, byte_count: int, now_s: float, connection: int, *, is_sent: bool) -> None:
        """Add a binary message, of nothing but audio."""
        self._add(now_s, is_sent, connection, byte_count, _BINARY, byte_count)

    def add_record(self, record: Record, first_connection: int) -> None:
        """Add a frame of another log, whose connections are counted from this one on."""
        _, now_s, is_sent, connection, size, text, audio_byte_count = record
        connection += first_connection
        self._connection_count = max(self._connection_count, connection + 1)
        self._add(now_s, is_sent, connection, size, text, audio_byte_count)

    @property
    def connection_count(self) -> int:
        """How many connections were opened, or were to be."""
        return self._connection_count

    def _add(
        self,
        now_s: float,
        is_sent: bool,
        connection: int,
        size: int,
        text: bytes,
        audio_byte_count: int = -1,
    ) -> None:
        if len(text) > _MOST_BYTES_OF_FRAME:
            text = _rewritten(text)
        index, records = self._frame_count, self._records
        record = index, now_s, is_sent, connection, size, text, audio_byte_count
        records.append(record)
        if self.on_add is not None:
            self.on_add(record)
        self._frame_count = index + 1
        self._byte_count += len(text)
        while self._byte_count > self._most_bytes or len(records) > self._most_frames:
            self._byte_count -= len(records.popleft()[5])

    # ----------------------------------------------------------------- reading
    def frames(self, origin_s: float | None) -> Frames:
        """What is kept now. From any thread.

        Parameters
        ----------
        origin_s : float or None [s]
            The time of the talk's first event on the monotonic clock; None: that of the first
            frame.
        """
        # Copied at once, since the loop may add frames meanwhile.
        records = list(self._records)
        zero_s = origin_s if origin_s is not None or not records else records[0][1]
        frames = [self._frame(record, zero_s or 0.0) for record in records]
        return Frames(frames, frames[0].index if frames else 0)

    def _frame(self, record: Record, zero_s: float) -> Frame:
        index, now_s, is_sent, connection, size, text, audio_byte_count = record
        has_audio = audio_byte_count >= 0
        if has_audio:
            text = text.replace(AUDIO_CUT, b'"(%d bytes of audio)"' % audio_byte_count)
        for secret in self._secrets:
            text = text.replace(secret, _KEY.encode())
        may_hold_more = is_sent or len(text) > _LONG_BYTES or any(m in text for m in _MARKS)
        if not has_audio and may_hold_more:
            text = _rewritten(text)
        return Frame(
            index=index,
            time_s=round(now_s - zero_s, 6),
            direction="sent" if is_sent else "received",
            size=size,
            connection=connection,
            content=text,
        )


def _rewritten(text: bytes) -> bytes:
    """A message without audio, access, and most of long texts."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        cut = b"%b... (%d bytes)" % (text[:_SHOWN_LETTERS], len(text))
        return text if len(text) <= _LONG_LETTERS else cut
    short = _elided(message)
    written = encoded(short) if isinstance(short, dict) else msgspec.json.encode(short)
    if len(written) > _MOST_BYTES_OF_FRAME:
        name = message.get("type") if isinstance(message, dict) else ""
        return encoded({"type": name, "left_out": f"({len(text)} bytes)"})
    return written


def _elided(value: Any) -> Any:
    match value:
        case dict():
            return {key: _elided_field(key, each, value.get("type")) for key, each in value.items()}
        case list():
            return [_elided(each) for each in value]
        case str() if len(value) > _LONG_LETTERS:
            return f"{value[:_SHOWN_LETTERS]}… ({len(value)} letters)"
    return value


def _elided_field(key: str, value: Any, kind: object) -> Any:
    if key in _SECRET_FIELDS and isinstance(value, str):
        return _KEY
    if key == _HEADERS and isinstance(value, dict):
        return dict.fromkeys(value, _KEY)
    may_be_audio = key == "audio" or (key == "delta" and kind in _AUDIO_DELTAS)
    if may_be_audio and isinstance(value, str) and (audio := bytes_from_base64(value)) is not None:
        return f"({len(audio)} bytes of audio)"
    return _elided(value)


def _shown_url(url: str) -> str:
    """An address without the parts that may give access."""
    parts = urlsplit(url)
    query = [
        (name, value if name in _SHOWN_PARAMETERS else _KEY)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    netloc = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=netloc, query=urlencode(query, safe="()"), fragment="").geturl()
