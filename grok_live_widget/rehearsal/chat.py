"""A partner that passes on what was said to a chat model, and speaks its answer.

The model is behind an endpoint that is compatible with OpenAI's chat completions: a model server
on this machine or in the network, or a service.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .._structs import names_checked
from ..exceptions import ConfigurationError, RehearsalError
from ..settings import between, is_loopback
from .chat_stream import ChatReply, EventStream, Sentences, error_text
from .partner import CallTool, PartnerTurn, SpokenLine

INSTRUCTIONS = (
    "You are in a spoken conversation. Answer in one to three short sentences of plain text, "
    "without Markdown, lists or emoji."
)

CONNECT_TIMEOUT_S = 10.0
MOST_BYTES_OF_ERROR = 10_000

FEWEST_LETTERS_OF_SECRET = 8
"""A shorter key, such as the "x" that local servers accept, occurs in usual words."""

_OWN_FIELDS = ("model", "messages", "stream", "tools")
_PATH = "/chat/completions"


class ChatPartner:
    """A partner that answers with a chat model: ``partner=ChatPartner(...)``.

    The rehearsal hears and speaks, the model thinks. What was said is sent with the history of the
    conversation and the session's tools; the answer is spoken sentence by sentence while it
    streams, and the request is closed when it is interrupted. Needs the extra ``chat``.

    Parameters
    ----------
    base_url : str
        Such as ``"http://localhost:11434/v1"``; ``/chat/completions`` is appended.
    model : str
        Name of a model of this server.
    instructions : str
        The first part of the system message, followed by the instructions of the session.
    api_key_env : str or None
        The environment variable with the key of this server, read at each request. Without a value,
        no key is sent. None: never.
    timeout_s : float in [1, 3600] [s]
        How long the server may send nothing.
    options : Mapping or None
        Further fields of the request, such as ``{"temperature": 0.2, "max_tokens": 200}``.

    Raises
    ------
    ConfigurationError
        For a value that is none of these, a key that would travel without encryption, or when
        httpx is not installed.

    Notes
    -----
    It may be used by several servers and threads at once; a request is made on the loop of the
    server whose turn it answers. An error of the endpoint is a `ServerError` of `Talk.ask`; what
    was said before it is kept. The key is in no message, repr, log or recording.

    Speech of which no words were recognised is not sent: recognition needs the extra ``words``.

    Examples
    --------
    >>> from grok_live_widget import ChatPartner, Talk
    >>> model = ChatPartner(base_url="http://localhost:11434/v1", model="llama3.2")
    >>> Talk(partner=model, instructions="You are a patient teacher of French.")
    <Talk with rehearsal, not connected, 0 turns>
    """

    needs_words = True

    @names_checked
    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        instructions: str = INSTRUCTIONS,
        api_key_env: str | None = "CHAT_API_KEY",
        timeout_s: float = 60.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        _library()
        parts = _checked_url(base_url)
        _check_text("model", model)
        if not isinstance(instructions, str):
            raise ConfigurationError(f"instructions must be text, not {instructions!r:.60}.")
        _check_variable(api_key_env)
        between("timeout_s", timeout_s, 1, 3_600)
        self._url = f"{parts.scheme}://{parts.netloc}{_path_of(parts)}"
        self._host, self._model, self._instructions = parts.netloc, model, instructions
        self._api_key_env, self._timeout_s = api_key_env, timeout_s
        self._connect_timeout_s = min(timeout_s, CONNECT_TIMEOUT_S)
        self._options = _checked_options(options)
        self._tls: ssl.SSLContext | None = None
        try:
            self._key()
        except RehearsalError as error:
            raise ConfigurationError(error.message, cure=error.cure) from None

    def __getstate__(self) -> dict[str, Any]:
        # A context of TLS cannot be sent to another process, which makes its own.
        return {**self.__dict__, "_tls": None}

    def __repr__(self) -> str:
        return f"<ChatPartner {self._model!r} at {self._host}>"

    @property
    def title(self) -> str:
        """The name of the model, which the panel shows."""
        return self._model

    async def __call__(self, turn: PartnerTurn) -> AsyncGenerator[str | CallTool]:
        """Answer one turn: sentences, then calls of tools.

        Raises
        ------
        RehearsalError
            For every failure of the endpoint, once what was received of the answer was yielded.
        """
        if turn.role == "user" and turn.pcm.size and not turn.text.strip():
            yield "I heard you speak, but I could not make out the words."
            return
        reply, sentences, is_empty = ChatReply(), Sentences(), True
        failure: RehearsalError | None = None
        async with aclosing(self._messages(self._request(turn))) as messages:
            try:
                async for message in messages:
                    for sentence in sentences.add(reply.read(message)):
                        is_empty = False
                        yield sentence
                    if reply.is_done:
                        break
            except RehearsalError as error:
                failure = error
        if rest := sentences.rest().rstrip():
            is_empty = False
            yield rest
        if failure is None and not reply.is_complete:
            failure = self._broken_off()
        if failure is not None:
            raise failure
        calls = reply.calls()
        for call in calls:
            yield call
        if is_empty and not calls:
            reason = f" ({reply.finish_reason})" if reply.finish_reason else ""
            raise RehearsalError(
                f"the chat model {self._model!r} ended its answer without a text{reason}.",
                cure="Ask again, allow more tokens in options=, or use another model.",
            )

    # ------------------------------------------------------------------ the request
    def _request(self, turn: PartnerTurn) -> dict[str, Any]:
        system = "\n\n".join(filter(None, (self._instructions, turn.instructions)))
        head = [{"role": "system", "content": system}] if system else []
        request = {
            **self._options,
            "model": self._model,
            "messages": [*head, *chat_messages(turn)],
            "stream": True,
        }
        tools = [
            {
                "type": "function",
                "function": {
                    "name": each.name,
                    "description": each.description,
                    "parameters": each.parameters,
                },
            }
            for each in turn.tool_offers
        ]
        return {**request, "tools": tools} if tools else request

    def _key(self) -> str:
        """The key as it is now; empty where there is none."""
        key = os.environ.get(self._api_key_env or "", "").strip()
        if not key.isascii() or not key.isprintable():
            # The value itself is not repeated.
            raise RehearsalError(
                f"the value of {self._api_key_env} is no key: it has other than printable ASCII "
                "characters.",
                cure="Set the variable again.",
            )
        if key and self._url.startswith("http://") and not is_loopback(self._url):
            raise RehearsalError(
                f"http:// to {self._host} would send the key in {self._api_key_env} without "
                "encryption.",
                cure="Use https://, or api_key_env=None if this server needs no key.",
            )
        return key

    def _client(self) -> Any:
        httpx = _library()
        is_encrypted = self._url.startswith("https://")
        if self._tls is None:
            # Loading the authorities takes some 20 ms, so it is done once and where it is needed.
            usual = httpx.create_ssl_context() if is_encrypted else None
            self._tls = usual or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        timeout = httpx.Timeout(self._timeout_s, connect=self._connect_timeout_s)
        # A proxy of the environment does not lead to this machine.
        return httpx.AsyncClient(
            verify=self._tls, timeout=timeout, trust_env=not is_loopback(self._url)
        )

    async def _messages(self, request: Mapping[str, Any]) -> AsyncGenerator[str]:
        """The messages of the answer, as they come.

        Raises
        ------
        RehearsalError
        """
        httpx = _library()
        body, key, has_begun = json.dumps(request).encode(), self._key(), False
        # Compressed, a stream may be held back until there is enough of it.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            async with (
                self._client() as client,
                client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                has_begun = True
                if _kind_of(response) == "text/html":
                    raise RehearsalError(
                        f"the chat server at {self._host} answered with a web page.",
                        cure="Check base_url=: it usually ends in /v1.",
                    )
                if response.status_code != httpx.codes.OK:
                    text = (await _beginning_of(response)).decode("utf-8", "replace")
                    raise self._refused(response, _without(key, text), has_key=bool(key))
                async with aclosing(self._events(response)) as events:
                    async for event in events:
                        yield _without(key, event)
        except httpx.ConnectTimeout:
            raise self._unreachable(f"no connection within {self._connect_timeout_s:g} s") from None
        except httpx.TimeoutException:
            raise RehearsalError(
                f"the chat server at {self._host} has sent nothing for {self._timeout_s:g} s.",
                cure="Allow more with timeout_s=, or use a smaller model.",
            ) from None
        except httpx.ConnectError as error:
            raise self._unreachable(str(error)) from None
        except httpx.HTTPError as error:
            raise self._broken_off() if has_begun else self._unreachable(str(error)) from None

    async def _events(self, response: Any) -> AsyncGenerator[str]:
        """The data of each event of a response, or its whole content where it is no stream."""
        if _kind_of(response) == "application/json":
            yield (await response.aread()).decode("utf-8", "replace")
            return
        stream = EventStream()
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                for event in stream.feed(piece):
                    yield event
        for event in stream.close():
            yield event

    # ------------------------------------------------------------------ failures
    def _refused(self, response: Any, text: str, *, has_key: bool) -> RehearsalError:
        """The error for a status other than 200."""
        try:
            said = error_text(json.loads(text) or response.reason_phrase)
        except ValueError:
            said = error_text(text or response.reason_phrase)
        host, variable = f"the chat server at {self._host}", self._api_key_env
        match response.status_code:
            case 401 | 403 if has_key:
                problem, cure = f"refused the key in {variable}", f"Check {variable}."
            case 401 | 403:
                named = variable or "a variable that api_key_env= names"
                problem, cure = "needs a key", f"Put it into the environment as {named}."
            case 404:
                problem = f"has no model {self._model!r}, or no {urlsplit(self._url).path}"
                cure = "Check model=, and base_url=, which usually ends in /v1."
            case 429:
                wait = response.headers.get("Retry-After", "")
                problem = "had too many requests, or its quota is spent"
                cure = f"Ask again in {wait} s." if wait.isdigit() else "Ask again later."
            case status if status >= 500:
                problem, cure = f"has failed with status {status}", "Ask again, or see its log."
            case status:
                problem, cure = f"refused the request with status {status}", "Check the settings."
        return RehearsalError(f"{host} {problem}: {said}", cure=cure)

    def _unreachable(self, reason: str) -> RehearsalError:
        return RehearsalError(
            f"the chat server at {self._host} cannot be reached ({reason or 'no connection'}).",
            cure="Start it, or check base_url=.",
        )

    def _broken_off(self) -> RehearsalError:
        return RehearsalError(
            f"the answer of the chat server at {self._host} broke off.",
            cure="Ask again; what was received was said.",
        )


def _without(key: str, text: str) -> str:
    """What a server sent, without the key that it may repeat."""
    return text.replace(key, "…") if len(key) >= FEWEST_LETTERS_OF_SECRET else text


def _kind_of(response: Any) -> str:
    """The type of a response's content, such as "application/json"."""
    kind: str = response.headers.get("Content-Type", "")
    return kind.partition(";")[0].strip().lower()


