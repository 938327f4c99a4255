"""A chat model as a partner: a real server that streams, and real talks."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Talk
from grok_live_widget.events import (
    AppendAudio,
    CommitAudio,
    CreateResponse,
    PushToTalk,
    ResponseDone,
    ServerVad,
)
from grok_live_widget.exceptions import ConfigurationError, ServerError
from grok_live_widget.rehearsal.chat import INSTRUCTIONS, ChatPartner, chat_messages
from grok_live_widget.rehearsal.partner import PartnerTurn, SpokenLine
from grok_live_widget.rehearsal.partner_runner import run_partner

from ..support.chat_server import Answering, ChatServer, called, chunk, events, refused, streamed
from ..support.waiting import PATIENCE_S

pytest.importorskip("httpx")
pytest.importorskip("espeakng_loader")

KEY = "the-secret-of-this-test"


@pytest.fixture(autouse=True)
def without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY", raising=False)


def partner_of(server: ChatServer, **options: Any) -> ChatPartner:
    return ChatPartner(base_url=server.base_url, model="small", **options)


# --------------------------------------------------------------------------- a conversation
def test_a_talk_with_a_model_is_spoken_and_remembered() -> None:
    first = streamed(
        chunk("The café"), chunk(" is open. 😀 Come"), chunk(" in!"), size=3, end="\r\n"
    )
    usage = '{"choices": [], "usage": {"total_tokens": 7}}'
    second = streamed(chunk("Tea."), chunk(finish="stop"), usage)
    with ChatServer(first, second) as server:
        partner = partner_of(server, options={"temperature": 0.5})
        with Talk(partner=partner, instructions="Be kind.") as talk:
            replies = [talk.ask("Is it open?"), talk.ask("What is there?")]
    assert [reply.text for reply in replies] == ["The café is open. 😀 Come in!", "Tea."]
    assert replies[0].duration_s > 1
    one, two = server.asked
    assert one.path == "/v1/chat/completions"
    assert "authorization" not in one.headers
    assert one.body == {
        "temperature": 0.5,
        "model": "small",
        "stream": True,
        "messages": [
            {"role": "system", "content": f"{INSTRUCTIONS}\n\nBe kind."},
            {"role": "user", "content": "Is it open?"},
        ],
    }
    assert two.body["messages"][1:] == [
        {"role": "user", "content": "Is it open?"},
        {"role": "assistant", "content": "The café is open. 😀 Come in!"},
        {"role": "user", "content": "What is there?"},
    ]


def test_the_model_calls_a_tool_and_receives_its_output() -> None:
    def weather(city: str) -> str:
        """Look up the weather."""
        return f"sunny in {city}"

    calls = [called(0, "", "weather", "x"), called(0, '{"ci'), called(0, 'ty": "Lyon"}')]
    answers = [streamed(chunk("Wait."), *calls), streamed(chunk("It is sunny."))]
    with (
        ChatServer(*answers, streamed(chunk("Bye."))) as server,
        Talk(partner=partner_of(server), tools=[weather]) as talk,
    ):
        assert talk.ask("How is the weather?").text.endswith("It is sunny.")
        assert talk.ask("Thanks").text == "Bye."
    [tool] = server.asked[0].body["tools"]
    assert tool["function"]["name"] == "weather"
    assert tool["function"]["description"] == "Look up the weather."
    assert tool["function"]["parameters"]["required"] == ["city"]
    *_, text, call, output = server.asked[1].body["messages"]
    assert text == {"role": "assistant", "content": "Wait."}
    assert call["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Lyon"}'}
    assert output == {
        "role": "tool",
        "tool_call_id": call["tool_calls"][0]["id"],
        "content": "sunny in Lyon",
    }
    assert [each["role"] for each in server.asked[2].body["messages"]] == [
        *("system", "user", "assistant", "assistant", "tool", "assistant", "user")
    ]


async def test_a_sentence_is_spoken_while_the_next_one_is_awaited() -> None:
    heard = threading.Event()

    async def answer(answering: Answering) -> None:
        await answering.begin()
        await answering.send(b": keep-alive\n\n" + events(chunk("One. T")))
        while not heard.is_set():
            await answering.send(b": keep-alive\n\n")
        await answering.send(events(chunk("wo."), "[DONE]"))
        await answering.end()

    texts = []
    with ChatServer(answer) as server:
        async for piece in run_partner(partner_of(server), PartnerTurn(text="x", voice="eve")):
            texts.append(piece.text)
            heard.set()
    assert texts == ["One.", " Two."]


async def test_speech_that_interrupts_closes_the_request(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    closed = threading.Event()

    async def endless(answering: Answering) -> None:
        await answering.begin()
        await answering.send(events(chunk("This is the first sentence. "), chunk("And")))
        await answering.wait_for_close()
        closed.set()

    with ChatServer(endless, streamed(chunk("Yes?"))) as server:
        async with connected(serving(partner_of(server)), detection=ServerVad()) as client:
            await client.type_text("Tell me a story.")
            while not client.audio().size:
                await client.receive()
            await client.send_audio(utterance)
            assert (await client.until(ResponseDone)).status == "cancelled"
            assert await asyncio.to_thread(closed.wait, PATIENCE_S)
            # What was spoken has an answer of its own, without the model: no words are recognised.
            assert (await client.until(ResponseDone)).status == "completed"
            client.forget()
            await client.ask("Stop.")
            assert client.audio().size > 1_000
    _, story, told, *_, stop = server.asked[1].body["messages"]
    assert (story["content"], stop["content"]) == ("Tell me a story.", "Stop.")
    assert "This is the first sentence.".startswith(told["content"].strip())


async def test_speech_without_recognised_words_is_not_sent(
    serving: Any, connected: Any, speech: Any
) -> None:
    with ChatServer() as server:
        async with connected(serving(partner_of(server), words=False)) as client:
            sound = speech("Good morning.").tobytes()
            await client.send(AppendAudio(sound), CommitAudio(), CreateResponse())
            await client.until(ResponseDone)
            assert client.audio().size > 10_000
        assert server.asked == []


def test_words_that_are_spoken_reach_the_model(speech: Any) -> None:
    pytest.importorskip("pocketsphinx")
    with (
        ChatServer(streamed(chunk("Hello Peter."))) as server,
        Talk(partner=partner_of(server), turn_detection=PushToTalk()) as talk,
    ):
        reply = talk.ask(speech("Hello, my name is Peter."), 24_000)
    assert reply.text == "Hello Peter."
    assert "name" in server.asked[0].body["messages"][-1]["content"]


# --------------------------------------------------------------------------- failures
async def broken(answering: Answering) -> None:
    await answering.begin()
    await answering.send(events(chunk("One. Two and th")))


async def ended(answering: Answering) -> None:
    await broken(answering)
    await answering.end()


async def malformed(answering: Answering) -> None:
    await answering.begin()
    await answering.send(events(chunk("One. Two and th"), '{"choices": [{'))
    await answering.end()


def reported(answering: Answering) -> Any:
    return streamed(chunk("One. Two and th"), '{"error": {"message": "out of memory"}}')(answering)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (broken, "the answer of the chat server at {host} broke off. Ask again"),
        (ended, "the answer of the chat server at {host} broke off. Ask again"),
        (malformed, "the chat server sent a message that is not a JSON object: "),
        (reported, "the chat server reported: out of memory. Ask again."),
    ],
)
def test_what_was_received_before_a_failure_is_said_and_the_next_question_works(
    answer: Any, says: str
) -> None:
    with (
        ChatServer(answer, streamed(chunk("Fine."))) as server,
        Talk(partner=partner_of(server)) as talk,
    ):
        with pytest.raises(ServerError) as failed:
            talk.ask("Count.")
        assert says.format(host=f"127.0.0.1:{server.port}") in str(failed.value)
        assert talk.turns.assistant[-1].text == "One. Two and th"
        assert talk.ask("Again?").text == "Fine."


NO_MODEL = {"error": {"message": "model 'small' not found", "code": 404}}
ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}."}}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refused("401 No", {}), "needs a key: No. Put it into the environment as CHAT_API_KEY."),
        (refused("404 Not Found", NO_MODEL), "has no model 'small', or no /v1/chat/completions: "
         "model 'small' not found. Check model=, and base_url=, which usually ends in /v1."),
        (refused("404 Not Found", b"404 page not found"), "page not found. Check model=, and"),
        (refused("429 Too Many Requests", {"error": "slow down"}, Retry_After="7"),
         "had too many requests, or its quota is spent: slow down. Ask again in 7 s."),
        (refused("400 Bad Request", {"detail": "no"}), "refused the request with status 400: no."),
        (refused("302 Found", b"", Location="/"), "refused the request with status 302: Found."),
        (refused("503 Unavailable", b"x" * 90_000), "has failed with status 503: xxx"),
        (streamed(), "ended its answer without a text. Ask again, allow more tokens"),
        (streamed(chunk(finish="length")), "ended its answer without a text (length)."),
        (streamed(called(0, "{", "look", "a")), "calls 'look' with arguments that are not a JSON"),
    ],
)  # fmt: skip
async def test_a_refusal_is_one_sentence_with_its_cure(answer: Any, says: str) -> None:
    with ChatServer(answer) as server:
        failure = await failure_of(partner_of(server))
    assert says in failure


async def failure_of(partner: ChatPartner) -> str:
    with pytest.raises(Exception, match="chat") as failed:
        async for _ in run_partner(partner, PartnerTurn(text="x")):
            pass
    assert type(failed.value).__name__ == "RehearsalError"
    assert failed.value.cure
    return str(failed.value)


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
async def test_a_web_page_is_no_answer(status: str) -> None:
    async def page(answering: Answering) -> None:
        await answering.begin(status, kind="text/html")
        await answering.send(b"<html>")
        await answering.end()

    with ChatServer(page) as server:
        assert "answered with a web page. Check base_url=" in await failure_of(partner_of(server))


async def test_a_partner_that_has_been_used_can_be_sent_to_another_process() -> None:
    with ChatServer(*[streamed(chunk("Hello."))] * 2) as server:
        partner = partner_of(server)
        for each in (partner, pickle.loads(pickle.dumps(partner))):
            pieces = [piece async for piece in run_partner(each, PartnerTurn(text="x"))]
            assert pieces


async def test_an_answer_that_is_no_stream_is_spoken() -> None:
    whole = {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}
    with ChatServer(refused("200 OK", whole)) as server:
        pieces = [each async for each in run_partner(partner_of(server), PartnerTurn(text="x"))]
    assert [piece.text for piece in pieces] == ["Hello."]


async def test_a_server_that_is_not_there_or_says_nothing_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{taken.getsockname()[1]}"
        partner = ChatPartner(base_url=f"http://{gone}/v1", model="small")
        assert f"the chat server at {gone} cannot be reached (" in await failure_of(partner)
        # It accepts connections, and never answers.
        taken.listen()
        partner = ChatPartner(base_url=f"http://{gone}/v1", model="small", timeout_s=1)
        assert f"at {gone} has sent nothing for 1 s. Allow" in await failure_of(partner)

    async def hangs_up(answering: Answering) -> None:
        pass

    with ChatServer(hangs_up) as server:
        assert "cannot be reached (Server disconnected" in await failure_of(partner_of(server))


# --------------------------------------------------------------------------- the key
def test_the_key_is_sent_and_appears_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_CHAT_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    in_stream = streamed(json.dumps(ECHO))
    with ChatServer(streamed(chunk("Hi.")), refused("401 No", ECHO), in_stream) as server:
        partner = partner_of(server, api_key_env="MY_CHAT_KEY")
        with Talk(partner=partner, record=tmp_path / "talk") as talk:
            talk.ask("a")
            with pytest.raises(ServerError, match="refused the key in MY_CHAT_KEY: Incor") as one:
                talk.ask("b")
            with pytest.raises(ServerError, match="Incorrect API key provided: …") as two:
                talk.ask("c")
            shown = [repr(partner), repr(talk), repr(talk.settings), str(vars(partner))]
    assert [each.headers["authorization"] for each in server.asked] == [f"Bearer {KEY}"] * 3
    shown += [str(one.value), str(two.value), caplog.text]
    shown += [path.read_text("utf-8", "replace") for path in (tmp_path / "talk").rglob("*.json*")]
    assert not [text for text in shown if KEY in text]
    assert repr(partner) == f"<ChatPartner 'small' at 127.0.0.1:{server.port}>"
    # The service's key is of no use to this server.
    assert not [each for each in server.asked if "xai" in str(each.headers).lower()]


async def test_a_key_that_cannot_be_sent_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "a\nb")
    with pytest.raises(ConfigurationError, match="the value of CHAT_API_KEY is no key") as failed:
        ChatPartner(base_url="http://localhost/v1", model="m")
    assert "a\\nb" not in str(failed.value)
    monkeypatch.delenv("CHAT_API_KEY")
    partner = ChatPartner(base_url="http://chat.example/v1", model="m")
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    assert "would send the key in CHAT_API_KEY without encryption" in await failure_of(partner)


# --------------------------------------------------------------------------- arguments
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"base_url": "localhost:80/v1"}, "base_url must begin with http:// or https://"),
        ({"base_url": None}, "base_url must begin with http:// or https://"),
        ({"base_url": "http://"}, "and name a host"),
        ({"base_url": "http://a:b/v1"}, "base_url is no URL"),
        ({"base_url": "http://a b/v1"}, "base_url is no URL"),
        ({"base_url": f"http://u:{KEY}@a/v1"}, "contains a user name, a query or a fragment"),
        ({"base_url": f"http://a/v1?key={KEY}"}, "contains a user name, a query or a fragment"),
        ({"model": " "}, "model must be text that is not empty, not ' '"),
        ({"instructions": 3}, "instructions must be text, not 3"),
        ({"api_key_env": f"{KEY}"}, "api_key_env is not the name of an environment variable"),
        ({"timeout_s": 0}, "timeout_s must be a number from 1 to 3600, not 0"),
        ({"options": ["a"]}, "options must be a dict of fields or None"),
        ({"options": {"stream": False}}, "options cannot contain 'stream'"),
        ({"options": {"a": b"b"}}, "options cannot be written as JSON"),
        ({"url": "a"}, "has no argument 'url'"),
    ],
)
def test_an_invalid_argument_is_refused_when_the_partner_is_made(changed: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as failed:
        ChatPartner(**{"base_url": "http://localhost/v1", "model": "m", **changed})
    assert KEY not in str(failed.value)


@pytest.mark.parametrize("end", ["", "/", "/chat/completions", "/chat/completions/"])
def test_the_address_may_be_that_of_the_service_or_of_its_completions(end: str) -> None:
    partner = ChatPartner(base_url=f"https://chat.example/v1{end}", model="m")
    assert partner._url == "https://chat.example/v1/chat/completions"


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'grok-live-widget\[chat\]'"):
        ChatPartner(base_url="http://localhost/v1", model="m")


# --------------------------------------------------------------------------- messages
def test_outputs_follow_their_calls_and_calls_without_one_are_left_out() -> None:
    history = (
        SpokenLine("system", "Be kind."),
        SpokenLine("user", "a"),
        SpokenLine("assistant", "{}", "one", "1"),
        SpokenLine("assistant", '{"b":2}', "two", "2"),
        SpokenLine("assistant", "{}", "lost", "3"),
        SpokenLine("user", "Are you there?"),
        SpokenLine("tool", "first", call_id="1"),
        SpokenLine("assistant", ""),
    )
    turn = PartnerTurn(role="tool", text="second", call_id="2", history=history)
    calls = [
        {"id": "1", "type": "function", "function": {"name": "one", "arguments": "{}"}},
        {"id": "2", "type": "function", "function": {"name": "two", "arguments": '{"b":2}'}},
    ]
    assert chat_messages(turn) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "content": "first"},
        {"role": "tool", "tool_call_id": "2", "content": "second"},
        {"role": "user", "content": "Are you there?"},
    ]
