"""A talk from a cell, a script, a thread and a coroutine."""

from __future__ import annotations

import _thread
import asyncio
import inspect
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import (
    GrokLive,
    PushToTalk,
    RehearsalServer,
    ServerVad,
    Session,
    Settings,
    Talk,
    connect,
)
from grok_live_widget.audio import write_wav
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.usage import Usage
from grok_live_widget.events import PhaseChanged, ResponseDone, SessionOpened
from grok_live_widget.exceptions import (
    AudioFormatError,
    AuthenticationError,
    BudgetSpent,
    ConfigurationError,
    ConnectError,
    ReplyTimeout,
    ServerError,
    SessionClosedError,
    UnsupportedByServer,
)
from grok_live_widget.rehearsal.partner import ToolCall
from grok_live_widget.settings.pricing import Budget
from grok_live_widget.settings.settings import IMMUTABLE

from ..support.sound import RATE_HZ
from ..support.talks import TimedTalk, session_of
from ..support.waiting import wait_for_talk


@pytest.fixture
def talk() -> Iterator[Talk]:
    with Talk(partner="parrot") as talk:
        yield talk


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


def test_a_file_asks_by_its_path_and_a_text_is_always_text(
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
        assert np.array_equal(reply.pcm, users[1].pcm)


def test_a_sound_without_speech_ends_in_a_time_out_that_says_so(
    silence: Any,
) -> None:
    with TimedTalk(Timeouts(no_speech_s=0.3), partner="parrot") as talk:
        with pytest.raises(ReplyTimeout, match=r"no speech.*PushToTalk\(\)"):
            talk.ask(silence(0.5), RATE_HZ)
        assert talk.turns[0].is_complete
        assert talk.ask("still there").text == "still there"


def test_questions_queue_behind_a_running_reply(silence: Any) -> None:
    with Talk(partner=lambda turn: [silence(1.0), turn.text]) as talk:
        typed = talk.say("first")
        reply = talk.ask("second")
        assert typed.text == "first"
        assert "second" in reply.text
        assert [turn.role for turn in talk.turns].count("assistant") == 2


def test_ask_from_many_threads_gives_each_its_own_reply() -> None:
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


async def test_ask_awaited_on_a_loop_of_ones_own() -> None:
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
def test_saying_a_sound_returns_its_turn_which_begins_with_the_first_sample(
    talk: Talk, question: np.ndarray
) -> None:
    turn = talk.say(question, RATE_HZ)
    assert turn.role == "user"
    wait_for_talk(talk, lambda: turn.is_complete)
    assert np.array_equal(turn.pcm[: len(question)], question[: len(turn.pcm)])
    assert talk.turns[0] is turn


def test_commit_ends_a_pushed_turn_and_asks(question: np.ndarray) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        for start in range(0, len(question), 1000):
            talk.send_audio(question[start : start + 1000], more=True)
        assert not talk.turns[0].is_complete
        talk.commit()
        wait_for_talk(talk, lambda: len(talk.turns) > 1 and talk.turns[1].is_complete)
        assert np.array_equal(talk.turns[1].pcm, question)


# --------------------------------------------------------------------------- trouble
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


def test_a_time_out_keeps_what_came(silence: Any) -> None:
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
def test_after_a_time_out_the_next_question_does_not_wait_for_the_last(
    dialect: str, silence: Any
) -> None:
    def partner(turn: Any) -> Any:
        return silence(600) if turn.text == "long" else turn.text

    with Talk(partner=partner, dialect=dialect) as talk:
        with pytest.raises(ReplyTimeout):
            talk.ask("long", timeout_s=0.5)
        if dialect == "realtime":
            assert talk.turns[1].was_interrupted
            assert talk.ask("quick", timeout_s=30).text == "quick"


def test_a_partner_that_fails_is_a_server_error_and_the_talk_goes_on() -> None:
    def partner(turn: Any) -> str:
        if turn.text == "fail":
            raise ValueError("out of ideas")
        return "fine"

    with Talk(partner=partner) as talk:
        with pytest.raises(ServerError, match="out of ideas"):
            talk.ask("fail")
        assert talk.ask("again").text == "fine"


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
def test_odd_questions_are_refused_before_the_line_is_opened(
    talk: Talk, question: Any, rate: Any, error: type, part: str
) -> None:
    with pytest.raises(error, match=part):
        talk.ask(question, rate)
    assert talk.phase == "closed"


@pytest.mark.parametrize("ask", [Talk.ask, Talk.say])
def test_a_pushed_sound_that_is_too_short_is_refused_before_the_line_is_opened(ask: Any) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        with pytest.raises(ConfigurationError, match=r"lasts 99 ms, .* less than 100 ms"):
            ask(talk, np.zeros(2399, np.int16), RATE_HZ)
        assert (talk.phase, len(talk.turns)) == ("closed", 0)
        assert len(talk.ask(np.zeros(1600, np.int16), 16_000).pcm) == 2400


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_wrong_key_is_named_and_noted(dialect: str) -> None:
    with (
        RehearsalServer("parrot", api_key="right") as server,
        Talk(url=server.url(dialect), api_key="wrong-key-value") as talk,
    ):
        with pytest.raises(AuthenticationError, match="XAI_API_KEY") as caught:
            talk.ask("hello")
        assert "wrong-key-value" not in str(caught.value)
        assert any("XAI_API_KEY" in note.text for note in talk.notes)
        assert talk.phase == "closed"


def test_an_unreachable_host_is_named_and_noted() -> None:
    with Talk(url="ws://127.0.0.1:1/v1/realtime") as talk:
        with pytest.raises(ConnectError, match=r"nothing answers at 127\.0\.0\.1:1"):
            talk.start()
        assert "nothing answers" in talk.notes[-1].text.lower()


def test_a_server_gone_in_mid_reply_fails_the_question_and_keeps_the_rest(silence: Any) -> None:
    server = RehearsalServer(lambda turn: silence(60), api_key="k").start()
    with Talk(url=server.url(), api_key="k", reconnect_tries=0) as talk:
        began = threading.Event()
        talk.add_listener(lambda event, changed, _: began.set() if len(talk.turns) > 1 else None)
        closer = threading.Thread(target=lambda: (began.wait(), server.close()))
        closer.start()
        with pytest.raises((SessionClosedError, ServerError, Exception), match="closed"):
            talk.ask("go on for a while")
        closer.join()
        assert talk.turns[1].is_complete
        assert talk.phase == "closed"


def test_live_names_the_word_that_the_server_does_not_know(peer: Any) -> None:
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


def test_calls_from_the_talks_own_thread_are_refused_and_do_not_hang(talk: Talk) -> None:
    caught: list[BaseException] = []

    async def misuse() -> None:
        try:
            talk.ask("from inside")
        except ConfigurationError as error:
            caught.append(error)

    TALK_THREAD.run(misuse())
    assert "_async" in str(caught[0])


# --------------------------------------------------------------------------- the line
def test_stopping_keeps_the_turns_and_starting_again_goes_on_in_them(talk: Talk) -> None:
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
    before = threading.active_count()
    talk = Talk(partner="parrot")
    assert talk.phase == "closed"
    assert threading.active_count() <= before + 1
    talk.close()


def test_a_talk_that_nobody_uses_is_closed_with_a_note() -> None:
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
def told(turn: Any) -> str:
    """What a partner is told of the settings."""
    return f"{turn.voice}: {turn.instructions}"


def sessions_of(talk: Talk) -> list[Any]:
    opened: list[Any] = []
    talk.add_listener(
        lambda event, _, __: opened.append(event) if isinstance(event, SessionOpened) else None
    )
    return opened


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_settings_that_change_without_a_line_hold_in_the_next(dialect: str) -> None:
    with Talk(partner=told, dialect=dialect, voice="eve") as talk:
        assert talk.update(voice="ara", instructions="Sing.") == []
        assert talk.phase == "closed"
        assert (talk.settings.voice, talk.settings.instructions) == ("ara", "Sing.")
        assert talk.ask("who?").text == "ara: Sing."


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_settings_that_change_on_an_open_line_hold_at_once_and_in_the_next(dialect: str) -> None:
    with Talk(partner=told, dialect=dialect, voice="eve") as talk:
        opened = sessions_of(talk)
        talk.start()
        assert talk.update(voice="ara") == []
        assert talk.ask("who?").text == "ara: "
        assert talk.update(instructions="Sing.") == []
        assert talk.ask("who?").text == "ara: Sing."
        assert len(opened) == 1
        talk.stop()
        assert talk.ask("who?").text == "ara: Sing."


def test_turn_detection_can_change_amid_a_talk(question: np.ndarray) -> None:
    with Talk(partner="parrot") as talk:
        talk.ask("hello")
        talk.update(turn_detection=PushToTalk())
        assert np.array_equal(talk.ask(question, RATE_HZ).pcm, question)
        talk.update(turn_detection=ServerVad())
        # Silence is sent behind it until its end is heard.
        assert len(talk.ask(question, RATE_HZ).pcm) != len(question)


def test_another_model_goes_on_in_a_new_session_with_the_same_turns() -> None:
    with Talk(partner=lambda turn: f"{len(turn.history)} {turn.instructions}") as talk:
        opened, turns = sessions_of(talk), talk.turns
        talk.ask("one")
        assert talk.update(model="grok-9", instructions="Sing.") == []
        assert talk.phase == "open"
        assert len(opened) == 2
        assert talk.turns is turns
        reply = talk.ask("two")
        assert reply.text.endswith("Sing.")
        assert [turn.text for turn in turns.user] == ["one", "two"]
        talk.update(model="grok-9")
        assert len(opened) == 2


@pytest.mark.parametrize("more", [{}, {"model": "grok-9"}], ids=["same session", "new session"])
def test_tools_that_are_offered_later_are_called(more: dict[str, Any]) -> None:
    def partner(turn: Any) -> Any:
        if turn.role == "tool":
            yield turn.text
        elif turn.tools:
            yield ToolCall(turn.tools[0], {"number": 4})
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
def test_settings_that_cannot_change_leave_all_as_they_were(
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
    async with Talk(partner=told) as talk:
        await talk.start_async()
        await asyncio.gather(talk.update_async(voice="ara"), talk.update_async(instructions="Hm."))
        assert (await talk.ask_async("who?")).text == "ara: Hm."
        assert (talk.settings.voice, talk.settings.instructions) == ("ara", "Hm.")


# --------------------------------------------------------------------------- words of one reply
def test_words_are_spoken_as_they_are_and_returned_as_a_turn(talk: Talk) -> None:
    turn = talk.say_verbatim("Exactly this.")
    assert (turn.role, turn.text, turn.is_complete) == ("assistant", "Exactly this.", True)
    assert [each is turn for each in talk.turns] == [True]
    assert talk.ask("hello").text == "hello"


def test_words_wait_behind_a_reply_that_runs(silence: Any) -> None:
    with Talk(partner=lambda turn: [silence(0.5), turn.text]) as talk:
        talk.say("first")
        assert talk.say_verbatim("second", interruptible=False).text == "second"
        assert [turn.text for turn in talk.turns.assistant] == ["first", "second"]


def test_live_cannot_speak_given_words_and_says_so() -> None:
    with Talk(partner="parrot", dialect="live") as talk:
        with pytest.raises(
            UnsupportedByServer, match="'live' dialect does not support 'say_verbatim'"
        ):
            talk.say_verbatim("Hello.")
        assert talk.ask("hello").text == "hello"


def metadata_of(talk: Talk) -> list[Any]:
    told: list[Any] = []
    talk.add_listener(
        lambda event, _, __: (
            told.append(event.metadata) if isinstance(event, ResponseDone) else None
        )
    )
    return told


@pytest.mark.parametrize("is_spoken", [True, False])
def test_one_reply_may_have_instructions_and_metadata_of_its_own(
    is_spoken: bool, question: np.ndarray
) -> None:
    asked: Any = (question, RATE_HZ) if is_spoken else ("who?",)
    settings: Any = {"instructions": "Be long.", "metadata": {"lesson": "3"}}
    with Talk(partner=told, turn_detection=PushToTalk(), voice="eve", **settings) as talk:
        metadata = metadata_of(talk)
        first = talk.ask(*asked, instructions="Be brief.", metadata={"lesson": "4"})
        second = talk.ask(*asked)
        assert (first.text, second.text) == ("eve: Be brief.", "eve: Be long.")
        assert metadata == [{"lesson": "4"}, {"lesson": "3"}]


@pytest.mark.parametrize("given", [{"instructions": "Be brief."}, {"metadata": {"a": "b"}}])
def test_speech_that_is_answered_unasked_has_none_of_its_own(
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
def test_words_of_one_reply_that_are_none_are_refused_before_the_line_is_opened(
    talk: Talk, given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        talk.ask("hello", **given)
    assert talk.phase == "closed"


# --------------------------------------------------------------------------- usage
def test_each_reply_tells_what_it_used_up_and_the_talk_what_all_did(question: np.ndarray) -> None:
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


def test_a_budget_is_warned_of_then_closes_the_line_and_keeps_it_closed() -> None:
    budget = Budget(minutes=1.5 / 60, warn_at=0.1)
    with Talk(partner="parrot", budget=budget) as talk:
        phases = queue.Queue[str]()
        talk.add_listener(
            lambda event, _, __: (
                phases.put(event.phase) if isinstance(event, PhaseChanged) else None
            )
        )
        assert talk.ask("hello").text == "hello"
        while phases.get(timeout=20) != "closed":
            pass
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


# --------------------------------------------------------------------------- the faces
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
    plain -= {"add_listener"}  # It waits for nothing.
    twins = {name for name in plain if name.endswith("_async")}
    assert {f"{name}_async" for name in plain - twins} == twins
    for name in plain - twins:
        ours = inspect.signature(getattr(Talk, name)).parameters
        assert list(ours) == list(inspect.signature(getattr(Talk, f"{name}_async")).parameters)


@pytest.mark.parametrize("face", [Talk, GrokLive, connect])
def test_whoever_begins_a_talk_shows_the_key_and_every_setting(face: Any) -> None:
    shown = inspect.signature(face).parameters
    assert list(shown) == ["api_key", *Settings.__dataclass_fields__]
    assert all(each.kind is each.KEYWORD_ONLY for each in shown.values())
    assert (shown["api_key"].default, shown["speed"].default) == (None, None)
    assert shown["idle_timeout_s"].default == Settings().idle_timeout_s


@pytest.mark.parametrize("face", [Talk, GrokLive, Session])
def test_whoever_changes_settings_shows_those_that_can_change(face: Any) -> None:
    names = [name for name in Settings.__dataclass_fields__ if name not in IMMUTABLE]
    assert list(inspect.signature(face.update).parameters) == ["self", *names]


def test_talk_and_connect_take_the_same_settings() -> None:
    with pytest.raises(ConfigurationError, match="no setting 'voise'"):
        Talk(voise="nova")
    with pytest.raises(ConfigurationError, match="no setting 'voise'"):
        connect(voise="nova")
