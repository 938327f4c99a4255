"""Channels that cancel each other are noted with the channel to pass."""

from __future__ import annotations

import numpy as np
import pytest

from grok_live_widget.audio import ClipConverter, pcm_from_samples

from ..support.sound import sine

TONE = sine(1.0)
NOTHING = np.zeros_like(TONE)
OTHER = sine(1.0, 660.0)


def note_of(*channels: np.ndarray, rate_hz: int = 24_000, piece: int = 24_000) -> str:
    """The only note about a stream of pieces, or none."""
    converter, x = ClipConverter(), np.stack(channels, axis=1)
    for start in range(0, len(x), piece):
        converter.convert(x[start : start + piece], rate_hz, more=start + piece < len(x))
    return "\n".join(converter.take_notes())


@pytest.mark.parametrize("piece", [480, 24_000])
@pytest.mark.parametrize("rate_hz", [16_000, 24_000])
def test_channels_in_anti_phase_are_noted_once(rate_hz: int, piece: int) -> None:
    note = note_of(TONE, -TONE, rate_hz=rate_hz, piece=piece)
    assert note == (
        "The 2 channels of the sound cancel each other: their mix is 90 dB softer than x[:, 0] "
        "alone. Pass that channel: x[:, 0]."
    )


def test_channels_that_nearly_cancel_are_noted() -> None:
    assert "cancel each other: their mix is 26 dB softer" in note_of(TONE, -0.9 * TONE)


@pytest.mark.parametrize("is_int16", [False, True])
def test_a_silent_channel_is_noted_with_the_one_to_pass(is_int16: bool) -> None:
    channels = (pcm_from_samples(each) if is_int16 else each for each in (NOTHING, TONE))
    assert note_of(*channels) == (
        "The 2 channels of the sound are mixed, and their mix is 6 dB softer than x[:, 1] alone. "
        "Pass that channel: x[:, 1]."
    )


@pytest.mark.parametrize(
    "channels", [(TONE, TONE), (TONE, OTHER), (TONE, TONE / 2), (NOTHING, NOTHING), (TONE,)]
)
def test_an_ordinary_mix_is_not_noted(channels: tuple[np.ndarray, ...]) -> None:
    assert note_of(*channels) == ""


def test_a_clip_without_samples_is_not_noted() -> None:
    assert note_of(TONE[:0], TONE[:0]) == ""


def test_a_new_clip_is_noted_again() -> None:
    converter, x = ClipConverter(), np.stack((TONE, -TONE), axis=1)
    for _ in range(2):
        converter.convert(x, 24_000)
        assert len(converter.take_notes()) == 1
        assert "cancel" in converter.mix_note
