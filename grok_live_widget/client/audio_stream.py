"""The user's sound on its way out: one stream of chunks, with one resampler.

Everything here runs on the session's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from ..audio import ClipConverter
from ..exceptions import GrokLiveError
from ..protocol import AppendAudio, Protocol
from ._pump import Pump

_CHUNK_MS = 100


class AudioStream:
    """Consecutive pieces of sound, resampled as one signal and sent in chunks of 100 ms.

    A stream begins with the first piece and ends with `end`, `drop`, a piece of another rate, or
    `gap_s` after the last piece. The resampler holds the last samples until then.

    Parameters
    ----------
    pump : Pump
    protocol : Protocol
        Its input format has the rate at which the sound is sent.
    gap_s : float [s]

    Attributes
    ----------
    sending : asyncio.Lock
        Held while a piece or a clip is sent, so that the chunks of concurrent calls do not mix.
    """

    def __init__(self, pump: Pump, protocol: Protocol, gap_s: float) -> None:
        self._pump = pump
        self._protocol = protocol
        self._gap_s = gap_s
        self._sample_rate = protocol.input_format.sample_rate
        self._converter = ClipConverter(self._sample_rate)
        self.sending = asyncio.Lock()
        # Ends the stream some time after the last piece; None: no stream is open.
        self._end_timer: asyncio.TimerHandle | None = None
        # When the last piece was sent, and the next chunk is due in real time [s].
        self._sent_s = self._due_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a stream of `send` has not ended yet."""
        return self._end_timer is not None

    @property
    def clipped_count(self) -> int:
        """Samples beyond ±1 that were clipped."""
        return self._converter.clipped_count

    def chunks(self, pcm: bytes) -> Iterator[AppendAudio]:
        """The messages of some mono PCM16 bytes at the session's own rate, 100 ms each."""
        size = self._sample_rate * _CHUNK_MS // 1000 * 2
        for start in range(0, len(pcm), size):
            yield AppendAudio(pcm[start : start + size])

    async def send(
        self, x: Any, sample_rate: int, *, is_last: bool = False, is_real_time: bool = False
    ) -> None:
        """Send a piece, and keep the stream open unless it is the last.

        Parameters
        ----------
        x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
            See `Session.send_audio`.
        sample_rate : int [Hz]
        is_last : bool
        is_real_time : bool
            Whether each chunk is sent when it would have been spoken.

        Raises
        ------
        AudioFormatError
            Before anything is sent.
        SessionClosed
        """
        async with self.sending:
            if not self.is_open:
                self.end()  # Of other sound, such as a microphone's.
            pcm = self._converter.convert(x, sample_rate, more=not is_last)
            for note in self._converter.take_notes():
                self._pump.note(note)
            self._keep_open()
            await self._send_at_pace(pcm, is_real_time=is_real_time)
            self._sent_s = asyncio.get_running_loop().time()
        if is_last:
            self.end()

    async def send_clip(self, pcm: bytes, *, is_real_time: bool) -> None:
        """Send mono PCM16 bytes at the session's own rate as they are, beside the stream, which
        must have ended; the caller holds `sending`.
        """
        await self._send_at_pace(pcm, is_real_time=is_real_time)

    def send_nowait(self, x: Any, sample_rate: int) -> None:
        """Send a piece without waiting for the socket; a pause after it does not end the stream.

        For sound that comes in real time, such as a microphone's, which is no faster than what it
        is sent over.
        """
        self._pump.check()
        self._queue(self._converter.convert(x, sample_rate, more=True))

    def end(self) -> None:
        """Send what the resampler still holds, without waiting for the socket."""
        rest = self.drop()
        if rest:
            self._pump.check()
            self._queue(rest)

    def drop(self) -> bytes:
        """End the stream; returns what the resampler still holds."""
        if self._end_timer is not None:
            self._end_timer.cancel()
            self._end_timer = None
        return self._converter.finish()

    def _queue(self, pcm: bytes) -> None:
        for chunk in self.chunks(pcm):
            self._protocol.send(chunk)
        self._pump.flush()

    async def _send_at_pace(self, pcm: bytes, *, is_real_time: bool) -> None:
        loop = asyncio.get_running_loop()
        for chunk in self.chunks(pcm):
            if is_real_time:
                chunk_s = len(chunk.pcm) / 2 / self._sample_rate
                self._due_s = max(self._due_s, loop.time()) + chunk_s
                await asyncio.sleep(self._due_s - loop.time())
            self._pump.check()
            self._protocol.send(chunk)
            await self._pump.drain()

    def _keep_open(self) -> None:
        """Begin a stream, or let it go on; a timer ends it when no piece follows."""
        if self._end_timer is None:
            loop = asyncio.get_running_loop()
            self._end_timer = loop.call_later(self._gap_s, self._end_if_silent)

    def _end_if_silent(self) -> None:
        """End the stream, unless it was continued since the timer was set."""
        loop = asyncio.get_running_loop()
        ends_s = self._gap_s + (loop.time() if self.sending.locked() else self._sent_s)
        if ends_s > loop.time():
            self._end_timer = loop.call_at(ends_s, self._end_if_silent)
            return
        with contextlib.suppress(GrokLiveError):  # A session that has ended has reported it.
            self.end()
