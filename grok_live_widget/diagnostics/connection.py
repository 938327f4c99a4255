"""The way to the server and what it answers: from the key to settings and round trip."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from statistics import median
from typing import Any

from msgspec.structs import replace

from .._structs import Value
from ..client import (
    ConnectRequest,
    Endpoint,
    Secret,
    Session,
    Step,
    locate_key,
    missing_libraries,
    new_rehearsal,
    open_session_with,
    resolve_endpoint,
    steps_to,
    unanswered,
    update_for,
    wrap_secret,
)
from ..conversation import Conversation
from ..exceptions import AuthenticationError, GrokLiveError
from ..protocol import (
    Event,
    Noted,
    SessionCreated,
    SessionUpdated,
    is_replaced_model,
    rejected_settings,
)
from ..recording import FrameLog
from ..settings import Settings
from .report import Check, failed, not_reached, ok, skipped, warning

# Of the checks from the first on that needs a server, in their order.
_STEPS = ("host name", "TCP", "TLS")
_OF_SESSION = ("session", "API key", "dialect", "model", "settings", "round trip")
CONNECTION = (*_STEPS, "WebSocket", *_OF_SESSION)
SERVER = ("key", "server", *CONNECTION)

# What no talk can do without.
_NEEDED = ("key", "server", *_STEPS, "WebSocket", "session", "API key")

PING_COUNT = 10
# A reply begins so much later.
_LONG_ROUND_TRIP_MS = 300.0


# --------------------------------------------------------------------------- before any I/O
class Chosen(Value, frozen=True, kw_only=True):
    """The key and the server, and what was found on the way to them.

    Parameters
    ----------
    endpoint : Endpoint or None
        None where none can be chosen.
    """

    checks: tuple[Check, ...]
    endpoint: Endpoint | None = None
    key: Secret = Secret("")


def choose_server(settings: Settings, api_key: Secret | None) -> Chosen:
    """Find the key and the server; it may take seconds, so an event loop must not call it."""
    api_key = wrap_secret(api_key)
    try:
        key, where = locate_key(api_key)
    except GrokLiveError as error:
        return Chosen(checks=(failed("key", error), *not_reached(SERVER[1:], "key")))
    try:
        endpoint = resolve_endpoint(settings, api_key if key is None else key)
    except AuthenticationError as error:
        return Chosen(checks=(failed("key", error), *not_reached(SERVER[1:], "key")))
    except GrokLiveError as error:
        checks = _key_check(key, where, None), failed("server", error)
        return Chosen(checks=(*checks, *not_reached(CONNECTION, "server")), key=key or Secret(""))
    server = ok("server", _name_of(endpoint))
    return Chosen(
        checks=(_key_check(key, where, endpoint), server),
        endpoint=endpoint,
        key=key or endpoint.key,
    )


def _key_check(key: Secret | None, where: str, endpoint: Endpoint | None) -> Check:
    name = "key"
    if endpoint is not None and endpoint.is_rehearsal and endpoint.is_chosen:
        return skipped(name, "The rehearsal needs no API key.")
    if key:
        return ok(name, f"An API key was found: {where}.")
    if endpoint is not None and endpoint.is_rehearsal:
        cure = "To reach Grok, set XAI_API_KEY, or pass api_key=."
        return warning(
            name,
            "No API key was found, so the built-in rehearsal answers, not Grok.",
            " ".join(filter(None, [cure, unanswered(), missing_libraries()])),
        )
    found = "No API key was found; a server on this computer may need none."
    return skipped(name, found, unanswered())


def _name_of(endpoint: Endpoint) -> str:
    dialects = " or ".join(dialect.name for dialect, _ in endpoint.dialects)
    if endpoint.is_rehearsal:
        return f"The built-in rehearsal, in the dialect {dialects}."
    return f"{endpoint.name}, in the dialect {dialects}."


# --------------------------------------------------------------------------- the way
async def connection_checks(settings: Settings, endpoint: Endpoint) -> list[Check]:
    """Take every step to the server, open a session, and close it.

    Nothing is said to the model, and no earlier conversation is continued.
    """
    settings = replace(settings, conversation_id=None, record=None)
    if not endpoint.is_rehearsal:
        return await _checks_at(settings, endpoint)
    server = new_rehearsal(settings)
    try:
        await asyncio.to_thread(server.start)
    except GrokLiveError as error:
        before = [skipped(name, "The rehearsal did not start.") for name in (*_STEPS, "WebSocket")]
        return [*before, failed("session", error), *not_reached(_OF_SESSION[1:], "session")]
    try:
        return await _checks_at(settings, endpoint.served_by(server))
    finally:
        await asyncio.to_thread(server.close)


async def _checks_at(settings: Settings, endpoint: Endpoint) -> list[Check]:
    _, url = endpoint.dialects[0]
    checks = [_of_step(each) for each in await steps_to(url, settings.open_timeout_s, settings.ssl)]
    if checks[-1].result == "failed":
        return [*checks, *not_reached(CONNECTION[len(checks) :], checks[-1].name)]
    opening = _Opening(settings, endpoint)
    return [*checks, *await opening.checks()]


def _of_step(step: Step) -> Check:
    if step.failure is not None:
        return failed(step.name, step.failure)
    return ok(step.name, step.found) if step.is_needed else skipped(step.name, step.found)


class _Opening:
    """A session that is opened in order to look at what the server says."""

    def __init__(self, settings: Settings, endpoint: Endpoint) -> None:
        self._settings, self._endpoint = settings, endpoint
        self._has_socket = False
        self._created: SessionCreated | None = None
        self._updated: SessionUpdated | None = None
        self._notes: list[str] = []

    def _observe(self, event: Event, _: Any, __: float) -> None:
        # The first event of all is a message that was sent.
        self._has_socket = True
        match event:
            case SessionCreated():
                self._created = event
            case SessionUpdated():
                self._updated = event
            case Noted(text=text) if text:
                self._notes.append(text)

    async def checks(self) -> list[Check]:
        """From ``WebSocket`` on."""
        request = ConnectRequest(endpoint=self._endpoint, settings=self._settings)
        conversation = Conversation.under(self._settings)
        try:
            session = await open_session_with(
                request, conversation, FrameLog(), listener=self._observe
            )
        except GrokLiveError as error:
            return self._refused(error)
        try:
            await _wait_for_verdict(session)
            if session.failure is not None:
                return self._refused(session.failure)
            return [
                self._socket_check(session.host),
                ok("session", f"{session.host} opened a session ({session.server_name})."),
                self._key_check(session),
                self._dialect_check(session),
                self._model_check(session),
                self._settings_check(session),
                await _round_trip_check(session),
            ]
        finally:
            await session.close()

    def _socket_check(self, host: str) -> Check:
        return ok("WebSocket", f"{host} opened a WebSocket.")

    def _refused(self, error: GrokLiveError) -> list[Check]:
        host = getattr(error, "host", "") or "The server"
        is_of_key = isinstance(error, AuthenticationError)
        if is_of_key and not self._has_socket:
            socket_check = skipped("WebSocket", f"{host} refused the key before it opened one.")
        elif not self._has_socket:
            return [failed("WebSocket", error), *not_reached(_OF_SESSION, "WebSocket")]
        else:
            socket_check = self._socket_check(host)
        if not is_of_key:
            checks = [socket_check, failed("session", error)]
            return [*checks, *not_reached(_OF_SESSION[1:], "session")]
        session = skipped("session", f"{host} opened none, since it refused the key.")
        checks = [socket_check, session, failed("API key", error)]
        return [*checks, *not_reached(_OF_SESSION[2:], "API key")]

    # ----------------------------------------------------------------- what it answered
    def _key_check(self, session: Session) -> Check:
        name = "API key"
        if self._endpoint.is_rehearsal:
            return skipped(name, "The built-in rehearsal needs none.")
        if not self._endpoint.key:
            return ok(name, f"{session.host} needs none.")
        if session.received_message_count == 0:
            return skipped(
                name,
                f"{session.host} has neither accepted nor refused the key, as servers of the "
                f"dialect {session.dialect} do until they are talked to.",
                "doctor(talk=True) asks a question, and so finds out.",
            )
        return ok(name, f"{session.host} accepted the key.")

    def _dialect_check(self, session: Session) -> Check:
        name, dialect = "dialect", session.dialect
        if len(self._endpoint.dialects) < 2 or dialect == self._endpoint.dialects[0][0].name:
            return ok(name, f"The server speaks {dialect}.")
        refused = self._notes[0] if self._notes else ""
        return ok(name, f"The server speaks {dialect}. {refused}".strip())

    def _model_check(self, session: Session) -> Check:
        name, found = "model", self._created.model if self._created is not None else ""
        asked = update_for(self._endpoint, self._settings, session.protocol.dialect).model
        if self._endpoint.is_rehearsal:
            return ok(name, "The rehearsal answers, a program and no model.")
        if not found:
            return skipped(name, "The server does not say which model answers.")
        if not is_replaced_model(asked, found):
            return ok(name, f"The server answers as {found!r}.")
        replaced = f"The server answers as {found!r}, not as {asked!r}."
        return Check(name=name, result="failed", found=replaced, cure="Check model=.")

    def _settings_check(self, session: Session) -> Check:
        name, dialect = "settings", session.protocol.dialect
        if not dialect.confirms_settings:
            return skipped(name, f"Servers of the dialect {dialect.name} do not confirm settings.")
        if self._updated is None:
            return warning(
                name,
                "The server did not confirm the settings, so that it may use others.",
                "Try again; if it happens again, report it to the operator of the server.",
            )
        update = update_for(self._endpoint, self._settings, dialect)
        rejected = rejected_settings(dialect, update, self._updated.session)
        if rejected:
            return warning(
                name,
                f"The server confirmed other settings: {'; '.join(rejected)}.",
                "Give values that this server supports.",
            )
        return ok(name, "The server confirmed the settings.")


async def _wait_for_verdict(session: Session) -> None:
    """Where a server shows no key refused at the handshake: wait a moment for its refusal."""
    if not session.protocol.dialect.early_close_is_auth_failure:
        return

    def has_come() -> bool:
        return session.received_message_count > 0 or session.failure is not None

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(session.timeouts.settle_s):
            await session.wait_for(has_come)


async def _round_trip_check(session: Session) -> Check:
    name, times_ms = "round trip", list[float]()
    try:
        async with asyncio.timeout(session.timeouts.confirm_s):
            for _ in range(PING_COUNT):
                times_ms.append(await session.ping() * 1000)
    except TimeoutError:
        if not times_ms:
            return warning(
                name,
                f"{session.host} answered no ping in {session.timeouts.confirm_s:g} s.",
                "Check what is on the way, such as a proxy that holds back messages.",
            )
    except GrokLiveError as error:
        return failed(name, error)
    return round_trip_check(name, times_ms)


def round_trip_check(name: str, times_ms: Sequence[float], more: str = "") -> Check:
    """A check of times that answers took."""
    middle_ms = median(times_ms)
    of_all = f"worst {max(times_ms):.1f} ms of {len(times_ms)} pings{more}"
    found = f"Median {middle_ms:.1f} ms, {of_all}."
    if middle_ms < _LONG_ROUND_TRIP_MS:
        return ok(name, found)
    return warning(name, found, "Replies begin that much later: use a network that is nearer.")


def is_unreachable(checks: Sequence[Check]) -> bool:
    """Whether a talk could not be opened."""
    return any(each.result == "failed" for each in checks if each.name in _NEEDED)
