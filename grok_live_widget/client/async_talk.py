"""A talk on its loop: what is asked and said over its line.

Everything here runs on the talk's loop; `talk.Talk` is its face for other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..audio import SAMPLE_RATE_HZ, ClipConverter, pcm_from_bytes, read_wav
from ..conversation import PendingReply, ToolCallState, Turn
from ..exceptions import (
    AuthenticationError,
    ConfigurationError,
    GrokLiveError,
    ReplyTimeout,
    ServerError,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
    SessionError,
    UnsupportedByServer,
)
from ..protocol import (
    MIN_COMMIT_MS,
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    Event,
    PlaybackReported,
    PushToTalk,
    ResponseState,
    SoundAnnounced,
    SoundEnded,
)
from ..settings import Settings, between
from ..tools import functions_of
from .credentials import Secret
from .reconnecting import ReconnectingSession, sentence
from .requests import named, reply_request, server_error, text_of, typed, verbatim
from .session import Session

__all__ = ["Question", "TalkCore"]

Question = Any
"""A text, a `pathlib.Path` of a WAV file, or an array."""

_SILENCE_S = 0.1
# How much silence after a sound in which the server has heard no speech at all.
_NO_SPEECH_S = 10.0
# How long a server that has left a question without a reply may take to say anything at all.
_ANSWER_S = 3.0


class TalkCore(ReconnectingSession):
    """One talk: what is said and asked over its line."""

    def __init__(self, settings: Settings, api_key: Secret | None) -> None:
        super().__init__(settings, api_key)
        self._asking = asyncio.Lock()
        self._clips_being_sent = 0
        # At another rate a chunk of the microphone may be two messages: nothing overtakes the
        # second.
        self._speaking = asyncio.Lock()

    @property
    def _is_push_to_talk(self) -> bool:
        return isinstance(self.settings.turn_detection, PushToTalk)

    @property
    def _tool_names(self) -> tuple[str, ...]:
        return tuple(functions_of(self.settings.tools))

    # ----------------------------------------------------------------- sound
    async def send_audio(self, x: Any, sample_rate: int, *, more: bool) -> None:
        """Send sound; the microphone is held out meanwhile."""
        session = await self.open()
        with self._sending():
            await session.send_audio(x, sample_rate, more=more)

    async def send_microphone(self, pcm: bytes) -> None:
        """Send a chunk of the microphone, PCM16 at 24 kHz, which goes on from the one before.

        Dropped while a clip is sent or no line is open.
        """
        async with self._speaking:
            if self.session is not None and not self._clips_being_sent:
                with contextlib.suppress(GrokLiveError):
                    await self.session.send_audio(pcm_from_bytes(pcm), SAMPLE_RATE_HZ, more=True)

    @contextlib.contextmanager
    def _sending(self) -> Any:
        self._clips_being_sent += 1
        try:
            yield
        finally:
            self._clips_being_sent -= 1

    async def commit(self) -> None:
        """End the user's turn; with push-to-talk also ask for the reply."""
        await self._commit(await self.open(), self._request())

    async def _commit(self, session: Session, request: CreateResponse) -> None:
        async with self._speaking:
            await session.commit()
        # `live` answers a commit by itself.
        if self._is_push_to_talk and session.dialect != "live":
            await session.send_when_idle(request)

    def _request(
        self, instructions: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> CreateResponse:
        return reply_request(instructions, self.settings.metadata if metadata is None else metadata)

    async def clear(self) -> None:
        """Have the server forget the sound that is not committed; harmless without a line."""
        if self.session is not None:
            await self.session.clear()

    async def report_playback(self, report: PlaybackReported) -> None:
        """Tell what was heard of a reply, also after the line is closed."""
        if self.session is not None:
            await self.session.report_playback(report)
            return
        now_s = time.monotonic()
        self._observe(report, self.conversation.apply(report, now_s), now_s)

    async def interrupt(self) -> None:
        """Stop the reply; harmless when there is none."""
        if self.session is not None:
            await self.session.interrupt()

    # ----------------------------------------------------------------- tools
    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for consent, oldest first."""
        return [] if self.session is None else self.session.pending_approvals

    async def approve(self, call_id: str, is_allowed: bool) -> None:
        """Allow a call in `pending_approvals`, or do not."""
        if self.session is None:
            raise SessionClosedOK("the session is closed.", close_code=1000)
        await self.session.approve(call_id, is_allowed)

    # ----------------------------------------------------------------- asking
    async def ask(
        self,
        question: Question,
        sample_rate: int | None,
        timeout_s: float,
        *,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Turn:
        """Ask and wait for the reply to be received."""
        clip = self._clip_from(question, sample_rate)
        request = self._request(instructions, metadata)
        if clip is not None and not self._is_push_to_talk and (instructions or metadata):
            raise ConfigurationError(
                "the server answers speech by itself, so this reply cannot have instructions or "
                "metadata of its own.",
                cure="Use turn_detection=PushToTalk(), or ask by text.",
            )

        async def answer(asked: _Asked) -> Turn:
            if clip is None:
                return await self._ask_text(typed(question), request, asked)
            asked.session = await self.open()
            return await self._ask_sound(asked.session, clip, request, asked)

        return await self._awaited(answer, timeout_s)

    async def say_verbatim(self, text: str, timeout_s: float, *, interruptible: bool) -> Turn:
        """Have these words spoken and wait for their sound."""
        item = verbatim(text, is_interruptible=interruptible)

        async def answer(asked: _Asked) -> Turn:
            asked.session = await self.open()
            return await self._asked_with(asked.session, (item,), asked)

        return await self._awaited(answer, timeout_s)

    async def _awaited(
        self, answer: Callable[[_Asked], Coroutine[Any, Any, Turn]], timeout_s: float
    ) -> Turn:
        """One question after another, each with its time."""
        between("timeout_s", timeout_s, 0.001, 86_400)
        asked = _Asked()
        try:
            async with asyncio.timeout(timeout_s), self._asking:
                return await answer(asked)
        except TimeoutError:
            raise await self._timed_out(asked, timeout_s) from None
        except SessionError as error:
            # Whoever hears of a line that has failed finds it closed and the reason noted.
            if asked.session is not None and asked.session.failure is not None:
                await asked.session.close()
            raise self._broken(error) from None

    def _clip_from(self, question: Question, sample_rate: int | None) -> bytes | None:
        rate_hz = self.conversation.input_sample_rate
        clip = clip_from(question, sample_rate, rate_hz)
        if clip is not None and self._is_push_to_talk:
            _check_length(len(clip) // 2 * 1000 // rate_hz)
        return clip

    async def _timed_out(self, asked: _Asked, timeout_s: float) -> ReplyTimeout:
        turn = None
        if asked.session is not None and asked.pending is not None:
            turn = self.conversation.reply(asked.pending.response_id)
            with contextlib.suppress(GrokLiveError):
                await asked.session.give_up_reply()
        gone = await self._close_if_silent(asked)
        came = "what came of it is kept" if turn is not None else "nothing of it came"
        silence = f" {sentence(gone.message)}" if gone else ""
        return ReplyTimeout(
            f"no complete reply in {timeout_s:g} s; {came}.{_meanwhile(asked.pending)}{silence}",
            timeout_s=timeout_s,
            turn=turn,
            cure=_NEW_LINE if gone else "Ask again, or allow more with timeout_s=.",
        )

    async def _close_if_silent(self, asked: _Asked) -> SessionClosedError | None:
        """Give up a line on which nothing is said any more, to be opened again; None if it is not.

        Otherwise every further question would time out on it.
        """
        session = asked.session
        if session is None or session.failure is not None or not await _is_silent(session, asked):
            return None
        gone = SessionClosedError(
            f"the server has said nothing for {session.silent_s:.0f} s.",
            close_code=None,
        )
        await session.abort(gone)
        return gone

    async def _ask_text(self, item: CreateItem, request: CreateResponse, asked: _Asked) -> Turn:
        """Ask, and once more if the line breaks before anything of the reply has come."""
        count = len(self.conversation.turns)
        asked.session = await self.open()
        try:
            return await self._asked_with(asked.session, (item, request), asked)
        except SessionClosed:
            if not self._may_ask_again(asked):
                raise
        asked.session = await self.open()
        is_said = any(turn.text == item.item.text for turn in self.conversation.turns[count:].user)
        return await self._asked_with(asked.session, self._again(item, request, is_said), asked)

    def _may_ask_again(self, asked: _Asked) -> bool:
        response_id = asked.pending.response_id if asked.pending is not None else ""
        turn = self.conversation.reply(response_id)
        has_come = turn is not None and bool(turn.text or len(turn.pcm))
        return self.phase == "opening" and not has_come

    def _again(
        self, item: CreateItem, request: CreateResponse, is_said: bool
    ) -> tuple[ClientEvent, ...]:
        """The question for the next session, which may have been told of it; our turn stays one."""
        if is_said and self.memory == "retold":
            return (named(request),)
        again = replace(item, item=replace(item.item, is_replayed=is_said))
        return (named(again), named(request))

    async def _asked_with(
        self, session: Session, words: tuple[ClientEvent, ...], asked: _Asked
    ) -> Turn:
        """Say these words, of which the last is the request, when no reply is running."""
        watched = PendingReply(words[-1], self._tool_names, related=words)
        with _watching(session, asked, watched) as pending:
            try:
                await session.send_when_idle(*words)
                await session.wait_for(lambda: pending.is_settled)
            finally:
                session.protocol.withdraw(*words)
        return self._outcome(session, pending, word="conversation.item.create")

    async def _ask_sound(
        self, session: Session, clip: bytes, request: CreateResponse, asked: _Asked
    ) -> Turn:
        await session.wait_for(
            lambda: session.protocol.response_state is ResponseState.IDLE or not session.is_open
        )
        if not self._is_push_to_talk:
            watched = PendingReply(None, self._tool_names)
            with _watching(session, asked, watched) as pending, self._sending():
                turn = await self._announce(session)
                await self._send_clip(session, clip, turn, asked)
            return self._outcome(session, pending)
        by_commit = session.dialect == "live"
        if by_commit and request != CreateResponse():
            raise UnsupportedByServer("instructions or metadata of one reply to speech", "live")
        watched = PendingReply(CommitAudio() if by_commit else request, self._tool_names)
        with _watching(session, asked, watched) as pending, self._sending():
            await self._announce(session)
            await session.send_pcm(clip)
            if by_commit:
                assert pending.request is not None
                await session.send(pending.request)
            else:
                await session.send(CommitAudio())
                await session.send_when_idle(request)
            await session.wait_for(lambda: pending.is_settled)
        return self._outcome(session, pending)

    async def _announce(self, session: Session) -> Turn:
        """Begin a clip's turn; what is still held of the microphone was before it."""
        async with self._speaking:
            with contextlib.suppress(GrokLiveError):  # The clip will tell.
                await session.finish_audio()
        turn_id = uuid.uuid4().hex
        session.emit(SoundAnnounced(turn_id=turn_id))
        return next(turn for turn in reversed(self.conversation.turns) if turn.turn_id == turn_id)

    async def _send_clip(self, session: Session, clip: bytes, turn: Turn, asked: _Asked) -> None:
        """Send a sound, then silence until the server has heard its end and answered."""
        assert asked.pending is not None
        with self._sending():
            try:
                await session.send_pcm(clip)
                asked.pending.has_sent_all = True
                await self._send_silence(session, asked, asked.pending)
            finally:
                session.emit(SoundEnded(turn_id=turn.turn_id))

    async def _send_silence(self, session: Session, asked: _Asked, pending: PendingReply) -> None:
        """Server voice activity hears an end only in what follows it.

        A pause inside the sound can end a turn too, and the reply to that is cut off by the
        next words, so silence begins again whenever speech does.
        """
        sent_s = 0.0
        while not pending.is_settled:
            if pending.has_heard_speech and not pending.is_speech_active:
                await session.wait_for(lambda: pending.is_settled or pending.is_speech_active)
                continue
            if not pending.has_heard_speech and sent_s >= _NO_SPEECH_S:
                raise _unheard(sent_s, await self._close_if_silent(asked))
            await session.send_pcm(bytes(int(_SILENCE_S * session.input_sample_rate) * 2))
            sent_s += _SILENCE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE_S):
                    await session.wait_for(lambda: pending.is_settled)

    def _outcome(self, session: Session, pending: PendingReply, word: str = "") -> Turn:
        if isinstance(session.failure, AuthenticationError):
            raise session.failure
        if pending.error is not None:
            if word and session.dialect == "live":
                raise UnsupportedByServer(word, "live")
            raise server_error(pending.error)
        if pending.status == "failed" and pending.reported is not None:
            raise server_error(pending.reported)
        turn = self.conversation.reply(pending.response_id)
        if pending.has_ended_early and not pending.status:
            raise session.failure or SessionClosedOK("the session is closed.", close_code=1000)
        if turn is None:
            raise ServerError(
                f"the reply ended ({pending.status}) with nothing said.", cure="Ask again."
            )
        return turn

    def _broken(self, failure: SessionError) -> SessionError:
        """What a question hears whose line ended before its reply."""
        if not isinstance(failure, SessionClosed) or self._is_closed:
            return failure
        if isinstance(failure, SessionClosedOK) and self.phase != "opening":
            return failure
        said, cure = failure.message.rstrip("."), "the next question opens the line again."
        if self.phase == "opening":
            said, cure = f"{said} before the reply had been received", "ask once more."
            cure = f"the line is opened again: {cure}"
        return SessionClosedError(
            f"{said}.",
            close_code=failure.close_code,
            reason=failure.reason,
            cure=f"What came is kept, and {cure}",
        )

    # ----------------------------------------------------------------- saying
    async def say(self, question: Question, sample_rate: int | None) -> Turn:
        """Send and return the user's turn at once."""
        clip = self._clip_from(question, sample_rate)
        session = await self.open()
        if clip is None:
            return await self._say_text(session, question)
        if self._is_push_to_talk:
            with self._sending():
                turn = await self._announce(session)
                await session.send_pcm(clip)
                await self._commit(session, self._request())
            return turn
        began: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._spawn(self._say_clip(session, clip, began))
        return await began

    async def _say_text(self, session: Session, text: str) -> Turn:
        item = typed(text)
        found: list[Turn] = []

        def watch(event: Event, changed: list[Turn], _: float) -> None:
            if event is item:
                found.extend(changed)

        session.observe(watch)
        try:
            await session.send(item)
        finally:
            session.ignore(watch)
        await session.send_when_idle(self._request())
        return found[0]

    async def _say_clip(self, session: Session, clip: bytes, began: asyncio.Future[Turn]) -> None:
        asked = _Asked()
        with (
            _watching(session, asked, PendingReply(None, self._tool_names)),
            self._sending(),
        ):
            turn = await self._announce(session)
            began.set_result(turn)
            try:
                await self._send_clip(session, clip, turn, asked)
            except ReplyTimeout as error:
                self.note(str(error), "warning")
            except GrokLiveError:
                pass  # The end of the session has been told already.


