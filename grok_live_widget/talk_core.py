"""A talk on its loop: opens and closes the line, asks, says, and watches for idleness.

Everything here runs on the talk's loop; `talk.Talk` is its face for other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from .audio import ClipConverter, read_wav
from .connecting import Answerer, new_rehearsal, open_line, who_answers
from .conversation import Conversation
from .credentials import Secret
from .events import (
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Event,
    Noted,
    PhaseChanged,
    PlaybackReported,
    PushToTalk,
    SessionEnded,
    SoundAnnounced,
    SoundEnded,
)
from .exceptions import (
    AuthenticationError,
    ConfigurationError,
    GrokLiveError,
    ReplyTimeout,
    ServerError,
    SessionClosedOK,
    SessionError,
    UnsupportedByServer,
)
from .pending import PendingReply
from .protocol import Reply, is_benign
from .recording import Recording
from .rehearsal import PARTNERS, RehearsalServer, default_partner
from .session import Observer, Session, server_error, typed_item
from .settings import UNSET, Settings
from .tool_calls import ToolCallState
from .tool_thread import Stage
from .tools import functions_of
from .turns import Turn

__all__ = ["Question", "TalkCore"]

Question = Any
"""A text, a `pathlib.Path` of a WAV file, or an array."""

Phase = Literal["closed", "opening", "open", "closing"]

_SILENCE_S = 0.1
# How much silence after a sound in which the server has heard no speech at all.
_NO_SPEECH_S = 10.0


class TalkCore:
    """One talk: sessions one after another, and the turns of them all.

    Attributes
    ----------
    conversation : Conversation
    notes : list of Noted
    phase : {"closed", "opening", "open", "closing"}
    tool_stage : callable
        Makes what surrounds each call of a tool, on the call's thread.
    """

    def __init__(self, settings: Settings, api_key: Secret | None) -> None:
        self.settings = settings
        self.answerer: Answerer = who_answers(settings, api_key)
        self.conversation = Conversation.under(settings)
        self.notes: list[Noted] = []
        self.recording = Recording(
            settings,
            self.conversation.user_tape,
            secret=self._key_in_use,
            on_trouble=self._note_from_anywhere,
        )
        self.phase: Phase = "closed"
        self.session: Session | None = None
        self.dialect = self.answerer.dialects[0][0].name
        self._api_key = api_key
        self._observers: list[Observer] = [self.recording.observe]
        self._loop = asyncio.get_running_loop()
        self._rehearsal: RehearsalServer | None = None
        self._opening = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.tool_stage: Stage = contextlib.nullcontext
        self._tool_names = tuple(functions_of(settings.tools))
        self._clips_being_sent = 0
        self._has_player = False
        self._active_s = 0.0

    # ----------------------------------------------------------------- watching
    def observe(self, observer: Observer) -> None:
        """Have `observer` called with every event of every session."""
        self._observers.append(observer)

    def note(self, text: str, level: Literal["info", "warning", "error"] = "info") -> None:
        """Say one sentence to the person."""
        self._tell(Noted(_as_sentence(text), level))

    def _note_from_anywhere(self, text: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody reads.
            self._loop.call_soon_threadsafe(self.note, text, "error")

    def _key_in_use(self) -> str:
        return self.answerer.key.reveal() if self.answerer.key else ""

    def _tell(self, event: Event) -> None:
        self._observe(event, [], time.monotonic())

    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        if changed:
            self._active_s = now_s
        if isinstance(event, Noted):
            self.notes.append(event)
        for observer in list(self._observers):
            observer(event, changed, now_s)
        if isinstance(event, SessionEnded):
            self._session_ended()
        if isinstance(event, ErrorReported) and not is_benign(event) and self._is_usable:
            self.note(str(server_error(event)), "warning")

    def _session_ended(self) -> None:
        session, self.session = self.session, None
        failure = session.failure if session is not None else None
        if failure is not None and not isinstance(failure, SessionClosedOK):
            self.note(str(failure), "error")
        self._enter("closed")

    def _enter(self, phase: Phase) -> None:
        if phase != self.phase:
            self.phase = phase
            self._tell(PhaseChanged(phase))

    def _spawn(self, coro: Any) -> None:
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ----------------------------------------------------------------- the line
    @property
    def is_rehearsal(self) -> bool:
        """Whether the rehearsal answers."""
        return self.answerer.is_rehearsal

    @property
    def _is_usable(self) -> bool:
        """Whether there is a session, and it goes on; an error that ends it is told as its end."""
        return self.session is not None and self.session.failure is None

    @property
    def _is_push_to_talk(self) -> bool:
        return isinstance(self.settings.turn_detection, PushToTalk)

    async def open(self) -> Session:
        """The open session; opened if there is none."""
        async with self._opening:
            if self.session is not None and self.session.failure is None:
                return self.session
            self._enter("opening")
            try:
                self.session = await self._opened()
            except GrokLiveError as error:
                self.note(str(error), "error")
                self._enter("closed")
                raise
            except BaseException:
                self._enter("closed")
                raise
            self._active_s = time.monotonic()
            self._enter("open")
            self._spawn(self._watch_idleness(self.session))
            return self.session

    async def _opened(self) -> Session:
        self.answerer = who_answers(self.settings, self._api_key)
        await asyncio.to_thread(self.recording.start)
        if self.answerer.is_rehearsal and self._rehearsal is None:
            self._rehearsal = await asyncio.to_thread(new_rehearsal(self.settings).start)
            self._note_missing_voice()
        session = await open_line(
            self.answerer,
            self.settings,
            self.conversation,
            rehearsal=self._rehearsal,
            observer=self._observe_session,
            stage=lambda: self.tool_stage(),
        )
        session.set_player(self._has_player)
        self.dialect = session.dialect
        return session

    def _note_missing_voice(self) -> None:
        partner, sentence = default_partner()
        if self.settings.partner is UNSET and partner is PARTNERS["parrot"]:
            self.note(sentence, "info")

    def _observe_session(self, event: Event, changed: list[Turn], now_s: float) -> None:
        # A line that is refused while another dialect is tried is nobody's affair.
        if isinstance(event, SessionEnded) and self.session is None:
            # But the conversation has heard of it, and the recording folds to the same turns.
            self.recording.observe(event, changed, now_s)
            return
        self._observe(event, changed, now_s)

    def set_player(self, has_player: bool) -> None:
        """Tell whether a page plays the sound."""
        self._has_player = has_player
        if self.session is not None:
            self.session.set_player(has_player)

    async def stop(self) -> None:
        """Close the line; turns stay."""
        session = self.session
        if session is not None:
            self._enter("closing")
            await session.close()
            await _beside(self.recording.flush)

    async def close(self) -> None:
        """Close the line and the rehearsal behind it."""
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

    async def _watch_idleness(self, session: Session) -> None:
        limit_s = self.settings.idle_timeout_s
        while limit_s is not None and self.session is session:
            if session.is_calling:
                self._active_s = time.monotonic()
            left_s = self._active_s + limit_s - time.monotonic()
            if left_s <= 0:
                self.note(
                    f"Nothing was said for {limit_s:g} s, so the line was closed. "
                    "Press Start to go on; idle_timeout_s= changes this.",
                    "warning",
                )
                await self.stop()
                return
            await asyncio.sleep(min(left_s, 1.0))

    # ----------------------------------------------------------------- sound
    async def send_audio(self, x: Any, sample_rate: int, *, more: bool) -> None:
        """Send sound; the microphone is held out meanwhile."""
        session = await self.open()
        with self._sending():
            await session.send_audio(x, sample_rate, more=more)

    async def send_microphone(self, pcm: bytes) -> None:
        """Send a chunk of the microphone; dropped while a clip is sent or no line is open."""
        if self.session is not None and not self._clips_being_sent:
            with contextlib.suppress(GrokLiveError):
                await self.session.send_pcm(pcm)

    @contextlib.contextmanager
    def _sending(self) -> Any:
        self._clips_being_sent += 1
        try:
            yield
        finally:
            self._clips_being_sent -= 1

    async def commit(self) -> None:
        """End the user's turn; with push-to-talk also ask for the reply."""
        session = await self.open()
        await self._commit(session, CreateResponse())

    async def _commit(self, session: Session, request: CreateResponse) -> None:
        await session.say(CommitAudio())
        # `live` answers a commit by itself.
        if self._is_push_to_talk and session.dialect != "live":
            await session.request(request)

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
    async def ask(self, question: Question, sample_rate: int | None, timeout_s: float) -> Turn:
        """Ask and wait for the reply to be received."""
        clip = self._clip_from(question, sample_rate)
        asked = _Asked()
        try:
            async with asyncio.timeout(timeout_s), self._asking:
                session = asked.session = await self.open()
                if clip is None:
                    return await self._ask_text(session, question, asked)
                return await self._ask_sound(session, clip, asked)
        except TimeoutError:
            raise await self._timed_out(asked, timeout_s) from None
        except SessionError:
            # Whoever hears of a line that has failed finds it closed and the reason noted.
            if asked.session is not None and asked.session.failure is not None:
                await asked.session.close()
            raise

    def _clip_from(self, question: Question, sample_rate: int | None) -> bytes | None:
        return clip_from(question, sample_rate, self.conversation.input_sample_rate)

    async def _timed_out(self, asked: _Asked, timeout_s: float) -> ReplyTimeout:
        turn = None
        if asked.session is not None and asked.pending is not None:
            turn = self.conversation.reply(asked.pending.response_id)
            with contextlib.suppress(GrokLiveError):
                await asked.session.give_up_reply()
        came = "what came of it is kept" if turn is not None else "nothing of it came"
        return ReplyTimeout(
            f"no complete reply in {timeout_s:g} s; {came}.",
            timeout_s=timeout_s,
            turn=turn,
            cure="Ask again, or allow more with timeout_s=.",
        )

    async def _ask_text(self, session: Session, text: str, asked: _Asked) -> Turn:
        request = CreateResponse()
        words: tuple[ClientEvent, ...] = (CreateItem(typed_item(text)), request)
        with _watching(session, asked, PendingReply(request, self._tool_names)) as pending:
            try:
                await session.request(*words)
                await session.wait_for(lambda: pending.is_settled)
            finally:
                session.protocol.withdraw(*words)
        return self._outcome(session, pending, word="conversation.item.create")

    async def _ask_sound(self, session: Session, clip: bytes, asked: _Asked) -> Turn:
        await session.wait_for(lambda: session.protocol.reply is Reply.IDLE or not session.is_open)
        if not self._is_push_to_talk:
            with _watching(session, asked, PendingReply(None, self._tool_names)) as pending:
                await self._send_clip(session, clip, pending)
            return self._outcome(session, pending)
        request = CreateResponse()
        by_commit = session.dialect == "live"
        watched = PendingReply(CommitAudio() if by_commit else request, self._tool_names)
        with _watching(session, asked, watched) as pending, self._sending():
            self._announce(session)
            await session.send_pcm(clip)
            if by_commit:
                assert pending.request is not None
                await session.say(pending.request)
            else:
                await session.say(CommitAudio())
                await session.request(request)
            await session.wait_for(lambda: pending.is_settled)
        return self._outcome(session, pending)

    def _announce(self, session: Session) -> Turn:
        turn_id = uuid.uuid4().hex
        session.tell(SoundAnnounced(turn_id=turn_id))
        return next(turn for turn in reversed(self.conversation.turns) if turn.turn_id == turn_id)

    async def _send_clip(self, session: Session, clip: bytes, pending: PendingReply) -> Turn:
        """Send a sound, then silence until the server has heard its end and answered."""
        with self._sending():
            turn = self._announce(session)
            try:
                await session.send_pcm(clip)
                pending.has_sent_all = True
                await self._send_silence(session, pending)
            finally:
                session.tell(SoundEnded(turn_id=turn.turn_id))
        return turn

    async def _send_silence(self, session: Session, pending: PendingReply) -> None:
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
                raise _no_speech(sent_s)
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

    # ----------------------------------------------------------------- saying
    async def say(self, question: Question, sample_rate: int | None) -> Turn:
        """Send and return the user's turn at once."""
        clip = self._clip_from(question, sample_rate)
        session = await self.open()
        if clip is None:
            return await self._say_text(session, question)
        if self._is_push_to_talk:
            turn = self._announce(session)
            with self._sending():
                await session.send_pcm(clip)
                await self._commit(session, CreateResponse())
            return turn
        began: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._spawn(self._say_clip(session, clip, began))
        return await began

    async def _say_text(self, session: Session, text: str) -> Turn:
        item = CreateItem(typed_item(text))
        found: list[Turn] = []

        def watch(event: Event, changed: list[Turn], _: float) -> None:
            if event is item:
                found.extend(changed)

        session.observe(watch)
        try:
            await session.say(item)
        finally:
            session.ignore(watch)
        await session.request(CreateResponse())
        return found[0]

    async def _say_clip(self, session: Session, clip: bytes, began: asyncio.Future[Turn]) -> None:
        with (
            _watching(session, _Asked(), PendingReply(None, self._tool_names)) as pending,
            self._sending(),
        ):
            turn = self._announce(session)
            began.set_result(turn)
            try:
                await session.send_pcm(clip)
                pending.has_sent_all = True
                await self._send_silence(session, pending)
            except ReplyTimeout as error:
                self.note(str(error), "warning")
            except GrokLiveError:
                pass  # The end of the session has been told already.
            finally:
                session.tell(SoundEnded(turn_id=turn.turn_id))


