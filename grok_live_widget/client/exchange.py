"""One question and its reply: what is sent, what is awaited, and how it ends.

Everything here runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from msgspec.structs import replace

from .._threads import BackgroundTasks
from ..audio import AudioBuffer
from ..conversation import PendingReply, ToolCallState, Turn
from ..exceptions import (
    AuthenticationError,
    GrokLiveError,
    ReplyTimeout,
    ServerError,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
    UnsupportedByServer,
)
from ..protocol import (
    PARTNER_PARAM,
    CancelResponse,
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ResponseState,
    SoundAnnounced,
    SoundEnded,
)
from ..tools import functions_of
from .clips import Clip
from .reconnecting_session import ReconnectingSession, sentence
from .requests import server_error, text_of, with_new_id
from .session import Session

# A chunk of silence, sent as long as the end of speech is not detected [s].
SILENCE_S = 0.1
# By how much a time-out may be late, since what was begun is ended before it is raised [s].
_GRACE_S = 0.05
_NEW_CONNECTION = "Ask again: that opens a new connection."


class Exchange:
    """One question and its reply: what was sent, over which session, and how far it has come."""

    def __init__(
        self, sessions: ReconnectingSession, clip: Clip | None = None, noun: str = "question"
    ) -> None:
        self._sessions = sessions
        # What is sent, for messages: "question", or the "text" that is to be spoken.
        self._noun = noun
        # Whether no earlier question waits for its reply any more.
        self._may_send = False
        # The cure if no speech is detected in the question's sound, where it is known.
        self._why_unheard = clip.why_unheard if clip is not None else ""
        # The session the question was sent over; None before it is open.
        self.session: Session | None = None
        # The reply that is awaited; None before the question is sent.
        self.pending: PendingReply | None = None
        # How many messages had been received before it was sent.
        self._received_message_count = 0
        # How much silence was sent after a sound [s].
        self._silence_s = 0.0
        # Whether the server still sends messages, as found out shortly before the time is over.
        self._check: asyncio.Task[bool] | None = None
        self._tasks = BackgroundTasks()
        # Whether `interrupt` was called meanwhile, whether the task is cancelled for it, and the
        # timer of that.
        self._is_interrupted = self._is_cancelled = False
        self._end_timer: asyncio.TimerHandle | None = None

    # ----------------------------------------------------------------- interrupts
    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let `interrupt` cancel the current task while the block runs."""
        self._may_send = True
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            delay_s = self._sessions.timeouts.response_check_s if self._will_be_confirmed else 0.0
            if not self._is_interrupted:
                self._is_interrupted = True
                self._end_timer = loop.call_later(delay_s, cancel)

        def cancel() -> None:
            self._is_cancelled = True
            task.cancel()

        self._sessions.interruptions.append(interrupt)
        try:
            yield
        finally:
            self._sessions.interruptions.remove(interrupt)
            if self._end_timer is not None:
                self._end_timer.cancel()

    @property
    def _will_be_confirmed(self) -> bool:
        """Whether the server confirms the end of the reply if it is cancelled now."""
        session, pending = self.session, self.pending
        if session is None or pending is None or not pending.response_id or pending.status:
            return False
        return session.protocol.dialect.supports(CancelResponse())

    def ends_by_interrupt(self) -> bool:
        """Whether the task was cancelled by `interrupt` and by nothing else."""
        task = asyncio.current_task()
        return self._is_cancelled and task is not None and not task.uncancel()

    def marked(self, turn: Turn) -> Turn:
        """A reply; marked as interrupted if it was."""
        if self._is_interrupted and not turn.was_interrupted:
            self._sessions.cut_off(turn)
        return turn

    def reply_so_far(self) -> Turn:
        """What was received of a reply that was interrupted; an empty turn, which is not in the
        conversation, if nothing was.
        """
        turn = self._received_so_far()
        if turn is not None:
            return self.marked(turn)
        turn = Turn("assistant", tape=AudioBuffer())
        turn.is_complete = turn.was_interrupted = True
        return turn

    @contextlib.asynccontextmanager
    async def _expect(self, session: Session, *events: ClientEvent) -> AsyncIterator[PendingReply]:
        self.session = session
        self._received_message_count = session.received_message_count
        tools = functions_of(self._sessions.settings.tools)
        async with session.expect(*events, tools=tools) as pending:
            self.pending = pending
            yield pending

    def _received(self) -> Turn | None:
        """What has been received of the reply; None before it has begun."""
        response_id = self.pending.response_id if self.pending is not None else ""
        return self._sessions.conversation.reply(response_id)

    def _received_so_far(self) -> Turn | None:
        """The same; before the reply to outputs of tools has begun, the one that called them."""
        past_id = self.pending.past_response_id if self.pending is not None else ""
        return self._received() or self._sessions.conversation.reply(past_id)

    def _reply(self, session: Session, pending: PendingReply) -> Turn:
        """The reply's turn; raises the error that was received in its place."""
        raise_failure(session, pending)
        if pending.status == "failed" and pending.reported is not None:
            raise server_error(pending.reported)
        turn = self._received()
        if turn is None and self._is_interrupted:
            return self.reply_so_far()
        if turn is None:
            raise ServerError(
                f"the reply ended ({pending.status}) without text or sound.", cure="Ask again."
            )
        return turn

    # ----------------------------------------------------------------- messages
    async def send(self, events: Sequence[ClientEvent], session: Session) -> Turn:
        """Send these as soon as no reply is running, and wait for the one that they request."""
        async with self._expect(session, *events) as pending:
            await session.send_when_idle(*events)
            await session.wait_for(lambda: pending.is_settled)
        return self._reply(session, pending)

    async def begin(self, events: Sequence[ClientEvent], session: Session) -> Turn:
        """Send these as soon as no reply is running, and wait until the one to them begins."""
        async with self._expect(session, *events) as pending:
            await session.send_when_idle(*events)
            await session.wait_for(lambda: pending.is_settled or self._received() is not None)
        return self._reply(session, pending)

    async def ask_text(self, item: CreateItem, request: CreateResponse, session: Session) -> Turn:
        """Ask by text; once more if the session breaks before anything of the reply."""
        turns = self._sessions.conversation.turns
        count = len(turns)
        try:
            return await self.send((item, request), session)
        except SessionClosed:
            turn = self._received()
            has_begun = turn is not None and bool(turn.text or turn.sample_count)
            if has_begun or self._sessions.phase != "opening":
                raise
        session = await self._sessions.open()
        if any(turn.text == item.item.text for turn in turns[count:].user):
            return await self.ask_text_again(item, request, session)
        return await self.send((with_new_id(item), with_new_id(request)), session)

    async def ask_text_again(
        self, item: CreateItem, request: CreateResponse, session: Session
    ) -> Turn:
        """Ask by a text that an earlier session was sent, and that makes no second turn."""
        events: list[CreateItem | CreateResponse] = [with_new_id(request)]
        if self._sessions.memory != "retold":
            # The new session does not know the question.
            known = replace(item.item, is_replayed=True)
            events.insert(0, with_new_id(replace(item, item=known)))
        return await self.send(events, session)

    # ----------------------------------------------------------------- sound
    async def ask_and_commit(self, clip: Clip, request: CreateResponse, session: Session) -> Turn:
        """Ask by sound whose end is a commit: push-to-talk."""
        events = events_of_commit(session, request)
        if request not in events and request != CreateResponse():
            raise UnsupportedByServer(
                "instructions or metadata of one reply to speech", session.dialect
            )
        with self._sessions.holding_microphone():
            await self._finish_microphone(session)
            async with self._expect(session, *events) as pending:
                async with session.audio.sending:
                    await announce(session)
                    await session.send_clip(clip)
                    await session.send(events[0])
                await request_and_wait(session, pending, *events[1:])
        return self._reply(session, pending)

    async def ask_aloud(self, clip: Clip, session: Session) -> Turn:
        """Ask by sound whose end the server detects in the silence that follows it."""
        with self._sessions.holding_microphone():
            await self._finish_microphone(session)
            return self._reply(session, await self.send_clip(clip, session))

    async def _finish_microphone(self, session: Session) -> None:
        """Let the user's speech into the microphone end and be answered before another sound, which
        the server would otherwise take for its continuation.
        """
        is_speaking = self._sessions.is_microphone_speaking
        if is_speaking:
            self._sessions.note(
                "The microphone was in the middle of speech, which is answered first; the sound "
                "of the cell is sent after that."
            )
        async with session.expect() as pending:
            pending.expect_end_of_speech()
            await self._sessions.end_microphone()
            if is_speaking:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._sessions.timeouts.quiet_s):
                        await session.wait_for(lambda: pending.has_begun or pending.is_settled)
        await _wait_until_idle(session)

    async def send_clip(
        self,
        clip: Clip,
        session: Session,
        on_announced: Callable[[Turn], object] = lambda turn: None,
    ) -> PendingReply:
        """Announce the user's turn, then send the sound and silence after it until the server has
        detected its end and answered.
        """
        async with contextlib.AsyncExitStack() as sending:
            # Before the reply is awaited: that to a sound which is still being sent is another.
            await sending.enter_async_context(session.audio.sending)
            async with self._expect(session) as pending:
                with self._sessions.holding_microphone():
                    await self._sessions.end_microphone()
                    turn = await announce(session)
                    on_announced(turn)
                    try:
                        await session.send_clip(clip)
                        await sending.aclose()
                        pending.has_sent_all = True
                        sound_end_ms = session.protocol.sent_ms
                        await self._send_silence(session, pending, is_after_silence=clip.is_silent)
                        rest_s = (sound_end_ms - pending.speech_end_ms) / 1000
                        if pending.status and clip.may_end_with_speech(rest_s):
                            # The server may not have read the rest of a sound that is sent at once.
                            await session.catch_up(self._sessions.timeouts.response_check_s)
                            await self._send_silence(session, pending, is_after_silence=False)
                    finally:
                        session.emit(SoundEnded(turn_id=turn.turn_id))
        return pending

    async def _send_silence(
        self, session: Session, pending: PendingReply, *, is_after_silence: bool
    ) -> None:
        """Server voice activity detects an end only in what follows it.

        A pause inside the sound can end a turn too, and the reply to that is cut off by the
        speech after it, so silence begins again whenever speech does.
        """
        timeouts, sent_s = self._sessions.timeouts, 0.0
        most_s = timeouts.no_speech_s
        if is_after_silence:
            most_s = min(most_s, timeouts.no_speech_in_silence_s)
        while not pending.is_settled:
            if pending.has_speech_started and not pending.is_speech_active:
                await session.wait_for(lambda: pending.is_settled or pending.is_speech_active)
                continue
            if not pending.has_speech_started and sent_s >= most_s:
                # After so short a time `live` may rightly have sent nothing.
                gone = None if is_after_silence else await self._abort_if_silent()
                raise no_speech_error(sent_s, gone, self._why_unheard)
            async with session.audio.sending:  # Not into a sound that is being sent.
                await session.send_silence(SILENCE_S)
            sent_s += SILENCE_S
            self._silence_s = sent_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENCE_S):
                    await session.wait_for(lambda: pending.is_settled)

    # ----------------------------------------------------------------- time-outs
    def check_before(self, due_s: float) -> None:
        """Find out, before the loop's time `due_s`, whether the server still sends messages."""
        session = self.session
        if session is not None and session.protocol.dialect.confirms_settings:
            self._check = self._tasks.spawn(self._is_heard_from(session, due_s))

    def end_check(self) -> None:
        """Find out nothing any more; harmless when that was not begun."""
        if self._check is not None:
            self._check.cancel()

    async def timed_out(self, timeout_s: float) -> ReplyTimeout:
        """The error of a question whose time is over; its turn has what was received.

        It is raised at once, so that what is not known yet of a server that sends nothing is
        found out after it.
        """
        turn, calls, unsent = self._received_so_far(), self._open_calls(), self._why_unsent()
        if self._noun == "question":  # Others may wait for the reply that a text waits behind.
            await self._give_up_waiting()
        gone = await self._abort_if_found_silent()
        if self._has_found_no_speech and not calls:
            return no_speech_error(self._silence_s, gone, self._why_unheard, timeout_s=timeout_s)
        if unsent is not None and gone is None:
            why, cure = unsent
            text = f"the {self._noun} was not sent within {timeout_s:g} s: {why}."
            return ReplyTimeout(text, timeout_s=timeout_s, cure=cure)
        received = "what was received of it is kept" if turn is not None else "none was received"
        silence = f" {sentence(gone.message)}" if gone else ""
        what = _called(calls) if calls and not gone else f"{received}.{_reported(self.pending)}"
        missing = "complete reply" if self._noun == "question" else "beginning of the text's speech"
        return ReplyTimeout(
            f"no {missing} in {timeout_s:g} s; {what}{silence}",
            timeout_s=timeout_s,
            turn=turn,
            cure=_NEW_CONNECTION if gone else _cure_of(calls),
        )

    def _why_unsent(self) -> tuple[str, str] | None:
        """Why nothing has been sent yet, and the cure; None where something has."""
        if not self._may_send:
            return (
                "another question was still waiting for its reply",
                "Ask again when that one is answered, end it with interrupt(), or allow more with "
                "timeout_s=.",
            )
        if self.session is None:
            open_s = self._sessions.settings.open_timeout_s
            return (
                "the connection was not open yet",
                "Check the network and the talk's notes, or allow more with timeout_s=; opening "
                f"may take {open_s:g} s (open_timeout_s=).",
            )
        if self.pending is None or not self.pending.is_sent:
            return (
                "what was said before it was still being answered",
                f"Send the {self._noun} again, or allow more with timeout_s=.",
            )
        return None

    async def give_up(self) -> None:
        """Cancel the reply, also one that is still to begin, and end the speech that was sent."""
        session, pending = self.session, self.pending
        if session is None or pending is None or pending.is_settled or not pending.is_sent:
            return
        with contextlib.suppress(GrokLiveError, TimeoutError):
            # What is written does not leave at once where the server reads no more.
            async with asyncio.timeout(_GRACE_S):
                is_unfinished = pending.is_speech_active or not pending.has_sent_all
                if pending.is_of_speech and is_unfinished:
                    await self._sessions.end_speech()
                is_coming = pending.is_of_speech and is_unfinished | pending.has_speech_started
                await session.abandon_reply(is_coming=is_coming and not pending.has_begun)

    async def _give_up_waiting(self) -> None:
        """Cancel a reply that a question has waited for in vain, as the next would."""
        if self.session is not None and self.pending is not None and not self.pending.is_sent:
            with contextlib.suppress(GrokLiveError, TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    await self.session.abandon_reply()

    def _open_calls(self) -> list[ToolCallState]:
        """The calls of functions whose outputs the reply waits for."""
        if self.session is None or self.pending is None:
            return []
        return [call for call in self.session.open_calls if self.pending.awaits_call(call.call_id)]

    @property
    def _has_found_no_speech(self) -> bool:
        """Whether a sound has been sent whole, and silence after it, and no speech was detected."""
        pending = self.pending
        return bool(
            pending is not None
            and pending.is_of_speech
            and pending.has_sent_all
            and not pending.has_speech_started
            and self._silence_s
        )

    async def _is_heard_from(self, session: Session, due_s: float) -> bool:
        """Whether a server sends anything in the last seconds before `due_s`."""
        check_s = self._sessions.timeouts.response_check_s
        begin_s = due_s - check_s - _GRACE_S
        await asyncio.sleep(max(0.0, begin_s - asyncio.get_running_loop().time()))
        return await session.is_heard_from(check_s)

    async def _abort_if_found_silent(self) -> SessionClosedError | None:
        """Abort the session if its server is known to send nothing; None otherwise. What is not
        known yet is found out in the background.
        """
        check, self._check = self._check, None
        if check is None:
            # `live` is judged at once, by what has been received.
            return await self._abort_if_silent()
        await asyncio.wait([check], timeout=_GRACE_S)
        if check.done() and not check.result():
            return await self._abort()
        self._tasks.spawn(self._abort_later(check))
        return None

    async def _abort_later(self, check: asyncio.Task[bool]) -> None:
        """Abort the session unless the server is heard from during the check or after it."""
        session, check_s = self.session, self._sessions.timeouts.response_check_s
        is_heard = await check and (session is None or await session.is_heard_from(check_s))
        if not is_heard:
            await self._abort()

    async def _abort_if_silent(self) -> SessionClosedError | None:
        """Abort a session whose server sends nothing any more, so that it is opened again; None
        where it does send. Every further question would time out on it.
        """
        session = self.session
        if session is None or session.failure is not None or not await self._is_silent(session):
            return None
        return await self._abort()

    async def _abort(self) -> SessionClosedError | None:
        session = self.session
        if session is None or session.failure is not None:
            return None
        text = f"the server has sent nothing for {session.silent_s:.0f} s."
        gone = SessionClosedError(text, close_code=None)
        await session.abort(gone)
        return gone

    async def _is_silent(self, session: Session) -> bool:
        if session.protocol.dialect.confirms_settings:
            return not await session.is_answering(self._sessions.timeouts.response_check_s)
        # `live` has no message that must be answered, and where no speech is detected its silence
        # is right. But a server that has sent messages before, and since the question not even
        # that speech began, is taken for gone. If it was not, it forgets what was said, which the
        # transcript shows.
        return (
            session.protocol.has_received
            and session.received_message_count == self._received_message_count
        )


# --------------------------------------------------------------------------- shared
async def _wait_until_idle(session: Session) -> None:
    await session.wait_for(
        lambda: session.protocol.response_state is ResponseState.IDLE or not session.is_open
    )


def events_of_commit(session: Session, request: CreateResponse) -> tuple[ClientEvent, ...]:
    """A commit, and the request for a reply unless the commit requests it."""
    is_by_commit = session.protocol.dialect.commit_requests_response
    return (CommitAudio(),) if is_by_commit else (CommitAudio(), request)


async def request_and_wait(session: Session, pending: PendingReply, *request: ClientEvent) -> None:
    """Send what a commit needs to be answered, and wait for the reply."""
    if request:
        await session.send_when_idle(*request)
    await session.wait_for(lambda: pending.is_settled)


def raise_failure(session: Session, pending: PendingReply) -> None:
    """Raise what was received, or has happened, instead of the reply."""
    if isinstance(session.failure, AuthenticationError):
        raise session.failure
    if pending.error is not None:
        is_of_partner = pending.error.param == PARTNER_PARAM
        if not is_of_partner and type(pending.request) in session.protocol.dialect.undocumented:
            raise UnsupportedByServer("conversation.item.create", session.dialect)
        raise server_error(pending.error)
    if pending.has_ended_early and not pending.status:
        raise session.failure or SessionClosedOK(
            "the session is closed.", close_code=1000, cure="Ask again: that opens another one."
        )


async def announce(session: Session) -> Turn:
    """Begin a clip's turn; what the resampler still holds of the microphone was before it."""
    with contextlib.suppress(GrokLiveError):  # What is sent next will fail too.
        await session.finish_audio()
    turn_id = uuid.uuid4().hex
    session.emit(SoundAnnounced(turn_id=turn_id))
    return next(turn for turn in reversed(session.turns) if turn.turn_id == turn_id)


def _reported(pending: PendingReply | None) -> str:
    """What the server had reported of a reply that did not end."""
    if pending is None or pending.reported is None:
        return ""
    return f" The server had reported: {text_of(pending.reported).rstrip('.')}."


def no_speech_error(
    silence_s: float,
    gone: SessionClosedError | None,
    cure: str = "",
    *,
    timeout_s: float | None = None,
) -> ReplyTimeout:
    """The error of a sound without a reply: no speech in it, or the server is gone."""
    limit_s = silence_s if timeout_s is None else timeout_s
    if gone is not None:
        return ReplyTimeout(gone.message, timeout_s=limit_s, cure=_NEW_CONNECTION)
    return ReplyTimeout(
        f"the server detected no speech in the sound, nor in {silence_s:.3g} s of silence after "
        "it.",
        timeout_s=limit_s,
        cure=cure
        or "Lower ServerVad(threshold=…), or use turn_detection=PushToTalk(), "
        "which answers any sound.",
    )


def _called(calls: list[ToolCallState]) -> str:
    """What the functions do that a reply waits for."""
    waiting = [repr(call.name) for call in calls if call.state == "waiting"]
    running = [repr(call.name) for call in calls if call.state != "waiting"]
    states = [
        f"the call of {', '.join(names)} {state}"
        for names, state in ((waiting, "waits for approval"), (running, "is still running"))
        if names
    ]
    return f"{' and '.join(states)}."


def _cure_of(calls: list[ToolCallState]) -> str:
    """How a question is answered whose time was over."""
    waiting = [call for call in calls if call.state == "waiting"]
    if calls and not waiting:
        return "The reply will be in turns; allow more with timeout_s= to wait for it."
    if not waiting:
        return "Ask again, or allow more with timeout_s=."
    return (
        f"Allow it in the panel or from another cell or thread with approve({waiting[0].call_id!r})"
        ", an id of pending_approvals; approve_tools=False makes calls without approval."
    )
