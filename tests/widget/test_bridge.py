"""What a bridge sends to its pages, and what it does with their messages."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer
from grok_live_widget.audio import write_wav
from grok_live_widget.client.ask import Asker
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.events import AudioFormat, PushToTalk
from grok_live_widget.rehearsal.partner import CallTool, PartnerTurn, Unvoiced
from grok_live_widget.widget.bridge import LAST_HEARTBEATS
from grok_live_widget.widget.catalogue import LANGUAGES

from ..support.bridge_page import BridgePage
from ..support.page import RATE_HZ
from ..support.sound import tone
from ..support.waiting import wait_until_async


async def test_hello_is_answered_with_a_snapshot(page_of: Any) -> None:
    page = page_of(voice="nova")
    page.hello()
    snapshot = await page.wait("snapshot")
    assert snapshot["page"] == snapshot["owner"] == "page-1"
    assert (snapshot["phase"], snapshot["is_rehearsal"]) == ("closed", True)
    assert "not Grok" in snapshot["banner"]
    assert (snapshot["turns"], snapshot["voice"]) == ([], "nova")


async def test_typed_text_is_answered_and_both_turns_are_sent_in_order(page_of: Any) -> None:
    page = page_of()
    page.hello()
    page.say("text", text="say this")
    reply = await page.wait("turn", lambda m: m["turn"]["role"] == "assistant")
    assert reply["turn"]["order"] == 1
    first = await page.wait("turn", lambda m: m["turn"]["role"] == "user")
    assert (first["turn"]["order"], first["turn"]["text"]) == (0, "say this")


async def test_a_typed_text_is_sent_once_and_each_repetition_is_answered(page_of: Any) -> None:
    page = page_of()
    page.hello()
    page.say("text", text="say this", id=7)
    page.say("text", text="say this", id=7)
    answer = await page.wait("text_answer")
    assert answer == {"type": "text_answer", "page": "page-1", "id": 7, "is_sent": True}
    page.say("text", text="say this", id=7)
    assert page.all("text_answer") == [answer, answer]
    page.say("text", text="and this", id=8)
    await page.wait("text_answer", lambda answer: answer["id"] == 8)
    texts = [turn.text for turn in page.talk.conversation.turns if turn.role == "user"]
    assert texts == ["say this", "and this"]


async def test_a_typed_text_that_cannot_be_sent_is_refused_with_a_note(page_of: Any) -> None:
    page = page_of(None, url="ws://127.0.0.1:9/v1/realtime", api_key="any")
    page.hello()
    page.say("text", text="say this", id=1)
    assert not (await page.wait("text_answer"))["is_sent"]
    assert "Nothing answers" in (await page.wait("note"))["note"]["text"]
    assert not page.talk.conversation.turns


async def test_a_typed_text_is_asked_in_the_context_of_the_code_that_made_the_panel(
    page_of: Any,
) -> None:
    who: ContextVar[str] = ContextVar("who")

    def caller() -> str:
        """Name the caller."""
        return who.get()

    def partner(turn: PartnerTurn) -> Any:
        return Unvoiced(turn.text) if turn.role == "tool" else CallTool("caller")

    who.set("maker")
    page = page_of(partner, tools=[caller])
    page.hello()
    who.set("another cell")
    page.say("text", text="please", id=1)
    reply = await page.wait(
        "turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["text"]
    )
    assert reply["turn"]["text"] == "maker"


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


FORMATS = [
    *(AudioFormat(sample_rate=rate_hz) for rate_hz in (11_025, 16_000, 44_100, 48_000)),
    AudioFormat(encoding="pcmu"),
]


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
    turn = await Asker(page.talk).ask(clip, 48_000, 20)
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


# --------------------------------------------------------------------------- the end of a reply
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


# --------------------------------------------------------------------------- replies not played
async def ask_without_a_page(page: BridgePage, count: int = 1) -> list[Any]:
    """Ask before any page is shown; returns the replies."""
    return [
        await Asker(page.talk).ask("two" if at else "one", None, timeout_s=20)
        for at in range(count)
    ]


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


async def test_skipping_cuts_off_all_unheard_replies_but_the_newest_which_is_played_at_once(
    page_of: Any,
) -> None:
    sounds = [tone(0.75), tone(1), tone(LONG_S)]
    page = page_of(lambda turn: sounds.pop())
    first = await hear_in_part(page)
    second, newest = [await Asker(page.talk).ask("go on", None, timeout_s=20) for _ in range(2)]
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


# --------------------------------------------------------------------------- after the connection
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


async def test_a_page_that_does_not_answer_loses_the_lease(page_of: Any) -> None:
    page = page_of(timeouts=Timeouts(pong_s=0.05))
    page.hello()
    page.hello(page="page-2")
    assert (await page.wait("owner"))["owner"] == "page-2"


async def test_the_kernels_sentences_come_with_those_of_the_other_languages(page_of: Any) -> None:
    page = page_of()
    page.hello()
    snapshot = await page.wait("snapshot")
    assert snapshot["banner"].startswith("Rehearsal: ")
    german = snapshot["translations"]["de"]
    assert german[snapshot["banner"]].startswith("Probe: ")
    assert german["Rehearsal"] == "Probe"
    page.bridge._talk.note("the session is closed.", "error")
    added = await page.wait("note")
    assert added["note"]["text"] == "The session is closed."
    assert added["translations"] == {
        "de": {"The session is closed.": "Die Sitzung ist geschlossen."}
    }


# --------------------------------------------------------------------------- the microphone
async def test_the_microphone_is_that_of_the_page_that_captures(page_of: Any) -> None:
    page = page_of()
    assert page.bridge.microphone.state == "none"
    page.hello(microphone="insecure")
    assert (page.bridge.microphone.state, page.bridge.microphone.ability) == ("off", "insecure")
    assert page.bridge.microphone.text.startswith("This page is not secure (http)")
    page.hello(page="page-2")
    page.say("microphone_state", page="page-2", state="failed", reason="denied")
    assert page.bridge.microphone.ability == "insecure"
    page.say("take_over", page="page-2")
    assert page.bridge.microphone.reason == "denied"
    assert page.bridge.microphone.text.startswith("The microphone was refused.")
    page.say("bye", page="page-2")
    page.say("bye")
    assert page.bridge.microphone.state == "none"


async def test_an_echo_of_the_loudspeaker_is_noted_once(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    # Where no recogniser is installed, the transcript is a note of the duration.
    page = page_of(lambda turn: turn.text)
    await page.open()
    page.say("microphone_state", state="on")
    sound = np.concatenate((question, silence(1.0)))
    page.speak(sound)
    audio = await page.wait("audio", lambda audio: audio["is_last"])
    first_ms, count = page.clock_ms(), len(page.audio) // 2
    page.report(audio, count, first_sound_at_ms=first_ms, is_final=True)
    said = page.talk.conversation.turns
    assert page.talk.notes == []
    # The partner has spoken the words that it heard.
    for reply_count in (2, 3):
        page.speak(sound)
        await page.wait(
            "turn", lambda _, n=reply_count: sum(each.is_complete for each in said.assistant) == n
        )
    (note,) = page.talk.notes
    assert "live.half_duplex = True" in note.text


async def test_words_that_a_cell_repeats_are_no_echo(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    # Where no recogniser is installed, the transcript is a note of the duration.
    page = page_of(lambda turn: turn.text)
    await page.open()
    page.say("microphone_state", state="on")
    asker = Asker(page.talk)
    await asker.ask(question, RATE_HZ, 20, None, None, "fast")
    audio = await page.wait("audio", lambda audio: audio["is_last"])
    count = len(page.audio) // 2
    page.report(audio, count, first_sound_at_ms=page.clock_ms(), is_final=True)
    await asker.ask(question, RATE_HZ, 20, None, None, "fast")
    assert page.talk.notes == []


# --------------------------------------------------------------------------- unfinished speech
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


# --------------------------------------------------------------------------- short presses
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
    assert said.pcm.tolist() == tone(0.3, 300).tolist()
    assert page.all("note") == []


async def test_a_press_without_a_sample_is_noted(page_of: Any) -> None:
    page = page_of(turn_detection=PushToTalk())
    await page.open()
    page.say("commit")
    assert "shorter than 100 ms" in (await page.wait("note"))["note"]["text"]
    assert speech_of(page) == []


@pytest.mark.parametrize(
    "content",
    [
        None,
        "text",
        [],
        {},
        {"type": "text"},
        {"type": 5, "page": "page-1"},
        {"type": "text", "page": "page-1", "text": 5},
        {"type": "unknown", "page": "page-1"},
        {"type": "interrupt", "page": "page-1", "epoch": True},
        {"type": "microphone", "page": "page-1", "session": 0},
        {
            "type": "playhead",
            "page": "page-1",
            "session": 1,
            "epoch": 0,
            "reply": 9,
            "sample_count": 1,
        },
    ],
)
async def test_invalid_messages_are_ignored(page_of: Any, content: Any) -> None:
    page = page_of()
    page.send(content, b"odd")
    assert page.received == []
    assert page.bridge.downlink.epoch == 0
    page.hello()
    await page.wait("snapshot")


async def test_the_connection_of_a_page_that_is_gone_is_closed_with_a_note(page_of: Any) -> None:
    page = page_of(timeouts=Timeouts(no_page_s=0.0))
    await page.open()
    page.say("microphone_state", state="on")
    note = await page.wait("note")
    assert "No page" in note["note"]["text"]
    await page.wait("state", lambda state: state["phase"] == "closed")


async def test_a_connection_that_fails_is_shown_as_one_note(page_of: Any) -> None:
    page = page_of(None, url="ws://127.0.0.1:1/v1/realtime")
    page.hello()
    page.say("start", with_microphone=False)
    note = await page.wait("note")
    assert note["note"]["level"] == "error"
    assert "nothing answers" in note["note"]["text"].lower()


async def test_an_error_of_the_server_is_shown_as_a_note(page_of: Any) -> None:
    def fail(turn: Any) -> str:
        raise ValueError("out of ideas")

    page = page_of(fail)
    await page.open()
    page.say("text", text="go")
    note = await page.wait("note")
    assert "out of ideas" in note["note"]["text"]
    assert page.talk.phase == "open"


async def test_a_request_that_fails_is_shown_as_a_note(page_of: Any) -> None:
    page = page_of(dialect="live")
    await page.open()
    session = page.talk.session
    assert session is not None
    session.protocol.close()
    page.say("commit")
    note = await page.wait("note")
    assert "closed" in note["note"]["text"]


async def test_heartbeats_are_sent_until_the_talk_is_closed_and_a_few_times_more(
    page_of: Any,
) -> None:
    page = page_of()
    await page.open()
    await page.wait("heartbeat")
    page.say("stop")
    closed = await page.wait(
        "state", lambda message: message["phase"] == "closed" and message["session"]
    )
    heartbeats = page.bridge._heartbeat_task
    assert heartbeats is not None
    await asyncio.wait([heartbeats], timeout=20)
    after = page.received[page.received.index(closed) :]
    assert sum(each["type"] == "heartbeat" for each in after) == LAST_HEARTBEATS


async def test_heartbeats_and_snapshots_count_the_messages_whose_loss_matters(
    page_of: Any,
) -> None:
    page = page_of()
    await page.open()
    page.say("text", text="hello")
    await page.wait("turn", lambda message: message["turn"]["role"] == "assistant")
    page.hello()
    begun = len(page.all("heartbeat"))
    await page.wait("heartbeat", lambda _: len(page.all("heartbeat")) > begun)
    lasting = ("state", "owner", "turn", "tool", "note")
    counts = [(at, each) for at, each in enumerate(page.received) if "told_count" in each]
    assert {each["type"] for _, each in counts} == {"snapshot", "heartbeat"}
    for at, each in counts:
        assert each["told_count"] == sum(m["type"] in lasting for m in page.received[:at])


async def test_the_axis_is_told_of_speech_and_of_the_pages_clock(
    page_of: Any, question: np.ndarray
) -> None:
    page = page_of(lambda turn: tone(0.3))
    await page.open()
    page.speak(question)
    await page.wait("speech", lambda m: not m["is_active"])
    found = await page.ask_the_axis(type="stretch", start_s=0.0, stop_s=100.0, columns=0)
    [(begin_s, end_s)] = found["speech"]
    assert 0 <= begin_s < end_s
    now_s = (page.clock_ms() - found["zero_at_ms"]) / 1000
    assert end_s <= now_s < end_s + 60
    [turn] = [turn for turn in found["turns"] if turn["role"] == "user"]
    assert turn["id"] == page.talk.conversation.turns[0].turn_id


async def test_the_sound_of_a_turn_is_sent_as_a_file_in_pieces(
    page_of: Any, tmp_path: Path
) -> None:
    page = page_of(lambda turn: tone(6.0))
    turn = await page.hear_a_reply()
    page.say("save", turn_id=turn.turn_id)
    last = await page.wait("sound", lambda m: m["piece"] == m["piece_count"] - 1)
    pieces = page.all("sound")
    assert [piece["piece"] for piece in pieces] == list(range(last["piece_count"])) != [0]
    assert {piece["name"] for piece in pieces} == {"turn_2_assistant.wav"}
    assert page.audio == turn.write_wav(tmp_path / "turn.wav").read_bytes()


# --------------------------------------------------------------------------- tools
def look(up: bool) -> str:
    """Look."""
    return "the sky" if up else "the ground"


def looker(turn: Any) -> Any:
    return Unvoiced(turn.text) if turn.role == "tool" else CallTool("look", {"up": True})


async def test_a_tool_call_is_shown_as_it_progresses(page_of: Callable[..., BridgePage]) -> None:
    page = page_of(looker, tools=[look])
    await page.open()
    page.say("text", text="look up")
    await page.wait("tool", lambda message: message["call"]["state"] == "done")
    running, done = (message["call"] for message in page.all("tool")[:2])
    assert (running["state"], running["name"], running["arguments"]) == (
        "running", "look", '{"up":true}',
    )  # fmt: skip
    ended = {"state": "done", "output": "the sky", "duration_s": done["duration_s"]}
    assert done == running | ended
    assert done["turn_id"] == ""
    placed = (await page.wait("tool", lambda message: message["call"]["turn_id"]))["call"]
    reply = page.talk.conversation.turns.assistant[-1]
    assert placed == done | {"turn_id": reply.turn_id}
    page.hello(device_rate_hz=None)
    assert page.all("snapshot")[-1]["tools"] == [placed]


async def test_a_call_waits_for_the_first_answer_of_any_page(
    page_of: Callable[..., BridgePage],
) -> None:
    page = page_of(looker, tools=[look], approve_tools=True)
    await page.open()
    page.say("text", text="look up")
    waiting = (await page.wait("tool"))["call"]
    assert waiting["state"] == "waiting"
    for odd in ({"call_id": "unknown"}, {"is_allowed": 1}, {"is_allowed": None}):
        page.say("tool_answer", **{"call_id": waiting["call_id"], "is_allowed": True, **odd})
    assert page.talk.pending_approvals
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=False)
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=True)
    message = await page.wait("tool", lambda answered: bool(answered["call"]["error"]))
    assert message["call"]["state"] == "denied"
    assert "did not allow" in message["call"]["error"]
    assert page.all("note") == []


# --------------------------------------------------------------------------- settings
def settings_of(page: BridgePage) -> dict[str, Any]:
    return page.all("state")[-1]["settings"]


async def test_a_page_is_told_the_settings_and_changes_them_in_the_running_talk(
    page_of: Any,
) -> None:
    page = page_of(voice="nova", instructions="Be brief.")
    await page.open()
    told = settings_of(page)
    assert (told["voice"], told["instructions"], told["speed"]) == ("nova", "Be brief.", None)
    assert (told["threshold"], told["silence_duration_ms"]) == (0.5, 500)
    assert {"nova", "eve"} <= set(told["voices"])
    page.say("change_settings", settings={"voice": "echo", "threshold": 0.7, "sound": 1})
    await page.wait("state", lambda state: state["settings"]["threshold"] == 0.7)
    assert settings_of(page)["voice"] == page.talk.settings.voice == "echo"
    assert page.talk.settings.turn_detection.silence_duration_ms == 500


async def test_a_setting_that_is_refused_is_noted_and_told_as_it_was(page_of: Any) -> None:
    page = page_of()
    await page.open()
    count = len(page.all("state"))
    page.say("change_settings", settings={"speed": 9})
    note = await page.wait("note")
    assert "Speed must be" in note["note"]["text"]
    await page.wait("state", lambda _: len(page.all("state")) > count)
    assert settings_of(page)["speed"] is None


async def test_what_a_page_says_of_the_server_is_left_out_with_push_to_talk(page_of: Any) -> None:
    page = page_of(turn_detection=PushToTalk())
    await page.open()
    assert settings_of(page)["threshold"] is settings_of(page)["silence_duration_ms"] is None
    page.say("change_settings", settings={"threshold": 0.7, "speed": 1.2})
    await page.wait("state", lambda state: state["settings"]["speed"] == 1.2)
    assert page.talk.settings.turn_detection == PushToTalk()


@pytest.mark.parametrize(
    ("name", "export", "style", "text"),
    [
        ("settings", b"as createDrawer", ".glw-settings", {"volume": "Volume"}),
        ("transcript", b"as TurnMenu", ".glw-menu", {"play_again": "Play again"}),
        ("spectrogram", b"as createDrawer", ".glw-spectrogram", {}),
    ],
)
async def test_a_further_bundle_is_sent_as_a_module_with_its_style_and_texts(
    page_of: Any, name: str, export: bytes, style: str, text: dict[str, str]
) -> None:
    page = page_of()
    page.say("bundle_wanted", name=name)
    bundle = await page.wait("bundle")
    assert (bundle["page"], bundle["name"]) == ("page-1", name)
    assert export in page.audio
    assert style in bundle["style"]
    assert tuple(bundle["texts"]) == LANGUAGES
    assert bundle["texts"]["en"].items() >= text.items()


@pytest.mark.parametrize("name", ["widget", "../bridge", ""])
async def test_nothing_but_further_bundles_is_sent(page_of: Any, name: str) -> None:
    page = page_of()
    page.say("bundle_wanted", name=name)
    bundle = await page.wait("bundle")
    assert (bundle["style"], page.audio) == ("", b"")


async def test_pages_are_told_where_the_server_hears_speech(
    page_of: Any, question: np.ndarray
) -> None:
    page = page_of()
    await page.open()
    page.say("microphone_state", state="on")
    page.speak(question)
    page.say("microphone_state", state="muted")
    await page.wait("speech", lambda speech: not speech["is_active"])
    assert [speech["is_active"] for speech in page.all("speech")] == [True, False]


async def test_a_sound_file_that_is_dropped_on_the_panel_is_asked(
    page_of: Any, question: np.ndarray, tmp_path: Path
) -> None:
    content = write_wav(tmp_path / "question.wav", question).read_bytes()
    page = page_of()
    page.hello()
    pieces = [content[at : at + 48_000] for at in range(0, len(content), 48_000)]
    for number, bytes_of_piece in enumerate(pieces):
        fields = {"id": 1, "name": "question.wav", "piece": number, "piece_count": len(pieces)}
        page.send({"type": "sound_file", "page": "page-1", **fields}, bytes_of_piece)
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    (said,) = page.talk.conversation.turns.user
    assert len(said.pcm) > RATE_HZ
    assert page.all("note") == []


async def test_a_dropped_file_that_is_no_sound_is_one_sentence(page_of: Any) -> None:
    page = page_of()
    page.hello()
    fields = {"id": 1, "name": "notes.txt", "piece": 0, "piece_count": 1}
    page.send({"type": "sound_file", "page": "page-1", **fields}, b"no sound at all")
    note = (await page.wait("note"))["note"]["text"]
    assert "notes.txt" in note
    assert "Traceback" not in note
