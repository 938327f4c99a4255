"""What was spoken into the microphone ends, and is answered, before another sound is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, ReplyTimeout, Talk
from grok_live_widget.client.timeouts import Timeouts

from ..support.sound import RATE_HZ, tone
from ..support.talks import TimedTalk, send_microphone
from ..support.waiting import wait_for_talk

WAITS = "The microphone was in the middle of speech"


def speak(talk: Talk, pcm: np.ndarray) -> None:
    for start in range(0, len(pcm), RATE_HZ // 10):
        send_microphone(talk, pcm[start : start + RATE_HZ // 10].tobytes())


@pytest.fixture
def other(speech: Callable[..., np.ndarray]) -> np.ndarray:
    """Another sentence, by another voice."""
    return speech("What time is it over there?", "slt")


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_an_array_is_asked_after_the_microphones_sentence_has_been_answered(
    dialect: Any, question: np.ndarray, other: np.ndarray
) -> None:
    with Talk(partner="parrot", dialect=dialect) as talk:
        talk.start()
        speak(talk, question)
        wait_for_talk(talk, lambda: len(talk.turns) == 1)
        reply = talk.ask(other, RATE_HZ, timeout_s=30)
        assert [turn.role for turn in talk.turns] == ["user", "assistant"] * 2
        spoken, first, asked, second = talk.turns
        assert second is reply
        assert all(turn.is_complete and not turn.was_interrupted for turn in talk.turns)
        assert spoken.pcm.tolist() == question[-len(spoken.pcm) :].tolist()
        assert asked.pcm.tolist() == other[: len(asked.pcm)].tolist()
        assert len(asked.pcm) > len(other) - RATE_HZ // 2
        assert first.pcm.tolist() != second.pcm.tolist()
        assert [note.text for note in talk.notes if WAITS in note.text] == [
            f"{WAITS}, which is answered first; the sound of the cell is sent after that."
        ]


def test_an_array_said_during_the_microphones_sentence_is_a_turn_of_its_own(
    question: np.ndarray, other: np.ndarray
) -> None:
    with Talk(partner="parrot") as talk:
        talk.start()
        speak(talk, question)
        wait_for_talk(talk, lambda: len(talk.turns) == 1)
        asked = talk.say(other, RATE_HZ)
        wait_for_talk(talk, lambda: asked.is_complete and talk.turns[-1].role == "assistant")
        spoken, said = talk.turns.user
        assert said is asked
        assert spoken.pcm.tolist() == question[-len(spoken.pcm) :].tolist()
        assert said.pcm.tolist() == other[: len(said.pcm)].tolist()


def test_a_quiet_microphone_does_not_delay_an_array(
    question: np.ndarray, other: np.ndarray
) -> None:
    with Talk(partner="parrot") as talk:
        talk.start()
        speak(talk, np.zeros(RATE_HZ, np.int16))
        talk.ask(other, RATE_HZ, timeout_s=30)
        assert [turn.role for turn in talk.turns] == ["user", "assistant"]
        assert talk.notes == []


def test_an_array_is_asked_after_the_press_in_progress_has_been_answered() -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        talk.start()
        speak(talk, tone(0.5))
        reply = talk.ask(tone(0.3, 880), RATE_HZ, timeout_s=30)
        assert [len(turn.pcm) for turn in talk.turns] == [12_000, 12_000, 7200, 7200]
        assert talk.turns[-1] is reply
        assert [WAITS in note.text for note in talk.notes] == [True]


def test_a_press_that_is_too_short_is_no_part_of_an_array() -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        talk.start()
        speak(talk, tone(0.05))
        reply = talk.ask(tone(0.3, 880), RATE_HZ, timeout_s=30)
        assert [len(turn.pcm) for turn in talk.turns] == [7200, 7200]
        assert reply.pcm.tolist() == tone(0.3, 880).tolist()


def test_silence_sent_to_find_the_end_is_no_part_of_a_sound_without_speech() -> None:
    with TimedTalk(Timeouts(no_speech_s=0.5), partner="parrot") as talk:
        with pytest.raises(ReplyTimeout, match="no speech"):
            talk.ask(np.zeros(4800, np.int16), RATE_HZ)
        assert [len(turn.pcm) for turn in talk.turns] == [4800]
