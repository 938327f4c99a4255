"""What is played once more, and that none of it counts as heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ..support.bridge_page import BridgePage
from ..support.page import RATE_HZ
from ..support.sound import tone


@pytest.mark.both_isolations
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "stopped"])
async def test_a_turn_is_played_again_and_that_is_not_counted_as_heard(
    page_of: Any, is_open: bool
) -> None:
    page = page_of(lambda turn: tone(0.3))
    turn = await page.hear_a_reply(is_open)
    page.say("replay", turn_id=turn.turn_id)
    state = await page.wait("state", lambda state: state["replayed_turn"])
    assert (state["replay"], state["replayed_turn"]) == (2, turn.turn_id)
    audio = await page.wait("audio", lambda m: m["is_last"])
    page.acknowledge(audio)
    assert (audio["reply"], page.audio) == (2, turn.pcm.tobytes())
    page.report(audio, 1_000)
    page.report(audio, len(page.audio) // 2, is_final=True)
    await page.wait("state", lambda state: state["replay"] is None)
    assert turn.heard_sample_count == turn.sample_count
    assert not turn.was_interrupted
    assert page.all("turn") == []


async def test_a_typed_turn_and_an_unknown_one_are_not_played(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.3))
    turn = await page.hear_a_reply()
    for turn_id in (page.talk.conversation.turns[0].turn_id, "unknown", turn.turn_id):
        page.say("replay", turn_id=turn_id)
    page.say("save", turn_id="unknown")
    audio = await page.wait("audio")
    assert (audio["reply"], audio["sample_offset"]) == (2, 0)
    assert page.all("note") == page.all("sound") == []


async def test_a_turn_is_not_played_over_a_reply_which_goes_on(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.3))
    first = await page.hear_a_reply()
    page.say("text", text="two")
    audio = await page.wait("audio", lambda m: m["is_last"])
    page.say("replay", turn_id=first.turn_id)
    note = await page.wait("note")
    assert "A reply is sounding" in note["note"]["text"]
    page.acknowledge(audio)
    page.report(audio, len(page.audio) // 2, is_final=True)
    second = page.talk.conversation.turns.assistant[-1]
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == second.duration_s)
    assert page.all("flush") == []
    page.say("replay", turn_id=first.turn_id)
    await page.wait("note", lambda m: m["note"]["text"] == "")
    await page.wait("audio", lambda m: m["reply"] == audio["reply"] + 1)


async def test_a_reply_ends_what_is_played_again(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.3))
    first = await page.hear_a_reply()
    page.say("replay", turn_id=first.turn_id)
    again = await page.wait("audio")
    page.say("text", text="two")
    flush = await page.wait("flush")
    assert flush["reply"] == again["reply"]
    page.report_flush(again, 100)
    audio = await page.wait("audio", lambda m: m["reply"] > again["reply"] and m["is_last"])
    assert audio["epoch"] == flush["epoch"]
    page.acknowledge(audio)
    page.report(audio, 10**6, is_final=True)
    second = page.talk.conversation.turns.assistant[-1]
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == second.duration_s)
    assert (first.was_interrupted, second.was_interrupted) == (False, False)
    assert page.all("state")[-1]["replay"] is None


def speak_again(page: BridgePage, question: np.ndarray) -> None:
    page.speak(question)


def press_stop(page: BridgePage, _: np.ndarray) -> None:
    page.say("stop")


def take_over(page: BridgePage, _: np.ndarray) -> None:
    page.say("take_over", page="page-2")


@pytest.mark.parametrize("end", [speak_again, press_stop, take_over])
async def test_what_is_played_again_ends_with_speech_stop_and_another_page(
    page_of: Any, question: np.ndarray, end: Callable[[BridgePage, np.ndarray], None]
) -> None:
    page = page_of(lambda turn: tone(3.0))
    turn = await page.hear_a_reply()
    page.say("replay", turn_id=turn.turn_id)
    audio = await page.wait("audio")
    end(page, question)
    flush = await page.wait("flush")
    assert (flush["reply"], flush["epoch"]) == (audio["reply"], audio["epoch"] + 1)
    await page.wait("state", lambda state: state["epoch"] > audio["epoch"])
    assert page.all("state")[-1]["replay"] is None
    assert turn.heard_sample_count == turn.sample_count


async def test_the_talk_is_played_from_a_place_and_that_is_not_counted_as_heard(
    page_of: Any,
) -> None:
    page = page_of(lambda turn: tone(0.5))
    turn = await page.hear_a_reply()
    place = await page.ask_the_axis(type="place", turn_id=turn.turn_id)
    page.say("replay_from", at_s=place["start_s"] + 0.2)
    state = await page.wait("state", lambda state: state["replay"])
    assert (state["replay"], state["replayed_turn"]) == (2, turn.turn_id)
    assert state["replay_start_s"] == pytest.approx(place["start_s"] + 0.2)
    audio = await page.wait("audio", lambda m: m["is_last"])
    page.acknowledge(audio)
    skipped = turn.sample_count - len(page.audio) // 2
    assert skipped == pytest.approx(0.2 * RATE_HZ, abs=1)
    assert page.audio == turn.pcm[skipped:].tobytes()
    page.report(audio, len(page.audio) // 2, is_final=True)
    await page.wait("state", lambda state: state["replay"] is None)
    assert turn.heard_sample_count == turn.sample_count
    assert not turn.was_interrupted


@pytest.mark.usefixtures("in_thread")
async def test_after_a_long_silence_the_next_stretch_is_played_and_its_turn_is_told(
    page_of: Any,
) -> None:
    page = page_of(lambda turn: tone(0.3))
    first = await page.hear_a_reply()
    page.say("text", text="two")
    audio = await page.wait("audio", lambda m: m["is_last"])
    page.acknowledge(audio)
    page.report(audio, len(page.audio) // 2, is_final=True)
    second = page.talk.conversation.turns.assistant[-1]
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == second.duration_s)
    first.played_at_s, second.played_at_s = 1.0, 600.0
    page.received.clear()
    page.audio = b""
    page.say("replay_from", at_s=0.9)
    once = await page.wait("audio", lambda m: m["is_last"])
    page.acknowledge(once)
    page.report(once, len(page.audio) // 2, is_final=True)
    state = await page.wait("state", lambda m: m["replayed_turn"] == second.turn_id)
    assert state["replay_start_s"] == 600.0
    twice = await page.wait("audio", lambda m: m["reply"] > once["reply"] and m["is_last"])
    silence = bytes(2 * round(0.1 * RATE_HZ))
    assert page.audio == silence + first.pcm.tobytes() + second.pcm.tobytes()
    page.report(twice, 10**6, is_final=True)
    await page.wait("state", lambda state: state["replay"] is None)


async def test_a_page_stops_what_is_played_once_more(page_of: Any) -> None:
    page = page_of(lambda turn: tone(3.0))
    turn = await page.hear_a_reply()
    page.say("replay", turn_id=turn.turn_id)
    audio = await page.wait("audio")
    page.say("stop_replay", epoch=audio["epoch"] + 1)
    page.report_flush(audio, 100)
    state = await page.wait("state", lambda m: m["replay"] is None and m["epoch"])
    assert state["epoch"] == audio["epoch"] + 1
    assert page.all("flush") == [], "the page has flushed by itself"
    page.say("stop_replay", epoch=9)
    page.say("replay_from", at_s=0.0)
    again = await page.wait("audio", lambda m: m["reply"] > audio["reply"])
    assert again["epoch"] == state["epoch"], "without a replay there is nothing to stop"


@pytest.mark.both_isolations
async def test_a_page_that_has_flushed_is_played_to_again_however_late_its_request_comes(
    page_of: Any,
) -> None:
    page = page_of(lambda turn: tone(5.0))
    turn = await page.hear_a_reply()
    for _ in range(2):
        page.say("replay", turn_id=turn.turn_id)
        audio = await page.wait("audio", lambda m: m["sample_offset"] > 0)
        page.acknowledge(audio)
        # What the worklet says goes another way than what is pressed.
        page.report_flush(audio, 100)
        await page.wait("state", lambda m: m["replay"] is None and m["epoch"])
        page.say("stop_replay", epoch=audio["epoch"] + 1)
        page.received.clear()
    page.say("text", text="two")
    await page.wait("audio")
    assert page.all("note") == []
    assert not page.talk.conversation.turns.assistant[-1].was_interrupted


async def test_the_talk_is_not_played_over_a_reply(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.3))
    await page.hear_a_reply()
    page.say("text", text="two")
    await page.wait("audio", lambda m: m["is_last"])
    page.say("replay_from", at_s=0.0)
    note = await page.wait("note")
    assert "A reply is sounding" in note["note"]["text"]
    page.hello()
    assert (await page.wait("snapshot"))["replay"] is None


async def test_a_place_after_which_nothing_sounded_plays_nothing(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.3))
    await page.hear_a_reply()
    page.say("replay_from", at_s=10_000.0)
    page.say("replay_from", at_s=0.0)
    audio = await page.wait("audio")
    assert audio["reply"] == 2
