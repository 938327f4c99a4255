"""`Talk`, called from a cell, a script, a thread and a coroutine."""

from __future__ import annotations

import _thread
import asyncio
import functools
import inspect
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import connect as connect_socket
from websockets.sync.server import ServerConnection, serve

from grok_live_widget import (
    GrokLive,
    PushToTalk,
    RehearsalServer,
    ServerVad,
    Session,
    Settings,
    Talk,
    Turn,
    connect,
    tool,
)
from grok_live_widget.audio import ClipConverter, write_wav
from grok_live_widget.client.talk import TALK_THREAD, TalkAPI
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.usage import Usage
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    PhaseChanged,
    ResponseDone,
    SessionOpened,
    ToolFinished,
)
from grok_live_widget.exceptions import (
    AudioFormatError,
    AuthenticationError,
    BudgetSpent,
    ConfigurationError,
    ConnectError,
    ReplyTimeout,
    ServerError,
    SessionClosed,
    SessionClosedError,
    UnsupportedByServer,
)
from grok_live_widget.rehearsal.partner import CallTool, Unvoiced
from grok_live_widget.settings.pricing import Budget
from grok_live_widget.settings.settings import IMMUTABLE

from ..support.sound import RATE_HZ, sine, tone
from ..support.talks import EventLog, TimedTalk, send_microphone, session_of
from ..support.waiting import result_of, wait_for_talk, wait_until, wait_until_async


@pytest.fixture
def talk() -> Iterator[Talk]:
    with Talk(partner="parrot") as talk:
        yield talk


@pytest.mark.both_isolations
# --------------------------------------------------------------------------- asking
@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_typed_question_is_answered(dialect: str) -> None:
    with Talk(partner=lambda turn: turn.text.upper(), dialect=dialect) as talk:
        reply = talk.ask("good morning")
        assert (reply.role, reply.text, reply.is_complete) == ("assistant", "GOOD MORNING", True)
        assert reply.samples.dtype == np.float32
        assert reply.heard_sample_count is None
        typed = talk.turns[0]
        assert (typed.role, typed.text, typed.text_source) == ("user", "good morning", "typed")
        assert typed.pcm.shape == (0,)


@pytest.mark.both_isolations
@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()], ids=["vad", "push"])
def test_a_spoken_question_is_answered(dialect: str, detection: Any, question: np.ndarray) -> None:
    with Talk(partner="parrot", dialect=dialect, turn_detection=detection) as talk:
        reply = talk.ask(question, RATE_HZ)
        user = talk.turns[0]
        assert [turn.role for turn in talk.turns] == ["user", "assistant"]
        assert np.array_equal(user.pcm[: len(question)], question[: len(user.pcm)])
        if isinstance(detection, PushToTalk):
            assert np.array_equal(reply.pcm, question)
        assert reply.latency_ms is not None


def test_a_path_is_a_sound_file_and_a_str_is_always_text(
    talk: Talk, question: np.ndarray, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "question.wav", question)
    assert len(talk.ask(path).pcm) > RATE_HZ
    assert talk.ask(str(path)).text == str(path)


def test_the_reply_to_the_last_speech_in_a_sound_is_returned(speech: Any, silence: Any) -> None:
    first, second = speech("This is the first sentence."), speech("Second one.", "slt")
    sound = np.concatenate((silence(0.5), first, silence(1.5), second))
    with Talk(partner="parrot") as talk:
        reply = talk.ask(sound, RATE_HZ)
        users = talk.turns.user
        assert len(users) == 2
        # The parrot repeats the silence that was sent for the server to find the end, too.
        assert np.array_equal(reply.pcm[: len(users[1].pcm)], users[1].pcm)
        assert np.array_equal(users[1].pcm[-RATE_HZ:], sound[-RATE_HZ:])


