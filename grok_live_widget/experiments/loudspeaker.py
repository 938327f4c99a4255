"""A loudspeaker that exists in time only, and speech over what it plays.

Everything here runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .._structs import repr_of
from .._threads import BackgroundTasks
from ..client import ReconnectingSession
from ..conversation import Turn
from ..exceptions import ConfigurationError, GrokLiveError, SessionClosedError
from ..protocol import (
    AudioDelta,
    Event,
    Interrupted,
    PlaybackReported,
    ResponseDone,
    SessionEnded,
    SoundAnnounced,
    SoundEnded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What happened to a reply that was spoken over.

    Parameters
    ----------
    spoken_at_ms : float [ms]
        The position in the reply that sounded when the speech began.
    stopped_after_ms : float or None [ms]
        From the beginning of the speech until the reply was stopped: how long both were heard.
        None: it was not stopped before it had sounded to its end.
    heard_ms, received_ms : float [ms]
        How much of the reply had sounded, and how much was received in all.
    received_after_ms : float [ms]
        How much of it was received after it had been stopped: what the server still sent.
    """

    spoken_at_ms: float
    stopped_after_ms: float | None
    heard_ms: float
    received_ms: float
    received_after_ms: float

    def __repr__(self) -> str:
        return repr_of(self, self.__slots__)


class Loudspeaker:
    """Plays the first reply from its first delta on, in real time, and reports what was heard.

    Sound that comes late is waited for, as in a player without a cushion. Further replies are not
    played.

    Parameters
    ----------
    sessions : ReconnectingSession
    rate_hz : int [Hz]
        Of the replies.
    until_ms : float [ms]
        The position in the reply that `reached` waits for.
    """

    def __init__(self, sessions: ReconnectingSession, rate_hz: int, until_ms: float) -> None:
        self._sessions, self._rate_hz = sessions, rate_hz
        self._until_samples = round(until_ms * rate_hz / 1000)
        self._tasks = BackgroundTasks()
        self._reached = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._failure: GrokLiveError | None = None
        # The reply: its ids, and its samples in all and after it was stopped.
        self._item_id = self._response_id = ""
        self._received_count = self._late_count = 0
        # When its first sample sounds, and when all that was received of it has [s].
        self._first_s = self._end_s = 0.0
        self._stopped_s: float | None = None
        # Whether it has sounded to its end.
        self._is_over = False
        # The turns of sounds whose replies have been received.
        self._ended: set[str] = set()
        self._sound_ended = asyncio.Event()
        # Whether the speech over the reply has begun, and when [s].
        self._spoken_s = 0.0
        self._has_spoken = False

    def heard_count(self, at_s: float) -> int:
        """How many samples have sounded at a time."""
        at_s = at_s if self._stopped_s is None else min(at_s, self._stopped_s)
        unheard = max(0.0, self._end_s - at_s) * self._rate_hz
        return max(0, round(self._received_count - self._late_count - unheard))

    async def reached(self) -> None:
        """Wait until the position has sounded.

        Raises
        ------
        ConfigurationError
            When the reply ended before it.
        SessionClosedError
        """
        await self._reached.wait()
        if self._failure is not None:
            raise self._failure

    async def sound_ended(self, turn: Turn) -> None:
        """Wait until a sound that was said has been answered."""
        while turn.turn_id not in self._ended and self._failure is None:
            self._sound_ended.clear()
            await self._sound_ended.wait()
        if self._failure is not None:
            raise self._failure

    def overlap(self) -> Overlap:
        """What was measured."""
        stopped_s, ms = self._stopped_s, 1000 / self._rate_hz
        heard = self.heard_count(self._end_s if stopped_s is None else stopped_s)
        return Overlap(
            spoken_at_ms=self.heard_count(self._spoken_s) * ms,
            stopped_after_ms=None if stopped_s is None else (stopped_s - self._spoken_s) * 1000,
            heard_ms=heard * ms,
            received_ms=self._received_count * ms,
            received_after_ms=self._late_count * ms,
        )

    # ----------------------------------------------------------------- events
    def observe(self, event: Event, _: list[Turn], now_s: float) -> None:
        """Follow one event of the talk."""
        match event:
            case AudioDelta():
                self._receive(event, now_s)
            case ResponseDone() if event.response_id == self._response_id and self._item_id:
                self._check_reply()
            case Interrupted() if event.item_id == self._item_id:
                self._stop(now_s)
            case SoundAnnounced() if self._reached.is_set() and not self._has_spoken:
                self._has_spoken, self._spoken_s = True, now_s
            case SoundEnded():
                self._ended.add(event.turn_id)
                self._sound_ended.set()
            case SessionEnded():
                self._fail(
                    SessionClosedError(
                        "the session ended before the interruption had been answered.",
                        close_code=event.close_code,
                        cure="Ask again.",
                    )
                )

    def _receive(self, delta: AudioDelta, now_s: float) -> None:
        if not self._item_id:
            self._item_id, self._response_id = delta.item_id, delta.response_id
            self._first_s = self._end_s = now_s
        if delta.item_id != self._item_id:
            return
        count = len(delta.pcm) // 2
        self._received_count += count
        if self._stopped_s is not None:
            self._late_count += count
            return
        self._end_s = max(self._end_s, now_s) + count / self._rate_hz
        if self._timer is None and self._received_count >= self._until_samples:
            ahead_s = (self._received_count - self._until_samples) / self._rate_hz
            loop = asyncio.get_running_loop()
            # The times of events are those of this clock.
            self._timer = loop.call_at(self._end_s - ahead_s, self._reached.set)

    def _check_reply(self) -> None:
        asyncio.get_running_loop().call_at(self._end_s, self._finish)
        if self._timer is None:
            seconds = self._received_count / self._rate_hz
            self._fail(
                ConfigurationError(
                    f"the reply lasted {seconds:.2f} s, so that it could not be interrupted at "
                    f"{self._until_samples / self._rate_hz:.2f} s.",
                    cure="Ask for a longer reply, or lower at_ms.",
                )
            )

    def _stop(self, now_s: float) -> None:
        if self._stopped_s is None and not self._is_over:
            self._stopped_s = now_s
            self._tasks.spawn(self._report(self.heard_count(now_s)))

    def _finish(self) -> None:
        """All of the reply has sounded, unless it was stopped."""
        if self._stopped_s is None:
            self._is_over = True
            self._tasks.spawn(self._report(self._received_count))

    async def _report(self, sample_count: int) -> None:
        report = PlaybackReported(
            item_id=self._item_id,
            sample_count=sample_count,
            first_sound_s=self._first_s,
            is_final=True,
        )
        await self._sessions.report_playback(report)
        # The reply to the speech is received only, and so was not interrupted when the talk ends.
        self._sessions.set_player(False)

    def _fail(self, failure: GrokLiveError) -> None:
        self._failure = self._failure or failure
        self._reached.set()
        self._sound_ended.set()
