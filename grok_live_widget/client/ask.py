"""Questions of a talk, one after another, over whichever session is open.

Everything here runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from .._threads import BackgroundTasks
from ..conversation import Turn
from ..exceptions import (
    ConfigurationError,
    GrokLiveError,
    ReplyTimeout,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
    SessionError,
)
from ..protocol import MIN_COMMIT_MS
from ..settings import between
from .clips import Clip, Pace, Question, check_question, read_clip
from .exchange import Exchange, announce
from .reconnecting_session import ReconnectingSession
from .requests import reply_request, user_message, verbatim_message
from .session import Session
from .talk_session import TalkSession


class Asker:
    """Asks questions over a reconnecting session, one after another."""

    def __init__(self, sessions: ReconnectingSession) -> None:
        self._sessions = sessions
        # Held while a question waits for its reply.
        self._asking = asyncio.Lock()
        self._tasks = BackgroundTasks()

    async def ask(
        self,
        question: Question,
        sample_rate: int | None,
        timeout_s: float,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
        pace: Pace = "fast",
    ) -> Turn:
        """Ask and wait for the reply to be received."""
        self._sessions.tool_threads.refuse_own_tool("ask")
        asked = await text_or_clip(self._sessions, question, sample_rate, pace)
        return await self.ask_prepared(asked, timeout_s, instructions, metadata)

    async def ask_prepared(
        self,
        asked: str | Clip,
        timeout_s: float,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        is_again: bool = False,
    ) -> Turn:
        """Ask what `text_or_clip` has made of a question.

        Parameters
        ----------
        is_again : bool
            Whether it is a text that an earlier session was sent.
        """
        pairs = self._sessions.settings.metadata if metadata is None else metadata
        request = reply_request(instructions, pairs)
        clip = None if isinstance(asked, str) else asked
        exchange = Exchange(self._sessions, clip)
        if isinstance(asked, str):
            ask_text = exchange.ask_text_again if is_again else exchange.ask_text
            ask = partial(ask_text, user_message(asked), request)
        elif self._sessions.is_push_to_talk:
            ask = partial(exchange.ask_and_commit, asked, request)
        elif instructions or metadata:
            raise ConfigurationError(
                "the server answers speech by itself, so this reply cannot have instructions or "
                "metadata of its own.",
                cure="Use turn_detection=PushToTalk(), or ask by text.",
            )
        else:
            ask = partial(exchange.ask_aloud, asked)
        return await self._run(exchange, ask, timeout_s, sending_s=clip.sending_s if clip else 0)

    async def say_verbatim(self, text: str, timeout_s: float, is_interruptible: bool) -> Turn:
        """Have `text` spoken word for word, and wait until that begins."""
        exchange = Exchange(self._sessions, noun="text")
        item = verbatim_message(text, is_interruptible=is_interruptible)
        begin = partial(exchange.begin, [item])
        # Not behind a question whose reply waits for a tool that says this.
        return await self._run(exchange, begin, timeout_s, turn_to_ask=contextlib.nullcontext())

    async def say(self, question: Question, sample_rate: int | None, pace: Pace = "fast") -> Turn:
        """Send and return the user's turn at once."""
        return await self.say_prepared(
            await text_or_clip(self._sessions, question, sample_rate, pace)
        )

    async def say_prepared(self, said: str | Clip) -> Turn:
        """Say what `text_or_clip` has made of a question."""
        if isinstance(said, str):
            return await self._sessions.say_text(said)
        session = await self._sessions.open()
        began: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        if not self._sessions.is_push_to_talk:
            self._tasks.spawn(self._say_clip(said, session, began))
        elif said.pace == "fast":
            await self._say_and_commit(said, session, began)
        else:
            self._tasks.spawn(self._reported(self._say_and_commit(said, session, began), began))
        return await began

    # ----------------------------------------------------------------- private
    async def _run(
        self,
        exchange: Exchange,
        ask: Callable[[Session], Awaitable[Turn]],
        timeout_s: float,
        *,
        sending_s: float = 0.0,
        turn_to_ask: contextlib.AbstractAsyncContextManager[None] | None = None,
    ) -> Turn:
        """One exchange after another, each with its own time limit."""
        between("timeout_s", timeout_s, 0.001, 86_400)
        due_s = asyncio.get_running_loop().time() + timeout_s + sending_s
        try:
            async with asyncio.timeout_at(due_s), turn_to_ask or self._asking:
                with exchange.interruptible():
                    try:
                        exchange.session = await self._sessions.open()
                        await exchange.session.finish_audio()
                        exchange.check_before(due_s)
                        return exchange.marked(await ask(exchange.session))
                    except asyncio.CancelledError:
                        # By the caller, the time limit or `interrupt`, and before the next
                        # question is sent.
                        await exchange.give_up()
                        if not exchange.ends_by_interrupt():
                            raise
                        return exchange.reply_so_far()
        except TimeoutError:
            raise await exchange.timed_out(timeout_s) from None
        except SessionError as error:
            # A caller that learns of a failed session finds it closed and the reason noted.
            if exchange.session is not None and exchange.session.failure is not None:
                await exchange.session.close()
            raise self._broken(error) from None
        finally:
            exchange.end_check()

    def _broken(self, failure: SessionError) -> SessionError:
        """The error of a question whose session ended before its reply."""
        is_reconnecting = self._sessions.phase == "opening"
        if not isinstance(failure, SessionClosed) or self._sessions.is_ended:
            return failure
        if isinstance(failure, SessionClosedOK) and not is_reconnecting:
            return failure
        what, cure = failure.message.rstrip("."), "the next question opens the connection again."
        if is_reconnecting:
            what = f"{what} before the reply had been received"
            cure = "the connection is being opened again: ask again then."
        return SessionClosedError(
            f"{what}.",
            close_code=failure.close_code,
            reason=failure.reason,
            cure=f"What was received is kept, and {cure}",
        )

    async def _say_clip(self, clip: Clip, session: Session, began: asyncio.Future[Turn]) -> None:
        exchange = Exchange(self._sessions, clip)
        await self._reported(exchange.send_clip(clip, session, began.set_result), began)

    async def _say_and_commit(
        self, clip: Clip, session: Session, began: asyncio.Future[Turn]
    ) -> None:
        async with session.audio.sending:
            with self._sessions.holding_microphone():
                await self._sessions.end_microphone()
                began.set_result(await announce(session))
                await session.send_clip(clip)
                await self._sessions.commit()

    async def _reported(self, work: Awaitable[object], began: asyncio.Future[Turn]) -> None:
        """Await what goes on after `say` has returned; its errors are noted."""
        try:
            await work
        except ReplyTimeout as error:
            self._sessions.note(str(error), "warning")
        except GrokLiveError as error:
            # The end of the session has been noted already.
            if not began.done():
                began.set_exception(error)


