"""The microphone of a talk: its sound, and the end of what is spoken when it falls silent.

Everything here runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

from ..audio import SAMPLE_RATE_HZ, pcm_from_bytes
from ..protocol import MIN_COMMIT_MS, ClearAudio, PushToTalk, ServerVad, TurnDetection
from .session import Session

# A server that counts samples detects the end of speech within its silence and this [s].
_MARGIN_S = 0.3
# Where it does not, silence goes on in pieces of this length, in real time [s].
_PIECE_S = 0.1

_TOO_SHORT = (
    f"The press was shorter than {MIN_COMMIT_MS} ms, so it was discarded. Hold the button down "
    "while you speak, and let go when you have finished."
)


class Microphone:
    """What the microphone sends to one session after another.

    Parameters
    ----------
    longest_silence_s : float [s]
        How much silence may be sent for the server to detect the end of speech.
    note : callable
        Called with a sentence for the user.
    """

    def __init__(self, longest_silence_s: float, note: Callable[[str], object]) -> None:
        self._longest_silence_s = longest_silence_s
        self._note = note
        # Clips that are being sent; the microphone is dropped meanwhile.
        self._hold_count = 0
        # The session that awaits more of its sound; None: none does.
        self._session: Session | None = None
        # When its newest chunk was sent [s, monotonic], and how many there were.
        self._sent_s = 0.0
        self._chunk_count = 0
        # Whether the press was ended before the button was released.
        self._has_ended_press = False

    @property
    def is_held(self) -> bool:
        """Whether other sound is being sent."""
        return self._hold_count > 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Drop the microphone while the block sends other sound."""
        self._hold_count += 1
        try:
            yield
        finally:
            self._hold_count -= 1

    def send(self, session: Session, pcm: bytes) -> None:
        """Send a chunk, PCM16 at 24 kHz, which continues the one before, unless it is held."""
        if self._hold_count:
            return
        session.callers.note_sound(is_microphone=True)
        session.audio.send_nowait(pcm_from_bytes(pcm), SAMPLE_RATE_HZ)
        self._session, self._sent_s = session, time.monotonic()
        self._chunk_count += 1
        self._has_ended_press = False

    def is_speaking(self, session: Session, detection: TurnDetection) -> bool:
        """Whether the user is in the middle of speech, or of a press that can be committed."""
        if self._session is not session:
            return False
        if isinstance(detection, PushToTalk):
            return session.protocol.uncommitted_ms >= MIN_COMMIT_MS
        return session.protocol.is_speech_active

    def silent_s(self, now_s: float) -> float:
        """For how long a session has awaited more sound in vain [s]; 0 if none does."""
        return now_s - self._sent_s if self._session is not None else 0.0

    async def end(self, session: Session, detection: TurnDetection) -> None:
        """End what was spoken, since no more of it comes: the microphone is muted, lost, or
        another page's. Nothing is sent where the microphone has sent nothing.
        """
        if self._session is not session:
            return
        self._session = None
        if isinstance(detection, PushToTalk):
            if session.protocol.uncommitted_ms:
                await self.end_press(session)
                self._has_ended_press = True
            return
        await session.finish_audio()
        await self._send_silence(session, detection)

    async def _send_silence(self, session: Session, detection: ServerVad) -> None:
        """Send silence until the server detects the end of speech, or the microphone goes on."""
        count = self._chunk_count
        await end_speech(session, detection)
        sent_s = 0.0
        protocol = session.protocol
        while sent_s < self._longest_silence_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PIECE_S):
                    await session.wait_for(lambda: not protocol.is_speech_active)
            if not (protocol.is_speech_active and session.is_open and self._chunk_count == count):
                return
            await session.send_silence(_PIECE_S)
            sent_s += _PIECE_S

    async def end_press(self, session: Session) -> None:
        """End the user's turn of push-to-talk and request the reply; what is shorter than servers
        accept is discarded, with a note.
        """
        self._session = None
        await session.finish_audio()
        if session.protocol.uncommitted_ms >= MIN_COMMIT_MS:
            await session.commit()
            if not session.protocol.dialect.commit_requests_response:
                await session.respond()
        elif session.protocol.uncommitted_ms or not self._has_ended_press:
            await self._clear(session)
            self._note(_TOO_SHORT)
        self._has_ended_press = False

    async def discard_press(self, session: Session) -> None:
        """Have the server forget what was said since the button was pressed."""
        self._session, self._has_ended_press = None, False
        await session.finish_audio()
        await self._clear(session)

    async def _clear(self, session: Session) -> None:
        if session.protocol.uncommitted_ms and session.protocol.dialect.supports(ClearAudio()):
            await session.clear()


async def end_speech(session: Session, detection: ServerVad) -> None:
    """Send so much silence that a server that counts samples detects the end of the speech."""
    await session.send_silence(detection.silence_duration_ms / 1000 + _MARGIN_S)
