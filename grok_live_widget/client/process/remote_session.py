"""A talk whose connection is in a process of its own, as the kernel sees it.

`Mirror` has what the process tells, `KernelCalls` does what it asks for. The kernel may be busy for
any time: the connection goes on, and its events are folded when the kernel is free. Everything here
runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec.structs import asdict

from ..._threads import ThreadQueue
from ...audio import AudioBuffer, checked
from ...conversation import ToolCallState, Turn, Usage
from ...protocol import Noted, PlaybackReported, PushToTalk
from ...recording import Frames, copy_recording
from ...settings import Settings
from ...tools import secrets_of
from ..credentials import Secret
from ..endpoint import Endpoint, resolve_endpoint
from ..listeners import Listener, ListenerHandle
from ..reconnecting_session import off_loop, sentence
from ..timeouts import Timeouts
from ..tool_thread import ToolThreads
from . import messages
from .kernel_calls import KernelCalls
from .mirror import Mirror
from .supervisor import Level, Supervisor


class RemoteSession:
    """Does what `ReconnectingSession` does, in another process; see there.

    Attributes
    ----------
    timeouts, api_key, conversation, notes, frame_log, recording, hooks
        As there.
    tool_threads : ToolThreads
        Where tools run: in this process.
    supervisor : Supervisor
        Has the process do things.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: Secret | None,
        endpoint: Endpoint,
        timeouts: Timeouts = Timeouts(),
        main: ThreadQueue | None = None,
    ) -> None:
        self.timeouts, self.api_key = timeouts, api_key
        self.tool_threads = ToolThreads(main)
        self._kernel_calls = KernelCalls(settings, timeouts, self.tool_threads)
        self._mirror = mirror = Mirror(
            settings,
            messages.TalkState(phase="closed", dialect=endpoint.dialects[0][0].name),
            secrets=self.secrets,
            on_trouble=self._note_from_any_thread,
        )
        self.conversation, self.notes, self.hooks = mirror.conversation, mirror.notes, mirror.hooks
        self.frame_log, self.recording = mirror.frame_log, mirror.recording
        self.supervisor = Supervisor(mirror, self._kernel_calls, api_key, endpoint, timeouts)
        self.frame_log.add_secrets(*self.secrets())
        self._loop = asyncio.get_running_loop()
        self._changing = asyncio.Lock()

    # ----------------------------------------------------------------- to read
    @property
    def settings(self) -> Settings:
        """Those that hold."""
        return self._mirror.settings

    @property
    def endpoint(self) -> Endpoint:
        """The server, with the key that was found for the newest session."""
        return self.supervisor.endpoint

    @property
    def phase(self) -> str:
        """``"closed"``, ``"opening"``, ``"open"`` or ``"closing"``."""
        return self._mirror.state.phase

    @property
    def dialect(self) -> str:
        """Of the newest session; before there was one, the first that is tried."""
        return self._mirror.state.dialect

    @property
    def server_name(self) -> str:
        """``"Grok"``, ``"rehearsal"``, ``"replay"``, or the host of another server."""
        return self._mirror.state.server_name or self.endpoint.name

    @property
    def is_ended(self) -> bool:
        """Whether the talk is closed for good, or about to be."""
        return self.supervisor.is_ended

    @property
    def is_push_to_talk(self) -> bool:
        """Whether the user's turns are ended by hand."""
        return isinstance(self.settings.turn_detection, PushToTalk)

    @property
    def is_reopening(self) -> bool:
        """Whether a session is being opened that goes on with an earlier one."""
        return self._mirror.state.is_reopening

    @property
    def is_sending_sound(self) -> bool:
        """Whether a cell is sending sound, so that the microphone is dropped."""
        return self._mirror.state.is_sending_sound

    @property
    def dropped_s(self) -> float:
        """Sound of both sides that is neither in memory nor in files [s]."""
        return self._mirror.state.dropped_s

    @property
    def ends_in_s(self) -> float | None:
        """How long the server lets this session last from now [s]; None: not known, or closed."""
        ends_s = self._mirror.state.ends_at_s
        return None if ends_s is None else ends_s - time.monotonic()

    @property
    def frames(self) -> Frames:
        """The newest frames of all connections, as of now."""
        return self._mirror.frames

    @property
    def usage(self) -> Usage:
        """What was used up until now."""
        return self.conversation.meter.total(time.monotonic())

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for approval, oldest first."""
        return [] if self.phase == "closed" else self._mirror.pending_approvals

    @property
    def process_id(self) -> int | None:
        """The id of the process of the connection; None where it does not run."""
        return self.supervisor.process_id

    def secrets(self) -> tuple[str, ...]:
        """The key, and the secrets of tools, which nothing that is written may contain."""
        return (self.endpoint.key.reveal(), *secrets_of(self.settings.tools))

    def check_ended(self) -> None:
        """Raise SessionClosedOK when the talk is closed for good; by any thread."""
        self.supervisor.check_ended()

    # ----------------------------------------------------------------- listeners and notes
    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call ``listener(event, turns, now_s)`` with every event of every session."""
        return self._mirror.add_listener(listener)

    def note(self, text: str, level: Level = "info", topic: str = "") -> None:
        """Note a sentence for the user; in the panel it replaces the last one of its topic."""
        if self.supervisor.is_running:
            # So that it has its place among the events, and is recorded.
            self.supervisor.tell("note", text=text, level=level, topic=topic)
        else:
            self._mirror.add(Noted(sentence(text), level, topic))

    def _note_from_any_thread(self, text: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: the note has no reader.
            self._loop.call_soon_threadsafe(self.note, text, "error")

    def turn_of(self, turn_id: str) -> Turn:
        """A turn by its id; one that is in no conversation, of a reply of which nothing came."""
        if turn := self._mirror.turn_of(turn_id):
            return turn
        turn = Turn("assistant", tape=AudioBuffer())
        turn.is_complete = turn.was_interrupted = True
        return turn

    # ----------------------------------------------------------------- the talk
    async def open(self) -> None:
        """See `ReconnectingSession.open`."""
        self.check_ended()
        await self.supervisor.request("open")

    async def send_audio(
        self, x: Any, sample_rate: int, *, end: bool, pace: Literal["fast", "realtime"]
    ) -> None:
        """See `ReconnectingSession.send_audio`."""
        self.check_ended()
        array = np.ascontiguousarray(checked(x))
        await self.supervisor.request(
            "send_audio",
            data=array.tobytes(),
            dtype=array.dtype.str,
            shape=list(array.shape),
            sample_rate=sample_rate,
            end=end,
            pace=pace,
        )

    async def commit(self) -> None:
        """See `ReconnectingSession.commit`."""
        self.check_ended()
        await self.supervisor.request("commit")

    async def clear(self) -> None:
        """See `ReconnectingSession.clear`."""
        await self.supervisor.request_if_running("clear")

    async def interrupt(self) -> None:
        """See `ReconnectingSession.interrupt`."""
        await self.supervisor.request_if_running("interrupt")
        self.supervisor.cut_off(*self.conversation.unheard)

    async def approve(self, call_id: str, is_allowed: bool) -> None:
        """See `ReconnectingSession.approve`."""
        self.check_ended()
        await self.supervisor.request("approve", call_id=call_id, is_allowed=bool(is_allowed))

    async def update(
        self, given: Mapping[str, Any] | Callable[[Settings], Mapping[str, Any]]
    ) -> list[str]:
        """See `ReconnectingSession.update`."""
        self.check_ended()
        async with self._changing:
            given = given(self.settings) if callable(given) else given
            settings = self.settings.changed(given)
            await asyncio.to_thread(resolve_endpoint, settings, self.api_key)
            self._mirror.pending_settings = settings
            self._kernel_calls.add_tools(settings)
            plain = messages.plain_settings(settings, given)
            rejected: list[str] = await self.supervisor.request("update", given=plain)
            self._mirror.use_settings(settings)
            return rejected

    async def say_text(self, text: str) -> Turn:
        """See `ReconnectingSession.say_text`."""
        again = self.saying_again(text)
        return self.turn_of(await self.supervisor.request("say_text", again=again, text=text))

    def repetition_of(self, asked: object) -> Callable[[], dict[str, Any] | None]:
        """What tells how a text is asked of the next process; None: nothing is asked again."""
        turns = self.conversation.turns
        count = len(turns)

        def again() -> dict[str, Any] | None:
            if not isinstance(asked, str):
                return None
            new = list(turns[count:])
            places = [
                at for at, turn in enumerate(new) if (turn.role, turn.text) == ("user", asked)
            ]
            if not places:
                return {"is_again": False}
            replies = [turn for turn in new[places[-1] :] if turn.role == "assistant"]
            has_begun = any(turn.text or turn.sample_count for turn in replies)
            return None if has_begun else {"is_again": True}

        return again

    def saying_again(self, said: object) -> Callable[[], dict[str, Any] | None]:
        """The same for what waits for no reply: a text that was sent is not sent again."""
        repetition = self.repetition_of(said)

        def again() -> dict[str, Any] | None:
            found = repetition()
            return None if found is None or found["is_again"] else {}

        return again

    async def save(self, path: str | PathLike[str]) -> Path:
        """See `Talk.save`."""
        if self.settings.record is None:
            return await asyncio.to_thread(self.recording.save, path)
        if self.supervisor.is_ended:
            return await asyncio.to_thread(copy_recording, self.settings.record, path)
        return Path(await self.supervisor.request("save", path=os.fspath(path)))

    # ----------------------------------------------------------------- for a page
    def prepare(self) -> None:
        """Start the process, since a page shows the talk, which may be opened soon."""
        self.supervisor.prepare()

    def set_player(self, has_player: bool) -> None:
        """See `ReconnectingSession.set_player`."""
        self.conversation.may_be_played |= has_player
        self.supervisor.tell_standing("set_player", has_player=has_player)

    def expect_player(self) -> None:
        """A panel that is shown later may play the replies."""
        self.conversation.may_be_played = True
        self.supervisor.tell_standing("expect_player")

    async def skip(self, turns: Sequence[Turn]) -> None:
        """See `ReconnectingSession.skip`."""
        await self.supervisor.request_if_running("skip", turn_ids=[each.turn_id for each in turns])
        self.supervisor.cut_off(*turns)

    def send_microphone(self, pcm: bytes) -> None:
        """See `ReconnectingSession.send_microphone`."""
        self.supervisor.tell("send_microphone", pcm=pcm)

    async def report_playback(self, report: PlaybackReported) -> None:
        """See `ReconnectingSession.report_playback`."""
        await self.supervisor.request_if_running("report_playback", **asdict(report))
        if not self.supervisor.is_running:
            self._mirror.add(report)

    async def end_microphone(self) -> None:
        """See `ReconnectingSession.end_microphone`."""
        await self.supervisor.request_if_running("end_microphone")

    async def end_press(self) -> None:
        """See `ReconnectingSession.end_press`."""
        await self.supervisor.request("end_press")

    async def discard_press(self) -> None:
        """See `ReconnectingSession.discard_press`."""
        await self.supervisor.request_if_running("discard_press")

    async def disconnect(self) -> None:
        """See `ReconnectingSession.disconnect`."""
        await self.supervisor.end_connection("disconnect")

    # ----------------------------------------------------------------- closing
    async def stop(self) -> None:
        """See `ReconnectingSession.stop`."""
        await self.supervisor.end_connection("stop")
        self.supervisor.cut_off(*self.conversation.unheard)

    async def close(self) -> None:
        """Close the session, and end the process, for good."""
        await self.supervisor.close()
        await self._kernel_calls.close()
        await off_loop(self.tool_threads.close)
        self._mirror.close()
