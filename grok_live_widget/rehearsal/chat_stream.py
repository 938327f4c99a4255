"""The streamed answer of a chat-completions server, from bytes to sentences and calls of tools.

Without socket, clock or thread. Sources: "Server-sent events", section "Interpreting an event
stream" of the WHATWG HTML standard; ``chat.completion.chunk`` of OpenAI's API reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..exceptions import RehearsalError
from .partner import CallTool

MOST_BYTES_OF_LINE = 2**22
"""More than any server puts into one line."""

MOST_LETTERS_OF_SENTENCE = 300
"""From which length on a text is cut between words; it takes some 20 s to say."""

_DONE = "[DONE]"
_NOT_COMPATIBLE = "Check base_url=: it must be that of an OpenAI-compatible server."


class EventStream:
    """Reads server-sent events from bytes that may be cut anywhere."""

    def __init__(self) -> None:
        self._unread = b""
        self._lines: list[str] = []
        self._is_first = True

    def feed(self, received: bytes) -> list[str]:
        """Take bytes.

        Returns
        -------
        list of str
            The data of the events that are complete.

        Raises
        ------
        RehearsalError
            For a line without an end.
        """
        unread = self._unread + received
        # The second half of a line end may be in the next bytes.
        held, unread = (b"\r", unread[:-1]) if unread.endswith(b"\r") else (b"", unread)
        *lines, rest = unread.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._unread = rest + held
        if len(self._unread) > MOST_BYTES_OF_LINE:
            raise RehearsalError(
                "the chat server sent a line without an end.", cure=_NOT_COMPATIBLE
            )
        return [event for line in lines for event in self._take(line)]

    def close(self) -> list[str]:
        """The data of a last event whose end is missing: some servers leave out the empty line."""
        return [event for line in (self._unread, b"") for event in self._take(line)]

    def _take(self, line: bytes) -> list[str]:
        text = line.decode("utf-8", "replace")
        if self._is_first:
            text, self._is_first = text.removeprefix("\ufeff"), False
        if text:
            name, _, value = text.partition(":")
            # All else is a comment or a field that says nothing of the answer.
            if name == "data":
                self._lines.append(value.removeprefix(" "))
            return []
        lines, self._lines = self._lines, []
        return ["\n".join(lines)] if lines else []


@dataclass(slots=True)
class _Call:
    """A call of a tool whose arguments grow."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""

    def is_other(self, call_id: str, name: str) -> bool:
        """Whether a delta with the same index belongs to another call.

        Some servers give no index (ollama/ollama#7881) or the index 0 to all calls
        (ollama/ollama#15457), and others no id (continuedev/continue#13225).
        """
        if call_id and self.call_id:
            return call_id != self.call_id
        return bool(name and self.name) and _object(self.arguments) is not None


