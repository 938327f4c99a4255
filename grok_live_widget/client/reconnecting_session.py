"""A session that outlives its connections: opened on demand, limited, reconnected, closed.

Everything here runs on the talk's loop. `reconnect` decides what follows from what.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from .._threads import BackgroundTasks
from ..conversation import Conversation, ToolCallState, Turn, Usage
from ..exceptions import (
    BudgetSpent,
    GrokLiveError,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
)
from ..protocol import (
    ErrorReported,
    Event,
    Interrupted,
    LineReopened,
    Noted,
    PhaseChanged,
    PlaybackReported,
    PushToTalk,
    ResponseCreated,
    ServerVad,
    SessionEnded,
    SettingsChanged,
    Unrecognized,
    is_ignorable_error,
)
from ..recording import FrameLog, Frames, Recording
from ..settings import Settings
from ..tools import secrets_of
from .connector import open_session_with
from .credentials import Secret
from .endpoint import ConnectRequest, Endpoint
from .hooks import Hooks
from .limits import Limits
from .listeners import Listener, ListenerHandle, Listeners
from .microphone import Microphone, end_speech
from .reconnect import (
    Action,
    Cause,
    Phase,
    ResumeState,
    State,
    backoff_s,
    cause_of_end,
    cause_of_failed_open,
    is_transient,
    replay_history,
    transition,
)
from .requests import server_error, user_message
from .retention import Retention
from .session import Session
from .surroundings import KernelSurroundings, Rehearsal, Surroundings
from .timeouts import Timeouts

Level = Literal["info", "warning", "error"]

# Notes about the connection hold until it is open again: one topic, so each replaces the last.
_CONNECTION = "connection"
# How often the limits are checked [s].
_CHECK_S = 0.5

_OPENS_AGAIN = "Start, or the next question, opens it again."
_MEMORY = {
    "resumed": "the server still knows what was said before.",
    "retold": "what was said before was sent to the server again, as text.",
    "none": "the server does not know what was said before.",
}


class ReconnectingSession:
    """One session after another, in one conversation.

    Attributes
    ----------
    settings : Settings
    timeouts : Timeouts
    endpoint : Endpoint
        The server, as resolved for the newest session.
    conversation : Conversation
    notes : list of Noted
        The notes for the user, oldest first.
    frame_log : FrameLog
        What was sent and received, over all connections.
    recording : Recording
    session : Session or None
        The open one.
    dialect : str
        Of the newest session; before there was one, the first that is tried.
    memory : {"resumed", "retold", "none"}
        What the server knows of the sessions before this one.
    interruptions : list of callable
        Called by `interrupt`.
    tool_threads : ToolThreads
        Where tools run, in all sessions.
    api_key : Secret or None
        As it was given; None: it was looked for.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: Secret | None,
        endpoint: Endpoint,
        timeouts: Timeouts = Timeouts(),
        surroundings: Surroundings | None = None,
    ) -> None:
        self.settings = settings
        self.timeouts = timeouts
        self.endpoint = endpoint
        self._surroundings = surroundings or KernelSurroundings(api_key)
        self.conversation = Conversation.under(settings, self._surroundings.tapes)
        self.notes: list[Noted] = []
        self.frame_log = FrameLog()
        self.recording = Recording(
            settings,
            self.conversation,
            secrets=self.secrets,
            on_trouble=self._note_from_any_thread,
            frames=lambda: self.frames,
        )
        self.session: Session | None = None
        # Of the newest session, once there was one.
        self._server_name = ""
        self.dialect = self.endpoint.dialects[0][0].name
        self.memory: Literal["resumed", "retold", "none"] = "none"
        self.interruptions: list[Callable[[], object]] = []
        self.tool_threads = self._surroundings.tool_threads
        self.api_key = api_key
        self._loop = asyncio.get_running_loop()
        self._state = State.CLOSED
        # What it takes to go on with the conversation of the session that ended last.
        self._resume_state: ResumeState | None = None
        # The task that reconnects, while the state is RECONNECTING.
        self._retrying: asyncio.Task[None] | None = None
        # Held while a session is opened or replaced: one at a time.
        self._opening = asyncio.Lock()
        # Held while settings change.
        self._changing = asyncio.Lock()
        self.retention = Retention(self.conversation, self.recording, self.note)
        self._limits = Limits(settings)
        self.hooks = Hooks(self.conversation.turns, self._note_from_any_thread)
        # What makes turns of events, or keeps them: `follow` adds one.
        self._folds: list[Listener] = []
        if self._surroundings.keeps_events or settings.record is not None:
            self._folds.append(self.recording.observe)
        self._listeners = Listeners(self._note_from_any_thread)
        self._listeners.add(self.hooks.follow)
        self._rehearsal: Rehearsal | None = None
        self._tasks = BackgroundTasks()
        # Whether a page plays the sound; set on each new session.
        self._has_player = False
        # Whether a note about the connection is to be withdrawn when it is open.
        self._has_connection_note = False
        # Unreadable pieces of sound before this reply; None when those of this reply were noted.
        self._unread_before: int | None = 0
        self._microphone = Microphone(timeouts.no_speech_s, self.note)

    # ----------------------------------------------------------------- listeners and notes
    def secrets(self) -> tuple[str, ...]:
        """The key, and the secrets of tools, which nothing that is written may contain."""
        return (self.endpoint.key.reveal(), *secrets_of(self.settings.tools))

    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call ``listener(event, turns, now_s)`` with every event of every session."""
        return self._listeners.add(listener)

    def follow(self, fold: Listener) -> None:
        """Call with every event before all listeners, and with those that concern only the turns:
        ``fold(event, turns, now_s)``, which must not fail.
        """
        self._folds.append(fold)

    def note(self, text: str, level: Level = "info", topic: str = "") -> None:
        """Note a sentence for the user; in the panel it replaces the last one of its topic."""
        self._emit(Noted(sentence(text), level, topic))

    def _note_connection(self, text: str, level: Level) -> None:
        self._has_connection_note = True
        self.note(text, level, _CONNECTION)

    def _note_from_any_thread(self, text: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: the note has no reader.
            self._loop.call_soon_threadsafe(self.note, text, "error")

    def _emit(self, event: Event) -> None:
        self._dispatch(event, [], time.monotonic())

    def _dispatch(self, event: Event, changed: list[Turn], now_s: float) -> None:
        self._limits.apply(event, now_s, unix_s=time.time(), is_talk=bool(changed))
        if isinstance(event, Noted) and event.text:
            self.notes.append(event)
        for fold in self._folds:
            fold(event, changed, now_s)
        self._listeners.call(event, changed, now_s)
        if isinstance(event, SessionEnded):
            self._on_session_ended()
        if isinstance(event, ErrorReported) and not is_ignorable_error(event) and self._is_usable:
            self.note(str(server_error(event)), "warning")
        if isinstance(event, Unrecognized | ResponseCreated):
            self._note_unread(event)

    def _note_unread(self, event: Event) -> None:
        """Note sound that could not be read, once in a reply."""
        count = self.conversation.unread_piece_count
        if isinstance(event, ResponseCreated):
            self._unread_before = count
        elif self._unread_before is not None and count > self._unread_before:
            text = f"A piece of the reply's sound could not be read ({count} so far)."
            self.note(text, "warning")
            self._unread_before = None

    def _on_session_event(self, event: Event, changed: list[Turn], now_s: float) -> None:
        self.retention.follow(event, self.settings)
        if isinstance(event, SessionEnded) and self.session is None:
            # A dialect that was refused while another one is tried concerns only what has to fold
            # the same events into turns as the conversation did.
            for fold in self._folds:
                fold(event, changed, now_s)
            return
        self._dispatch(event, changed, now_s)

    # ----------------------------------------------------------------- to read
    @property
    def phase(self) -> Phase:
        """``"closed"``, ``"opening"``, ``"open"`` or ``"closing"``."""
        return self._state.phase

    @property
    def server_name(self) -> str:
        """``"Grok"``, ``"rehearsal"``, ``"replay"``, or the host of another server."""
        return self._server_name or self.endpoint.name

    @property
    def session_server_name(self) -> str:
        """The same, as known of the newest session; empty where there was none."""
        return self._server_name

    @property
    def dropped_s(self) -> float:
        """Sound of both sides that is neither in memory nor in files [s]."""
        return self.retention.dropped_s

    @property
    def is_ended(self) -> bool:
        """Whether the talk is closed for good, or about to be."""
        return self._state in (State.ENDING, State.ENDED)

    @property
    def frames(self) -> Frames:
        """The newest frames of all connections, as of now."""
        return self.frame_log.frames(self.conversation.origin_s)

    @property
    def usage(self) -> Usage:
        """What was used up until now."""
        return self.conversation.meter.total(time.monotonic())

    @property
    def ends_in_s(self) -> float | None:
        """How long the server lets this session last from now [s]; None: not known, or closed."""
        return None if self.ends_at_s is None else self.ends_at_s - time.monotonic()

    @property
    def ends_at_s(self) -> float | None:
        """The same as a time on the monotonic clock [s]."""
        return self._limits.session_ends_s if self._is_usable else None

    @property
    def is_reopening(self) -> bool:
        """Whether a session is being opened that goes on with an earlier one."""
        return self.phase == "opening" and self._resume_state is not None

    @property
    def is_push_to_talk(self) -> bool:
        """Whether the user's turns are ended by hand."""
        return isinstance(self.settings.turn_detection, PushToTalk)

    @property
    def _is_usable(self) -> bool:
        return self.session is not None and self.session.failure is None

    # ----------------------------------------------------------------- states
    def _move(self, cause: Cause) -> None:
        """Change the state, and carry out the action that follows."""
        before = self._state
        self._state, action = transition(before, cause)
        if self._state.phase != before.phase:
            self._emit(PhaseChanged(self._state.phase))
        if action is Action.RETRY:
            self._retrying = self._tasks.spawn(self._retry())

    # ----------------------------------------------------------------- opening
    async def open(self) -> Session:
        """The open session; opened if there is none, awaited while it is being reconnected.

        Raises
        ------
        AuthenticationError, ConnectError, BudgetSpent, SessionClosedOK
        """
        self.check_ended()
        self._check_budget()
        if self._retrying is not None and not self._retrying.done():
            await asyncio.wait([self._retrying])
        session, now_s = self.session, time.monotonic()
        if session and session.is_quiet and self._limits.is_due(now_s, is_quiet=True):
            await self._replace(session)
        async with self._opening:
            if self.session is not None and self.session.failure is None:
                return self.session
            self.check_ended()
            self._move(Cause.OPEN_REQUESTED)
            try:
                return await self._open_session()
            except BaseException as error:
                if isinstance(error, GrokLiveError):
                    self._note_connection(_with_cure(error), "error")
                self._move(Cause.REFUSED)
                raise

    def check_ended(self) -> None:
        """Raise SessionClosedOK when the talk is closed for good; by any thread."""
        if self.is_ended:
            raise SessionClosedOK("the talk is closed.", close_code=1000, cure="Make a new one.")

    async def _open_session(self) -> Session:
        self._check_budget()
        resume_state = self._resume_state
        session = await self._connect(resume_state.conversation_id if resume_state else "")
        self.session = session
        self._limits.begin(time.monotonic())
        if resume_state is not None and resume_state.turn_count:
            await self._resume(session, resume_state)
        self._resume_state = None
        if self._has_connection_note:
            self._has_connection_note = False
            self._emit(Noted("", topic=_CONNECTION))
        self._move(Cause.OPENED)
        self._tasks.spawn(self._watch_limits(session))
        return session

    async def _connect(self, conversation_id: str) -> Session:
        endpoint = self.endpoint = await self._resolve(self.settings)
        await asyncio.to_thread(self.recording.start)
        if endpoint.is_rehearsal:
            rehearsal = self._rehearsal
            if rehearsal is None or not rehearsal.is_running:
                rehearsal = await self._surroundings.start_rehearsal(self.settings)
                if rehearsal.remark and self._rehearsal is None:
                    self.note(rehearsal.remark, "info")
                self._rehearsal = rehearsal
            endpoint = endpoint.served_by(rehearsal)
        session = await open_session_with(
            ConnectRequest(endpoint=endpoint, settings=self.settings, timeouts=self.timeouts),
            self.conversation,
            self.frame_log,
            listener=self._on_session_event,
            tool_threads=self.tool_threads,
            conversation_id=conversation_id,
        )
        session.set_player(self._has_player)
        for turn in self.conversation.unheard:
            self._expect_playback(session, turn)
        self.dialect = session.dialect
        self._server_name = "" if endpoint.is_rehearsal else session.server_name
        return session

    async def _resolve(self, settings: Settings) -> Endpoint:
        """The server for these settings; looking for the key may block, as a keyring does."""
        return await asyncio.to_thread(self._surroundings.resolve, settings)

    async def _resume(self, session: Session, resume_state: ResumeState) -> None:
        """Go on with the conversation of the session before."""
        self.memory = "none"
        before = self.conversation.turns[: resume_state.turn_count]
        if session.conversation_id and session.conversation_id == resume_state.conversation_id:
            self.memory = "resumed"
        elif resume_state.may_replay and session.protocol.dialect.has_responses:
            self.memory = "retold"
            await session.send(*replay_history(before))
        text = f"{resume_state.why}: {_MEMORY[self.memory]}"
        session.emit(LineReopened(memory=self.memory, text=text))

    # ----------------------------------------------------------------- reconnecting
    def _on_session_ended(self) -> None:
        session, self.session = self.session, None
        if session is None or self._state in (State.CONNECTING, State.RECONNECTING):
            return  # It ended while it was being opened; the attempt that opens it raises.
        cause = cause_of_end(
            session.failure,
            has_reached_limit=self._limits.has_reached_maximum,
            has_idled_out=self._limits.has_idled_out,
            reconnect_tries=self.settings.reconnect_tries,
        )
        if self._state is State.REPLACING:
            self._save_resume_state(session, "The session was replaced by a new one")
        elif self._state is State.OPEN:
            why, may_replay = _SEAMS.get(cause, _BROKE)
            if cause is Cause.LOST_FOR_GOOD and self._limits.has_reached_maximum:
                why, may_replay = _SEAMS[Cause.LIMIT_REACHED]
            self._save_resume_state(session, why, may_replay=may_replay)
            assert session.failure is not None
            self._note_end(session.failure, cause)
        self._move(cause)

    def _note_end(self, failure: GrokLiveError, cause: Cause) -> None:
        match cause:
            case Cause.LOST:
                self._note_connection(f"{failure.message} Opening the connection again.", "warning")
            case Cause.LIMIT_REACHED:
                text = "The server ended the session. Opening a new one."
                self._note_connection(text, "warning")
            case Cause.IDLED_OUT:
                text = "The server closed the connection, since nothing was said."
                self._note_connection(f"{text} {_OPENS_AGAIN}", "error")
            case Cause.LOST_FOR_GOOD:
                self._note_connection(_with_cure(failure), "error")

    def _save_resume_state(self, session: Session, why: str, *, may_replay: bool = True) -> None:
        """Keep what it takes to go on with the conversation of a session that ends."""
        self._resume_state = ResumeState(
            conversation_id=session.conversation_id if self.settings.resumption else "",
            why=why,
            may_replay=may_replay,
            turn_count=len(self.conversation.turns),
        )

    def go_on_with(self, conversation_id: str, why: str) -> None:
        """Go on with the conversation that another process has had, whose turns are there."""
        self._resume_state = ResumeState(
            conversation_id=conversation_id if self.settings.resumption else "",
            why=why,
            may_replay=True,
            turn_count=len(self.conversation.turns),
        )

    async def _retry(self) -> None:
        tries = self.settings.reconnect_tries
        for attempt in range(tries):
            await asyncio.sleep(backoff_s(attempt, random.random(), self.timeouts))
            try:
                async with self._opening:
                    await self._open_session()
                return
            except GrokLiveError as error:
                if not is_transient(error):
                    self._refuse(str(error))
                    return
                self._note_connection(f"Try {attempt + 1} of {tries}: {error.message}", "warning")
        self._refuse(
            f"The connection could not be opened again in {tries} tries. Everything received is "
            f"kept. {_OPENS_AGAIN}"
        )

    def _refuse(self, text: str) -> None:
        self._note_connection(text, "error")
        self._move(Cause.REFUSED)

    async def _replace(self, session: Session) -> None:
        """Replace the session by a new one, in the same conversation."""
        try:
            # Questions, and `stop`, wait for the new one meanwhile.
            async with self._opening:
                if self.session is session:
                    self._move(Cause.REPLACE_REQUESTED)
                    await session.close()
                    await self._open_session()
        except GrokLiveError as error:
            cause = cause_of_failed_open(error, reconnect_tries=self.settings.reconnect_tries)
            if cause is Cause.REFUSED:
                self._refuse(str(error))
                raise
            self._move(cause)

    # ----------------------------------------------------------------- limits
    async def _watch_limits(self, session: Session) -> None:
        """Warn before a limit, and act at it, as long as this session is the open one."""
        while self.session is session:
            now_s = time.monotonic()
            if session.is_calling:
                self._limits.note_activity(now_s)
            for note in self._limits.warnings(now_s, self.conversation.meter.total(now_s)):
                self._emit(note)
            if await self._ends_at_limit(session, now_s):
                return
            await asyncio.sleep(min(_CHECK_S, max(0.05, self._limits.next_s(now_s))))

    async def _ends_at_limit(self, session: Session, now_s: float) -> bool:
        """Act at a limit; whether this session is over by it."""
        is_quiet = session.is_quiet
        if self._limits.is_spent(self.conversation.meter.total(now_s)) and self._limits.may_end(
            now_s, is_quiet=is_quiet
        ):
            self.note(str(self._spent()), "error")
            await self.disconnect()
        elif self._limits.is_idle(now_s):
            limit_s = self.settings.idle_timeout_s
            self.note(
                f"Nothing was said for {limit_s:g} s, so the connection was closed. "
                f"{_OPENS_AGAIN} idle_timeout_s= changes this.",
                "warning",
            )
            why = "The connection was closed, since nothing was said, and opened again"
            await self.disconnect(why, may_replay=True)
        elif self._limits.is_due(now_s, is_quiet=is_quiet):
            self.note("The session's time is over; the talk goes on in a new one.", "info")
            with contextlib.suppress(GrokLiveError):  # It was noted already.
                await self._replace(session)
        else:
            return False
        return True

    def _check_budget(self) -> None:
        if self._limits.is_spent(self.usage):
            raise self._spent()

    def _spent(self) -> BudgetSpent:
        budget = self.settings.budget
        return BudgetSpent(
            f"the talk has used up its budget, {budget}, so the connection is closed.",
            cure="update(budget=…) gives it another.",
        )

    # ----------------------------------------------------------------- settings
    async def update(
        self, given: Mapping[str, Any] | Callable[[Settings], Mapping[str, Any]]
    ) -> list[str]:
        """Change settings: now where the session can, else by a new session.

        Parameters
        ----------
        given : mapping of str to object or callable
            The new settings, or a function that makes them of those that hold.

        Returns
        -------
        list of str
            What the server rejected.
        """
        self.check_ended()
        async with self._changing:
            given = given(self.settings) if callable(given) else given
            settings, session = self.settings.changed(given), self.session
            await self._resolve(settings)
            is_new_model = settings.model != self.settings.model
            needs_session = is_new_model and session and session.protocol.dialect.has_responses
            rejected: list[str] = []
            if session is not None:
                later = {"model"} if needs_session else set()
                now = {name: value for name, value in given.items() if name not in later}
                rejected = await session.update(**now)
            self.settings = settings
            self._limits.follow(settings)
            self.conversation.meter.prices = settings.prices
            self._emit(SettingsChanged())
            if session is not None and needs_session:
                self.note("Another model needs a new session; the talk goes on in it.", "info")
                # Until neither side speaks and no reply comes, but not for long.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.timeouts.quiet_s):
                        await session.wait_for(lambda: session.is_quiet or not session.is_open)
                await self._replace(session)
            return rejected

    def set_player(self, has_player: bool) -> None:
        """Set whether a page plays the sound."""
        self._has_player = has_player
        self.conversation.may_be_played |= has_player
        if self.session is not None:
            self.session.set_player(has_player)

    # ----------------------------------------------------------------- sound
    async def send_audio(
        self, x: Any, sample_rate: int, *, end: bool, pace: Literal["fast", "realtime"]
    ) -> None:
        """Send sound; the microphone is dropped until its stream has ended."""
        session = await self.open()
        with self.holding_microphone():
            await session.send_audio(x, sample_rate, end=end, pace=pace)

    def send_microphone(self, pcm: bytes) -> None:
        """Send a chunk of the microphone, PCM16 at 24 kHz, which continues the one before.

        Dropped while other sound is sent or no session is open.
        """
        if self.session is not None and not self.session.audio.is_open:
            with contextlib.suppress(GrokLiveError):  # The session's end is noted.
                self._microphone.send(self.session, pcm)

    @property
    def is_sending_sound(self) -> bool:
        """Whether a cell is sending sound, so that the microphone is dropped."""
        is_streaming = self.session is not None and self.session.audio.is_open
        return is_streaming or self._microphone.is_held

    def holding_microphone(self) -> contextlib.AbstractContextManager[None]:
        """Drop the microphone while the block sends other sound."""
        return self._microphone.held()

    @property
    def is_microphone_speaking(self) -> bool:
        """Whether the user is in the middle of speech into the microphone."""
        session, detection = self.session, self.settings.turn_detection
        return session is not None and self._microphone.is_speaking(session, detection)

    @property
    def microphone_silent_s(self) -> float:
        """For how long more of the microphone's sound has been awaited in vain [s]."""
        return self._microphone.silent_s(time.monotonic())

    async def end_microphone(self) -> None:
        """End what was spoken into the microphone, since no more of it comes, so that it is
        answered; harmless when nothing was.
        """
        if self.session is not None:
            with contextlib.suppress(SessionClosed):  # The session's end is noted.
                await self._microphone.end(self.session, self.settings.turn_detection)

    async def end_speech(self) -> None:
        """End speech that was sent in part, so that the next sound is not its continuation."""
        if self.session is not None and isinstance(self.settings.turn_detection, ServerVad):
            await end_speech(self.session, self.settings.turn_detection)

    async def end_press(self) -> None:
        """End a press of the button: with push-to-talk, one that is too short is discarded."""
        if self.is_push_to_talk:
            await self._microphone.end_press(await self.open())
        else:
            await self.commit()

    async def discard_press(self) -> None:
        """Forget what was said since the button was pressed; harmless when nothing was."""
        if self.session is not None and self.is_push_to_talk:
            await self._microphone.discard_press(self.session)

    async def commit(self) -> None:
        """End the user's turn; with push-to-talk also request the reply."""
        session = await self.open()
        await session.commit()
        if self.is_push_to_talk and not session.protocol.dialect.commit_requests_response:
            await session.respond()

    async def say_text(self, text: str) -> Turn:
        """Send a typed message, request the reply, and return the user's turn."""
        item = user_message(text)
        session = await self.open()
        found: list[Turn] = []

        def follow(event: Event, changed: list[Turn], _: float) -> None:
            if event is item:
                found.extend(changed)

        await session.finish_audio()
        with session.add_listener(follow):
            await session.send(item)
        await session.respond()
        return found[0]

    async def clear(self) -> None:
        """Have the server forget sound that is not committed; harmless when closed."""
        if self.session is not None:
            await self.session.clear()

    async def report_playback(self, report: PlaybackReported) -> None:
        """Report how much of a reply was heard, also when the session is closed."""
        if self.session is not None:
            await self.session.report_playback(report)
        else:
            self._apply(report)

    def begin_playback(self, turn: Turn) -> None:
        """Note that a reply which nothing has played is to be played now."""
        self._apply(PlaybackReported(item_id=turn.item_id, sample_count=0))
        if self.session is not None:
            self._expect_playback(self.session, turn)

    def _apply(self, event: Event) -> None:
        """Apply a local event to the conversation, whether or not a session is open."""
        if self.session is not None:
            self.session.emit(event)
            return
        now_s = time.monotonic()
        self._dispatch(event, self.conversation.apply(event, now_s), now_s)

    @staticmethod
    def _expect_playback(session: Session, turn: Turn) -> None:
        """Let barge-in in this session stop a reply of another one."""
        session.protocol.expect_playback(
            turn.item_id,
            turn._response_id,
            received=turn.sample_count,
            heard=turn.heard_sample_count or 0,
        )

    async def interrupt(self) -> None:
        """Stop the reply, also one that still sounds after its connection was closed, and end the
        question that waits for it; harmless when there is none.
        """
        for end in list(self.interruptions):
            end()
        if self.session is not None:
            await self.session.interrupt()
        self._stop_sound()

    def _stop_sound(self) -> None:
        """Cut off the replies that sound or wait for the loudspeaker."""
        self.cut_off(*self.conversation.unheard)

    def cut_off(self, *turns: Turn) -> None:
        """Cut off some replies."""
        for turn in turns:
            self._apply(Interrupted(response_id=turn._response_id, item_id=turn.item_id))

    async def skip(self, turns: Sequence[Turn]) -> None:
        """Cut off some replies, at the user's request."""
        self.cut_off(*turns)

    def prepare(self) -> None:
        """A page shows the talk, which may be opened soon: in this process nothing is prepared."""

    def expect_player(self) -> None:
        """A panel that is shown later may play the replies."""
        self.conversation.may_be_played = True

    # ----------------------------------------------------------------- tools
    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for approval, oldest first."""
        return [] if self.session is None else self.session.pending_approvals

    async def approve(self, call_id: str, is_allowed: bool) -> None:
        """Allow a call in `pending_approvals`, or deny it."""
        self.check_ended()
        if self.session is None:
            raise SessionClosedOK(
                "the session is closed.", close_code=1000, cure="No call waits any more; ask again."
            )
        await self.session.approve(call_id, is_allowed)

    # ----------------------------------------------------------------- on disk
    async def save(self, path: str | PathLike[str]) -> Path:
        """See `Talk.save`."""
        return await asyncio.to_thread(self.recording.save, path)

    # ----------------------------------------------------------------- closing
    async def stop(self) -> None:
        """Stop the sound and close the session, at the user's request."""
        self._stop_sound()
        await self.disconnect()
        # What was received while the connection was being closed.
        self._stop_sound()

    async def disconnect(
        self, why: str = "The connection was closed and opened again", *, may_replay: bool = False
    ) -> None:
        """Close the session; turns stay, and the conversation where the server keeps it.

        What was received is played to its end.

        Parameters
        ----------
        why : str
            What the transcript shows when another session goes on with the conversation.
        may_replay : bool
            Whether the turns may then be replayed.
        """
        if self._retrying is not None and not self._retrying.done():
            self._retrying.cancel()
            await asyncio.wait([self._retrying])
            self._move(Cause.STOP_REQUESTED)
        # A session that is just being opened would otherwise stay open, and be paid for.
        async with self._opening:
            session = self.session
        if session is not None:
            self._save_resume_state(session, why, may_replay=may_replay)
            self._move(Cause.STOP_REQUESTED)
            await session.close()
            await off_loop(self.recording.flush)

    async def close(self) -> None:
        """Close the session and the embedded rehearsal, for good."""
        self._move(Cause.END_REQUESTED)
        await self.stop()
        self._tasks.cancel()
        await off_loop(self.tool_threads.close)
        await off_loop(self.recording.close)
        server, self._rehearsal = self._rehearsal, None
        if server is not None:
            await asyncio.to_thread(server.close)
        self._move(Cause.ENDED)
        self.conversation.end_playback()
        self.hooks.close()


# What the transcript shows between two sessions, and whether the turns may be replayed.
_BROKE = ("The connection broke and was opened again", True)
_CLOSED_BY_SERVER = ("The server closed the connection, and it was opened again", False)
_SEAMS = {
    Cause.LIMIT_REACHED: ("The server ended the session, and a new one was opened", True),
    Cause.IDLED_OUT: _CLOSED_BY_SERVER,
    Cause.CLOSED_BY_SERVER: _CLOSED_BY_SERVER,
}


async def off_loop(work: Callable[[], None]) -> None:
    """Do what waits for the disk on another thread; at exit no new ones can be started."""
    try:
        await asyncio.to_thread(work)
    except RuntimeError:
        work()


def _with_cure(failure: GrokLiveError) -> str:
    """What happened, and how a talk goes on."""
    is_broken = isinstance(failure, SessionClosedError)
    return f"{failure.message} {_OPENS_AGAIN}" if is_broken else str(failure)


def sentence(text: str) -> str:
    """With a capital letter, unless it begins with the name of a host or a setting."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[0].upper() + text[1:] if first.isalpha() else text
