"""The line of a talk: opened, watched, opened again when it broke, and closed.

Everything here runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from ..conversation import Conversation, Turn, Usage, UsageMeter
from ..exceptions import BudgetSpent, GrokLiveError, SessionClosedError, SessionClosedOK
from ..protocol import (
    ErrorReported,
    Event,
    LineReopened,
    Noted,
    PhaseChanged,
    ResponseCreated,
    SessionEnded,
    SettingsChanged,
    Unrecognized,
    is_ignorable_error,
)
from ..recording import Recording
from ..rehearsal import PARTNERS, RehearsalServer, default_partner
from ..settings import UNSET, Settings
from ._pump import Observer
from .connector import new_rehearsal, open_session_with
from .credentials import Secret
from .endpoint import Endpoint, resolve_endpoint
from .limits import Limits
from .reconnect import ResumeState, backoff_s, is_transient, replay_history
from .requests import server_error
from .session import Session
from .tool_thread import Stage

__all__ = ["ReconnectingSession", "sentence"]

Level = Literal["info", "warning", "error"]
Phase = Literal["closed", "opening", "open", "closing"]

# What is said of the line holds until it is open again.
_LINE = "line"
# How long a reply may still take before a session is changed for a new one [s].
_PATIENCE_S = 10.0
# How often the limits are looked at [s].
_WATCH_S = 0.5


class ReconnectingSession:
    """One session after another, and what is told of them.

    Attributes
    ----------
    settings : Settings
    conversation : Conversation
    notes : list of Noted
    phase : {"closed", "opening", "open", "closing"}
    session : Session or None
        The open one.
    memory : {"resumed", "retold", "none"}
        What the server knows of the sessions before this one.
    tool_stage : callable
        Makes what surrounds each call of a tool, on the call's thread.
    """

    def __init__(self, settings: Settings, api_key: Secret | None) -> None:
        self.settings = settings
        self.endpoint: Endpoint = resolve_endpoint(settings, api_key)
        self.conversation = Conversation.under(settings)
        self.notes: list[Noted] = []
        self.recording = Recording(
            settings,
            self.conversation,
            secret=self._key_in_use,
            on_trouble=self._note_from_anywhere,
        )
        self.phase: Phase = "closed"
        self.session: Session | None = None
        self.dialect = self.endpoint.dialects[0][0].name
        self.tool_stage: Stage = contextlib.nullcontext
        self._api_key = api_key
        self._meter = UsageMeter(
            settings.turn_detection,
            input_sample_rate=settings.input_format.sample_rate,
            output_sample_rate=settings.output_format.sample_rate,
            prices=settings.prices,
        )
        self._limits = Limits(settings)
        self._observers: list[Observer] = [self.recording.observe]
        self._loop = asyncio.get_running_loop()
        self._rehearsal: RehearsalServer | None = None
        self._opening = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._resume_state: ResumeState | None = None
        self._reopening: asyncio.Task[None] | None = None
        self.memory: Literal["resumed", "retold", "none"] = "none"
        self._is_rolling_over = False
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_player = False
        self._has_line_notes = False
        self._has_told_unread, self._unread_count = False, 0

    # ----------------------------------------------------------------- watching
    def observe(self, observer: Observer) -> None:
        """Have `observer` called with every event of every session."""
        self._observers.append(observer)

    def note(self, text: str, level: Level = "info", topic: str = "") -> None:
        """Say one sentence to the person; in the panel it replaces what was said of its topic."""
        self._tell(Noted(sentence(text), level, topic))

    def _note_of_line(self, text: str, level: Level) -> None:
        self._has_line_notes = True
        self.note(text, level, _LINE)

    def _withdraw_line_notes(self) -> None:
        if self._has_line_notes:
            self._has_line_notes = False
            self._tell(Noted("", topic=_LINE))

    def _note_from_anywhere(self, text: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody reads.
            self._loop.call_soon_threadsafe(self.note, text, "error")

    def _key_in_use(self) -> str:
        return self.endpoint.key.reveal() if self.endpoint.key else ""

    def _tell(self, event: Event) -> None:
        self._observe(event, [], time.monotonic())

    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        self._limits.apply(event, now_s, unix_s=time.time(), is_talk=bool(changed))
        if isinstance(event, Noted) and event.text:
            self.notes.append(event)
        for observer in list(self._observers):
            observer(event, changed, now_s)
        if isinstance(event, SessionEnded):
            self._session_ended(now_s)
        if isinstance(event, ErrorReported) and not is_ignorable_error(event) and self._is_usable:
            self.note(str(server_error(event)), "warning")
        if isinstance(event, Unrecognized | ResponseCreated):
            self._follow_unread(event)

    def _follow_unread(self, event: Event) -> None:
        """Tell of sound that could not be read, once in a reply."""
        count = self.conversation.unread_piece_count
        if isinstance(event, ResponseCreated):
            self._has_told_unread = False
        elif count > self._unread_count and not self._has_told_unread:
            text = f"A piece of the reply's sound could not be read ({count} so far)."
            self.note(text, "warning")
            self._has_told_unread = True
        self._unread_count = count

    def _observe_session(self, event: Event, changed: list[Turn], now_s: float) -> None:
        self._meter.apply(event, now_s)
        # A line that is refused while another dialect is tried is nobody's affair.
        if isinstance(event, SessionEnded) and self.session is None:
            # But the conversation has heard of it, and the recording folds to the same turns.
            self.recording.observe(event, changed, now_s)
            return
        self._observe(event, changed, now_s)

    def _enter(self, phase: Phase) -> None:
        if phase != self.phase:
            self.phase = phase
            self._tell(PhaseChanged(phase))

    def _spawn(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ----------------------------------------------------------------- to read
    @property
    def is_rehearsal(self) -> bool:
        """Whether the rehearsal answers."""
        return self.endpoint.is_rehearsal

    @property
    def usage(self) -> Usage:
        """What was used up until now."""
        return self._meter.total(time.monotonic())

    @property
    def ends_in_s(self) -> float | None:
        """How long the server lets this session last from now [s]; None: not known, or no line."""
        return self._limits.session_left_s(time.monotonic()) if self._is_usable else None

    @property
    def is_reopening(self) -> bool:
        """Whether the line is being opened again, in the same conversation."""
        return self.phase == "opening" and self._resume_state is not None

    @property
    def _is_usable(self) -> bool:
        """Whether there is a session, and it goes on; an error that ends it is told as its end."""
        return self.session is not None and self.session.failure is None

    # ----------------------------------------------------------------- opening
    async def open(self) -> Session:
        """The open session; opened if there is none, and waited for while it is opened again.

        Raises
        ------
        AuthenticationError, ConnectError, BudgetSpent
        """
        if self._is_closed:
            raise SessionClosedOK("the talk is closed.", close_code=1000, cure="Make a new one.")
        self._check_budget()
        if self._reopening is not None and not self._reopening.done():
            await asyncio.wait([self._reopening])
        await self._rotate_if_due()
        async with self._opening:
            if self.session is not None and self.session.failure is None:
                return self.session
            self._enter("opening")
            try:
                return await self._open_now()
            except GrokLiveError as error:
                self._note_of_line(_said_of(error), "error")
                self._enter("closed")
                raise
            except BaseException:
                self._enter("closed")
                raise

    async def _rotate_if_due(self) -> None:
        """Before a question, a session that is about to end is changed for a new one."""
        session, now_s = self.session, time.monotonic()
        if session is None or not session.is_quiet:
            return
        if self._limits.is_due(now_s, is_quiet=True):
            await self._roll_over(session)

    async def _open_now(self) -> Session:
        self._check_budget()
        resume_state = self._resume_state
        session = await self._opened(resume_state.conversation_id if resume_state else "")
        self.session = session
        self._limits.begin(time.monotonic())
        if resume_state is not None and resume_state.turn_count:
            await self._resume(session, resume_state)
        self._resume_state = None
        self._withdraw_line_notes()
        self._enter("open")
        self._spawn(self._watch(session))
        return session

    async def _opened(self, conversation_id: str) -> Session:
        self.endpoint = resolve_endpoint(self.settings, self._api_key)
        await asyncio.to_thread(self.recording.start)
        if self.endpoint.is_rehearsal and self._rehearsal is None:
            self._rehearsal = await asyncio.to_thread(new_rehearsal(self.settings).start)
            self._note_missing_voice()
        session = await open_session_with(
            self.endpoint,
            self.settings,
            self.conversation,
            rehearsal=self._rehearsal,
            observer=self._observe_session,
            stage=lambda: self.tool_stage(),
            conversation_id=conversation_id,
        )
        session.set_player(self._has_player)
        self.dialect = session.dialect
        return session

    def _note_missing_voice(self) -> None:
        partner, why = default_partner()
        if self.settings.partner is UNSET and partner is PARTNERS["parrot"]:
            self.note(why, "info")

    async def _resume(self, session: Session, resume_state: ResumeState) -> None:
        """Go on with the conversation of the session before."""
        self.memory = "none"
        before = self.conversation.turns[: resume_state.turn_count]
        if session.conversation_id and session.conversation_id == resume_state.conversation_id:
            self.memory = "resumed"
        elif resume_state.may_retell and session.protocol.dialect.has_responses:
            self.memory = "retold"
            await session.send(*replay_history(before))
        text = f"{resume_state.why}: {_MEMORY[self.memory]}"
        session.emit(LineReopened(memory=self.memory, text=text))

    # ----------------------------------------------------------------- opening again
    def _session_ended(self, now_s: float) -> None:
        session, self.session = self.session, None
        if session is None or (self.phase == "opening" and not self._is_rolling_over):
            return  # Amid being told what was said: whoever opens it hears of it.
        failure = session.failure
        is_limit = self._limits.has_reached_maximum
        if self._is_rolling_over:
            self._save_resume_state(
                session, "The session was changed for a new one", may_retell=True
            )
        elif self.phase == "closing":
            self._enter("closed")
        elif self._limits.has_idled_out:
            self._save_resume_state(session, "The server closed the line, and it was opened again")
            self._fail(f"The server closed the line, since nothing was said. {_AGAIN}")
        elif is_limit or not isinstance(failure, SessionClosedOK):
            why = "The server ended the session, and a new one was opened"
            why = why if is_limit else "The line broke and was opened again"
            self._save_resume_state(session, why, may_retell=True)
            self._follow_end(failure, is_limit=is_limit)
        else:
            self._save_resume_state(session, "The server closed the line, and it was opened again")
            self._enter("closed")

    def _save_resume_state(self, session: Session, why: str, *, may_retell: bool = False) -> None:
        """Keep what it takes to go on with the conversation of a session that ends."""
        is_kept = self.settings.resumption
        self._resume_state = ResumeState(
            conversation_id=session.conversation_id if is_kept else "",
            why=why,
            may_retell=may_retell,
            turn_count=len(self.conversation.turns),
        )

    def _follow_end(self, failure: GrokLiveError | None, *, is_limit: bool) -> None:
        """Have the line opened again, or say why it is not."""
        is_asked_for = self.settings.reconnect_tries > 0 and self.phase == "open"
        if is_asked_for and (is_limit or is_transient(failure)):
            said = "The server ended the session." if is_limit else _head(failure)
            self._note_of_line(f"{said} Opening the line again.", "warning")
            self._enter("opening")
            self._reopening = self._spawn(self._reopen())
            return
        self._note_of_line(_said_of(failure), "error")
        self._enter("closed")

    async def _reopen(self) -> None:
        tries = self.settings.reconnect_tries
        for attempt in range(tries):
            await asyncio.sleep(backoff_s(attempt, random.random()))
            try:
                async with self._opening:
                    await self._open_now()
                return
            except GrokLiveError as error:
                if not is_transient(error):
                    self._fail(str(error))
                    return
                self._note_of_line(f"Try {attempt + 1} of {tries}: {error.message}", "warning")
        self._fail(
            f"The line could not be opened again in {tries} tries. Everything received is kept. "
            f"{_AGAIN}"
        )

    def _fail(self, text: str) -> None:
        self._note_of_line(text, "error")
        self._enter("closed")

    async def _roll_over(self, session: Session) -> None:
        """Change the session for a new one, in the same conversation."""
        try:
            # Whoever asks, or stops, meanwhile waits for the new one.
            async with self._opening:
                if self.session is session:
                    await self._change(session)
        except GrokLiveError as error:
            if not is_transient(error) or not self.settings.reconnect_tries:
                self._fail(str(error))
                raise
            self._reopening = self._spawn(self._reopen())

    async def _change(self, session: Session) -> None:
        self._enter("opening")
        self._is_rolling_over = True
        try:
            await session.close()
        finally:
            self._is_rolling_over = False
        await self._open_now()

    async def _quiet(self, session: Session) -> None:
        """Wait until nobody speaks and no reply comes, but not for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await session.wait_for(lambda: session.is_quiet or not session.is_open)

    # ----------------------------------------------------------------- limits
    async def _watch(self, session: Session) -> None:
        """Warn before a limit, and act at it, as long as this session is the open one."""
        while self.session is session:
            now_s = time.monotonic()
            if session.is_calling:
                self._limits.note_activity(now_s)
            for note in self._limits.warnings(now_s, self._meter.total(now_s)):
                self._tell(note)
            if await self._act(session, now_s):
                return
            await asyncio.sleep(min(_WATCH_S, max(0.05, self._limits.next_s(now_s))))

    async def _act(self, session: Session, now_s: float) -> bool:
        """Whether a limit was reached and this session is over."""
        is_quiet = session.is_quiet
        if self._limits.is_spent(self._meter.total(now_s)) and self._limits.may_end(
            now_s, is_quiet=is_quiet
        ):
            self.note(str(self._spent()), "error")
            await self.stop()
            return True
        if self._limits.is_idle(now_s):
            limit_s = self.settings.idle_timeout_s
            self.note(
                f"Nothing was said for {limit_s:g} s, so the line was closed. {_AGAIN} "
                "idle_timeout_s= changes this.",
                "warning",
            )
            why = "The line was closed, since nothing was said, and opened again"
            await self._disconnect(why, may_retell=True)
            return True
        if self._limits.is_due(now_s, is_quiet=is_quiet):
            self.note("The session's time is over; the talk goes on in a new one.", "info")
            with contextlib.suppress(GrokLiveError):  # It has been noted.
                await self._roll_over(session)
            return True
        return False

    def _check_budget(self) -> None:
        if self._limits.is_spent(self.usage):
            raise self._spent()

    def _spent(self) -> BudgetSpent:
        budget = self.settings.budget
        return BudgetSpent(
            f"the talk has used up its budget, {budget}, so the line is closed.",
            cure="update(budget=…) gives it another.",
        )

    # ----------------------------------------------------------------- changing and closing
    async def update(self, given: Mapping[str, Any]) -> list[str]:
        """Change settings: now where the session can, else by a new session.

        Returns
        -------
        list of str
            What the server did not take over.
        """
        async with self._changing:
            return await self._update(given)

    async def _update(self, given: Mapping[str, Any]) -> list[str]:
        settings = self.settings.changed(given)
        resolve_endpoint(settings, self._api_key)
        session = self.session
        rejected_settings: list[str] = []
        is_new_model = settings.model != self.settings.model
        needs_session = is_new_model and session and session.protocol.dialect.has_responses
        if session is not None:
            later = {"model"} if needs_session else set()
            now = {name: value for name, value in given.items() if name not in later}
            rejected_settings = await session.update(**now)
        self._take_over(settings)
        if needs_session and session is not None:
            self.note("Another model needs a new session; the talk goes on in it.", "info")
            await self._quiet(session)
            await self._roll_over(session)
        return rejected_settings

    def _take_over(self, settings: Settings) -> None:
        self.settings = settings
        self._limits.follow(settings)
        self._meter.prices = settings.prices
        self._tell(SettingsChanged())

    def set_player(self, has_player: bool) -> None:
        """Tell whether a page plays the sound."""
        self._has_player = has_player
        if self.session is not None:
            self.session.set_player(has_player)

    async def stop(self) -> None:
        """Close the line; turns stay, and the conversation where the server keeps it."""
        await self._disconnect("The line was closed and opened again")

    async def _disconnect(self, why: str, *, may_retell: bool = False) -> None:
        if self._reopening is not None and not self._reopening.done():
            self._reopening.cancel()
            await asyncio.wait([self._reopening])
            self._enter("closed")
        # A line that is just being opened would otherwise be open, and paid for, after all.
        async with self._opening:
            session = self.session
        if session is not None:
            self._save_resume_state(session, why, may_retell=may_retell)
            self._enter("closing")
            await session.close()
            await _beside(self.recording.flush)

    async def close(self) -> None:
        """Close the line and the rehearsal behind it, for good."""
        self._is_closed = True
        await self.stop()
        for task in list(self._tasks):
            task.cancel()
        await _beside(self.recording.close)
        server, self._rehearsal = self._rehearsal, None
        if server is not None:
            await asyncio.to_thread(server.close)

    async def save(self, path: str | PathLike[str]) -> Path:
        """Write what there is now."""
        return await asyncio.to_thread(self.recording.save, path)


_AGAIN = "Start, or the next question, opens it again."
_MEMORY = {
    "resumed": "the server still knows what was said before.",
    "retold": "the server was told again, as text, what was said before.",
    "none": "the server knows nothing of what was said before.",
}


async def _beside(work: Callable[[], None]) -> None:
    """Do what waits for the disk on another thread; at exit there are none left to be had."""
    try:
        await asyncio.to_thread(work)
    except RuntimeError:
        work()


def _said_of(failure: GrokLiveError | None) -> str:
    """What happened, and how a talk goes on."""
    is_broken = isinstance(failure, SessionClosedError)
    return f"{_head(failure)} {_AGAIN}" if is_broken else str(failure)


def _head(failure: GrokLiveError | None) -> str:
    """What happened, without the cure, which is being tried."""
    return sentence(failure.message) if failure is not None else "The line broke."


def sentence(text: str) -> str:
    """With a capital letter, unless it begins with the name of a host or a setting."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[0].upper() + text[1:] if first.isalpha() else text
