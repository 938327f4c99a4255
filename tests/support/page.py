"""A page without a browser: it sends the messages of docs/channel.md over any transport."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grok_live_widget.diagnostics import Check

RATE_HZ = 24_000
CHUNK_SAMPLES = RATE_HZ // 10


async def no_checks(_: str) -> AsyncIterator[list[Check]]:
    """For a bridge whose doctor is not asked."""
    yield []


class SimulatedPage(ABC):
    """One page that shows one panel; a subclass gives it a transport.

    Parameters
    ----------
    name : str
        The page's id for itself.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        # The session of the last chunk, and where the microphone stands in it.
        self._microphone_session = 0
        self._seq = 0
        self._sample_index = 0

    @abstractmethod
    def send(self, content: Any, *buffers: bytes) -> None:
        """Send any custom message."""

    @property
    @abstractmethod
    def session(self) -> int:
        """The session's number."""

    @staticmethod
    def clock_ms() -> float:
        return time.time() * 1000

    def say(self, kind: str, *buffers: bytes, **fields: Any) -> None:
        """Send a message of this type."""
        self.send({"type": kind, "page": self.name, **fields}, *buffers)

    def hello(self, **fields: Any) -> None:
        self.say(
            "hello",
            **{
                "version": "0",
                "clock_ms": self.clock_ms(),
                "microphone": "ok",
                "device_rate_hz": 48_000,
            }
            | fields,
        )

    def speak(self, pcm: NDArray[np.int16], *, captured_s: float | None = None) -> int:
        """Send microphone audio in chunks of 100 ms; returns how many.

        Parameters
        ----------
        captured_s : float [s]
            When the first chunk was full, by this machine's clock; the others follow at
            their pace. None: all now.
        """
        session = self.session
        if session != self._microphone_session:
            self._microphone_session, self._seq, self._sample_index = session, 0, 0
        starts = range(0, pcm.size, CHUNK_SAMPLES)
        for at, start in enumerate(starts):
            chunk = pcm[start : start + CHUNK_SAMPLES]
            at_s = time.time() if captured_s is None else captured_s + at / 10
            self.say(
                "microphone",
                chunk.tobytes(),
                session=session,
                seq=self._seq,
                sample_index=self._sample_index,
                captured_at_ms=at_s * 1000,
                dropped_sample_count=0,
            )
            self._seq += 1
            self._sample_index += chunk.size
        return len(starts)

    def acknowledge(self, audio: dict[str, Any]) -> None:
        self.say("received", session=audio["session"], seq=audio["seq"], clock_ms=self.clock_ms())

    def report(self, audio: dict[str, Any], sample_count: int, **fields: Any) -> None:
        """Send the playhead, in the reply of an audio message."""
        self.say("playhead", **self._playhead(audio, sample_count) | fields)

    def report_flush(self, audio: dict[str, Any], sample_count: int) -> None:
        """Answer a flush, in the reply of an audio message that it cut off."""
        playhead = self._playhead(audio, sample_count)
        self.say("flushed", **playhead | {"epoch": audio["epoch"] + 1})

    def _playhead(self, audio: dict[str, Any], sample_count: int) -> dict[str, Any]:
        return {
            "session": audio["session"],
            "epoch": audio["epoch"],
            "reply": audio["reply"],
            "sample_count": sample_count,
            "is_final": False,
            "first_sound_at_ms": None,
            "buffered_sample_count": 0,
            "underrun_count": 0,
            "lost_sample_count": 0,
            "clock_ms": self.clock_ms(),
        }
