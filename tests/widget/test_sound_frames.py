"""Frames of messages with sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.widget.messages import Audio, encode
from grok_live_widget.widget.sound_frames import pack, unpack

from ..support.examples import examples


def audio(seq: int) -> Audio:
    return Audio(session=1, epoch=0, seq=seq, reply=1, sample_offset=0, is_last=False)


@examples(50)
@given(st.integers(0, 10**6), st.binary(max_size=64))
def test_a_message_and_its_sound_come_out_of_their_frame(seq: int, sound: bytes) -> None:
    assert unpack(pack(audio(seq), sound)) == (encode(audio(seq)), sound)


@pytest.mark.parametrize("seq", [1, 10, 100])
def test_the_samples_begin_at_a_multiple_of_two(seq: int) -> None:
    samples = np.arange(100, dtype="<i2")
    frame = pack(audio(seq), samples.tobytes())
    assert (len(frame) - 200) % 2 == 0
    assert np.array_equal(np.frombuffer(frame, "<i2")[-100:], samples)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00\x00",
        b"\x05\x00\x00\x00{}",
        b"\xff\xff\xff\xff{}",
        b"\x02\x00\x00\x00{x",
        b"\x01\x00\x00\x00\xff",
    ],
)
def test_what_is_no_frame_is_none(frame: bytes) -> None:
    assert unpack(frame) is None


def test_a_message_without_sound_has_an_empty_buffer() -> None:
    assert unpack(pack(audio(3))) == (encode(audio(3)), b"")
