"""The fast path for audio frames reads the same event as the general path."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import json

from grok_live_widget.exceptions import LocalProtocolError
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.protocol.dialects.frames import (
    AUDIO_CUT,
    audio_frame,
    base64_from_bytes,
    bytes_from_base64,
    json_frame,
    message_from,
    read_audio_frame,
)
from grok_live_widget.protocol.dialects.shared import audio_delta_from

from ...support.examples import examples

TYPE = "response.output_audio.delta"


# --------------------------------------------------------------------------- frames of any shape
def encoded(text: str) -> st.SearchStrategy[str]:
    """A JSON string of `text`, plain or escaped."""
    plain = json.encode(text).decode()
    escaped = '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'
    return st.sampled_from([plain, plain, plain, escaped, plain.replace("/", "\\/")])


AUDIO = st.binary(max_size=9).map(lambda b: base64.b64encode(b).decode())
TEXTS = st.sampled_from(["", "~", "A", "a b", 'q"', "\\", "é", "audio.delta", '"delta":"AAAA"'])
VALUE = (AUDIO | TEXTS | st.just(TYPE)).flatmap(encoded) | st.sampled_from(["null", "7", "[]"])
KEY = st.sampled_from(["type", "delta", "item_id", "response_id", "part"])
SPACE = st.sampled_from(["", "", "", " ", "  ", "\n"])


@st.composite
def frames(draw: Any) -> bytes:
    members = [f'"type":{draw(encoded(TYPE))}'] if draw(st.integers(0, 4)) else []
    for _ in range(draw(st.integers(0, 4))):
        value = draw(VALUE)
        if draw(st.integers(0, 4)) == 0:
            value = f'{{"delta":{draw(VALUE)},"x":{value}}}'
        key = draw(KEY.flatmap(encoded))
        members.append(f"{key}{draw(SPACE)}:{draw(SPACE)}{value}")
    order = draw(st.permutations(members))
    frame = "{" + ",".join(order) + "}"
    cut = draw(st.integers(0, 9))
    return (frame[:-cut] if cut and cut < 3 else frame).encode()


def slow(frame: bytes) -> Any:
    """The event that the general path reads from an audio frame; None for other frames."""
    message = message_from(frame)
    is_audio = message.get("type") in REALTIME.audio_delta_types
    return audio_delta_from(message) if is_audio else None


@given(frames())
@example(b'{"type":"response.output_audio.delta","part":{"delta":"AAAA"},"delta":""}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","delta":""}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","delta":"AAA="}')
@example(b'{"type":"response.output_audio.delta","part":{"delta":"AAAA"}}')
@example(b'{"type":"response.output_audio.delta","part":{"delta":"AAAA"},"delta" :""}')
@example(b'{"type":"response.output_audio.delta","x":{"delta":""},"x":1,"delta":"~"}')
@example(b'{"type":"response.output_audio.delta","delta":"AA\\/A"}')
@example(b'{"type":"response.output_audio.delta","delta":"\xff\xfe"}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA')
@example(b'{"delta":"AAAA","type":"response.output_audio_transcript.delta","x":"audio.delta"}')
@example(b'{"type":"response.output_audio.delta","delta":"\xff","delta":"AAAA"}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","unknown":1}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","ts":1e30,"output_index":2.0}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","ts":99999999999999999999}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","latency":"nan"}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","latency":true}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","latency":3}')
@example(b'{"type":"response.output_audio.delta","delta":7}')
@example(b'{"type":"response.output_audio.delta","delta":7,"rid":"AAAA"}')
@example(b'{"type":"response.output_audio.delta","delta":{"a":"AAAA"}}')
@example(b'{"type":"response.output_audio.delta","delta":"AAAA","delta":-9223372036854775808}')
@example(b'{"type":"response.output_audio.delta","delta":-9223372036854775808}')
@example(b'{"type":"response.output_audio.delta","delta":')
@example(b'{"type":"response.output_audio.delta","delta":"')
@examples(600)
def test_the_fast_path_reads_the_event_of_the_general_path(frame: bytes) -> None:
    expected = slow(frame)
    if expected is not None:
        assert REALTIME.decode_server(frame) == expected
    read = read_audio_frame(frame)
    if read is not None:
        assert message_from(frame)["type"] == read[0].type


@pytest.mark.parametrize("dialect", [LIVE, REALTIME])
def test_the_usual_frame_takes_the_fast_path(dialect: Any) -> None:
    for wire_type in dialect.audio_delta_types:
        recorded = {
            "type": wire_type, "event_id": "e", "response_id": "r", "item_id": "i",
            "output_index": 0, "content_index": 0, "delta": "AAEC", "rid": "d",
            "latency": "0.68", "audio_duration_ms": 1, "ts": 1_700_000_000_000,
        }  # fmt: skip
        for frame in (json.encode(recorded), json.encode(recorded).replace(b'a":', b'a": ')):
            read = read_audio_frame(frame)
            assert read is not None
            fields, audio, text = read
            assert (fields.type, audio) == (wire_type, b"\0\1\2")
            assert text.replace(AUDIO_CUT, b'"AAEC"') == frame


# --------------------------------------------------------------------------- encoding
@given(st.binary(max_size=40))
@examples(50)
def test_audio_is_encoded_as_any_other_text(pcm: bytes) -> None:
    text = base64.b64encode(pcm).decode()
    assert base64_from_bytes(pcm) == text
    assert bytes_from_base64(text) == bytes_from_base64(text.encode()) == pcm
    append = {"type": "input_audio_buffer.append", "audio": text}
    assert audio_frame(append["type"], "audio", {}, pcm) == json.encode(append)
    ids = {"item_id": "\u20ac"}
    whole = {"type": TYPE, **ids, "delta": text}
    assert audio_frame(TYPE, "delta", ids, pcm) == json.encode(whole)


def test_numbers_of_numpy_and_subclasses_of_str_are_encoded() -> None:
    message = {"i": np.int64(1), "f": np.float32(0.5), "s": np.str_("a"), "n": float("nan")}
    assert json_frame(message) == b'{"i":1,"f":0.5,"s":"a","n":null}'


@pytest.mark.parametrize("value", ["\udc00", object(), {"\ud800": 1}])
def test_the_error_for_a_value_without_json_encoding_names_the_message(value: Any) -> None:
    with pytest.raises(LocalProtocolError, match="'a message'"):
        json_frame({"type": "a message", "x": value})


@pytest.mark.parametrize(
    ("frame", "unreadable"),
    [(b"", ""), (b"{", "{"), (b"\xff", "\ufffd"), (b"[1]", [1]), (b"null", None), (b"3", 3)],
)
def test_a_frame_that_is_not_an_object_is_kept_as_unreadable(frame: bytes, unreadable: Any) -> None:
    assert message_from(frame) == {"unreadable": unreadable}


def test_only_the_beginning_of_an_unreadable_frame_is_kept() -> None:
    assert message_from(b"x" * 100_000) == {"unreadable": "x" * 200}
    assert "unreadable" in message_from(b"[" * 100_000)
