"""Messages with sound as frames of a WebSocket: the length of the JSON text, the text, the sound.

The messages are those of docs/channel.md, which also specifies the frames.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

_LENGTH = struct.Struct("<I")
_ENCODER = msgspec.json.Encoder()

MOST_BYTES = 1 << 18
"""The longest frame; one of a page has 20 ms of sound, about 1.2 kB."""


def pack(content: msgspec.Struct, buffer: bytes | None = None) -> bytes:
    """A message and its buffer as one frame."""
    text = _ENCODER.encode(content)
    # So that the samples begin at a multiple of their size, as an Int16Array in the page has to.
    text += b" " * (len(text) % 2)
    return b"".join((_LENGTH.pack(len(text)), text, buffer or b""))


def unpack(frame: bytes) -> tuple[Any, bytes] | None:
    """The JSON object and the buffer of a frame; None for what is no frame."""
    if len(frame) < _LENGTH.size:
        return None
    end = _LENGTH.size + _LENGTH.unpack_from(frame)[0]
    if end > len(frame):
        return None
    try:
        content = msgspec.json.decode(frame[_LENGTH.size : end])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return content, frame[end:]
