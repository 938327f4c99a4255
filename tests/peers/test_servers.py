"""A server that other people wrote answers our client: aimock, in OpenAI's dialect, text only."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import PushToTalk, ServerVad, Talk, connect
from grok_live_widget.events import ResponseDone, TextDelta
from grok_live_widget.exceptions import ReplyTimeout, ServerError, SessionClosedError
from grok_live_widget.rehearsal import ChatPartner

from .environments import WITH_NODE, node_modules_with, surroundings

FIXTURES = Path(__file__).parent / "servers" / "aimock.json"
QUESTION = Path(__file__).parents[1] / "golden" / "question.wav"
PATIENCE_S = 60
ANSWER = "Good day to you, whoever you are."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    program = node_modules_with("@copilotkit/aimock@~1.43") / ".bin" / "llmock"
    command = [WITH_NODE, str(program), "-p", "0", "-h", "127.0.0.1", "-f", str(FIXTURES)]
    with subprocess.Popen(
        [*command, "--strict"],
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            yield f"ws://{address_told_by(server)}/v1/realtime?model=any"
        finally:
            server.terminate()


def address_told_by(server: subprocess.Popen[str]) -> str:
    """It says in a line of its log which port it took; a silent one is given up."""
    too_late = threading.Timer(PATIENCE_S, server.kill)
    too_late.start()
    said = ""
    try:
        for line in server.stdout or ():
            said += line
            if match := re.search(r"http://(127\.0\.0\.1:\d+)", line):
                return match[1]
    finally:
        too_late.cancel()
    pytest.fail(f"aimock did not start: {said}")


def test_a_typed_turn_is_answered(url: str) -> None:
    with Talk(url=url, api_key="x") as talk:
        assert talk.ask("Say hello.").text == ANSWER
        assert talk.dialect == "realtime"
        assert talk.notes == []
        assert [(turn.role, turn.text) for turn in talk.turns] == [
            ("user", "Say hello."),
            ("assistant", ANSWER),
        ]


def test_a_tool_is_called_and_the_reply_is_made_of_its_output(url: str) -> None:
    asked = []

    def weather(city: str) -> str:
        """Look up the weather."""
        asked.append(city)
        return "foggy"

    with Talk(url=url, api_key="x", tools=[weather]) as talk:
        reply = talk.ask("What is the weather?")
    assert asked == ["Lyon"]
    assert reply.text == "It is foggy in Lyon."


@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()])
def test_settings_are_accepted_and_further_turns_answered(url: str, detection: Any) -> None:
    with Talk(url=url, api_key="x", turn_detection=detection) as talk:
        talk.start()
        assert talk.update(voice="alloy", instructions="Be polite.") == []
        for _ in range(2):
            assert talk.ask("Say hello.", instructions="In French.").text == ANSWER
        assert len(talk.turns) == 4


def test_what_the_server_refuses_ends_the_connection_with_its_reason(url: str) -> None:
    with Talk(url=url, api_key="x") as talk:
        with pytest.raises(SessionClosedError, match=r"1008 \(Strict mode: no fixture matched\)"):
            talk.ask("Something else.")
        assert talk.ask("Say hello.").text == ANSWER


def test_a_server_without_voice_activity_hears_no_speech(url: str) -> None:
    with Talk(url=url, api_key="x") as talk:
        with pytest.raises(ReplyTimeout, match="detected no speech"):
            talk.ask(QUESTION)
        assert talk.ask("Say hello.").text == ANSWER


def test_it_answers_as_the_chat_model_of_a_rehearsal(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "x")

    def weather(city: str) -> str:
        """Look up the weather."""
        return f"foggy in {city}"

    base_url = f"http://{url.split('/')[2]}/v1"
    partner = ChatPartner(base_url=base_url, model="any")
    with Talk(partner=partner, tools=[weather]) as talk:
        assert talk.ask("Say hello.").text == ANSWER
        assert talk.ask("What is the weather?").text == "It is foggy in Lyon."
        with pytest.raises(ServerError, match="status 503: Strict mode: no fixture matched"):
            talk.ask("Something else.")
        assert talk.ask("Say hello.").text == ANSWER


async def test_the_line_alone_hears_the_answer_piece_by_piece(url: str) -> None:
    async with connect(url=url, api_key="x") as session:
        events = aiter(session)
        await session.send_text("Say hello.")
        await session.respond()
        said = ""
        async for event in events:
            if isinstance(event, TextDelta):
                said += event.delta
            if isinstance(event, ResponseDone):
                break
    assert said == ANSWER