async def _beginning_of(response: Any) -> bytes:
    content = b""
    async with aclosing(response.aiter_bytes()) as pieces:
        async for piece in pieces:
            content += piece
            if len(content) > MOST_BYTES_OF_ERROR:
                break
    return content[:MOST_BYTES_OF_ERROR]


# --------------------------------------------------------------------------- the conversation
def chat_messages(turn: PartnerTurn) -> list[dict[str, Any]]:
    """A turn and what was said before it, as messages of chat completions.

    The outputs of tools directly follow their calls, as these servers demand; a call without an
    output is left out.
    """
    outputs = {line.call_id: line.text for line in turn.history if line.role == "tool"}
    if turn.role == "tool":
        outputs[turn.call_id] = turn.text
    messages = list(_grouped(turn.history, outputs))
    if turn.role == "user" and turn.text.strip():
        messages.append({"role": "user", "content": turn.text})
    return messages


def _grouped(
    history: tuple[SpokenLine, ...], outputs: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    calls: list[SpokenLine] = []
    for line in (*history, SpokenLine("", "")):
        if line.name:
            calls += [line] if line.call_id in outputs else []
            continue
        if calls:
            yield {"role": "assistant", "content": None, "tool_calls": [*map(_call_of, calls)]}
            for call in calls:
                text = outputs[call.call_id]
                yield {"role": "tool", "tool_call_id": call.call_id, "content": text}
            calls = []
        if line.text.strip() and line.role != "tool":
            yield {"role": line.role or "user", "content": line.text}


def _call_of(line: SpokenLine) -> dict[str, Any]:
    function = {"name": line.name, "arguments": line.text}
    return {"id": line.call_id, "type": "function", "function": function}


# --------------------------------------------------------------------------- checks
def _library() -> Any:
    try:
        import httpx
    except ImportError:
        raise ConfigurationError(
            "ChatPartner needs httpx, which is not installed.",
            cure="Run: pip install 'grok-live-widget[chat]'",
        ) from None
    return httpx


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} must be text that is not empty, not {value!r:.60}.")


