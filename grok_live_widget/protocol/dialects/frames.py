"""WebSocket frames: JSON text to plain values and back, with a short cut for audio.

Base64 and JSON are nearly all the cost of a frame. The audio of a frame is therefore handed
to the base64 codec as raw bytes, without a string in between.
"""

from __future__ import annotations

import binascii
import random
from collections.abc import Mapping
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any

import pybase64
from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder, Encoder

from ...exceptions import LocalProtocolError

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

# Besides DecodeError, msgspec raises UnicodeDecodeError (a ValueError) for broken UTF-8 and
# RecursionError for deep nesting.
_UNREADABLE = (DecodeError, ValueError, RecursionError)


_DELTA_KEY = b'"delta":'
# Stands in a frame for the audio that was cut out. Random, so that no server sends it.
_CUT = random.getrandbits(62)
AUDIO_CUT = b"%d" % _CUT
"""What is in the text of a frame in place of the audio and its quotation marks."""


class AudioFrame(Struct, gc=False):
    """The fields of an audio delta as servers are known to send it; others are skipped."""

    type: str
    # Present where the audio was, so that audio of another or a nested key is not taken for it.
    delta: Annotated[int, Meta(ge=_CUT, le=_CUT)]
    event_id: str = ""
    response_id: str = ""
    item_id: str = ""
    output_index: Int64 = 0
    content_index: Int64 = 0
    rid: str = ""
    # The service sends the latency as a text (recorded).
    latency: str | float | None = None
    audio_duration_ms: Int64 | None = None
    ts: Int64 | None = None


_AUDIO_FRAME = Decoder(AudioFrame)
_ANY = Decoder()


def _plain_value(value: Any) -> Any:
    """Numbers of numpy and subclasses of str, which msgspec does not encode by itself."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON encoding")


_ENCODER = Encoder(enc_hook=_plain_value)


def json_frame(message: Mapping[str, Any]) -> bytes:
    """Encode `message` as UTF-8 JSON.

    Raises
    ------
    LocalProtocolError
        When something in it has no JSON encoding, such as a lone surrogate.
    """
    try:
        return _ENCODER.encode(message)
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalProtocolError(
            f"{message.get('type', 'this message')!r} cannot be encoded: {error}.",
            cure="For text, text.encode('utf-8', 'replace').decode() replaces what is broken.",
        ) from None


def audio_frame(wire_type: str, key: str, fields: Mapping[str, Any], audio: bytes) -> bytes:
    """Encode a message with `audio` under `key`, as base64."""
    # Pasted in: the encoder would copy and check it once more.
    head = json_frame({"type": wire_type, **fields})[:-1] if fields else _head(wire_type)
    return b"".join((head, b',"', key.encode(), b'":"', pybase64.b64encode(audio), b'"}'))


@cache
def _head(wire_type: str) -> bytes:
    return json_frame({"type": wire_type})[:-1]


def read_audio_frame(frame: bytes) -> tuple[AudioFrame, bytes, bytes] | None:
    """Read an audio delta of the usual form: its fields, its audio, and its text with `AUDIO_CUT`;
    None for any other frame.

    The fields are those that `message_from` reads from the same frame, except that a number
    out of range in a skipped field makes no frame unreadable. The audio is cut out before the
    rest is read, because the JSON decoder would look at each of its letters.
    """
    key = frame.find(_DELTA_KEY)
    if key < 0 or b"audio.delta" not in frame:
        return None
    start = frame.find(b'"', key + len(_DELTA_KEY)) + 1
    stop = frame.find(b'"', start)
    rest = b"".join((frame[: start - 1], AUDIO_CUT, frame[stop + 1 :]))
    # Without escapes each quotation mark begins or ends a string. msgspec does not check UTF-8
    # and surrogates in a part that it skips.
    if not start or stop < 0 or b"\\" in rest or not rest.isascii():
        return None
    audio = bytes_from_base64(memoryview(frame)[start:stop])
    if audio is None:
        return None
    try:
        return _AUDIO_FRAME.decode(rest), audio, rest
    except _UNREADABLE:
        return None


def message_from(frame: bytes) -> dict[str, Any]:
    """Read a frame; one that is not a JSON object comes back under the key ``unreadable``."""
    try:
        message = _ANY.decode(frame)
    except _UNREADABLE:
        return {"unreadable": frame[:200].decode("utf-8", "replace")}
    return message if isinstance(message, dict) else {"unreadable": message}


def base64_from_bytes(data: bytes) -> str:
    """Encode as base64."""
    return pybase64.b64encode_as_string(data)


def bytes_from_base64(text: str | bytes | memoryview) -> bytes | None:
    """Decode base64; None when it is not base64.

    ``validate=True`` is not only strict but the fast path of pybase64 (measured: 1.3 to 1.8
    times as fast as without).
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
