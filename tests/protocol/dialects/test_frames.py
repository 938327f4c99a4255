"""The short cut past the parser gives what the parser gives, whatever the frame looks like."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grok_live_widget.exceptions import LocalProtocolError
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.protocol.dialects.frames import (
    audio_frame,
    base64_from_bytes,
    bytes_from_base64,
    cut_audio,
    json_frame,
    message_from,
)
from grok_live_widget.protocol.dialects.shared import parsed_audio_delta_from

TYPE = "response.output_audio.delta"


# --------------------------------------------------------------------------- frames of any shape
def spelled(text: str) -> st.SearchStrategy[str]:
    """A JSON string of `text`, plain, escaped or with spaces where they do not belong."""
    plain = orjson.dumps(text).decode()
    escaped = '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'
    return st.sampled_from([plain, plain, plain, escaped, plain.replace("/", "\\/")])


AUDIO = st.binary(max_size=9).map(lambda b: base64.b64encode(b).decode())
TEXTS = st.sampled_from(["", "~", "A", "a b", 'q"', "\\", "é", "audio.delta", '"delta":"AAAA"'])
VALUE = (AUDIO | TEXTS | st.just(TYPE)).flatmap(spelled) | st.sampled_from(["null", "7", "[]"])
KEY = st.sampled_from(["type", "delta", "item_id", "response_id", "part"])
SPACE = st.sampled_from(["", "", "", " ", "  ", "\n"])


@st.composite
def frames(draw: Any) -> bytes:
    members = [f'"type":{draw(spelled(TYPE))}'] if draw(st.integers(0, 4)) else []
    for _ in range(draw(st.integers(0, 4))):
        value = draw(VALUE)
        if draw(st.integers(0, 4)) == 0:
            value = f'{{"delta":{draw(VALUE)},"x":{value}}}'
        key = draw(KEY.flatmap(spelled))
        members.append(f"{key}{draw(SPACE)}:{draw(SPACE)}{value}")
    order = draw(st.permutations(members))
    frame = "{" + ",".join(order) + "}"
    cut = draw(st.integers(0, 9))
    return (frame[:-cut] if cut and cut < 3 else frame).encode()


def slow(frame: bytes) -> Any:
    """What the parser alone makes of an audio frame; None for other frames."""
    message = message_from(frame)
    is_audio = message.get("type") in REALTIME.audio_delta_types
    return parsed_audio_delta_from(message) if is_audio else None


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
@settings(max_examples=600, deadline=None)
def test_the_short_cut_is_the_long_way(frame: bytes) -> None:
    expected = slow(frame)
    if expected is not None:
        assert REALTIME.decode_server(frame) == expected
    cut = cut_audio(frame)
    if cut is not None:
        message, audio = cut
        parsed = orjson.loads(frame)
        assert base64.b64decode(parsed["delta"], validate=True) == audio
        assert message == {**parsed, "delta": ""}


@pytest.mark.parametrize("dialect", [LIVE, REALTIME])
def test_the_usual_frame_takes_the_short_cut(dialect: Any) -> None:
    for wire_type in dialect.audio_delta_types:
        recorded = {"type": wire_type, "event_id": "e", "delta": "AAEC", "latency": "0.68"}
        for spell in (orjson.dumps, lambda m: orjson.dumps(m).replace(b'a":', b'a": ')):
            assert cut_audio(spell(recorded)) == ({**recorded, "delta": ""}, b"\0\1\2")


# --------------------------------------------------------------------------- spelling
@given(st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_sound_is_pasted_in_as_the_parser_would_spell_it(pcm: bytes) -> None:
    text = base64.b64encode(pcm).decode()
    assert base64_from_bytes(pcm) == text
    assert bytes_from_base64(text) == bytes_from_base64(text.encode()) == pcm
    append = {"type": "input_audio_buffer.append", "audio": text}
    assert audio_frame(append["type"], "audio", {}, pcm) == orjson.dumps(append)
    named = {"item_id": "\u20ac"}
    whole = {"type": TYPE, **named, "delta": text}
    assert audio_frame(TYPE, "delta", named, pcm) == orjson.dumps(whole)


@pytest.mark.parametrize("value", ["\udc00", {1, 2}, object(), 2**70])
def test_what_json_cannot_spell_is_refused_by_the_name_of_its_message(value: Any) -> None:
    with pytest.raises(LocalProtocolError, match="'a message'"):
        json_frame({"type": "a message", "x": value})


@pytest.mark.parametrize(
    ("frame", "unreadable"),
    [(b"", ""), (b"{", "{"), (b"\xff", "\ufffd"), (b"[1]", [1]), (b"null", None), (b"3", 3)],
)
def test_what_is_no_object_is_kept_as_unreadable(frame: bytes, unreadable: Any) -> None:
    assert message_from(frame) == {"unreadable": unreadable}


def test_of_what_cannot_be_read_only_the_beginning_is_kept() -> None:
    assert message_from(b"x" * 100_000) == {"unreadable": "x" * 200}
    assert "unreadable" in message_from(b"[" * 100_000)
