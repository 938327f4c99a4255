"""Grok's sound on its way to the page: credit, order and epochs, without a transport.

Time is an argument. The messages are those of docs/lanes.md; whatever carries them (the comm;
later a direct lane) is the same to this.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..conversation import Turn
from .channel_rates import LANE_RATE_HZ, LaneSound, sound_from

__all__ = ["Downlink", "Heard", "Outgoing"]

CREDIT_SAMPLES = 2 * LANE_RATE_HZ
OVERDUE_S = 0.5
REPEAT_END_S = 1.0
# Small messages saturate the page (JupyterLab repaints at each); large ones delay a flush.
_LEAST_SAMPLES = LANE_RATE_HZ // 10
_MOST_SAMPLES = LANE_RATE_HZ * 4 // 10

Message = tuple[dict[str, Any], bytes | None]


@dataclass(slots=True)
class Outgoing:
    """One reply on its way to the page.

    `base` is where in the turn this reply begins. `sent` and `heard` count from there, in
    samples of the lane.
    """

    reply: int
    turn: Turn
    base: int = 0
    sent: int = 0
    heard: int = 0
    has_sent_last: bool = False
    last_seq: int = -1
    sound: LaneSound = field(init=False)

    def __post_init__(self) -> None:
        self.sound = sound_from(self.turn, self.base)

    @property
    def waiting_samples(self) -> int:
        """What has come and is not sent; of more than one message's worth, not how much more."""
        return self.sound.waiting_samples(_MOST_SAMPLES)

    @property
    def heard_position(self) -> int:
        """How much of the turn has been heard, in its own samples."""
        return self.sound.turn_position(self.heard)


@dataclass(frozen=True, slots=True)
class Heard:
    """A playhead in terms of a turn, whose own samples are counted."""

    turn: Turn
    sample_count: int


