"""How much of each reply has been received and heard.

Audio is received much faster than it is played, so that several replies may wait for the
loudspeaker behind the one that sounds.
"""

from __future__ import annotations

from msgspec import Struct

from .events import AudioDelta, Interrupted, PlaybackReported


class _ItemPlayback(Struct):
    """How many samples of one item have been received and heard."""

    item_id: str
    response_id: str
    is_cut: bool
    is_of_this_session: bool = True
    has_player: bool = False
    received: int = 0
    heard: int = 0
    is_over: bool = False

    @property
    def is_unheard(self) -> bool:
        """Whether some of it is still to be played; never if nothing plays it."""
        return self.has_player and self.heard < self.received and not self.is_over


class PlaybackTracker:
    """The replies that may not have been played to their ends.

    Parameters
    ----------
    sample_rate : int [Hz]
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._by_item: dict[str, _ItemPlayback] = {}

    def receive(self, delta: AudioDelta, *, is_cut: bool, has_player: bool = True) -> None:
        """Count received audio.

        Parameters
        ----------
        is_cut : bool
            Whether its reply was interrupted before.
        has_player : bool
            Whether something plays it.
        """
        item = self._by_item.get(delta.item_id)
        if item is None:
            item = _ItemPlayback(delta.item_id, delta.response_id, is_cut)
            self._by_item[delta.item_id] = item
        item.has_player |= has_player
        item.received += len(delta.pcm) // 2
        item.is_over = False

    def expect(self, item_id: str, response_id: str, *, received: int, heard: int) -> None:
        """Add an item that an earlier session received, or that is played only now."""
        known = self._by_item.get(item_id)
        if known is None:
            known = _ItemPlayback(item_id, response_id, False, is_of_this_session=False)
            self._by_item[item_id] = known
        known.received, known.heard = received, heard
        known.has_player, known.is_over = True, False

    def report(self, report: PlaybackReported) -> int:
        """Note the playhead; returns where to truncate the item [ms], 0 for not at all."""
        item = self._by_item.get(report.item_id)
        if item is None:
            return 0
        item.heard = max(0, min(report.sample_count, item.received))
        is_cut_here = item.is_cut and report.is_final and item.is_unheard
        # The server of this session may not know an item of another one.
        is_cut_here &= item.is_of_this_session
        item.is_over |= report.is_final
        return item.heard * 1000 // self._sample_rate if is_cut_here else 0

    def cut_off(self) -> list[Interrupted]:
        """Mark what is not yet heard as cut off; each item is returned once."""
        cut = [each for each in self._by_item.values() if each.is_unheard and not each.is_cut]
        for each in cut:
            each.is_cut = True
        return [Interrupted(response_id=each.response_id, item_id=each.item_id) for each in cut]

    def newest_item(self, response_id: str) -> str:
        """The last item of a reply; empty if it has none."""
        items = [each.item_id for each in self._by_item.values() if each.response_id == response_id]
        return items[-1] if items else ""

    def forget_past(self, response_id: str, *, may_sound: bool) -> None:
        """Drop replies that were heard, or never will be, when another one begins."""
        self._by_item = {
            item_id: each
            for item_id, each in self._by_item.items()
            if each.response_id == response_id or (may_sound and each.is_unheard)
        }
