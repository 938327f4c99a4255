"""What of the replies still sounds, or waits to: sound comes much faster than it is heard.

Several replies may wait for the loudspeaker behind the one that sounds.
"""

from __future__ import annotations

from msgspec import Struct

from .events import AudioDelta, Interrupted, PlaybackReported

__all__ = ["PlaybackTracker"]


class _Sound(Struct):
    """How much of one item's sound came and was heard."""

    item_id: str
    response_id: str
    is_cut: bool
    received: int = 0
    heard: int = 0
    is_over: bool = False

    @property
    def is_unheard(self) -> bool:
        """Whether some of it is still to be heard."""
        return self.heard < self.received and not self.is_over


class PlaybackTracker:
    """The sound of the replies that may not have been heard to their ends.

    Parameters
    ----------
    sample_rate : int [Hz]
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._by_item: dict[str, _Sound] = {}

    def receive(self, delta: AudioDelta, *, is_cut: bool) -> None:
        """More of an item's sound came; `is_cut` if its reply was interrupted before."""
        sound = self._by_item.get(delta.item_id)
        if sound is None:
            sound = _Sound(delta.item_id, delta.response_id, is_cut)
            self._by_item[delta.item_id] = sound
        sound.received += len(delta.pcm) // 2
        sound.is_over = False

    def report(self, report: PlaybackReported) -> int:
        """Take in the playhead; return where to truncate [ms], 0 for not at all."""
        sound = self._by_item.get(report.item_id)
        if sound is None:
            return 0
        sound.heard = max(0, min(report.sample_count, sound.received))
        is_cut_here = sound.is_cut and report.is_final and sound.is_unheard
        sound.is_over |= report.is_final
        return sound.heard * 1000 // self._sample_rate if is_cut_here else 0

    def cut_off(self) -> list[Interrupted]:
        """What sounds or waits to sound must not be heard further; told once each."""
        cut = [each for each in self._by_item.values() if each.is_unheard and not each.is_cut]
        for each in cut:
            each.is_cut = True
        return [Interrupted(response_id=each.response_id, item_id=each.item_id) for each in cut]

    def newest_item(self, response_id: str) -> str:
        """The item of a reply that sounds, or sounded last; empty for none."""
        items = [each.item_id for each in self._by_item.values() if each.response_id == response_id]
        return items[-1] if items else ""

    def forget_past(self, response_id: str, *, may_sound: bool) -> None:
        """A reply begins: what was heard, or never will be, is of no interest any more."""
        self._by_item = {
            item_id: each
            for item_id, each in self._by_item.items()
            if each.response_id == response_id or (may_sound and each.is_unheard)
        }
