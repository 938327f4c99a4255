"""The settings of one session: those that hold, and their changes while it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from ..conversation import Turn
from ..exceptions import ConfigurationError, ServerError
from ..protocol import (
    ErrorReported,
    Event,
    Protocol,
    SessionEnded,
    SessionUpdated,
    SettingsChanged,
    UpdateSession,
    is_ignorable_error,
    rejected_settings,
)
from ..recording import FrameLog
from ..settings import Settings
from ..tools import secrets_of
from ._pump import Pump
from .endpoint import ConnectRequest, refuse_unsupported, update_for, voice_notes
from .requests import server_error, with_new_id

_SETTINGS = tuple(name for name in UpdateSession.__struct_fields__ if name != "event_id")

# What resets a setting to its default, where leaving it out changes nothing.
_DEFAULTS: dict[str, Any] = {
    "instructions": "",
    "speed": 1.0,
    "replace": {},
    "reasoning": "high",
    "tools": (),
    "resumption": False,
}


class SessionSettings:
    """The settings of one session, on the session's loop.

    Parameters
    ----------
    pump : Pump
        Sends the changes and dispatches their confirmations.
    protocol : Protocol
    request : ConnectRequest
        The settings that the session was opened with, the endpoint and the time limits.
    frame_log : FrameLog
        Is told the secrets of new tools.

    Attributes
    ----------
    current : Settings
        Those that hold now.
    """

    def __init__(
        self, pump: Pump, protocol: Protocol, request: ConnectRequest, frame_log: FrameLog
    ) -> None:
        self.current = request.settings
        self._pump = pump
        self._protocol = protocol
        self._endpoint = request.endpoint
        self._confirm_s = request.timeouts.confirm_s
        self._frame_log = frame_log
        # Confirmations of two concurrent changes could not be told apart.
        self._changing = asyncio.Lock()

    async def change(self, changes: Mapping[str, Any]) -> list[str]:
        """Change some settings.

        Parameters
        ----------
        changes : mapping
            The new values by their names in `Settings`.

        Returns
        -------
        list of str
            What the server rejected, by the settings that it confirmed; each was also noted.

        Raises
        ------
        ConfigurationError, UnsupportedByServer
            Before anything is sent.
        ServerError
            When the server refuses; the earlier settings stay.
        """
        async with self._changing:
            before, after = self.current, self.current.changed(changes)
            self._frame_log.add_secrets(*secrets_of(after.tools))
            change = self._difference(before, after)
            if change.model is not None and self._protocol.dialect.has_responses:
                raise ConfigurationError(
                    "another model needs a new session.", cure="Talk.update(model=…) opens one."
                )
            rejected = await self._apply(before, change) if change != UpdateSession() else []
            self.current = after
            self._protocol.set_reply_quiet(after.reply_quiet_ms / 1000)
            self._pump.dispatch(SettingsChanged())
            if after.voice != before.voice:
                for note in voice_notes(self._endpoint, after, self._protocol.dialect):
                    self._pump.dispatch(note)
            return rejected

    def unsupported_sound(self, confirmed: Mapping[str, Any]) -> str:
        """How the sound that the server confirmed differs from what was requested.

        Parameters
        ----------
        confirmed : mapping
            `SessionUpdated.session`.

        Returns
        -------
        str
            Empty where it does not.
        """
        asked = self._message_of(self.current)
        sound = UpdateSession(input_format=asked.input_format, output_format=asked.output_format)
        return next(iter(rejected_settings(self._protocol.dialect, sound, confirmed)), "")

    def _message_of(self, settings: Settings) -> UpdateSession:
        """The message that asks the server for some settings."""
        refuse_unsupported(settings, self._protocol.dialect)
        return update_for(self._endpoint, settings, self._protocol.dialect)

    def _difference(self, before: Settings, after: Settings) -> UpdateSession:
        """The message that changes some settings to others."""
        was, wanted = self._message_of(before), self._message_of(after)
        changed: dict[str, Any] = {}
        for name in _SETTINGS:
            old, new = getattr(was, name), getattr(wanted, name)
            if new != old:
                changed[name] = _default_of(name) if new is None else new
        return with_new_id(UpdateSession(**changed))

    async def _apply(self, before: Settings, change: UpdateSession) -> list[str]:
        try:
            return await self._send(change)
        except ServerError:
            if change.turn_detection is not None:
                # Whatever follows turns uses what was sent last; the server still has this.
                detection = UpdateSession(turn_detection=before.turn_detection)
                with contextlib.suppress(ServerError):
                    await self._send(with_new_id(detection))
            raise

    async def _send(self, change: UpdateSession) -> list[str]:
        """Send a change; servers confirm the settings, or report an error and change nothing."""
        answers: list[Event] = []

        def watch(event: Event, _: list[Turn], __: float) -> None:
            if isinstance(event, SessionUpdated | SessionEnded) or (
                isinstance(event, ErrorReported)
                and not is_ignorable_error(event)
                and event.about in ("", change.event_id)
            ):
                answers.append(event)

        self._pump.check()
        with self._pump.add_listener(watch):
            self._protocol.send(change)
            await self._pump.drain()
            if not self._protocol.dialect.confirms_settings:
                return []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._confirm_s):
                    await self._pump.wait_for(lambda: bool(answers))
        return self._rejected_by(change, answers[0] if answers else None)

    def _rejected_by(self, change: UpdateSession, answer: Event | None) -> list[str]:
        """Note the settings that the server confirmed with another value."""
        self._pump.check()
        if isinstance(answer, ErrorReported):
            raise server_error(answer)
        if not isinstance(answer, SessionUpdated):
            self._pump.note(
                "The server did not confirm the new settings, so they may not hold; "
                "update() sends them again."
            )
            return []
        differences = rejected_settings(self._protocol.dialect, change, answer.session)
        for difference in differences:
            self._pump.note(f"The server rejected a setting and keeps its own: {difference}.")
        return differences


def _default_of(name: str) -> Any:
    if name not in _DEFAULTS:
        raise ConfigurationError(
            f"{name} cannot be reset in a running session.",
            cure=f"Give {name} a value, or open another session.",
        )
    return _DEFAULTS[name]
