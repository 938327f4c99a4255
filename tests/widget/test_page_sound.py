"""The sound between a talk and the page that owns it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.events import AudioFormat, PushToTalk

from ..support.bridge_page import BridgePage
from ..support.page import RATE_HZ
from ..support.sound import tone
from ..support.waiting import wait_until_async

FORMATS = [
    *(AudioFormat(sample_rate=rate_hz) for rate_hz in (11_025, 16_000, 44_100, 48_000)),
    AudioFormat(encoding="pcmu"),
]


@pytest.mark.both_isolations
async def test_the_microphone_is_acknowledged_and_answered(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    page = page_of()
    await page.open()
    sound = np.concatenate((question, silence(1.0)))
    page.speak(sound)
    await page.wait("audio", lambda audio: audio["is_last"])
    chunk_count = -(-len(sound) // 2400)
    received = [m["seq"] for m in page.all("microphone_received")]
    # The first at once, then five with one acknowledgement, or those of 0.3 s.
    assert received[0] == 0
    assert received == sorted(set(received))
    assert received[-1] == chunk_count - 1
    assert all(later - earlier <= 5 for earlier, later in itertools.pairwise(received))
    reply = page.talk.conversation.turns.assistant[0].pcm
    assert page.audio == reply.tobytes()


async def test_a_page_is_told_twice_a_second_of_what_it_plays_itself(page_of: Any) -> None:
    page = page_of(lambda turn: tone(2.0))
    await page.open()
    page.say("text", text="Go on.")
    sound = await page.wait("audio", lambda audio: audio["is_last"])
    turn = page.talk.conversation.turns.assistant[0]
    await page.wait("turn", lambda m: m["turn"]["is_complete"] and m["turn"]["role"] == "assistant")
    page.received.clear()
    begun_s = time.monotonic()
    for count in range(10):
        page.report(sound, 2_400 * (1 + count))
        await asyncio.sleep(0.1)
    passed_s = time.monotonic() - begun_s
    told = [m["turn"]["heard_s"] for m in page.all("turn")]
    assert turn.heard_sample_count == 24_000
    assert 1 <= len(told) <= 1 + passed_s / 0.5
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 1.0)
    page.report(sound, 48_000, is_final=True)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 2.0)


async def test_chunks_of_the_microphone_are_sent_without_a_task(page_of: Any) -> None:
    page = page_of(turn_detection=PushToTalk())
    await page.open()
    sound = tone(3.0)
    before = asyncio.all_tasks()
    page.speak(sound)
    # One task sends what the turns have become; there is none for a chunk.
    assert len(asyncio.all_tasks() - before) <= 1
    page.say("commit")
    await page.wait("turn", lambda m: m["turn"]["duration_s"] == 3.0)
    assert page.talk.conversation.turns.user[0].pcm.tolist() == sound.tolist()


async def test_audio_is_sent_on_credit_and_heard_samples_are_those_the_page_reports(
    page_of: Any,
) -> None:
    sound = tone(5)
    page = page_of(lambda turn: sound)
    await page.open()
    page.say("text", text="go")
    await page.wait("audio", lambda m: m["sample_offset"] >= 1.5 * RATE_HZ)
    first = page.all("audio")[0]
    for audio in page.all("audio"):
        page.acknowledge(audio)
    page.report(first, 4000, first_sound_at_ms=page.clock_ms())
    while not page.all("audio")[-1]["is_last"]:
        at = page.all("audio")[-1]
        page.acknowledge(at)
        page.report(first, at["sample_offset"])
        await asyncio.sleep(0.01)
    assert page.audio == sound.tobytes()
    assert [m["seq"] for m in page.all("audio")] == list(range(len(page.all("audio"))))
    page.report(first, len(sound), is_final=True)
    turn = page.talk.conversation.turns.assistant[0]
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 5.0)
    assert turn.heard_sample_count == len(sound)
    assert turn.latency_ms is not None
    assert 0 <= turn.latency_ms < 20_000


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: f"{form.encoding}-{form.sample_rate}")
async def test_the_page_sends_and_receives_24_khz_whatever_the_rate_of_the_connection(
    page_of: Any, form: AudioFormat
) -> None:
    """The parrot returns the microphone's audio through two resamplers, of which the first is
    flushed by the commit only.
    """
    settings = {"input_format": form, "output_format": form, "turn_detection": PushToTalk()}
    page = page_of(**settings)
    await page.open()
    sound = tone(1.0)
    page.speak(sound)
    page.say("commit")
    await page.play_to_the_end()
    turns = page.talk.conversation.turns
    reply = await page.wait("turn", lambda m: m["turn"]["heard_s"] == m["turn"]["duration_s"])
    assert reply["turn"]["duration_s"] == pytest.approx(1.0, abs=1 / form.sample_rate)
    assert [turn.sample_rate for turn in turns] == [form.sample_rate] * 2
    assert len(turns[0].pcm) == len(turns[1].pcm) == turns[1].heard_sample_count
    heard = np.frombuffer(page.audio, np.int16)
    assert abs(len(heard) - len(sound)) <= 3
    # The companding of pcmu is coarse; a shift by one sample differs by more.
    most = 300 if form.encoding == "pcmu" else 8
    difference = heard[240:23_700].astype(np.int32) - sound[240:23_700]
    assert np.sqrt(np.mean(np.square(difference))) < most


async def test_a_clip_from_a_cell_follows_the_microphone_audio_sent_before_it(
    page_of: Any,
) -> None:
    page = page_of(sample_rate=48_000, turn_detection=PushToTalk())
    await page.open()
    page.speak(tone(0.3))
    clip = np.arange(9_600, dtype=np.int16)
    turn = await page.asker.ask(clip, 48_000, 20)
    assert turn.pcm.tolist()[-9_600:] == clip.tolist()
    users = page.talk.conversation.turns.user
    assert [len(user.pcm) for user in users] == [14_400, 9_600]


async def test_a_new_session_does_not_continue_the_microphone_of_the_one_before(
    page_of: Any,
) -> None:
    page = page_of(sample_rate=48_000, turn_detection=PushToTalk())
    for _ in range(2):
        await page.open()
        page.speak(tone(0.5))
        page.say("stop")
        await page.wait("state", lambda state: state["phase"] == "closed")
        page.received.clear()
    first, second = page.talk.conversation.turns.user
    assert first.pcm.tolist() == second.pcm.tolist()
    assert 0 < len(first.pcm) <= 24_000


@pytest.mark.both_isolations
async def test_the_interrupt_button_ends_the_reply_at_the_playhead(page_of: Any) -> None:
    sound = tone(60)
    page = page_of(lambda turn: sound)
    await page.open()
    page.say("text", text="go")
    audio = await page.wait("audio", lambda m: m["sample_offset"] > RATE_HZ)
    page.report(audio, 12_000)
    page.say("interrupt", epoch=audio["epoch"] + 1)
    page.report_flush(audio, 12_345)
    await page.wait("turn", lambda m: m["turn"]["was_interrupted"] and m["turn"]["is_complete"])
    turn = page.talk.conversation.turns.assistant[0]
    assert turn.heard_sample_count == 12_345
    assert len(turn.heard) == 12_345
    sent = len(page.audio)
    page.say("text", text="again")
    await page.wait("audio", lambda m: m["reply"] != audio["reply"])
    assert all(m["epoch"] == audio["epoch"] + 1 for m in page.all("audio") if m["seq"] > 20)
    assert len(page.audio) > sent


LONG_S = 5


async def hear_in_part(page: BridgePage, heard: int = 12_345) -> Any:
    """Have a reply of `LONG_S` received, of which `heard` samples are played; returns its turn."""
    await page.open()
    page.say("text", text="go")
    await page.wait("turn", lambda m: m["turn"]["is_complete"] and m["turn"]["has_audio"])
    audio = await page.wait("audio", lambda m: m["sample_offset"] > heard)
    page.report(audio, heard)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == heard / RATE_HZ)
    return page.talk.conversation.turns.assistant[0]


async def interrupt_after_the_connection(page: BridgePage) -> None:
    await page.talk.disconnect()
    await page.talk.interrupt()


async def stop_after_the_connection(page: BridgePage) -> None:
    await page.talk.disconnect()
    page.say("stop")


async def interrupt_in_the_next_session(page: BridgePage) -> None:
    await page.talk.disconnect()
    await page.talk.open()
    await page.talk.interrupt()


ENDS: dict[str, Callable[[BridgePage], Any]] = {
    "interrupt": lambda page: page.talk.interrupt(),
    "stop": lambda page: page.talk.stop(),
    "close": lambda page: page.talk.close(),
    "interrupt_after_the_connection": interrupt_after_the_connection,
    "stop_after_the_connection": stop_after_the_connection,
    "interrupt_in_the_next_session": interrupt_in_the_next_session,
}


@pytest.mark.both_isolations
@pytest.mark.parametrize("ends", list(ENDS.values()), ids=list(ENDS))
async def test_what_ends_a_reply_before_its_end_was_heard_interrupts_it_with_what_was_heard(
    page_of: Any, ends: Callable[[BridgePage], Any]
) -> None:
    sound = tone(LONG_S)
    page = page_of(lambda turn: sound)
    turn = await hear_in_part(page)
    await ends(page)
    flush = await page.wait("flush")
    assert turn.was_interrupted
    assert turn.heard_sample_count == 12_345
    page.report_flush(page.all("audio")[-1], 12_400)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 12_400 / RATE_HZ)
    assert (turn.was_interrupted, turn.heard_sample_count) == (True, 12_400)
    assert all(audio["epoch"] < flush["epoch"] for audio in page.all("audio"))


async def test_the_stop_button_interrupts_a_reply_that_is_still_received(page_of: Any) -> None:
    sound = tone(60)
    page = page_of(lambda turn: sound)
    await page.open()
    page.say("text", text="go")
    audio = await page.wait("audio", lambda m: m["sample_offset"] > RATE_HZ)
    page.report(audio, 12_345)
    page.say("stop")
    await page.wait("flush")
    turn = page.talk.conversation.turns.assistant[0]
    assert (turn.was_interrupted, turn.heard_sample_count) == (True, 12_345)


async def test_speech_in_the_next_session_interrupts_a_reply_of_the_one_before(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    sounds = [tone(0.2), tone(LONG_S)]
    page = page_of(lambda turn: sounds.pop())
    turn = await hear_in_part(page)
    await page.talk.disconnect()
    await page.talk.open()
    page.speak(np.concatenate((question, silence(1.0))))
    await page.wait("flush")
    assert (turn.was_interrupted, turn.heard_sample_count) == (True, 12_345)


async def test_a_reply_that_was_heard_to_its_end_is_not_interrupted_by_stop(page_of: Any) -> None:
    sound = tone(0.5)
    page = page_of(lambda turn: sound)
    await page.open()
    page.say("text", text="go")
    await page.play_to_the_end()
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 0.5)
    await page.talk.stop()
    assert page.talk.conversation.turns.assistant[0].was_interrupted is False
    assert page.all("flush") == []


@pytest.mark.both_isolations
async def test_a_page_that_takes_over_continues_the_reply_which_is_not_interrupted(
    page_of: Any,
) -> None:
    sound = tone(LONG_S)
    page = page_of(lambda turn: sound)
    turn = await hear_in_part(page)
    page.say("take_over", page="page-2")
    page.name = "page-2"
    audio = await page.wait("audio", lambda m: m["reply"] == 2)
    page.report(audio, 0)
    assert (turn.was_interrupted, turn.heard_sample_count) == (False, 12_345)
    await page.talk.stop()
    assert (turn.was_interrupted, turn.heard_sample_count) == (True, 12_345)


async def ask_without_a_page(page: BridgePage, count: int = 1) -> list[Any]:
    """Ask before any page is shown; returns the replies."""
    return [await page.asker.ask("two" if at else "one", None, timeout_s=20) for at in range(count)]


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "stopped"])
async def test_replies_that_no_page_has_played_are_played_when_a_page_asks_for_them(
    page_of: Any, is_open: bool
) -> None:
    sounds = [tone(0.5), tone(0.3)]
    page = page_of(lambda turn: sounds[turn.text == "two"])
    replies = await ask_without_a_page(page, 2)
    if not is_open:
        await page.talk.stop()
    page.hello()
    snapshot = await page.wait("snapshot")
    shown = [turn for turn in snapshot["turns"] if turn["role"] == "assistant"]
    assert [(turn["reply"], turn["heard_s"]) for turn in shown] == [(None, None)] * 2
    page.say("play")
    for number, turn in enumerate(replies, 1):
        audio = await page.wait(
            "audio", lambda m, number=number: m["reply"] == number and m["is_last"]
        )
        page.acknowledge(audio)
        page.report(audio, 10**6, is_final=True)
        end_s = turn.duration_s
        await page.wait("turn", lambda m, end_s=end_s: m["turn"]["heard_s"] == end_s)
    assert page.audio == b"".join(turn.pcm.tobytes() for turn in replies)
    assert [turn.was_interrupted for turn in replies] == [False, False]
    sent = len(page.audio)
    page.say("play")
    await page.talk.stop()
    assert len(page.audio) == sent


async def test_speech_does_not_interrupt_a_reply_that_nothing_plays(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    page = page_of()
    [turn] = await ask_without_a_page(page)
    page.hello()
    page.say("start", with_microphone=True)
    page.speak(np.concatenate((question, silence(1.0))))
    await page.wait("audio", lambda audio: audio["is_last"])
    assert (turn.was_interrupted, turn.heard_sample_count) == (False, None)
    await page.talk.stop()
    assert (turn.was_interrupted, turn.heard_sample_count) == (False, None)


async def test_a_reply_that_is_played_late_is_interrupted_by_speech(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    sound = tone(5)
    page = page_of(lambda turn: sound)
    [turn] = await ask_without_a_page(page)
    page.hello()
    page.say("play")
    audio = await page.wait("audio", lambda m: m["sample_offset"] > 12_345)
    page.report(audio, 12_345)
    page.speak(np.concatenate((question, silence(1.0))))
    await page.wait("flush")
    assert (turn.was_interrupted, turn.heard_sample_count) == (True, 12_345)


@pytest.mark.both_isolations
async def test_skipping_cuts_off_all_unheard_replies_but_the_newest_which_is_played_at_once(
    page_of: Any,
) -> None:
    sounds = [tone(0.75), tone(1), tone(LONG_S)]
    page = page_of(lambda turn: sounds.pop())
    first = await hear_in_part(page)
    second, newest = [await page.asker.ask("go on", None, timeout_s=20) for _ in range(2)]
    page.say("skip", page="page-2")
    page.say("skip")
    flush = await page.wait("flush")
    page.report_flush(page.all("audio")[0], 12_400)
    sent = len(page.audio)
    audio = await page.wait("audio", lambda m: m["epoch"] == flush["epoch"] and m["is_last"])
    page.report(audio, len(newest.pcm), is_final=True)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 0.75)
    assert page.audio[sent:] in newest.pcm.tobytes()
    states = [(turn.was_interrupted, turn.heard_sample_count) for turn in (first, second, newest)]
    assert states == [(True, 12_400), (True, None), (False, len(newest.pcm))]
    assert len(page.all("flush")) == 1


async def play_the_rest(page: BridgePage, sound: np.ndarray) -> None:
    """Acknowledge and report all that comes of the first reply, until its end has come."""
    at = 0
    while at < len(sound):
        audio = await page.wait("audio", lambda m, at=at: m["sample_offset"] >= at)
        page.acknowledge(audio)
        page.report(audio, audio["sample_offset"])
        at = audio["sample_offset"] + 1 if not audio["is_last"] else len(sound)
    page.report(audio, len(sound), is_final=True)


DISCONNECTED: dict[str, Callable[[BridgePage, RehearsalServer], Any]] = {
    "a_limit_of_the_talk": lambda page, server: page.talk.disconnect(),
    "the_server": lambda page, server: asyncio.to_thread(server.close),
}


@pytest.mark.parametrize("closes", list(DISCONNECTED.values()), ids=list(DISCONNECTED))
async def test_what_was_received_is_played_to_its_end_after_the_connection_closed(
    page_of: Any, closes: Callable[[BridgePage, RehearsalServer], Any]
) -> None:
    sound = tone(LONG_S)
    with RehearsalServer(lambda turn: sound, speed=float("inf")) as server:
        page = page_of(None, url=server.url(), api_key="k", reconnect_tries=0)
        turn = await hear_in_part(page)
        await closes(page, server)
        await page.wait("state", lambda state: state["phase"] == "closed" and state["session"] == 1)
        await play_the_rest(page, sound)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == LONG_S)
    assert page.audio == sound.tobytes()
    assert page.all("flush") == []
    assert (turn.was_interrupted, turn.heard_sample_count) == (False, len(sound))


async def test_a_reply_goes_on_in_the_session_that_replaces_its_own(page_of: Any) -> None:
    sound = tone(LONG_S)
    page = page_of(lambda turn: sound)
    turn = await hear_in_part(page)
    await page.talk.update({"model": "another"})
    await play_the_rest(page, sound)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == LONG_S)
    assert {audio["session"] for audio in page.all("audio")} == {1, 2}
    assert page.audio == sound.tobytes()
    assert (turn.was_interrupted, turn.heard_sample_count) == (False, len(sound))


async def test_only_the_owners_microphone_is_sent_and_another_page_can_take_over(
    page_of: Any,
) -> None:
    page = page_of()
    await page.open()
    page.hello(page="page-2")
    await page.wait("ping")
    page.say("pong", id=page.all("ping")[0]["id"])
    fields = {
        "session": page.session,
        "seq": 0,
        "sample_index": 0,
        "captured_at_ms": page.clock_ms(),
        "dropped_sample_count": 0,
    }
    page.say("microphone", bytes(4800), page="page-2", **fields)
    page.say("take_over", page="page-2")
    assert (await page.wait("owner"))["owner"] == "page-2"
    page.say("bye", page="page-2")
    await page.wait("owner", lambda m: m["owner"] == "page-1")
    assert len(page.talk.conversation.user_tape) == 0


ENDS = {
    "muted": [("microphone_state", {"state": "muted"})],
    "released": [("microphone_state", {"state": "off"})],
    "unplugged": [("microphone_state", {"state": "failed", "reason": "lost"})],
    "the page is closed": [("bye", {})],
    "another page takes over": [("take_over", {"page": "page-2"})],
    "the page is reloaded and says nothing": [("hello", {"page": "page-2"})],
    "the page is gone": [],
}


def speech_of(page: BridgePage) -> list[list[int]]:
    return [turn.pcm.tolist() for turn in page.talk.conversation.turns.user]


@pytest.mark.both_isolations
@pytest.mark.parametrize("dialect", ["realtime", pytest.param("live", marks=pytest.mark.slow)])
@pytest.mark.parametrize("messages", ENDS.values(), ids=ENDS)
async def test_speech_whose_microphone_falls_silent_ends_there_and_is_answered(
    page_of: Any, messages: Any, dialect: str, question: np.ndarray
) -> None:
    page = page_of(dialect=dialect, timeouts=Timeouts(pong_s=0.05, no_sound_s=1.0))
    await page.open()
    page.say("microphone_state", state="on")
    page.speak(question)
    for kind, fields in messages:
        if kind == "hello":
            page.hello(**fields)
        else:
            page.say(kind, **fields)
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    (pcm,) = speech_of(page)
    # The turn ends with the last sample of the microphone, without the silence after it.
    assert pcm == question[-len(pcm) :].tolist()
    # In `live` the beginning is estimated: here from sound that was sent all at once.
    assert len(pcm) > (7000 if dialect == "live" else RATE_HZ)


async def test_speech_after_unmuting_is_a_turn_of_its_own(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    page = page_of()
    await page.open()
    page.say("microphone_state", state="on")
    page.speak(question)
    page.say("microphone_state", state="muted")
    page.say("microphone_state", state="on")
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    again = np.concatenate((question[12_000:], silence(1.0)))
    page.speak(again)
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["order"] == 3)
    first, second = speech_of(page)
    assert first == question[-len(first) :].tolist()
    assert second == again[: len(second)].tolist()


@pytest.mark.parametrize("messages", ENDS.values(), ids=ENDS)
async def test_a_press_whose_microphone_falls_silent_is_committed(
    page_of: Any, messages: Any
) -> None:
    timeouts = Timeouts(pong_s=0.05, no_sound_s=1.0)
    page = page_of(turn_detection=PushToTalk(), timeouts=timeouts)
    await page.open()
    page.say("microphone_state", state="on")
    page.speak(tone(0.5))
    for kind, fields in messages:
        if kind == "hello":
            page.hello(**fields)
        else:
            page.say(kind, **fields)
    # The button may be released after that.
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    page.say("commit")
    page.say("text", text="done")
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["order"] == 3)
    assert speech_of(page)[0] == tone(0.5).tolist()
    assert page.all("note") == []


async def test_a_quiet_microphone_is_muted_without_a_turn(page_of: Any, silence: Any) -> None:
    page = page_of()
    await page.open()
    page.say("microphone_state", state="on")
    page.say("microphone_state", state="muted")
    assert len(page.talk.conversation.user_tape) == 0
    page.say("microphone_state", state="on")
    page.speak(silence(1.0))
    page.say("microphone_state", state="muted")
    page.say("text", text="done")
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    assert [turn.text for turn in page.talk.conversation.turns.user] == ["done"]


@pytest.mark.both_isolations
@pytest.mark.parametrize(
    ("dialect", "rate_hz"), [("realtime", 24_000), ("realtime", 48_000), ("live", 24_000)]
)
async def test_a_press_of_less_than_100_ms_is_discarded_with_a_note(
    page_of: Any, dialect: str, rate_hz: int
) -> None:
    page = page_of(turn_detection=PushToTalk(), dialect=dialect, sample_rate=rate_hz)
    await page.open()
    page.speak(tone(0.09))
    page.say("commit")
    note = await page.wait("note")
    assert "shorter than 100 ms" in note["note"]["text"]
    assert "Hold the button down" in note["note"]["text"]
    assert speech_of(page) == []
    page.speak(tone(0.5))
    page.say("commit")
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    (turn,) = page.talk.conversation.turns.user
    assert abs(len(turn.pcm) - rate_hz // 2) <= 2


@pytest.mark.usefixtures("in_thread")
@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_press_that_is_discarded_is_no_part_of_the_next(page_of: Any, dialect: str) -> None:
    page = page_of(turn_detection=PushToTalk(), dialect=dialect)
    await page.open()
    page.say("discard")
    protocol = page.talk.session.protocol
    page.speak(tone(0.5))
    await wait_until_async(lambda: protocol.uncommitted_ms == 500, what="the speech")
    page.say("discard")
    await wait_until_async(lambda: protocol.uncommitted_ms == 0, what="the clearing")
    page.speak(tone(0.3, 300))
    page.say("commit")
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    discarded, said = page.talk.conversation.turns.user
    # It was spoken, but the server has forgotten it.
    assert (discarded.text, discarded.pcm.tolist()) == ("", tone(0.5).tolist())
    assert (discarded.was_discarded, said.was_discarded) == (True, False)
    assert repr(discarded) == "Turn(user, '', 0.50 s, discarded)"
    assert not discarded.was_interrupted
    told = [m["turn"] for m in page.all("turn") if m["turn"]["id"] == discarded.turn_id]
    assert told[-1]["interruption"] == "discard"
    assert said.pcm.tolist() == tone(0.3, 300).tolist()
    assert page.all("note") == []


async def test_a_press_without_a_sample_is_noted(page_of: Any) -> None:
    page = page_of(turn_detection=PushToTalk())
    await page.open()
    page.say("commit")
    assert "shorter than 100 ms" in (await page.wait("note"))["note"]["text"]
    assert speech_of(page) == []
