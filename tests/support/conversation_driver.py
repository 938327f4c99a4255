"""A `Conversation` driven by hand: events with a clock and a microphone that tests control."""

from __future__ import annotations

from typing import Any

import numpy as np

from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.conversation.turn import Turn
from grok_live_widget.events import (
    AppendAudio,
    PlaybackReported,
    ServerVad,
    SessionOpened,
    SpeechStarted,
    SpeechStopped,
)

CHUNK_MS = 100
OPENED = SessionOpened(dialect="realtime", host="h")


class ConversationDriver:
    """Applies events to a conversation, with a clock set by hand and a microphone.

    The microphone's samples count up from 0, so that a turn's samples tell where it begins.
    """

    def __init__(self, detection: Any = None, *, has_player: bool = False) -> None:
        self.conversation = Conversation(ServerVad() if detection is None else detection)
        self.conversation.has_player = has_player
        self.now_s = 0.0
        self._counted = 0
        self.hear(OPENED)

    def hear(self, *events: Any, at_s: float | None = None) -> list[Turn]:
        self.now_s = self.now_s if at_s is None else at_s
        changed: list[Turn] = []
        for event in events:
            changed = self.conversation.apply(event, self.now_s)
        return changed

    def speak(self, duration_ms: int, *, in_no_time: bool = False) -> None:
        """Send sound in chunks of 100 ms."""
        for _ in range(duration_ms // CHUNK_MS):
            self.now_s += 0 if in_no_time else CHUNK_MS / 1000
            codes = np.arange(self._counted, self._counted + 24 * CHUNK_MS)
            self._counted += len(codes)
            self.hear(AppendAudio(codes.astype(np.int16).tobytes()))

    @property
    def turns(self) -> Any:
        return self.conversation.turns


def started(number: int, at_ms: int | None, **options: Any) -> SpeechStarted:
    return SpeechStarted(item_id=f"u{number}", audio_start_ms=at_ms, **options)


def stopped(number: int, at_ms: int | None) -> SpeechStopped:
    return SpeechStopped(item_id=f"u{number}", audio_end_ms=at_ms)


def played(number: int, count: int, first_s: float | None = None) -> PlaybackReported:
    return PlaybackReported(item_id=f"a{number}", sample_count=count, first_sound_s=first_s)


def span_ms(turn: Turn) -> tuple[float, float]:
    """Begin and end of a user's turn in the session's sound [ms], read from its samples."""
    first = int(np.uint16(turn.pcm[0])) / 24
    return first, first + len(turn.pcm) / 24