class ChatReply:
    """What the messages of one answer say.

    Attributes
    ----------
    is_done : bool
        Whether the server has said that nothing follows.
    finish_reason : str
        Why the answer ended, in the server's words; empty while it goes on.
    """

    def __init__(self) -> None:
        self.is_done = False
        self.finish_reason = ""
        self._calls: dict[int, list[_Call]] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the answer has ended, and was not broken off."""
        return self.is_done or bool(self.finish_reason)

    def read(self, message: str) -> str:
        """Take the data of one event, or a whole ``chat.completion``; returns its text.

        Raises
        ------
        RehearsalError
            When it is not JSON, or an error of the server.
        """
        if self.is_done or message.strip() == _DONE:
            self.is_done = True
            return ""
        content = _object_from(message)
        if content.get("error"):
            raise RehearsalError(
                f"the chat server reported: {error_text(content)}", cure="Ask again."
            )
        choices = content.get("choices")
        # The message of the usage has no choice.
        choice = choices[0] if isinstance(choices, list) and choices else {}
        return self._read_choice(choice) if isinstance(choice, Mapping) else ""

    def _read_choice(self, choice: Mapping[str, Any]) -> str:
        self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, Mapping):
            return ""
        calls = delta.get("tool_calls")
        for each in calls if isinstance(calls, list) else ():
            if isinstance(each, Mapping):
                self._add_call(each)
        return _text_of(delta.get("content"))

    def _add_call(self, delta: Mapping[str, Any]) -> None:
        index = delta.get("index")
        begun = self._calls.setdefault(index if isinstance(index, int) else 0, [])
        call_id, function = str(delta.get("id") or ""), delta.get("function")
        function = function if isinstance(function, Mapping) else {}
        name = str(function.get("name") or "")
        if not begun or begun[-1].is_other(call_id, name):
            begun.append(_Call())
        call = begun[-1]
        call.call_id, call.name = call_id or call.call_id, call.name or name
        arguments = function.get("arguments") or ""
        call.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def calls(self) -> list[CallTool]:
        """The calls of tools, once the answer is complete.

        Raises
        ------
        RehearsalError
            For arguments that are not a JSON object.
        """
        begun = [call for _, several in sorted(self._calls.items()) for call in several]
        return [CallTool(call.name, _arguments_of(call)) for call in begun if call.name]


def _object(text: str) -> Mapping[str, Any] | None:
    """A JSON object; None for any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _object_from(message: str) -> Mapping[str, Any]:
    content = _object(message)
    if content is None:
        raise RehearsalError(
            f"the chat server sent a message that is not a JSON object: {message!r:.80}.",
            cure=_NOT_COMPATIBLE,
        )
    return content


def error_text(content: object) -> str:
    """The text of an error, in any of the forms that servers use; it ends with a full stop."""
    error = content.get("error", content) if isinstance(content, Mapping) else content
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or json.dumps(error)
    text = " ".join(str(error).split())
    return f"{text[:300].rstrip('.')}."


def _text_of(content: object) -> str:
    """The text of a delta; a few servers send a list of parts."""
    if isinstance(content, list):
        parts = [each.get("text") for each in content if isinstance(each, Mapping)]
        return "".join(each for each in parts if isinstance(each, str))
    return content if isinstance(content, str) else ""


def _arguments_of(call: _Call) -> Mapping[str, Any]:
    arguments = _object(call.arguments or "{}")
    if arguments is None:
        raise RehearsalError(
            f"the chat model calls {call.name!r} with arguments that are not a JSON object: "
            f"{call.arguments!r:.80}.",
            cure="Ask again, or use a model that is made for calling tools.",
        )
    return arguments


# --------------------------------------------------------------------------- sentences
_END = re.compile(
    r"[.!?…]+[\"'\u201d\u2019)\]*_]*(?=\s)"  # A full stop within a number is followed by a digit.
    r"|[\u3002\uff01\uff1f]+[\"\u201d\u2019\u300d\u300f\uff09]*"  # Of Chinese and Japanese.
    r"|(?=\n.)"
)
_NO_END = re.compile(
    r"(?:^|\W)(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e)\.$"
    r"|^\s*\d+\.$"  # The number of an item of a list.
)


class Sentences:
    """Cuts a text that grows into sentences; joined, they are the text."""

    def __init__(self) -> None:
        self._rest = ""

    def add(self, text: str) -> list[str]:
        """Take more text; returns the sentences that are complete."""
        self._rest += text
        found = []
        while (end := self._end()) is not None:
            found.append(self._rest[:end])
            self._rest = self._rest[end:]
        return found

    def rest(self) -> str:
        """What remains at the end of the text; once."""
        rest, self._rest = self._rest, ""
        return rest

    def _end(self) -> int | None:
        for match in _END.finditer(self._rest):
            sentence = self._rest[: match.end()]
            if sentence.strip() and not _NO_END.search(sentence):
                return match.end()
        if len(self._rest) > MOST_LETTERS_OF_SENTENCE:
            # With the space at the beginning of the next piece, as between sentences.
            cut = self._rest.rfind(" ", 1, MOST_LETTERS_OF_SENTENCE)
            return cut if cut > 0 else MOST_LETTERS_OF_SENTENCE
        return None