class SlowReader:
    """Stands between a client and a server, which gets nothing more after a time of sound until it
    has answered, as one that is busy.
    """

    def __init__(self, server: RehearsalServer, *, until_s: float) -> None:
        self._url, self._until_s = server.url(), until_s
        self._server = serve(self._relay, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/v1/realtime"

    def __enter__(self) -> SlowReader:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def _relay(self, client: ServerConnection) -> None:
        has_answered, sound_s = threading.Event(), 0.0
        key = {"Authorization": "Bearer any"}
        with connect_socket(self._url, additional_headers=key) as upstream:

            def pass_on() -> None:
                for frame in upstream:
                    client.send(frame)
                    if '"response.done"' in str(frame):
                        has_answered.set()

            threading.Thread(target=pass_on, daemon=True).start()
            for frame in client:
                message = json.loads(frame)
                if message["type"] == "input_audio_buffer.append":
                    if sound_s > self._until_s:
                        has_answered.wait()
                    sound_s += len(message["audio"]) * 3 / 4 / 2 / RATE_HZ
                upstream.send(frame)


def test_speech_that_the_server_reads_after_it_has_answered_the_first_is_waited_for(
    speech: Any, silence: Any
) -> None:
    first, second = speech("This is the first sentence."), speech("Second one.", "slt")
    sound = np.concatenate((first, silence(1.5), second))
    with (
        RehearsalServer(partner=["One.", "Two."], speed=np.inf) as server,
        SlowReader(server, until_s=len(first) / RATE_HZ + 1.2) as slow,
        Talk(url=slow.url, api_key="any") as talk,
    ):
        assert talk.ask(sound, RATE_HZ, timeout_s=30).text == "Two."
        assert [turn.text for turn in talk.turns.assistant] == ["One.", "Two."]


def test_a_sound_without_speech_raises_reply_timeout(
    silence: Any,
) -> None:
    with TimedTalk(Timeouts(no_speech_s=0.3), partner="parrot") as talk:
        with pytest.raises(ReplyTimeout, match=r"no speech.*PushToTalk\(\)"):
            talk.ask(silence(0.5), RATE_HZ)
        assert talk.turns[0].is_complete
        assert talk.ask("still there").text == "still there"


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_time_out_of_a_sound_without_speech_says_that_none_was_found(
    dialect: Any, silence: Any
) -> None:
    with Talk(partner="parrot", dialect=dialect) as talk:
        talk.start()
        with pytest.raises(
            ReplyTimeout, match=r"no speech.*silence after it.*PushToTalk"
        ) as caught:
            talk.ask(silence(0.5), RATE_HZ, timeout_s=0.5)
        assert caught.value.timeout_s == 0.5
        assert talk.turns[0].pcm.tolist() == silence(0.5).tolist()


def test_a_time_out_during_a_call_that_waits_for_approval_says_so_and_how_to_approve() -> None:
    def f() -> str:
        """Do something."""
        return "done"

    def partner(turn: Any) -> Any:
        return Unvoiced("over") if turn.role == "tool" else CallTool("f", {})

    with Talk(partner=partner, tools=[f], approve_tools=True) as talk:
        with pytest.raises(ReplyTimeout, match="the call of 'f' waits for approval") as caught:
            talk.ask("go", timeout_s=0.5)
        (call,) = talk.pending_approvals
        assert f"approve({call.call_id!r})" in str(caught.value)
        assert "none was received" not in str(caught.value)
        talk.approve(call.call_id)
        wait_for_talk(talk, lambda: bool(talk.turns) and talk.turns[-1].text == "over")


def test_a_time_out_during_a_call_that_runs_says_so() -> None:
    is_over = threading.Event()

    def slow() -> str:
        """Take long."""
        is_over.wait(20)
        return "done"

    def partner(turn: Any) -> Any:
        return Unvoiced("over") if turn.role == "tool" else CallTool("slow", {})

    with Talk(partner=partner, tools=[slow]) as talk:
        with pytest.raises(ReplyTimeout, match=r"the call of 'slow' is still running.*timeout_s="):
            talk.ask("go", timeout_s=0.5)
        is_over.set()
        wait_for_talk(talk, lambda: talk.turns[-1].text == "over")


# --------------------------------------------------------------------------- cancelled questions
async def test_a_cancelled_question_interrupts_its_reply(silence: Any) -> None:
    def partner(turn: Any) -> Any:
        return silence(600) if turn.text == "long" else turn.text

    async with Talk(partner=partner) as talk:
        asked = asyncio.create_task(talk.ask_async("long"))
        await wait_until_async(lambda: len(talk.turns) == 2)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await wait_until_async(lambda: talk.turns[1].is_complete)
        assert talk.turns[1].was_interrupted
        assert (await talk.ask_async("quick")).text == "quick"


async def test_a_cancelled_question_by_sound_leaves_nothing_to_the_next(
    question: np.ndarray,
) -> None:
    async with Talk(partner="parrot") as talk:
        asked = asyncio.create_task(talk.ask_async(question, RATE_HZ))
        await wait_until_async(lambda: len(talk.turns) == 1 and talk.turns[0].item_id != "")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        reply = await talk.ask_async(question, RATE_HZ)
        assert reply is talk.turns[-1]
        first, second = (turn.pcm.tolist() for turn in talk.turns.user)
        # It may have been cancelled before it had been sent to its end.
        assert first == question[: len(first)].tolist()
        assert second == question[: len(second)].tolist()
        assert len(second) > len(question) - RATE_HZ // 2
        assert all(turn.was_interrupted for turn in talk.turns.assistant[:-1])


@pytest.mark.usefixtures("in_thread")
async def test_a_cancelled_question_that_was_not_sent_leaves_the_running_reply(
    silence: Any,
) -> None:
    is_over = threading.Event()

    def partner(turn: Any) -> Iterator[Any]:
        yield silence(0.5)
        is_over.wait(20)
        yield silence(0.5)

    async with Talk(partner=partner) as talk:
        talk.say("first")
        await wait_until_async(lambda: len(talk.turns) == 2)
        asked = asyncio.create_task(talk.ask_async("second"))
        await wait_until_async(lambda: bool(session_of(talk).protocol._requests))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        is_over.set()
        await wait_until_async(lambda: talk.turns[1].is_complete)
        assert not talk.turns[1].was_interrupted
        assert len(talk.turns) == 2


def test_questions_queue_behind_a_running_reply(silence: Any) -> None:
    with Talk(partner=lambda turn: [silence(1.0), turn.text]) as talk:
        typed = talk.say("first")
        reply = talk.ask("second")
        assert typed.text == "first"
        assert "second" in reply.text
        assert [turn.role for turn in talk.turns].count("assistant") == 2


@pytest.mark.both_isolations
def test_each_thread_gets_the_reply_to_its_own_question() -> None:
    with Talk(partner=lambda turn: turn.text[::-1]) as talk:
        replies: dict[str, str] = {}

        def ask(text: str) -> None:
            replies[text] = talk.ask(text).text

        words = ["alpha", "beta", "gamma", "delta"]
        threads = [threading.Thread(target=ask, args=(word,)) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replies == {word: word[::-1] for word in words}


async def test_the_async_methods_can_be_awaited_on_any_loop() -> None:
    async with Talk(partner="parrot") as talk:
        first, second = await asyncio.gather(talk.ask_async("one"), talk.ask_async("two"))
        assert {first.text, second.text} == {"one", "two"}
        await talk.say_async("three")
        await talk.interrupt_async()
        await talk.stop_async()
        assert talk.phase == "closed"


def test_ask_works_in_a_script() -> None:
    script = "from grok_live_widget import Talk; print(Talk(partner='parrot').ask('hi').text)"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("hi\n", "")


# --------------------------------------------------------------------------- saying
def test_say_returns_the_turn_of_a_sound_from_its_first_sample(
    talk: Talk, question: np.ndarray
) -> None:
    turn = talk.say(question, RATE_HZ)
    assert turn.role == "user"
    wait_for_talk(talk, lambda: turn.is_complete)
    assert np.array_equal(turn.pcm[: len(question)], question[: len(turn.pcm)])
    assert talk.turns[0] is turn


class SentChunks:
    """When each chunk of sound was sent on the talk's clock [s], and how many samples it has."""

    def __init__(self, talk: Talk) -> None:
        self.times_s: list[float] = []
        self.counts: list[int] = []
        talk.add_listener(self._note)

    def _note(self, event: Any, _: list[Turn], now_s: float) -> None:
        if isinstance(event, AppendAudio):
            self.times_s.append(now_s)
            self.counts.append(len(event.pcm) // 2)


@pytest.mark.parametrize("verb", ["ask", "say"])
@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()], ids=["vad", "push"])
def test_no_chunk_of_a_sound_at_the_pace_of_speech_is_sent_before_it_was_spoken(
    verb: str, detection: Any, speech: Any
) -> None:
    sound = speech("Hello there.")[: RATE_HZ * 4 // 5]
    with Talk(partner="parrot", turn_detection=detection) as talk:
        sent = SentChunks(talk)
        getattr(talk, verb)(sound, RATE_HZ, pace="realtime")
        wait_for_talk(talk, lambda: len(talk.turns.assistant) == 1 and talk.turns[-1].is_complete)
        count = len(sound) // 2_400
        assert sent.counts[:count] == [2_400] * count
        spoken_s = np.arange(count) * 0.1
        assert (np.subtract(sent.times_s[:count], sent.times_s[0]) > spoken_s - 0.002).all()
        assert np.array_equal(talk.turns[0].pcm[: len(sound)], sound)


def test_sounds_that_are_said_at_the_pace_of_speech_follow_one_another() -> None:
    first, second = np.full(9_600, 1, np.int16), np.full(4_800, 2, np.int16)
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        turns = [talk.say(sound, RATE_HZ, pace="realtime") for sound in (first, second)]
        wait_for_talk(talk, lambda: all(turn.is_complete for turn in turns))
        assert [each.pcm.tolist() for each in turns] == [first.tolist(), second.tolist()]


def test_a_microphone_does_not_get_into_a_sound_at_the_pace_of_speech() -> None:
    sound = np.full(9_600, 1, np.int16)
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        turn = talk.say(sound, RATE_HZ, pace="realtime")
        send_microphone(talk, np.full(2_400, 2, "<i2").tobytes())
        wait_for_talk(talk, lambda: turn.is_complete)
        assert turn.pcm.tolist() == sound.tolist()


def test_the_time_limit_of_a_sound_at_the_pace_of_speech_begins_at_its_end(held: Held) -> None:
    sound = np.zeros(36_000, np.int16)
    with Talk(partner=held, turn_detection=PushToTalk()) as talk:
        talk.start()
        sent = SentChunks(talk)
        with pytest.raises(ReplyTimeout, match="in 1 s"):
            talk.ask(sound, RATE_HZ, pace="realtime", timeout_s=1)
        assert sum(sent.counts) == len(sound)


@pytest.mark.parametrize(
    ("question", "pace", "part"),
    [("hello", "realtime", "a text, which is sent at once"), (Path("x.wav"), "slow", "'fast'")],
)
def test_a_pace_that_a_question_cannot_have_is_refused(
    talk: Talk, question: Any, pace: Any, part: str
) -> None:
    for ask in (talk.ask, talk.say):
        with pytest.raises(ConfigurationError, match=part):
            ask(question, pace=pace)
    assert talk.phase == "closed"


@pytest.mark.parametrize("verb", ["ask", "say", "send_audio"])
def test_clipping_is_noted_in_the_talk(verb: str) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        getattr(talk, verb)(sine(0.5, amplitude=2.0), RATE_HZ)
        wait_for_talk(talk, lambda: any("clipped" in note.text for note in talk.notes))


@pytest.mark.parametrize("verb", ["ask", "say", "send_audio"])
def test_channels_that_cancel_each_other_are_noted(verb: str, question: np.ndarray) -> None:
    stereo = np.stack((question // 2, -(question // 2)), axis=1)
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        getattr(talk, verb)(stereo, RATE_HZ)
        wait_for_talk(talk, lambda: any("cancel" in note.text for note in talk.notes))


def test_the_error_for_cancelling_channels_advises_one_of_them(question: np.ndarray) -> None:
    stereo = np.stack((question // 2, -(question // 2)), axis=1)
    with (
        TimedTalk(Timeouts(no_speech_s=0.3), partner="parrot") as talk,
        pytest.raises(ReplyTimeout, match=r"no speech.*cancel each other.*x\[:, 0\]") as caught,
    ):
        talk.ask(stereo, RATE_HZ)
    assert "threshold" not in str(caught.value)


@pytest.mark.parametrize("verb", ["ask", "say", "send_audio"])
def test_int16_samples_kept_as_floats_are_refused_with_the_cure(verb: str) -> None:
    with (
        Talk(partner="parrot") as talk,
        pytest.raises(AudioFormatError, match="x / 32768"),
    ):
        getattr(talk, verb)(sine(0.5, amplitude=9_000.0), RATE_HZ)


def test_the_microphone_is_dropped_until_the_stream_of_an_array_has_ended() -> None:
    microphone, piece = np.full(2_400, 7, np.int16), sine(0.2, 440.0, rate_hz=16_000)
    timeouts = Timeouts(stream_gap_s=60)
    with TimedTalk(timeouts, partner="parrot", turn_detection=PushToTalk()) as talk:
        for _ in range(2):
            talk.send_audio(piece, 16_000)
            send_microphone(talk, microphone.tobytes())
        talk.send_audio(piece, 16_000, end=True)
        send_microphone(talk, microphone.tobytes())
        talk.commit()
        whole = ClipConverter().convert(np.concatenate([piece] * 3), 16_000)
        assert talk.turns[0].pcm.tobytes() == whole + microphone.tobytes()


@pytest.mark.usefixtures("in_thread")
def test_a_question_ends_the_stream_of_an_array() -> None:
    timeouts = Timeouts(stream_gap_s=60)
    with TimedTalk(timeouts, partner="parrot", turn_detection=PushToTalk()) as talk:
        talk.send_audio(sine(0.2, 440.0, rate_hz=16_000), 16_000)
        assert talk.ask("hi").text == "hi"
        assert session_of(talk).protocol.sent_sample_count == 4_800


def test_commit_ends_a_push_to_talk_turn_and_requests_a_reply(question: np.ndarray) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        for start in range(0, len(question), 1000):
            talk.send_audio(question[start : start + 1000], RATE_HZ)
        assert not talk.turns[0].is_complete
        talk.commit()
        wait_for_talk(talk, lambda: len(talk.turns) > 1 and talk.turns[1].is_complete)
        assert np.array_equal(talk.turns[1].pcm, question)


# --------------------------------------------------------------------------- failures
def test_an_interrupt_leaves_the_talk_usable(silence: Any) -> None:
    begun = threading.Event()

    def partner(turn: Any) -> Any:
        if turn.text == "slow":
            begun.set()
            threading.Event().wait(1)
        return turn.text

    with Talk(partner=partner) as talk:
        talk.start()
        threading.Thread(target=lambda: (begun.wait(), _thread.interrupt_main())).start()
        with pytest.raises(KeyboardInterrupt):
            talk.ask("slow")
        assert talk.phase == "open"
        assert talk.ask("quick").text == "quick"


@pytest.mark.both_isolations
def test_a_time_out_keeps_what_was_received(silence: Any) -> None:
    def partner(turn: Any) -> Iterator[Any]:
        yield silence(0.5)
        threading.Event().wait(3)
        yield silence(0.5)

    with Talk(partner=partner) as talk:
        with pytest.raises(ReplyTimeout, match="kept") as caught:
            talk.ask("take your time", timeout_s=1)
        assert caught.value.turn is talk.turns[1]
        assert len(talk.turns[1].pcm) > 0


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_question_after_a_time_out_does_not_wait_for_the_earlier_reply(
    dialect: str, silence: Any
) -> None:
    def partner(turn: Any) -> Any:
        return silence(600) if turn.text == "long" else turn.text

    with Talk(partner=partner, dialect=dialect) as talk:
        talk.start()
        with pytest.raises(ReplyTimeout):
            talk.ask("long", timeout_s=0.5)
        if dialect == "realtime":
            # On a busy machine the reply may begin after the time-out.
            wait_until(lambda: [turn.was_interrupted for turn in talk.turns.assistant] == [True])
            assert talk.ask("quick", timeout_s=30).text == "quick"


def _raises(turn: Any) -> str:
    if turn.text == "fail":
        raise ValueError("out of ideas")
    return "fine"


async def _raises_async(turn: Any) -> str:
    return _raises(turn)


def _raises_while_it_answers(turn: Any) -> Iterator[str]:
    yield _raises(turn)


@pytest.mark.parametrize("partner", [_raises, _raises_async, _raises_while_it_answers])
@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_an_error_of_the_partner_is_told_as_its_own_with_its_place_and_the_talk_goes_on(
    partner: Any, dialect: str
) -> None:
    line = _raises.__code__.co_firstlineno + 2
    said = f"the partner raised ValueError: out of ideas (_raises, {__file__}:{line})"
    with Talk(partner=partner, dialect=dialect) as talk:
        with pytest.raises(ServerError) as failed:
            talk.ask("fail")
        assert str(failed.value) == said
        assert talk.ask("again").text == "fine"


def test_a_partner_of_the_wrong_arity_is_refused_before_a_talk_begins() -> None:
    with pytest.raises(ConfigurationError, match="partner must be a function of one argument"):
        Talk(partner=lambda: "yes")
    with pytest.raises(ConfigurationError, match="partner must be a function of one argument"):
        RehearsalServer(lambda turn, history: "yes")


@pytest.mark.parametrize(
    ("question", "rate", "error", "part"),
    [
        ("", None, ConfigurationError, "nothing to say"),
        (np.zeros(10), None, ConfigurationError, "sample_rate"),
        (np.zeros(0), RATE_HZ, ConfigurationError, "empty"),
        (np.zeros((2, 2, 2)), RATE_HZ, AudioFormatError, "shape"),
        (np.zeros(10, np.int64), RATE_HZ, AudioFormatError, "int64"),
        (Path("no-such-file.wav"), None, AudioFormatError, "no file"),
        (np.zeros(10), 12, AudioFormatError, "sample_rate"),
    ],
)
def test_invalid_questions_are_refused_before_a_session_is_opened(
    talk: Talk, question: Any, rate: Any, error: type, part: str
) -> None:
    with pytest.raises(error, match=part):
        talk.ask(question, rate)
    assert talk.phase == "closed"


@pytest.mark.parametrize("ask", [Talk.ask, Talk.say])
def test_a_push_to_talk_sound_that_is_too_short_is_refused_before_a_session_is_opened(
    ask: Any,
) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        with pytest.raises(ConfigurationError, match=r"lasts 99 ms, .* less than 100 ms"):
            ask(talk, np.zeros(2399, np.int16), RATE_HZ)
        assert (talk.phase, len(talk.turns)) == ("closed", 0)
        assert len(talk.ask(np.zeros(1600, np.int16), 16_000).pcm) == 2400


@pytest.mark.both_isolations
@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_wrong_key_raises_and_is_noted(dialect: str) -> None:
    with (
        RehearsalServer("parrot", api_key="right") as server,
        Talk(url=server.url(dialect), api_key="wrong-key-value") as talk,
    ):
        with pytest.raises(AuthenticationError, match="XAI_API_KEY") as caught:
            talk.ask("hello")
        assert "wrong-key-value" not in str(caught.value)
        assert any("XAI_API_KEY" in note.text for note in talk.notes)
        assert talk.phase == "closed"


def test_an_unreachable_host_raises_and_is_noted() -> None:
    with Talk(url="ws://127.0.0.1:1/v1/realtime") as talk:
        with pytest.raises(ConnectError, match=r"nothing answers at 127\.0\.0\.1:1"):
            talk.start()
        assert "nothing answers" in talk.notes[-1].text.lower()


@pytest.mark.both_isolations
def test_a_server_that_closes_during_a_reply_raises_and_the_turns_are_kept(silence: Any) -> None:
    server = RehearsalServer(lambda turn: silence(60), api_key="k").start()
    with Talk(url=server.url(), api_key="k", reconnect_tries=0) as talk:
        began = threading.Event()
        talk.add_listener(lambda event, changed, _: began.set() if len(talk.turns) > 1 else None)
        closer = threading.Thread(target=lambda: (began.wait(), server.close()))
        closer.start()
        with pytest.raises(SessionClosedError, match="closed"):
            talk.ask("go on for a while")
        closer.join()
        assert talk.turns[1].is_complete
        assert talk.phase == "closed"


def test_live_names_the_message_type_that_the_server_does_not_know(peer: Any) -> None:
    async def refuse(socket: Any) -> None:
        async for frame in socket:
            if b"conversation.item.create" in (
                frame if isinstance(frame, bytes) else frame.encode()
            ):
                await socket.send('{"type":"error","error":{"message":"unknown event"}}')

    url = peer(refuse).url.replace("realtime", "live")
    with (
        Talk(url=url, dialect="live") as talk,
        pytest.raises(UnsupportedByServer, match=r"conversation\.item\.create"),
    ):
        talk.ask("hello")


def test_blocking_calls_on_the_thread_of_talks_are_refused(talk: Talk) -> None:
    caught: list[BaseException] = []

    async def misuse() -> None:
        try:
            talk.ask("from inside")
        except ConfigurationError as error:
            caught.append(error)

    TALK_THREAD.run(misuse())
    assert "_async" in str(caught[0])


@pytest.mark.both_isolations
# --------------------------------------------------------------------------- the connection
def test_the_turns_stay_after_stop_and_grow_after_the_next_start(talk: Talk) -> None:
    talk.ask("one")
    turns = talk.turns
    talk.stop()
    assert talk.phase == "closed"
    talk.ask("two")
    assert talk.turns is turns
    assert [turn.text for turn in turns] == ["one", "one", "two", "two"]
    talk.stop()
    talk.stop()


def test_constructing_opens_nothing() -> None:
    # The thread of all talks may not run yet.
    Talk(partner="parrot").close()
    before = threading.enumerate()
    talk = Talk(partner="parrot")
    assert talk.phase == "closed"
    assert threading.enumerate() == before
    talk.close()


@pytest.mark.usefixtures("in_thread")
def test_an_idle_talk_is_closed_with_a_note() -> None:
    with Talk(partner="parrot", idle_timeout_s=1) as talk:
        talk.start()
        closed = threading.Event()
        session_of(talk).on_closed(closed.set)
        assert closed.wait(10)
        assert "idle_timeout_s" in talk.notes[-1].text


def test_closing_ends_the_rehearsal_and_its_threads() -> None:
    talk = Talk(partner="parrot")
    talk.ask("hello")
    talk.close()
    assert not [thread for thread in threading.enumerate() if "rehearsal" in thread.name]
    assert talk.turns[1].text == "hello"


# --------------------------------------------------------------------------- other settings
def settings_of(turn: Any) -> str:
    """The settings that a partner gets with a turn."""
    return f"{turn.voice}: {turn.instructions}"


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_settings_that_change_while_closed_hold_in_the_next_session(dialect: str) -> None:
    with Talk(partner=settings_of, dialect=dialect, voice="eve") as talk:
        assert talk.update(voice="ara", instructions="Sing.") == []
        assert talk.phase == "closed"
        assert (talk.settings.voice, talk.settings.instructions) == ("ara", "Sing.")
        assert talk.ask("who?").text == "ara: Sing."


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_settings_that_change_while_open_hold_at_once_and_in_the_next_session(dialect: str) -> None:
    with Talk(partner=settings_of, dialect=dialect, voice="eve") as talk:
        log = EventLog(talk)
        talk.start()
        assert talk.update(voice="ara") == []
        assert talk.ask("who?").text == "ara: "
        assert talk.update(instructions="Sing.") == []
        assert talk.ask("who?").text == "ara: Sing."
        assert len(log.of(SessionOpened)) == 1
        talk.stop()
        assert talk.ask("who?").text == "ara: Sing."


def test_turn_detection_can_change_during_a_talk(question: np.ndarray) -> None:
    with Talk(partner="parrot") as talk:
        talk.ask("hello")
        talk.update(turn_detection=PushToTalk())
        assert np.array_equal(talk.ask(question, RATE_HZ).pcm, question)
        talk.update(turn_detection=ServerVad())
        # Silence is sent after it until the server detects its end.
        assert len(talk.ask(question, RATE_HZ).pcm) != len(question)


@pytest.mark.both_isolations
def test_another_model_goes_on_in_a_new_session_with_the_same_turns() -> None:
    with Talk(partner=lambda turn: f"{len(turn.history)} {turn.instructions}") as talk:
        log, turns = EventLog(talk), talk.turns
        talk.ask("one")
        assert talk.update(model="grok-9", instructions="Sing.") == []
        assert talk.phase == "open"
        assert len(log.of(SessionOpened)) == 2
        assert talk.turns is turns
        reply = talk.ask("two")
        assert reply.text.endswith("Sing.")
        assert [turn.text for turn in turns.user] == ["one", "two"]
        talk.update(model="grok-9")
        assert len(log.of(SessionOpened)) == 2


@pytest.mark.parametrize("more", [{}, {"model": "grok-9"}], ids=["same session", "new session"])
def test_tools_that_are_offered_later_are_called(more: dict[str, Any]) -> None:
    def partner(turn: Any) -> Any:
        if turn.role == "tool":
            yield turn.text
        elif turn.tools:
            yield CallTool(turn.tools[0], {"number": 4})
        else:
            yield "nothing to call"

    def double(number: int) -> int:
        """Double it."""
        return 2 * number

    with Talk(partner=partner) as talk:
        assert talk.ask("please").text == "nothing to call"
        talk.update(tools=[double], **more)
        assert talk.ask("please").text == "8"
        talk.update(tools=[])
        assert talk.ask("please").text == "nothing to call"


@pytest.mark.both_isolations
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"sample_rate": 16_000}, ConfigurationError, "sample_rate cannot be changed"),
        ({"speed": 9}, ConfigurationError, "speed"),
        ({"voise": "eve"}, ConfigurationError, "no setting 'voise'"),
        ({"speed": 1.1}, UnsupportedByServer, "speed=1.1"),
        (
            {"speed": 1.1, "reasoning": "none"},
            UnsupportedByServer,
            "'reasoning=none, speed=1.1'",
        ),
    ],
)
def test_an_update_that_is_refused_changes_no_setting(
    is_open: bool, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    with Talk(partner="parrot", dialect="live") as talk:
        if is_open:
            talk.start()
        earlier = talk.settings
        with pytest.raises(error, match=says):
            talk.update(voice="nova", **given)
        assert talk.settings is earlier


async def test_changes_at_the_same_time_are_all_made() -> None:
    async with Talk(partner=settings_of) as talk:
        await talk.start_async()
        await asyncio.gather(talk.update_async(voice="ara"), talk.update_async(instructions="Hm."))
        assert (await talk.ask_async("who?")).text == "ara: Hm."
        assert (talk.settings.voice, talk.settings.instructions) == ("ara", "Hm.")


# --------------------------------------------------------------------------- time limits
def test_the_time_limits_of_ask_name_what_was_awaited_and_the_cure(peer: Any) -> None:
    """Each sentence is for a reader who does not know how questions are sent."""
    was_asked = threading.Event()

    async def silent(socket: Any) -> None:
        async for _ in socket:
            pass

    def never(turn: Any) -> Any:
        was_asked.set()
        may_end.wait(20)
        return Unvoiced("over")

    may_end = threading.Event()
    with Talk(partner=never) as talk:
        first = asking(talk, "first")
        assert was_asked.wait(20)
        with pytest.raises(ReplyTimeout) as behind:
            talk.ask("second", timeout_s=0.1)
        assert str(behind.value) == (
            "the question was not sent within 0.1 s: another question was still waiting for its "
            "reply. Ask again when that one is answered, end it with interrupt(), or allow more "
            "with timeout_s=."
        )
        with pytest.raises(ReplyTimeout) as unspoken:
            talk.say_verbatim("Hello.", timeout_s=0.1)
        assert str(unspoken.value) == (
            "the text was not sent within 0.1 s: what was said before it was still being answered. "
            "Send the text again, or allow more with timeout_s=."
        )
        may_end.set()
        first.result(20)
    with Talk(url=peer(silent).url) as talk:
        with pytest.raises(ReplyTimeout) as unopened:
            talk.ask("first", timeout_s=0.1)
        assert str(unopened.value) == (
            "the question was not sent within 0.1 s: the connection was not open yet. Check the "
            "network and the talk's notes, or allow more with timeout_s=; opening may take 15 s "
            "(open_timeout_s=)."
        )


def test_a_question_behind_a_reply_that_does_not_end_says_that_it_was_not_sent(held: Held) -> None:
    with Talk(partner=held) as talk:
        talk.say("hold")
        assert held.was_asked.wait(20)
        with pytest.raises(ReplyTimeout, match="what was said before it was still being answered"):
            talk.ask("again", timeout_s=0.1)
        assert talk.ask("again").text == "again"


# --------------------------------------------------------------------------- interrupt during ask
class Held:
    """A partner whose reply begins at once and ends when it is released."""

    def __init__(self, silence: Any) -> None:
        self.was_asked, self.is_released = threading.Event(), threading.Event()
        self._silence = silence

    def __call__(self, turn: Any) -> Any:
        if turn.text == "again":
            yield Unvoiced("again")
            return
        self.was_asked.set()
        if turn.text == "begin":
            yield self._silence(0.5)
        self.is_released.wait(20)


@pytest.fixture
def held(silence: Any) -> Iterator[Held]:
    held = Held(silence)
    yield held
    held.is_released.set()


def asking(talk: Talk, question: Any, *args: Any) -> Future[Turn]:
    """Ask on a thread."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(talk.ask, question, *args)
    pool.shutdown(wait=False)
    return future


def test_interrupt_ends_ask_with_what_was_received(held: Held) -> None:
    with Talk(partner=held) as talk:
        asked = asking(talk, "begin")
        wait_for_talk(talk, lambda: len(talk.turns) > 1 and len(talk.turns[1].pcm) > 0)
        talk.interrupt()
        turn = asked.result(20)
        assert turn is talk.turns[1]
        assert turn.was_interrupted
        assert turn.is_complete
        assert talk.ask("again").text == "again"


def test_interrupt_does_not_wait_for_the_end_of_a_reply_that_cannot_be_cancelled(
    silence: Any,
) -> None:
    timeouts = Timeouts(response_check_s=3600)
    with TimedTalk(timeouts, partner=lambda turn: silence(60), dialect="live") as talk:
        asked = asking(talk, "begin")
        wait_for_talk(talk, lambda: len(talk.turns) > 1 and len(talk.turns[1].pcm) > 0)
        talk.interrupt()
        turn = asked.result(20)
        assert turn.was_interrupted
        assert turn.duration_s < 60


def test_interrupt_before_anything_was_received_ends_ask_with_an_empty_turn(held: Held) -> None:
    with Talk(partner=held) as talk:
        asked = asking(talk, "hold")
        assert held.was_asked.wait(20)
        talk.interrupt()
        turn = asked.result(20)
        assert (turn.role, turn.text, len(turn.pcm)) == ("assistant", "", 0)
        assert turn.was_interrupted
        assert turn.is_complete
        assert list(talk.turns.assistant) == []
        assert talk.ask("again").text == "again"


@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()], ids=["vad", "push"])
def test_interrupt_ends_a_question_by_sound(
    held: Held, question: np.ndarray, detection: Any
) -> None:
    with Talk(partner=held, turn_detection=detection) as talk:
        asked = asking(talk, question, RATE_HZ)
        assert held.was_asked.wait(20)
        talk.interrupt()
        assert asked.result(20).was_interrupted
        assert talk.ask("again").text == "again"


def test_interrupt_by_a_listener_ends_ask(held: Held) -> None:
    with Talk(partner=held) as talk:
        talk.add_listener(
            lambda event, *_: talk.interrupt() if isinstance(event, AudioDelta) else None
        )
        assert talk.ask("begin").was_interrupted


@pytest.mark.both_isolations
@pytest.mark.parametrize("how", ["own", "main", "async", "thread"])
def test_interrupt_while_a_tool_runs_ends_ask_and_no_reply_follows(how: str) -> None:
    may_end = threading.Event()

    def work() -> str:
        talk.interrupt()
        may_end.wait(0 if how == "main" else 20)
        return "done"

    async def work_async() -> str:
        await talk.interrupt_async()
        await asyncio.to_thread(may_end.wait, 20)
        return "done"

    def work_alone() -> str:
        threading.Thread(target=talk.interrupt).start()
        may_end.wait(20)
        return "done"

    functions = {"own": work, "main": work, "async": work_async, "thread": work_alone}
    thread: Any = "main" if how == "main" else "own"

    def partner(turn: Any) -> Any:
        if turn.text == "again":
            return Unvoiced("again")
        return [Unvoiced("One moment."), CallTool("work")]

    function = tool(name="work", thread=thread)(functions[how])
    with Talk(partner=partner, tools=[function]) as talk:
        log = EventLog(talk)
        turn = talk.ask("please")
        assert (turn.text, turn.was_interrupted) == ("One moment.", True)
        may_end.set()
        log.wait_for(lambda: bool(log.of(ToolFinished)))
        assert talk.ask("again").text == "again"
        assert [each.text for each in talk.turns.assistant] == ["One moment.", "again"]


@pytest.mark.usefixtures("in_thread")
def test_no_reply_follows_an_interrupt_that_comes_with_the_end_of_the_reply_that_called() -> None:
    may_end = threading.Event()

    def work() -> str:
        may_end.wait(20)
        return "done"

    def partner(turn: Any) -> Any:
        if turn.text == "again":
            return Unvoiced("again")
        return [Unvoiced("One moment."), CallTool("work")]

    with Talk(partner=partner, tools=[work]) as talk:

        def interrupt(event: Any, *_: Any) -> None:
            # Called before the runner of the tools learns of the end.
            if isinstance(event, ResponseDone):
                for callback in session_of(talk)._on_interrupt:
                    callback()

        talk.add_listener(interrupt)
        log = EventLog(talk)
        talk.say("please")
        log.wait_for(lambda: bool(log.of(ResponseDone)))
        may_end.set()
        log.wait_for(lambda: bool(log.of(ToolFinished)))
        assert talk.ask("again").text == "again"
        assert [each.text for each in talk.turns.assistant] == ["One moment.", "again"]


def test_interrupt_ends_the_wait_for_approval_of_a_call() -> None:
    def partner(turn: Any) -> Any:
        return [Unvoiced("One moment."), CallTool("careful")]

    def careful() -> str:
        raise AssertionError("it was not allowed")

    with Talk(partner=partner, tools=[careful], approve_tools=True) as talk:
        asked = asking(talk, "please")
        wait_for_talk(talk, lambda: bool(talk.pending_approvals))
        talk.interrupt()
        assert asked.result(20).was_interrupted
        wait_for_talk(talk, lambda: not talk.pending_approvals)


def test_interrupt_ends_the_question_that_runs_and_not_the_one_that_waits_behind_it(
    held: Held,
) -> None:
    with Talk(partner=held) as talk:
        first = asking(talk, "hold")
        assert held.was_asked.wait(20)
        second = asking(talk, "again")
        talk.interrupt()
        assert first.result(20).was_interrupted
        assert second.result(20).text == "again"


# --------------------------------------------------------------------------- options of one reply
SAYS = pytest.mark.parametrize(
    "say",
    [Talk.say_verbatim, lambda talk, text: asyncio.run(talk.say_verbatim_async(text))],
    ids=["plain", "async"],
)


@SAYS
def test_say_verbatim_returns_a_turn_that_becomes_exactly_the_text(talk: Talk, say: Any) -> None:
    turn = say(talk, "Exactly this.")
    assert turn.role == "assistant"
    assert turn.wait(20) is turn
    assert (turn.text, turn.is_complete) == ("Exactly this.", True)
    assert [each is turn for each in talk.turns] == [True]
    assert talk.ask("hello").text == "hello"


@SAYS
def test_say_verbatim_returns_before_the_text_has_been_received(say: Any) -> None:
    with (
        RehearsalServer(lambda turn: "fine", speed=1.0) as server,
        Talk(url=server.url(), api_key="k") as talk,
    ):
        turn = say(talk, "This is a text of which it takes some seconds to say all of the words.")
        assert not turn.is_complete
        talk.interrupt()
        assert turn.wait(20).was_interrupted


async def test_the_turn_of_say_verbatim_can_be_awaited() -> None:
    async with Talk(partner=lambda turn: "fine") as talk:
        turn = await (await talk.say_verbatim_async("Exactly this."))
        assert (turn.text, turn.is_complete) == ("Exactly this.", True)


def test_say_verbatim_waits_for_a_running_reply(silence: Any) -> None:
    with Talk(partner=lambda turn: [silence(0.5), turn.text]) as talk:
        talk.say("first")
        assert talk.say_verbatim("second", interruptible=False).wait(20).text == "second"
        assert [turn.text for turn in talk.turns.assistant] == ["first", "second"]


@pytest.mark.both_isolations
def test_say_verbatim_in_a_tool_does_not_wait_for_the_reply_that_called_it() -> None:
    def announce() -> str:
        return talk.say_verbatim("One moment please.").wait(20).text

    def partner(turn: Any) -> Any:
        return Unvoiced(f"after {turn.text}") if turn.role == "tool" else CallTool("announce")

    with Talk(partner=partner, tools=[announce]) as talk:
        assert talk.ask("go on").text == "after One moment please."


def test_say_verbatim_is_unsupported_in_live() -> None:
    with Talk(partner="parrot", dialect="live") as talk:
        with pytest.raises(
            UnsupportedByServer, match="'live' dialect does not support 'say_verbatim'"
        ):
            talk.say_verbatim("Hello.")
        assert talk.ask("hello").text == "hello"


def metadata_of(talk: Talk) -> list[Any]:
    found: list[Any] = []
    talk.add_listener(
        lambda event, _, __: (
            found.append(event.metadata) if isinstance(event, ResponseDone) else None
        )
    )
    return found


@pytest.mark.parametrize("is_spoken", [True, False])
def test_instructions_and_metadata_can_be_given_for_one_reply(
    is_spoken: bool, question: np.ndarray
) -> None:
    asked: Any = (question, RATE_HZ) if is_spoken else ("who?",)
    settings: Any = {"instructions": "Be long.", "metadata": {"lesson": "3"}}
    with Talk(partner=settings_of, turn_detection=PushToTalk(), voice="eve", **settings) as talk:
        metadata = metadata_of(talk)
        first = talk.ask(*asked, instructions="Be brief.", metadata={"lesson": "4"})
        second = talk.ask(*asked)
        assert (first.text, second.text) == ("eve: Be brief.", "eve: Be long.")
        assert metadata == [{"lesson": "4"}, {"lesson": "3"}]


@pytest.mark.parametrize("given", [{"instructions": "Be brief."}, {"metadata": {"a": "b"}}])
def test_options_of_one_reply_are_refused_for_speech_that_the_server_answers_by_itself(
    given: dict[str, Any], question: np.ndarray
) -> None:
    with Talk(partner="parrot") as talk:
        with pytest.raises(ConfigurationError, match=r"by itself.*PushToTalk\(\)"):
            talk.ask(question, RATE_HZ, **given)
        assert (talk.phase, len(talk.turns)) == ("closed", 0)
    with Talk(partner="parrot", dialect="live", turn_detection=PushToTalk()) as talk:
        with pytest.raises(UnsupportedByServer, match="live"):
            talk.ask(question, RATE_HZ, **given)
        assert len(talk.turns) == 0
        assert np.array_equal(talk.ask(question, RATE_HZ).pcm, question)


@pytest.mark.parametrize("given", [{"instructions": 3}, {"metadata": {"a": 1}}])
def test_invalid_options_of_one_reply_are_refused_before_a_session_is_opened(
    talk: Talk, given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        talk.ask("hello", **given)
    assert talk.phase == "closed"


# --------------------------------------------------------------------------- usage
def test_turns_have_the_usage_of_their_reply_and_the_talk_has_the_sum(question: np.ndarray) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        assert talk.usage == Usage()
        first = talk.ask("hello there")
        talk.stop()
        second = talk.ask(question, RATE_HZ)
        usage = talk.usage
        assert all(turn.usage["output_tokens"] > 0 for turn in (first, second))
        assert talk.turns[0].usage == {}
        assert usage.output_tokens == sum(turn.usage["output_tokens"] for turn in (first, second))
        assert usage.input_tokens == sum(turn.usage["input_tokens"] for turn in (first, second))
        assert (usage.reply_count, usage.session_count) == (2, 2)
        assert usage.sent_s == pytest.approx(len(question) / RATE_HZ)
        assert usage.received_s == pytest.approx(first.duration_s + second.duration_s)
        assert usage.minutes == pytest.approx((usage.sent_s + usage.received_s) / 60)
        assert (usage.dollars, usage.text_count) == (0, 1)
    assert talk.usage == usage


@pytest.mark.both_isolations
def test_a_budget_warns_then_closes_the_talk_until_it_is_raised() -> None:
    budget = Budget(minutes=1.5 / 60, warn_at=0.1)
    with Talk(partner="parrot", budget=budget) as talk:
        log = EventLog(talk)
        assert talk.ask("hello").text == "hello"
        log.wait_for(lambda: log.of(PhaseChanged)[-1].phase == "closed")
        warning, spent = [note for note in talk.notes if "budget" in note.text.lower()]
        assert (warning.level, spent.level) == ("warning", "error")
        assert "Most of the budget is used up" in warning.text
        assert "has used up its budget" in spent.text
        for _ in range(2):
            with pytest.raises(BudgetSpent, match=r"update\(budget=…\)"):
                talk.ask("still there?")
        assert talk.phase == "closed"
        assert [turn.text for turn in talk.turns] == ["hello", "hello"]
        talk.update(budget=None)
        assert talk.ask("still there?").text == "still there?"


# --------------------------------------------------------------------------- signatures
def _public(kind: type) -> set[str]:
    return {name for name in vars(kind) | vars(kind.__mro__[1]) if not name.startswith("_")}


def test_the_widget_has_everything_that_a_talk_has() -> None:
    assert _public(Talk) <= set(dir(GrokLive))
    for name in _public(Talk):
        ours, theirs = getattr(Talk, name), getattr(GrokLive, name)
        if callable(ours):
            assert str(inspect.signature(ours)) == str(inspect.signature(theirs)), name


def test_every_call_that_waits_has_an_awaitable_twin() -> None:
    plain = {name for name in _public(Talk) if inspect.isfunction(getattr(Talk, name))}
    plain -= {"add_listener", "on", "turns_as_they_end"}  # They do not wait.
    twins = {name for name in plain if name.endswith("_async")}
    assert {f"{name}_async" for name in plain - twins} == twins
    for name in plain - twins:
        ours = inspect.signature(getattr(Talk, name)).parameters
        assert list(ours) == list(inspect.signature(getattr(Talk, f"{name}_async")).parameters)


@pytest.mark.parametrize("make", [Talk, GrokLive, connect])
def test_the_signature_shows_the_key_and_every_setting(make: Any) -> None:
    shown = inspect.signature(make).parameters
    own = ["keep_in_notebook", "half_duplex", "language", "channel"] if make is GrokLive else []
    assert list(shown) == ["api_key", *own, *Settings.__struct_fields__]
    assert all(each.kind is each.KEYWORD_ONLY for each in shown.values())
    assert (shown["api_key"].default, shown["speed"].default) == (None, None)
    assert shown["idle_timeout_s"].default == Settings().idle_timeout_s


@pytest.mark.parametrize("make", [Talk, GrokLive])
@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("voice", r"Call update\(voice=…\)\."),
        ("tools", r"Call update\(tools=…\)\."),
        ("sample_rate", r"Create a new (Talk|GrokLive)\(sample_rate=…\)\."),
        ("api_key", r"Create a new (Talk|GrokLive)\(api_key=…\)\."),
    ],
)
def test_an_assignment_to_a_setting_is_refused_with_the_call_that_changes_it(
    make: Any, name: str, cure: str
) -> None:
    with make(partner="parrot") as talk:
        with pytest.raises(ConfigurationError, match=f"setting {name} cannot be assigned. {cure}"):
            setattr(talk, name, None)
        assert not hasattr(talk, name)


@pytest.mark.parametrize("make", [Talk, GrokLive])
def test_an_assignment_to_a_misspelt_setting_is_refused_and_other_names_are_free(make: Any) -> None:
    with make(partner="parrot") as talk:
        with pytest.raises(
            ConfigurationError, match=r"no setting 'vioce'\. Did you mean 'voice'\?"
        ):
            talk.vioce = "eve"
        talk.label = "first run"
        assert talk.label == "first run"


@pytest.mark.parametrize("make", [Talk, GrokLive, Session])
def test_the_signature_of_update_shows_the_settings_that_can_change(make: Any) -> None:
    names = [name for name in Settings.__struct_fields__ if name not in IMMUTABLE]
    assert list(inspect.signature(make.update).parameters) == ["self", *names]


def test_talk_and_connect_take_the_same_settings() -> None:
    with pytest.raises(ConfigurationError, match="no setting 'voise'"):
        Talk(voise="nova")
    with pytest.raises(ConfigurationError, match="no setting 'voise'"):
        connect(voise="nova")


# --------------------------------------------------------------------------- names of files
def test_the_name_of_a_file_is_sent_as_text_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("question.wav").write_bytes(b"")
    with Talk(partner="parrot") as talk:
        assert talk.ask("question.wav").text == "question.wav"
        assert [note.text for note in talk.notes] == [
            "'question.wav' was sent as text, and there is a file of this name: "
            "pass pathlib.Path(…) to send its sound."
        ]
        for text in ("missing.wav", "What is in question.wav?", "x" * 5000 + ".wav", "a\0.wav"):
            talk.ask(text)
        assert len(talk.notes) == 1


@pytest.mark.parametrize("name", ["ask", "say"])
def test_a_misspelt_argument_is_an_error_with_the_nearest_name(name: str) -> None:
    with (
        Talk(partner="parrot") as talk,
        pytest.raises(TypeError, match=rf"{name}\(\) has no argument 'samplerate'. Did you mean"),
    ):
        getattr(talk, name)("text", samplerate=3)


MISSPELT = [
    ("ask", "timeout", "timeout_s"),
    ("ask_async", "timeout", "timeout_s"),
    ("say", "samplerate", "sample_rate"),
    ("say_verbatim", "interruptable", "interruptible"),
    ("send_audio", "paces", "pace"),
    ("send_audio_async", "paces", "pace"),
    ("approve", "allowed", "is_allowed"),
    ("save", "pth", "path"),
    ("add_listener", "listner", "listener"),
    ("update", "voise", "voice"),
]


@pytest.mark.parametrize("name", ["start", "stop", "interrupt", "commit", "clear", "close"])
async def test_a_method_without_arguments_says_so(name: str) -> None:
    async with Talk(partner="parrot") as talk:
        says = rf"{name}\(\) has no argument 'now'\. It has none\."
        with pytest.raises(ConfigurationError, match=says):
            getattr(talk, name)(now=True)


@pytest.mark.parametrize(("name", "misspelt", "meant"), MISSPELT)
async def test_each_method_names_the_nearest_argument(name: str, misspelt: str, meant: str) -> None:
    async with Talk(partner="parrot") as talk:
        call = functools.partial(getattr(talk, name), **{misspelt: 1})
        with pytest.raises(ConfigurationError, match=f"Did you mean '{meant}'"):
            await call() if inspect.iscoroutinefunction(call.func) else call()


async def test_the_methods_of_a_session_name_the_nearest_argument() -> None:
    async with connect(partner="parrot") as session:
        for name, misspelt, meant in (
            ("respond", "instruction", "instructions"),
            ("say_verbatim", "interruptable", "interruptible"),
            ("send_audio", "samplerate", "sample_rate"),
            ("send_item", "itm", "item"),
            ("send_text", "txt", "text"),
            ("truncate_item", "audio_end", "audio_end_ms"),
            ("delete_item", "item", "item_id"),
            ("approve", "allowed", "is_allowed"),
            ("update", "voise", "voice"),
        ):
            with pytest.raises(ConfigurationError, match=f"Did you mean '{meant}'"):
                await getattr(session, name)(**{misspelt: 1})


# --------------------------------------------------------------------------- after close
# Each method with its arguments: those that need an open talk, and those that are harmless.
REFUSED_WHEN_CLOSED: dict[str, Callable[[TalkAPI], Any]] = {
    "add_listener": lambda talk: talk.add_listener(lambda event, turns, now_s: None),
    "approve": lambda talk: talk.approve("c1"),
    "approve_async": lambda talk: talk.approve_async("c1"),
    "ask": lambda talk: talk.ask("hello"),
    "ask_async": lambda talk: talk.ask_async("hello"),
    "commit": lambda talk: talk.commit(),
    "commit_async": lambda talk: talk.commit_async(),
    "on": lambda talk: talk.on("turn", print),
    "say": lambda talk: talk.say("hello"),
    "say_async": lambda talk: talk.say_async("hello"),
    "say_verbatim": lambda talk: talk.say_verbatim("hello"),
    "say_verbatim_async": lambda talk: talk.say_verbatim_async("hello"),
    "send_audio": lambda talk: talk.send_audio(tone(0.1), RATE_HZ),
    "send_audio_async": lambda talk: talk.send_audio_async(tone(0.1), RATE_HZ),
    "start": lambda talk: talk.start(),
    "start_async": lambda talk: talk.start_async(),
    "update": lambda talk: talk.update(voice="ara"),
    "update_async": lambda talk: talk.update_async(voice="ara"),
    "wait_for_turn": lambda talk: talk.wait_for_turn(),
    "wait_for_turn_async": lambda talk: talk.wait_for_turn_async(),
}
HARMLESS_WHEN_CLOSED = {
    *("clear", "clear_async", "close", "close_async", "interrupt", "interrupt_async"),
    *("save", "save_async", "stop", "stop_async", "turns_as_they_end"),
}


@pytest.fixture(scope="module", params=[Talk, GrokLive], ids=["Talk", "GrokLive"])
def closed_talk(request: pytest.FixtureRequest) -> TalkAPI:
    talk: TalkAPI = request.param(partner="parrot", voice="eve")
    talk.ask("hello")
    talk.close()
    return talk


@pytest.mark.parametrize("name", REFUSED_WHEN_CLOSED)
async def test_a_closed_talk_refuses_what_needs_an_open_one(
    closed_talk: TalkAPI, name: str
) -> None:
    with pytest.raises(SessionClosed, match=r"talk (is|was) closed.*new"):
        await result_of(lambda: REFUSED_WHEN_CLOSED[name](closed_talk))
    assert closed_talk.settings.voice == "eve"


@pytest.mark.parametrize("name", sorted(HARMLESS_WHEN_CLOSED))
async def test_a_closed_talk_can_be_saved_and_closed_again(
    closed_talk: TalkAPI, name: str, tmp_path: Path
) -> None:
    arguments = [tmp_path / "talk"] if name.startswith("save") else []
    result = await result_of(lambda: getattr(closed_talk, name)(*arguments))
    if name == "turns_as_they_end":
        assert [turn async for turn in result] == []
    assert (closed_talk.phase, len(closed_talk.turns)) == ("closed", 2)


def test_every_method_of_a_talk_is_named_above() -> None:
    methods = {name for name in vars(TalkAPI) if callable(getattr(TalkAPI, name))}
    named = {*REFUSED_WHEN_CLOSED, *HARMLESS_WHEN_CLOSED}
    assert {name for name in methods if not name.startswith("_")} == named


def test_a_talk_that_has_not_begun_is_not_shown_as_closed() -> None:
    talk = Talk(partner="parrot")
    assert repr(talk) == "<Talk with rehearsal, not connected, 0 turns>"
    talk.close()
    assert repr(talk) == "<Talk with rehearsal, closed, 0 turns>"


def test_a_setting_that_is_read_from_a_talk_is_found_by_the_error() -> None:
    with Talk(partner="parrot") as talk:
        with pytest.raises(AttributeError, match=r"'voice'\. It is a setting: settings\.voice"):
            _ = talk.voice  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match=r"Talk has no attribute 'speak'\.$"):
            _ = talk.speak  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match=r"no attribute 'aks'\. Did you mean 'ask'\?$"):
            _ = talk.aks  # type: ignore[attr-defined]
        assert not hasattr(talk, "speed")