class _Asked:
    """How far a question has come, for the sentence of a time-out."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.pending: PendingReply | None = None
        self.received_message_count = 0


@contextlib.contextmanager
def _watching(session: Session, asked: _Asked, pending: PendingReply) -> Any:
    asked.session, asked.pending, asked.received_message_count = (
        session,
        pending,
        session.received_message_count,
    )

    def watch(event: Event, _: list[Turn], __: float) -> None:
        pending.apply(event)

    session.observe(watch)
    try:
        yield pending
    finally:
        session.ignore(watch)


_NEW_LINE = "Ask once more: that is on a new line."


def _meanwhile(pending: PendingReply | None) -> str:
    """What the server had reported of a reply that did not end."""
    if pending is None or pending.reported is None:
        return ""
    return f" The server had reported: {text_of(pending.reported).rstrip('.')}."


async def _is_silent(session: Session, asked: _Asked) -> bool:
    """Whether the server of a question without a reply says nothing any more."""
    if session.protocol.dialect.has_responses:
        return not await session.is_answering(_ANSWER_S)
    # `live` has no word that must be answered, and where no speech is heard its silence is right.
    # But a server that spoke before, and not even to say that speech began, is taken for gone:
    # wrongly, and it forgets what was said, as the seam tells; rightly, and the talk goes on.
    return (
        session.protocol.has_received
        and session.received_message_count == asked.received_message_count
    )


def _unheard(silence_s: float, gone: SessionClosedError | None) -> ReplyTimeout:
    """What a sound hears that nothing was made of: no speech in it, or nobody there any more."""
    if gone is not None:
        return ReplyTimeout(gone.message, timeout_s=silence_s, cure=_NEW_LINE)
    return ReplyTimeout(
        f"the server heard no speech in the sound, nor in {silence_s:g} s of silence after it.",
        timeout_s=silence_s,
        cure="Lower ServerVad(threshold=…), or use turn_detection=PushToTalk(), "
        "which answers any sound.",
    )


def _check_length(duration_ms: int) -> None:
    """Before anything of it is sent, or it would be the beginning of the next turn."""
    if duration_ms < MIN_COMMIT_MS:
        raise ConfigurationError(
            f"the sound lasts {duration_ms} ms, and with push-to-talk servers refuse less than "
            f"{MIN_COMMIT_MS} ms.",
            cure="Add some silence.",
        )


def clip_from(question: Question, sample_rate: int | None, to_hz: int) -> bytes | None:
    """A question's sound as PCM16 bytes at the rate of the line; None for a text.

    Raises
    ------
    AudioFormatError, ConfigurationError
        Before anything is opened.
    """
    if isinstance(question, str):
        typed(question)
        return None
    if isinstance(question, Path):
        question, sample_rate = read_wav(question)
    if sample_rate is None:
        raise ConfigurationError(
            "sample_rate is missing; an array alone does not tell it.",
            cure="Pass sample_rate=24000, or whatever it was recorded at.",
        )
    clip = ClipConverter(to_hz).convert(question, sample_rate)
    if not clip:
        raise ConfigurationError("the sound is empty.", cure="Pass at least one sample.")
    return clip
