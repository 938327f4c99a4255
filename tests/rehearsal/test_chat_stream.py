"""Bytes of a chat-completions server as events, texts, calls and sentences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.exceptions import RehearsalError
from grok_live_widget.rehearsal import CallTool
from grok_live_widget.rehearsal.chat_stream import (
    MOST_LETTERS_OF_SENTENCE,
    ChatReply,
    EventStream,
    Sentences,
    error_text,
)

from ..support.chat_server import called, chunk

STREAM = (
    "\ufeff: keep-alive\n\n"
    "data: one 😀\r\n\r\n"
    "event: message\rid: 7\rdata:two\rdata:  lines\r\r"
    ": ping\n"
    "data: [DONE]\n\n"
    "data: without an end"
)
EVENTS = ["one 😀", "two\n lines", "[DONE]", "without an end"]


# --------------------------------------------------------------------------- events
@given(st.lists(st.integers(0, len(STREAM.encode()))))
def test_bytes_may_be_cut_anywhere(cuts: list[int]) -> None:
    sent, stream, found = STREAM.encode(), EventStream(), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(sent)], strict=True):
        found += stream.feed(sent[begin:end])
    assert [*found, *stream.close()] == EVENTS


def test_invalid_utf_8_is_replaced() -> None:
    assert EventStream().feed(b"data: a\xffb\n\n") == ["a\ufffdb"]


def test_a_line_without_an_end_is_an_error() -> None:
    stream = EventStream()
    assert stream.feed(b"x" * 2**21) == []
    with pytest.raises(RehearsalError, match="a line without an end"):
        stream.feed(b"x" * 2**22)


# --------------------------------------------------------------------------- messages
def test_the_text_is_that_of_the_deltas() -> None:
    reply = ChatReply()
    usage = '{"choices": [], "usage": {"total_tokens": 7}}'
    odd = ['{"choices": [{"delta": null}]}', '{"choices": [3]}', chunk(reasoning_content="Hm")]
    parts = json.dumps({"choices": [{"delta": {"content": [{"text": "c"}, 3, {"type": "x"}]}}]})
    said = [chunk(""), *odd, chunk("a "), chunk("b"), parts, chunk(finish="stop"), usage]
    assert "".join(map(reply.read, said)) == "a bc"
    assert (reply.finish_reason, reply.is_complete, reply.is_done) == ("stop", True, False)
    assert reply.read(" [DONE] ") == reply.read(chunk("more")) == ""
    assert reply.is_done


def test_an_answer_that_is_no_stream_is_read_too() -> None:
    reply = ChatReply()
    call = {"id": "a", "function": {"name": "look", "arguments": '{"at": 1}'}}
    message = {"role": "assistant", "content": "Hello.", "tool_calls": [call]}
    whole = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    assert reply.read(json.dumps(whole)) == "Hello."
    assert reply.is_complete
    assert reply.calls() == [CallTool("look", {"at": 1})]


@pytest.mark.parametrize(
    "deltas",
    [
        [
            called(0, "", "look", "a"),
            called(0, '{"at'),
            called(1, "", "listen", "b"),
            called(0, '": 1}'),
            called(1, "{}"),
        ],
        # All at once, with the same index or none.
        [called(0, '{"at": 1}', "look", "a"), called(0, "{}", "listen", "b")],
        [called(None, '{"at": 1}', "look", "a"), called(None, "", "listen", "b")],
        # No id either.
        [called(0, '{"at": 1}', "look"), called(0, "{}", "listen")],
        [called(None, '{"at"', "look"), called(None, ": 1}"), called(None, "{}", "listen")],
        # The id and the name again with each delta, and arguments that are no text.
        [called(0, '{"at":', "look", "a"), called(0, " 1}", "look", "a"), called(1, "", "listen")],
        [called(0, {"at": 1}, "look", "a"), called(1, None, "listen", "b")],  # type: ignore[arg-type]
    ],
)
def test_the_arguments_of_calls_grow_in_deltas(deltas: list[str]) -> None:
    reply = ChatReply()
    assert "".join(map(reply.read, deltas)) == ""
    assert reply.calls() == [CallTool("look", {"at": 1}), CallTool("listen", {})]


@pytest.mark.parametrize("arguments", ['{"at": ', "[1]", "at 1"])
def test_arguments_that_are_no_object_are_an_error(arguments: str) -> None:
    reply = ChatReply()
    reply.read(called(0, arguments, "look", "a"))
    with pytest.raises(RehearsalError, match="calls 'look' with arguments that are not a JSON"):
        reply.calls()


@pytest.mark.parametrize("message", ["{", "[1]", "<html>", '"text"'])
def test_a_message_that_is_no_object_is_an_error(message: str) -> None:
    with pytest.raises(RehearsalError, match=r"not a JSON object: .*Check base_url="):
        ChatReply().read(message)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"error": {"message": "No such\n model.", "code": 404}}, "No such model."),
        ({"error": "overloaded"}, "overloaded."),
        ({"detail": "Not found"}, "Not found."),
        ({"error": {"code": 7}}, '{"code": 7}.'),
        ("plain", "plain."),
    ],
)
def test_an_error_has_a_text_in_every_form(content: Any, text: str) -> None:
    assert error_text(content) == text


# --------------------------------------------------------------------------- sentences
def cut(text: str, size: int = 1) -> list[str]:
    sentences = Sentences()
    found = [
        each
        for start in range(0, len(text), size)
        for each in sentences.add(text[start : start + size])
    ]
    return [*found, sentences.rest()]


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize(
    "expected",
    [
        ["Hello.", " How are you?", " Fine"],
        ["It costs 3.50 euros, Mr. Smith, e.g. here.", " Yes!"],
        ["He said “No!”", " And left…", " Then"],
        ["First line", "\nSecond line.", "\n3. Third"],
        ["你好。", "你好吗?", " Good"],
        [""],
    ],
)
def test_a_text_is_cut_into_sentences_however_it_comes(size: int, expected: list[str]) -> None:
    assert cut("".join(expected), size) == expected


def test_a_long_text_without_sentences_is_cut_between_words() -> None:
    text = "word " * 200
    pieces = cut(text, 3)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= MOST_LETTERS_OF_SENTENCE
    assert all(each.startswith((" word", "word")) for each in pieces[:-1])
    assert "".join(cut("x" * 1_000)) == "x" * 1_000