async def text_or_clip(
    talk: TalkSession, question: Question, sample_rate: int | None, pace: Pace
) -> str | Clip:
    """A question as it is sent: its text, or its sound. Raises before anything is opened."""
    check_question(question, sample_rate, pace)
    if isinstance(question, str):
        if _is_name_of_file(question):
            talk.note(
                f"{question!r} was sent as text, and there is a file of this name: "
                "pass pathlib.Path(…) to send its sound.",
                "warning",
            )
        return question
    rate_hz = talk.conversation.input_sample_rate
    # A file, or a long array, would otherwise block the loop of all talks.
    clip = await asyncio.to_thread(read_clip, question, sample_rate, rate_hz, pace)
    for note in clip.notes:
        talk.note(note, "warning")
    duration_ms = len(clip.pcm) // 2 * 1000 // rate_hz
    # What is sent of a sound that is too short would be the beginning of the next turn.
    if talk.is_push_to_talk and duration_ms < MIN_COMMIT_MS:
        raise ConfigurationError(
            f"the sound lasts {duration_ms} ms, and with push-to-talk servers refuse less "
            f"than {MIN_COMMIT_MS} ms.",
            cure="Add some silence.",
        )
    return clip


def _is_name_of_file(text: str) -> bool:
    """Whether a text, which may be of any length and content, is the path of a file."""
    name = text.strip()
    try:
        return bool(Path(name).suffix) and Path(name).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # Too long, a null character, no home folder.
        return False
