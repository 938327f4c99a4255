"""A whole recording sent over one session, and all replies to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from ..audio import pcm_from_bytes
from ..conversation import PendingReply, Turns
from ..exceptions import ReplyTimeout
from ..protocol import CreateResponse, PushToTalk, ResponseState
from ..settings import Settings
from .exchange import SILENCE_S, events_of_commit, no_speech_error, raise_failure, request_and_wait
from .session import Session

# How long after the end of a sound a server may take to detect speech in it [s].
_NOTICE_S = 1.0
_POLL_S = 0.01


async def talk_through(
    session: Session,
    pcm: bytes,
    settings: Settings,
    *,
    settled_sample_count: Callable[[], int] | None = None,
    timeout_s: float = 60.0,
) -> Turns:
    """Send a recording and wait for all replies to it.

    Under voice activity it is followed by silence until the server has detected its end; with
    `PushToTalk` by a commit.

    Parameters
    ----------
    pcm : bytes
        Mono PCM16 at the session's own rate.
    settled_sample_count : callable or None
        None: send in real time. Otherwise send at once, and this returns how many samples the
        rehearsal has processed and answered.
    timeout_s : float [s]
        How long to wait for replies after the sound.

    Returns
    -------
    Turns
        The replies, in order.

    Raises
    ------
    ReplyTimeout, ServerError, SessionClosed
    """
    try:
        async with asyncio.timeout(timeout_s + len(pcm) / 2 / session.input_sample_rate):
            if isinstance(settings.turn_detection, PushToTalk):
                await _commit_recording(session, pcm, is_paced=settled_sample_count is None)
                return session.turns.assistant
            silence_s = settings.turn_detection.silence_duration_ms / 1000 + _NOTICE_S
            async with session.expect() as pending:
                pending.has_sent_all = True
                if settled_sample_count is None:
                    await _send_in_real_time(session, pcm, silence_s, pending)
                else:
                    await _send_at_once(session, pcm, silence_s, pending, settled_sample_count)
                _check(session, pending)
    except TimeoutError:
        raise ReplyTimeout(
            f"no complete reply in {timeout_s:g} s.",
            timeout_s=timeout_s,
            cure="Allow more with --timeout.",
        ) from None
    return session.turns.assistant


async def _commit_recording(session: Session, pcm: bytes, *, is_paced: bool) -> None:
    await _send(session, pcm, "realtime" if is_paced else "fast")
    events = events_of_commit(session, CreateResponse())
    async with session.expect(*events) as pending:
        await session.send(events[0])
        await request_and_wait(session, pending, *events[1:])
        _check(session, pending)


async def _send(session: Session, pcm: bytes, pace: Literal["fast", "realtime"]) -> None:
    await session.send_audio(pcm_from_bytes(pcm), session.input_sample_rate, end=True, pace=pace)


async def _send_in_real_time(
    session: Session, pcm: bytes, silence_s: float, pending: PendingReply
) -> None:
    await _send(session, pcm, "realtime")
    sent_s = 0.0
    while not _is_over(session, pending) or sent_s < silence_s:
        if not pending.has_speech_started and sent_s >= session.timeouts.no_speech_s:
            raise no_speech_error(sent_s, None)
        _check(session, pending)
        await asyncio.sleep(SILENCE_S)
        await session.send_silence(SILENCE_S)
        sent_s += SILENCE_S


async def _send_at_once(
    session: Session,
    pcm: bytes,
    silence_s: float,
    pending: PendingReply,
    settled_sample_count: Callable[[], int],
) -> None:
    await _send(session, pcm, "fast")
    await session.send_silence(silence_s)
    sent = session.protocol.sent_sample_count
    while settled_sample_count() < sent or not _is_over(session, pending):
        _check(session, pending)
        if settled_sample_count() >= sent and not pending.has_speech_started:
            raise no_speech_error(silence_s, None)
        await asyncio.sleep(_POLL_S)


def _is_over(session: Session, pending: PendingReply) -> bool:
    return pending.is_settled and session.protocol.response_state is ResponseState.IDLE


def _check(session: Session, pending: PendingReply) -> None:
    raise_failure(session, pending)
    if session.failure is not None:
        raise session.failure