def _check_variable(name: object) -> None:
    is_name = isinstance(name, str) and name.isidentifier()
    if not (is_name or name is None):
        # What is no name may be the key itself.
        raise ConfigurationError(
            "api_key_env is not the name of an environment variable.",
            cure="Put the key into a variable, and pass its name, such as 'CHAT_API_KEY'.",
        )


def _checked_url(url: object) -> SplitResult:
    """The parts of a base URL; errors do not repeat it, since it may contain a key."""
    cure, text = "For example http://localhost:11434/v1.", url if isinstance(url, str) else ""
    httpx = _library()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        httpx.URL(text)
        if any(each.isspace() for each in text):
            raise ValueError
    except (ValueError, httpx.InvalidURL):
        raise ConfigurationError("base_url is no URL.", cure=cure) from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(
            f"base_url must begin with http:// or https:// and name a host; its scheme is "
            f"{parts.scheme!r}.",
            cure=cure,
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "base_url contains a user name, a query or a fragment.",
            cure="Put a key into the environment variable that api_key_env= names.",
        )
    return parts


def _path_of(parts: SplitResult) -> str:
    return parts.path.rstrip("/").removesuffix(_PATH) + _PATH


def _checked_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"options must be a dict of fields or None, not {options!r:.60}.")
    for name in options:
        if name in _OWN_FIELDS:
            raise ConfigurationError(
                f"options cannot contain {name!r}.", cure="It is set from the other arguments."
            )
    try:
        json.dumps(dict(options))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"options cannot be written as JSON ({error}).", cure="Use texts, numbers and lists."
        ) from None
    return dict(options)