async def _beside(work: Callable[[], None]) -> None:
    """Do what waits for the disk on another thread; at exit there are none left to be had."""
    try:
        await asyncio.to_thread(work)
    except RuntimeError:
        work()


def _as_sentence(text: str) -> str:
    """With a capital letter, unless it begins with the name of a host or a setting."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[0].upper() + text[1:] if first.isalpha() else text


class _Asked:
    """How far a question has come, for the sentence of a time-out."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.pending: PendingReply | None = None


@contextlib.contextmanager
def _watching(session: Session, asked: _Asked, pending: PendingReply) -> Any:
    asked.pending = pending

    def watch(event: Event, _: list[Turn], __: float) -> None:
        pending.apply(event)

    session.observe(watch)
    try:
        yield pending
    finally:
        session.ignore(watch)


def _no_speech(silence_s: float) -> ReplyTimeout:
    return ReplyTimeout(
        f"the server heard no speech in the sound, nor in {silence_s:g} s of silence after it.",
        timeout_s=silence_s,
        cure="Lower ServerVad(threshold=…), or use turn_detection=PushToTalk(), "
        "which answers any sound.",
    )


def clip_from(question: Question, sample_rate: int | None, to_hz: int) -> bytes | None:
    """A question's sound as PCM16 bytes at the rate of the line; None for a text.

    Raises
    ------
    AudioFormatError, ConfigurationError
        Before anything is opened.
    """
    if isinstance(question, str):
        typed_item(question)
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