class Downlink:
    """Grok's sound, on credit.

    Attributes
    ----------
    epoch, session : int
    """

    def __init__(self) -> None:
        self.session = 0
        self.epoch = 0
        self._seq = 0
        self._reply_count = 0
        self._queue: deque[Outgoing] = deque()
        self._playing: OrderedDict[int, Outgoing] = OrderedDict()
        self._cut: set[Turn] = set()
        self._unacknowledged: OrderedDict[int, float] = OrderedDict()
        self._progress_s = 0.0

    # ----------------------------------------------------------------- what is to be sent
    def begin_session(self, session: int) -> None:
        """A new line: sequence numbers begin anew."""
        self.session, self._seq = session, 0
        self._unacknowledged.clear()

    def add(self, turn: Turn, now_s: float) -> int:
        """Sound of `turn` has come; returns the number of its reply, 0 if it is cut off."""
        if turn in self._cut:
            return 0
        for outgoing in (*self._queue, *self._playing.values()):
            if outgoing.turn is turn and not outgoing.has_sent_last:
                return outgoing.reply
        self._reply_count += 1
        self._queue.append(Outgoing(self._reply_count, turn, base=self._next_base(turn)))
        return self._reply_count

    def _next_base(self, turn: Turn) -> int:
        """A reply that went on after its end begins where it had ended."""
        ended = [out for out in self._playing.values() if out.turn is turn]
        if ended:
            return ended[-1].sound.turn_position(ended[-1].sent)
        return turn.heard_sample_count or 0

    def messages(self, now_s: float) -> Iterator[Message]:
        """What may be sent now, in order; each is given once."""
        while self._queue:
            outgoing = self._queue[0]
            count = self._sendable_samples(outgoing, now_s)
            is_last = outgoing.turn.is_complete and count == outgoing.waiting_samples
            if count == 0 and not is_last:
                return
            yield self._message(outgoing, count, is_last, now_s)
            if not is_last:
                continue
            self._queue.popleft()
        yield from self._repeated_ends(now_s)

    def _repeated_ends(self, now_s: float) -> Iterator[Message]:
        """Ends of replies once more, without sound, while they are not acknowledged.

        Jupyter drops messages when output floods; without its end a reply would not sound to
        its last sample, nor be known to be over.
        """
        for outgoing in self._unacknowledged_ends:
            if now_s - self._unacknowledged[outgoing.last_seq] > REPEAT_END_S:
                yield self._message(outgoing, 0, True, now_s)

    @property
    def _unacknowledged_ends(self) -> list[Outgoing]:
        return [
            out
            for out in self._playing.values()
            if out.has_sent_last
            and out.last_seq in self._unacknowledged
            and out.turn not in self._cut
        ]

    def _sendable_samples(self, outgoing: Outgoing, now_s: float) -> int:
        waiting = outgoing.waiting_samples
        is_small = waiting < _LEAST_SAMPLES and outgoing.sent > 0
        if waiting <= 0 or (is_small and not outgoing.turn.is_complete):
            return 0
        left = CREDIT_SAMPLES - self._ahead_samples(now_s)
        count = min(waiting, _MOST_SAMPLES)
        return count if left >= count else 0

    def _message(self, outgoing: Outgoing, count: int, is_last: bool, now_s: float) -> Message:
        content = {
            "type": "audio",
            "session": self.session,
            "epoch": self.epoch,
            "seq": self._seq,
            "reply": outgoing.reply,
            "sample_offset": outgoing.sent,
            "is_last": is_last,
        }
        # A loudspeaker that had run dry did not count on.
        dry_s = now_s - self._unheard_samples() / LANE_RATE_HZ
        self._progress_s = max(self._progress_s, dry_s)
        self._unacknowledged[self._seq] = now_s
        outgoing.last_seq = self._seq
        self._seq += 1
        outgoing.sent += count
        outgoing.has_sent_last = is_last
        self._playing[outgoing.reply] = outgoing
        return content, outgoing.sound.take(count)

    # ----------------------------------------------------------------- what comes back
    def received(self, seq: int) -> None:
        """The page acknowledges a message, and with it all before."""
        while self._unacknowledged and next(iter(self._unacknowledged)) <= seq:
            self._unacknowledged.popitem(last=False)

    def played(self, reply: int, count: int, *, is_final: bool, now_s: float) -> Heard | None:
        """The page reports its playhead; returns it in terms of the turn, None if unknown."""
        outgoing = self._playing.get(reply)
        if outgoing is None:
            return None
        outgoing.heard = max(outgoing.heard, min(count, outgoing.sent))
        self._progress_s = now_s
        if is_final:
            del self._playing[reply]
        return Heard(outgoing.turn, outgoing.heard_position)

    def is_overdue(self, now_s: float) -> bool:
        """Whether the page is not heard: a cell runs, and messages wait behind it.

        Either acknowledgements do not come; or, where all was acknowledged before, a
        loudspeaker that was going tells no playhead, which it does ten times a second.
        """
        oldest_s = next(iter(self._unacknowledged.values()), now_s)
        if self._is_going:
            oldest_s = min(oldest_s, self._progress_s)
        return now_s - oldest_s > OVERDUE_S

    @property
    def _is_going(self) -> bool:
        """Whether some of what was sent has been heard, and some has not."""
        return any(
            0 < out.heard < out.sent and out.turn not in self._cut for out in self._playing.values()
        )

    def _unheard_samples(self) -> int:
        playing = (out for out in self._playing.values() if out.turn not in self._cut)
        return sum(out.sent - out.heard for out in playing)

    def _ahead_samples(self, now_s: float) -> float:
        ahead = float(self._unheard_samples())
        if self.is_overdue(now_s):
            ahead -= (now_s - self._progress_s) * LANE_RATE_HZ
        return max(0.0, ahead)

    @property
    def is_sounding(self) -> bool:
        """Whether anything is on its way that was not cut off."""
        on_the_way = (*self._playing.values(), *self._queue)
        return any(outgoing.turn not in self._cut for outgoing in on_the_way)

    @property
    def has_queued(self) -> bool:
        """Whether something waits: for credit, for more of it to come, or to be acknowledged."""
        return bool(self._queue) or bool(self._unacknowledged_ends)

    # ----------------------------------------------------------------- cutting off
    def flush(self) -> dict[str, Any]:
        """Cut off all that plays and is queued; returns the message.

        Later sound of those turns is not sent. What had been sent stays known, so that the
        count that the page reports can be told.
        """
        self.epoch += 1
        self._cut_off()
        return {
            "type": "flush",
            "session": self.session,
            "epoch": self.epoch,
            "reply": next(iter(self._playing), 0),
        }

    def follow_flush(self, epoch: int) -> None:
        """The page has flushed by itself; an epoch that is ours already changes nothing."""
        if epoch > self.epoch:
            self.epoch = epoch
            self._cut_off()

    def _cut_off(self) -> None:
        # Of what was cut off before, no count comes any more.
        for reply in [r for r, out in self._playing.items() if out.turn in self._cut]:
            del self._playing[reply]
        self._cut.update(out.turn for out in (*self._playing.values(), *self._queue))
        self._queue.clear()

    def start_over(self) -> list[tuple[Turn, int]]:
        """Another page plays from now on: what was not heard is sent again, to it.

        Returns the turns that are, with the new numbers of their replies.
        """
        again = [out for out in self._playing.values() if out.turn not in self._cut]
        unheard = [
            Outgoing(out.reply, out.turn, base=out.heard_position)
            for out in again
            if not out.has_sent_last or out.heard < out.sent
        ]
        rest = [out for out in self._queue if out.reply not in self._playing]
        # One begins where the first of a turn had come to, and goes on to the turn's end.
        first: dict[int, Outgoing] = {}
        for outgoing in (*unheard, *rest):
            first.setdefault(id(outgoing.turn), outgoing)
        self._playing.clear()
        self._unacknowledged.clear()
        self.epoch += 1
        self._queue = deque()
        for outgoing in first.values():
            self._reply_count += 1
            outgoing.reply = self._reply_count
            self._queue.append(outgoing)
        return [(outgoing.turn, outgoing.reply) for outgoing in self._queue]
