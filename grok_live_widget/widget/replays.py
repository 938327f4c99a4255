"""What is played once more: a turn, or the talk from a place on. None of it counts as heard."""

from __future__ import annotations

import copy
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ..client import ReconnectingSession
from ..conversation import Turn, placements_of
from .downlink import Downlink, Playable
from .talk_sound import TalkSound, sound_from

_TOPIC = "replay"
_BUSY_NOTE = (
    "A reply is sounding, and nothing else is played over it. Play it again when the reply has "
    "ended, or interrupt the reply."
)


@dataclass
class _Replay:
    """What is played once more.

    `source` is what is sent for that, `turn` the one that sounds, and `start_s` where it begins on
    the talk's clock.
    """

    source: Playable
    reply: int
    turn: Turn
    start_s: float


class Replays:
    """Plays turns and stretches of a talk once more, one at a time; used on the talk's loop.

    Parameters
    ----------
    talk : ReconnectingSession
    downlink : Downlink
        Sends the sound.
    on_change : callable
        Called when `shown` may have changed, or when there is sound to send.
    flush : callable
        Discards what was sent and not played.
    spawn : callable
        Runs a coroutine, and notes its errors.
    """

    def __init__(
        self,
        talk: ReconnectingSession,
        downlink: Downlink,
        *,
        on_change: Callable[[], None],
        flush: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        self._talk, self._downlink = talk, downlink
        self._on_change, self._flush, self._spawn = on_change, flush, spawn
        self._current: _Replay | None = None
        # Whether a note says that something could not be played once more.
        self._has_refused = False

    @property
    def is_playing(self) -> bool:
        """Whether something is being played once more."""
        return self._current is not None

    @property
    def shown(self) -> dict[str, Any]:
        """The fields of `messages.State` about it."""
        current = self._current
        return {
            "replay": current.reply if current else None,
            "replayed_turn": current.turn.turn_id if current else "",
            "replay_start_s": current.start_s if current else 0.0,
        }

    def prepare(self) -> bool:
        """End what is played once more, so that something else may be; False while a reply sounds,
        which a note says.
        """
        if self._current is None and self._downlink.has_playback:
            self._has_refused = True
            self._talk.note(_BUSY_NOTE, "info", _TOPIC)
            return False
        self.end()
        if self._has_refused:
            self._has_refused = False
            self._talk.note("", "info", _TOPIC)
        return True

    def play_turn(self, turn: Turn) -> None:
        """Play a turn from its beginning."""
        placements = placements_of(self._talk.conversation.turns)
        start_s = next(each.start_s for each in placements if each.turn is turn)
        # A copy, so that what is played of it is not counted as heard.
        again = copy.copy(turn)
        again.heard_sample_count = None
        self._begin(again, turn, start_s)

    def play_from(self, at_s: float) -> None:
        """Play the talk up to its next long silence; the next stretch follows then.

        Raises
        ------
        AudioDropped
            When the sound there is not kept any more.
        """
        sound = sound_from(self._talk.conversation.turns, at_s)
        if sound is not None:
            self._begin(sound, sound.turn_at(0), sound.start_s)

    def end(self) -> None:
        """Stop playing, and discard what was not played."""
        if self._current is not None:
            self._current = None
            self._flush()
            self._on_change()

    def follow(
        self, source: Playable, sample_count: int, *, is_final: bool, has_ended: bool
    ) -> None:
        """Follow what a page played of a source.

        Parameters
        ----------
        is_final : bool
            Nothing more of it will be played.
        has_ended : bool
            It was played to its end.
        """
        if is_final:
            self._downlink.forget(source)
        current = self._current
        if current is None or current.source is not source:
            return
        if isinstance(source, TalkSound):
            current.turn = source.turn_at(sample_count)
            if has_ended:
                self._spawn(self._play_next_stretch(source.end_s))
                return
        if is_final:
            self._current = None
        self._on_change()

    async def _play_next_stretch(self, at_s: float) -> None:
        self._current = None
        try:
            self.play_from(at_s)
        finally:
            self._on_change()

    def _begin(self, source: Playable, turn: Turn, start_s: float) -> None:
        self._current = _Replay(source, self._downlink.add(source), turn, start_s)
        self._on_change()
