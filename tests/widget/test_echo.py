"""Whether what the microphone heard is what the loudspeaker played."""

from __future__ import annotations

import numpy as np
import pytest

from grok_live_widget.widget.echo import hears_loudspeaker, is_echo

from ..support.sound import RATE_HZ
from ..support.turns import turn_of

REPLY = "The Fourier transform turns a signal into its frequencies, doesn’t it?"


@pytest.mark.parametrize(
    ("said", "is_same"),
    [
        ("turns a signal into", True),
        ("The Fourier transform, turns a SIGNAL into its frequencies. Doesn't it", True),
        ("the fourier transform turns a signal into its", True),
        # Four of five words are 80 %, four of six are not.
        ("so turns a signal into", True),
        ("so then turns a signal into", False),
        # As many words, but not in a row.
        ("turns the signal into a", False),
        # Too few.
        ("turns a signal", False),
        ("", False),
        ("…!", False),
        ("What is its inverse, please?", False),
    ],
)
def test_at_least_four_words_and_80_percent_in_a_row_are_an_echo(said: str, is_same: bool) -> None:
    assert is_echo(said, REPLY) is is_same


def test_accents_and_other_scripts_are_compared_as_words() -> None:
    assert is_echo("un cafe s'il vous plait", "Un café, s’il vous plaît !")
    assert is_echo("где находится ближайшая станция", "Где находится ближайшая станция?")


@pytest.mark.parametrize(
    ("started_s", "is_heard"), [(2.0, True), (4.0, True), (12.9, True), (13.1, False)]
)
def test_only_a_reply_of_the_last_ten_seconds_is_heard(started_s: float, is_heard: bool) -> None:
    reply = turn_of(np.zeros(4 * RATE_HZ), text=REPLY)
    reply.played_at_s, reply.heard_sample_count = 1.0, 2 * RATE_HZ
    said = turn_of(np.zeros(RATE_HZ), "user", text="turns a signal into its frequencies")
    said.started_s = started_s
    assert hears_loudspeaker(said, [reply, said]) is is_heard
    reply.played_at_s = None
    assert not hears_loudspeaker(said, [reply, said])


def test_a_reply_that_sounds_after_the_turn_is_not_its_source() -> None:
    said = turn_of(np.zeros(RATE_HZ), "user", text="turns a signal into its frequencies")
    reply = turn_of(np.zeros(RATE_HZ), text=REPLY)
    reply.played_at_s, reply.heard_sample_count = 1.5, RATE_HZ
    assert not hears_loudspeaker(said, [said, reply])
