"""The embedded rehearsal in a process of its own."""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grok_live_widget import PushToTalk, Talk
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConfigurationError,
    RehearsalError,
    ReplyTimeout,
    ServerError,
)
from grok_live_widget.rehearsal import CallTool, PartnerTurn, Unvoiced
from grok_live_widget.rehearsal.chat import ChatPartner
from grok_live_widget.rehearsal.process import RehearsalProcess, can_be_sent
from grok_live_widget.rehearsal.remote_partner import as_sent
from grok_live_widget.rehearsal.scripts import read_script
from grok_live_widget.settings.settings import UNSET

from ..support.waiting import wait_until


@pytest.mark.parametrize(
    "partner", [None, "parrot", Path("talk.yaml"), ["One.", "Two."], read_script("cafe")]
)
def test_what_answers_alike_anywhere_is_sent(partner: Any) -> None:
    assert can_be_sent(partner)
    pickle.dumps(partner)


def test_a_chat_model_is_sent_and_a_function_is_not() -> None:
    assert can_be_sent(ChatPartner(base_url="http://localhost:9/v1", model="m"))
    assert not can_be_sent(lambda turn: "Yes.")
    assert not can_be_sent(["Yes.", lambda turn: "No."])


@pytest.fixture
def start() -> Iterator[Callable[[Any], RehearsalProcess]]:
    """``start(partner)`` starts a rehearsal that ends with the test."""
    started: list[RehearsalProcess] = []

    def begin(partner: Any) -> RehearsalProcess:
        started.append(RehearsalProcess(partner, secrets.token_urlsafe(32)))
        return started[-1]

    yield begin
    for each in started:
        each.close()


def talk_with(rehearsal: RehearsalProcess, **settings: Any) -> Talk:
    return Talk(url=rehearsal.url("realtime"), api_key=rehearsal.api_key, **settings)


@pytest.mark.parametrize("partner", [["Yes."], UNSET, "cafe"], ids=["list", "unset", "script"])
def test_it_answers_with_its_partner_whom_it_is_told_the_key(partner: Any) -> None:
    rehearsal = RehearsalProcess(partner, secrets.token_urlsafe(32))
    try:
        with talk_with(rehearsal) as talk:
            assert talk.ask("Hello.").sample_count > 0
        with (
            Talk(url=rehearsal.url(), api_key="another") as talk,
            pytest.raises(AuthenticationError),
        ):
            talk.start()
    finally:
        rehearsal.close()
    wait_until(lambda: not Path(f"/proc/{rehearsal.process_id}").exists())


def test_one_that_cannot_start_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigurationError, match=r"nobody.yaml"):
        RehearsalProcess(Path("nobody.yaml"), "key")
    with monkeypatch.context() as patched:
        patched.setattr("sys.executable", "/bin/false")
        with pytest.raises(RehearsalError, match=r"has not started: it has ended"):
            RehearsalProcess("parrot", "key")
    with pytest.raises(ConfigurationError, match="empty list"):
        RehearsalProcess([], "key")


# --------------------------------------------------------------------------- called from there
NOISE = np.random.default_rng(3).integers(-20_000, 20_000, 24_000).astype(np.int16)


def test_a_function_is_called_here_with_the_turn_and_its_sound_comes_back_unchanged(
    start: Callable[[Any], RehearsalProcess],
) -> None:
    seen = []

    def partner(turn: PartnerTurn) -> NDArray[np.int16]:
        seen.append((turn, os.getpid(), threading.current_thread()))
        return turn.pcm

    with talk_with(start(partner), voice="eve", turn_detection=PushToTalk()) as talk:
        reply = talk.ask(NOISE, sample_rate=24_000)
    np.testing.assert_array_equal(reply.pcm, NOISE)
    ((turn, process_id, thread),) = seen
    assert (turn.voice, turn.role, process_id) == ("eve", "user", os.getpid())
    assert thread is not threading.main_thread()
    np.testing.assert_array_equal(turn.pcm, NOISE)
    assert not turn.pcm.flags.writeable


