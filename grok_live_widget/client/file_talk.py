"""A recorded question through a live session, and the replies to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..conversation import PendingReply, Turn, Turns
from ..exceptions import ReplyTimeout, SessionClosedOK
from ..protocol import CommitAudio, CreateResponse, Event, PushToTalk, ResponseState
from ..settings import Settings
from .requests import server_error
from .session import Session

__all__ = ["talk_through"]

_CHUNK_S = 0.1
_POLL_S = 0.01
# How long after the end of the sound a server may take to notice speech in it.
_GRACE_S = 1.0
_NO_SPEECH_S = 10.0


async def talk_through(
    session: Session,
    pcm: bytes,
    settings: Settings,
    *,
    settled_sample_count: Callable[[], int] | None = None,
    timeout_s: float = 60.0,
) -> Turns:
    """Carry a recording to the server and wait for all replies to it.

    Under voice activity it is followed by silence until the server has heard its end; with
    `PushToTalk` by a commit.

    Parameters
    ----------
    pcm : bytes
        Mono PCM16 at the line's own rate.
    settled_sample_count : callable or None
        None: in real time. Otherwise as fast as it goes, and this tells how much of it the
        rehearsal has judged and answered.
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
    pending = PendingReply(None)
    pending.has_sent_all = True

    def watch(event: Event, _: list[Turn], __: float) -> None:
        pending.apply(event)

    session.observe(watch)
    try:
        if isinstance(settings.turn_detection, PushToTalk):
            await _push_and_talk(session, pcm, settled_sample_count is None, timeout_s)
        elif settled_sample_count is None:
            await _in_real_time(session, pcm, settings, pending, timeout_s)
        else:
            await _at_once(session, pcm, settings, pending, settled_sample_count, timeout_s)
    finally:
        session.ignore(watch)
    return session.turns.assistant


async def _send_paced(session: Session, pcm: bytes) -> None:
    """Send as a microphone would: each chunk when it has been spoken."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    chunk_bytes = len(_silence(session, _CHUNK_S))
    for start in range(0, len(pcm), chunk_bytes):
        due_s += _CHUNK_S
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        await session.send_pcm(pcm[start : start + chunk_bytes])


async def _push_and_talk(session: Session, pcm: bytes, is_paced: bool, timeout_s: float) -> None:
    await (_send_paced(session, pcm) if is_paced else session.send_pcm(pcm))
    commit, request = CommitAudio(), CreateResponse()
    by_commit = session.dialect == "live"
    pending = PendingReply(commit if by_commit else request)

    def watch(event: Event, _: list[Turn], __: float) -> None:
        pending.apply(event)

    session.observe(watch)
    await session.send(commit)
    if not by_commit:
        await session.send_when_idle(request)
    await _until(session, lambda: pending.is_settled, timeout_s)
    session.ignore(watch)
    _check(session, pending)


async def _in_real_time(
    session: Session, pcm: bytes, settings: Settings, pending: PendingReply, timeout_s: float
) -> None:
    await _send_paced(session, pcm)
    least_s = _silence_s(settings) + _GRACE_S
    silent_s = 0.0
    while not _is_over(session, pending) or silent_s < least_s:
        if not pending.has_heard_speech and silent_s >= _NO_SPEECH_S:
            raise _no_speech(silent_s)
        if silent_s >= timeout_s:
            raise _late(timeout_s)
        _check(session, pending)
        await _send_paced(session, _silence(session, _CHUNK_S))
        silent_s += _CHUNK_S
    _check(session, pending)


async def _at_once(
    session: Session,
    pcm: bytes,
    settings: Settings,
    pending: PendingReply,
    settled_sample_count: Callable[[], int],
    timeout_s: float,
) -> None:
    silent_s = _silence_s(settings) + _GRACE_S
    await session.send_pcm(pcm + _silence(session, silent_s))
    sent = session.protocol.sent_sample_count
    try:
        async with asyncio.timeout(timeout_s + len(pcm) / 2 / session.input_sample_rate):
            while settled_sample_count() < sent or not _is_over(session, pending):
                _check(session, pending)
                if settled_sample_count() >= sent and not pending.has_heard_speech:
                    raise _no_speech(silent_s)
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise _late(timeout_s) from None


def _silence(session: Session, duration_s: float) -> bytes:
    return bytes(int(duration_s * session.input_sample_rate) * 2)


def _silence_s(settings: Settings) -> float:
    detection = settings.turn_detection
    return 0.0 if isinstance(detection, PushToTalk) else detection.silence_duration_ms / 1000


def _is_over(session: Session, pending: PendingReply) -> bool:
    return pending.is_settled and session.protocol.response_state is ResponseState.IDLE


def _check(session: Session, pending: PendingReply) -> None:
    if pending.error is not None:
        raise server_error(pending.error)
    if session.failure is not None:
        raise session.failure
    if pending.has_ended_early and not pending.status:
        raise SessionClosedOK("the session is closed.", close_code=1000)


async def _until(session: Session, is_so: Callable[[], bool], timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await session.wait_for(is_so)
    except TimeoutError:
        raise _late(timeout_s) from None


def _late(timeout_s: float) -> ReplyTimeout:
    return ReplyTimeout(
        f"no complete reply in {timeout_s:g} s.",
        timeout_s=timeout_s,
        cure="Allow more with --timeout.",
    )


def _no_speech(silence_s: float) -> ReplyTimeout:
    return ReplyTimeout(
        f"the server heard no speech in the sound, nor in {silence_s:g} s of silence after it.",
        timeout_s=silence_s,
        cure="With --push-to-talk (PushToTalk()) it answers any sound.",
    )