@pytest.mark.parametrize("shape", [(0,), (1,), (240_000,), (500_001,), (300_000, 2)])
def test_a_long_sound_is_sent_in_parts_which_are_the_sound(shape: tuple[int, ...]) -> None:
    sound = np.random.default_rng(2).integers(-9, 9, shape).astype(np.int16)
    parts = list(as_sent(sound, PartnerTurn()))
    assert len(parts) == max(1, -(-len(sound) // 240_000))
    np.testing.assert_array_equal(np.concatenate(parts), sound)


def sync_generator(turn: PartnerTurn) -> Iterator[Any]:
    yield "One."
    yield Unvoiced(" Two.")
    yield NOISE[:2400]


async def async_generator(turn: PartnerTurn) -> AsyncIterator[Any]:
    await asyncio.sleep(0)
    for piece in sync_generator(turn):
        yield piece


async def coroutine(turn: PartnerTurn) -> list[Any]:
    return list(sync_generator(turn))


@pytest.mark.parametrize("partner", [sync_generator, async_generator, coroutine])
def test_all_kinds_of_functions_answer_piece_by_piece(
    partner: Any, start: Callable[[Any], RehearsalProcess]
) -> None:
    with talk_with(start(partner)) as talk:
        reply = talk.ask("Hello.")
    assert reply.text.split() == ["One.", "Two."]
    np.testing.assert_array_equal(reply.pcm[-2400:], NOISE[:2400])


def test_answers_that_cannot_be_sent_as_a_list_are_given_one_by_one(
    start: Callable[[Any], RehearsalProcess],
) -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    partner = [CallTool("add", {"a": 2, "b": 3}), NOISE, "Yes."]
    with talk_with(start(partner), tools=[add]) as talk:
        np.testing.assert_array_equal(talk.ask("Two plus three?").pcm, NOISE)
        assert talk.ask("And?").text == "Yes."


def test_what_it_raises_is_told_with_its_place_and_the_talk_goes_on(
    start: Callable[[Any], RehearsalProcess],
) -> None:
    def partner(turn: PartnerTurn) -> str:
        return str(1 / (len(turn.history)))

    class Own(str):
        pass

    rehearsal = start(partner)
    with talk_with(rehearsal) as talk:
        with pytest.raises(
            ServerError, match=r"raised ZeroDivisionError: .* \(partner, .*test_process.py:\d+\)"
        ):
            talk.ask("Hello.")
        assert float(talk.ask("Hello again.").text.replace("zero point five", "0.5") or 0) > 0


@pytest.mark.parametrize("answer", [object(), {"a": 1}, np.array([None])])
def test_what_is_no_answer_is_named_with_the_cure(
    answer: Any, start: Callable[[Any], RehearsalProcess]
) -> None:
    with (
        talk_with(start(lambda turn: answer)) as talk,
        pytest.raises(ServerError, match=r"the partner returned \w+: .* An answer is a text"),
    ):
        talk.ask("Hello.")


def test_a_subclass_of_a_text_is_the_text(start: Callable[[Any], RehearsalProcess]) -> None:
    class Own(str):
        """Cannot be read in another process."""

    with talk_with(start(lambda turn: Own("Yes."))) as talk:
        assert talk.ask("Hello.").text == "Yes."


def test_one_that_is_interrupted_is_closed(start: Callable[[Any], RehearsalProcess]) -> None:
    closed = threading.Event()

    def partner(turn: PartnerTurn) -> Iterator[Any]:
        try:
            while True:
                yield NOISE
        finally:
            closed.set()

    with talk_with(start(partner)) as talk:
        with pytest.raises(ReplyTimeout):
            talk.ask("Hello.", timeout_s=1)
        assert closed.wait(10)


def test_context_variables_are_those_of_the_code_that_starts_it(
    start: Callable[[Any], RehearsalProcess],
) -> None:
    name: ContextVar[str] = ContextVar("name")
    name.set("Ada")
    rehearsal = start(lambda turn: f"I am {name.get('nobody')}.")
    name.set("Eve")
    with talk_with(rehearsal) as talk:
        assert talk.ask("Who are you?").text == "I am Ada."
