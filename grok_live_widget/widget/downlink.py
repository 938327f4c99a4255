"""Reply audio on its way to the page: rate, credit, order and epochs.

Page and kernel exchange 24 kHz whatever the rate of the connection to the server; a reply of
another rate is resampled here, and the page's counts are converted back. Knows no transport;
time is an argument. The messages are those of docs/channel.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..audio import SAMPLE_RATE_HZ, Pcm, Resampler, pcm_from_samples, samples_from_pcm
from ..conversation import Turn
from .messages import Audio, Flush
from .talk_sound import TalkSound

CHANNEL_RATE_HZ = SAMPLE_RATE_HZ
Playable = Turn | TalkSound
"""What can be played: a turn, or a stretch of the talk once more."""

CREDIT_SAMPLES = 2 * CHANNEL_RATE_HZ
OVERDUE_S = 0.5
REPEAT_END_S = 1.0
# Small messages saturate the page (JupyterLab repaints at each); large ones delay a flush.
LEAST_SAMPLES = CHANNEL_RATE_HZ // 10
# Those of the direct channel cost little.
DIRECT_SAMPLES = CHANNEL_RATE_HZ // 50
_MOST_SAMPLES = CHANNEL_RATE_HZ * 4 // 10


# --------------------------------------------------------------------------- rate
class ReplyAudio:
    """One reply on its way to the page: a turn at the channel's rate, from `base` to its end.

    Parameters
    ----------
    turn : Turn or TalkSound
        At the channel's rate.
    base : int
        The first sample of the turn to be read.
    reply : int
        Number of the reply.

    Attributes
    ----------
    sent, heard : int
        Samples of the channel that were read, and that were heard, from `base` on.
    has_sent_last : bool
        Whether the page was told that no more will come.
    last_seq : int
        Number of the last message about it.
    """

    def __init__(self, turn: Playable, base: int, reply: int = 0) -> None:
        self.turn = turn
        self.reply = reply
        self.sent = self.heard = 0
        self.has_sent_last = False
        self.last_seq = -1
        self._base = base

    def available_samples(self, limit: int = _MOST_SAMPLES) -> int:
        """How many samples can be read now.

        Parameters
        ----------
        limit : int
            If there are more than this, any number above it may be returned.
        """
        return self.turn.sample_count - self._base - self.sent

    def read(self, count: int) -> bytes:
        """The next `count` of the available samples."""
        start = self._base + self.sent
        self.sent += count
        stop = start + count
        if isinstance(self.turn, TalkSound):
            return self.turn.read(start, stop).tobytes()
        return self.turn.pcm[start:stop].tobytes()

    def rewind(self, sent: int) -> None:
        """Read again from a sample on that was read before."""
        self.sent = sent
        self.has_sent_last = False

    def turn_position(self, count: int) -> int:
        """The position in the turn after `count` samples read here.

        It never decreases while `count` grows; 0 is `base`, and the end is the turn's end.
        """
        return self._base + count


class ResampledReplyAudio(ReplyAudio):
    """The audio of a turn of another rate, resampled as one stream while it is read."""

    def __init__(self, turn: Turn, base: int, reply: int = 0) -> None:
        super().__init__(turn, base, reply)
        self._source = turn
        self._begin()

    def _begin(self) -> None:
        self._resampler = Resampler(self._source.sample_rate, CHANNEL_RATE_HZ)
        self._resampled: Pcm = np.empty(0, np.int16)
        # The next sample of the turn to be resampled.
        self._next = self._base
        # Where streams begin, in resampled samples and in the turn. A turn that continues after
        # its end has more than one.
        self._stream_starts, self._turn_starts = [0], [self._base]

    def available_samples(self, limit: int = _MOST_SAMPLES) -> int:
        """See `ReplyAudio`; resamples as much as it takes to know."""
        while len(self._resampled) <= limit and self._resample_more():
            pass
        return len(self._resampled)

    def _resample_more(self) -> bool:
        """Resample a piece, or flush after the last one; False if there is nothing to do."""
        piece = self._source.pcm[self._next : self._next + self._source.sample_rate // 5]
        is_last = not len(piece)
        if is_last and not (self.turn.is_complete and self._next > self._turn_starts[-1]):
            return False
        self._next += len(piece)
        samples = self._resampler.push(samples_from_pcm(piece), is_last=is_last)
        self._resampled = np.concatenate((self._resampled, pcm_from_samples(samples)))
        if is_last:
            self._stream_starts.append(self.sent + len(self._resampled))
            self._turn_starts.append(self._next)
        return True

    def read(self, count: int) -> bytes:
        """See `ReplyAudio`."""
        piece, self._resampled = self._resampled[:count], self._resampled[count:]
        self.sent += count
        return piece.tobytes()

    def rewind(self, sent: int) -> None:
        """See `ReplyAudio`; a resampler goes forward only, so it begins again."""
        super().rewind(0)
        self._begin()
        while self.sent < sent and (count := min(sent - self.sent, self.available_samples())):
            self.read(count)

    def turn_position(self, count: int) -> int:
        """See `ReplyAudio`."""
        at = bisect_right(self._stream_starts, count) - 1
        ends = self._turn_starts[at + 1 : at + 2] or [self._next]
        passed = (count - self._stream_starts[at]) * self.turn.sample_rate // CHANNEL_RATE_HZ
        return min(self._turn_starts[at] + passed, ends[0])


def reply_audio_from(turn: Playable, base: int, reply: int = 0) -> ReplyAudio:
    """The audio of a turn of any rate, or of a stretch, from its sample `base` on."""
    if isinstance(turn, TalkSound) or turn.sample_rate == CHANNEL_RATE_HZ:
        return ReplyAudio(turn, base, reply)
    return ResampledReplyAudio(turn, base, reply)


# --------------------------------------------------------------------------- credit
@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that is not acknowledged: when it was sent, and which sound it has."""

    at_s: float
    reply: int
    sample_offset: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A playhead in terms of a turn; `sample_count` is at the turn's own rate."""

    turn: Playable
    sample_count: int


class Downlink:
    """Reply audio, sent at most two seconds ahead of the page's playhead.

    Attributes
    ----------
    session : int
        Number of the session; 0 before the first.
    epoch : int
        Grows by one at each flush.
    reply_count : int
        How many replies have been sent; the number of the newest one.
    least_samples : int
        How much sound a message has after the first one of a reply, but for the last.
    """

    def __init__(self) -> None:
        self.session = 0
        self.epoch = 0
        self.reply_count = 0
        self.least_samples = LEAST_SAMPLES
        # The number of the next message in this session.
        self._seq = 0
        # Replies that are not sent to their end, and those of which something was sent and the
        # final playhead has not come.
        self._queue: deque[ReplyAudio] = deque()
        self._playing: dict[int, ReplyAudio] = {}
        # The newest reply that has sounded. Replies sound in order: those before it are over.
        self._sounding = 0
        # Turns that were interrupted: their later audio is not sent.
        self._cut: set[Playable] = set()
        # By the numbers of messages.
        self._unacknowledged: dict[int, _Sent] = {}
        # From when on the playhead is extrapolated if the page does not report it.
        self._progress_s = 0.0
        # Whether the page's browser has suspended its audio, so that the playhead stands.
        self._is_paused = False

    # ----------------------------------------------------------------- to the page
    def begin_session(self, session: int) -> None:
        """A new session: sequence numbers start again from 0."""
        self.session, self._seq = session, 0
        self._unacknowledged.clear()

    def add(self, turn: Playable) -> int:
        """Queue new audio of `turn`; returns the number of its reply, 0 if it is cut off."""
        if turn in self._cut:
            return 0
        for outgoing in (*self._queue, *self._playing.values()):
            if outgoing.turn is turn and not outgoing.has_sent_last:
                return outgoing.reply
        return self._enqueue(turn, self._next_base(turn))

    def go_on_with(self, turn: Turn, base: int, reply: int) -> None:
        """Send what was not heard of a reply that was sent by another process, which began with
        the sample `base` of the turn; the page knows what it has of it.
        """
        outgoing = reply_audio_from(turn, base, reply)
        heard = max(0, (turn.heard_sample_count or 0) - base)
        outgoing.rewind(heard * CHANNEL_RATE_HZ // turn.sample_rate)
        outgoing.heard = outgoing.sent
        self._queue.append(outgoing)

    def _enqueue(self, turn: Playable, base: int) -> int:
        self.reply_count += 1
        self._queue.append(reply_audio_from(turn, base, self.reply_count))
        return self.reply_count

    def _next_base(self, turn: Playable) -> int:
        """Where a new reply of `turn` begins: where its last one ended."""
        ended = [out for out in self._playing.values() if out.turn is turn]
        if ended:
            return ended[-1].turn_position(ended[-1].sent)
        return turn.heard_sample_count or 0

    def messages_to_send(self, now_s: float) -> Iterator[tuple[Audio, bytes]]:
        """What may be sent now, in order; each message is returned once."""
        while self._queue:
            outgoing = self._queue[0]
            count = self._sendable_samples(outgoing, now_s)
            is_last = outgoing.turn.is_complete and count == outgoing.available_samples()
            if count == 0 and not is_last:
                return
            yield self._message(outgoing, count, is_last, now_s)
            if is_last:
                self._queue.popleft()
        yield from self._repeated_ends(now_s)

    def _repeated_ends(self, now_s: float) -> Iterator[tuple[Audio, bytes]]:
        """The ends of replies again, without audio, until they are acknowledged.

        Jupyter drops messages when output floods; without its end a reply would neither be
        played to its last sample nor be known to be over.
        """
        for outgoing in self._unacknowledged_ends:
            if now_s - self._unacknowledged[outgoing.last_seq].at_s > REPEAT_END_S:
                yield self._message(outgoing, 0, True, now_s)

    @property
    def _unacknowledged_ends(self) -> list[ReplyAudio]:
        sent = (out for out in self._audible if out.has_sent_last)
        return [out for out in sent if out.last_seq in self._unacknowledged]

    @property
    def _audible(self) -> list[ReplyAudio]:
        """Replies of which something was sent, and that are neither over nor cut off."""
        sent = [out for out in self._playing.values() if out.reply >= self._sounding]
        return [out for out in sent if out.turn not in self._cut]

    def _sendable_samples(self, outgoing: ReplyAudio, now_s: float) -> int:
        unsent = outgoing.available_samples()
        is_small = unsent < self.least_samples and outgoing.sent > 0
        if unsent <= 0 or (is_small and not outgoing.turn.is_complete):
            return 0
        credit = CREDIT_SAMPLES - self._ahead_samples(now_s)
        count = min(unsent, _MOST_SAMPLES)
        return count if credit >= count else 0

    def _message(
        self, outgoing: ReplyAudio, count: int, is_last: bool, now_s: float
    ) -> tuple[Audio, bytes]:
        message = Audio(
            session=self.session,
            epoch=self.epoch,
            seq=self._seq,
            reply=outgoing.reply,
            sample_offset=outgoing.sent,
            is_last=is_last,
        )
        # While the page had nothing to play, its playhead did not advance.
        idle_until_s = now_s - self._unheard_samples() / CHANNEL_RATE_HZ
        self._progress_s = max(self._progress_s, idle_until_s)
        self._unacknowledged[self._seq] = _Sent(now_s, outgoing.reply, outgoing.sent)
        outgoing.last_seq = self._seq
        self._seq += 1
        outgoing.has_sent_last = is_last
        self._playing[outgoing.reply] = outgoing
        return message, outgoing.read(count)

    # ----------------------------------------------------------------- from the page
    def received(self, seq: int) -> None:
        """The page acknowledges a message, and with it all earlier ones."""
        if seq >= self._seq:
            return  # One of a process before this, which had sent more.
        later = {number: sent for number, sent in self._unacknowledged.items() if number > seq}
        self._unacknowledged = later

    def played(
        self, reply: int, count: int, *, is_final: bool, now_s: float, is_paused: bool = False
    ) -> Heard | None:
        """The page reports its playhead; returns it in terms of the turn, None if unknown."""
        outgoing = self._playing.get(reply)
        if outgoing is None:
            return None
        outgoing.heard = max(outgoing.heard, min(count, outgoing.sent))
        if outgoing.heard:
            self._sounding = max(self._sounding, reply)
        self._progress_s = now_s
        self._is_paused = is_paused
        if is_final:
            del self._playing[reply]
        return Heard(outgoing.turn, outgoing.turn_position(outgoing.heard))

    def is_overdue(self, now_s: float) -> bool:
        """Whether messages of the page are missing, since a running cell holds them up.

        Either acknowledgements are missing, or, if all messages had been acknowledged, the
        playhead reports, of which there are five a second during playback.
        """
        oldest_s = next((sent.at_s for sent in self._unacknowledged.values()), now_s)
        if self._is_playing and not self._is_paused:
            oldest_s = min(oldest_s, self._progress_s)
        return now_s - oldest_s > OVERDUE_S

    @property
    def _is_playing(self) -> bool:
        """Whether some of what was sent has been heard, and some has not."""
        return any(0 < out.heard < out.sent for out in self._audible)

    def _unheard_samples(self) -> int:
        return sum(out.sent - out.heard for out in self._audible)

    def _ahead_samples(self, now_s: float) -> float:
        ahead = float(self._unheard_samples())
        if self.is_overdue(now_s):
            ahead -= (now_s - self._progress_s) * CHANNEL_RATE_HZ
        return max(0.0, ahead)

    def reply_start_s(self, reply: int | None) -> float:
        """Where in its turn a reply begins [s]; 0 once it is over."""
        for outgoing in (*self._queue, *self._playing.values()):
            if outgoing.reply == reply:
                return outgoing.turn_position(0) / outgoing.turn.sample_rate
        return 0.0

    @property
    def has_playback(self) -> bool:
        """Whether audio is queued or being played that was not cut off."""
        return bool(self._queue or self._audible)

    @property
    def has_queued(self) -> bool:
        """Whether something waits for credit, for more audio, or to be acknowledged."""
        return bool(self._queue or self._unacknowledged_ends)

    # ----------------------------------------------------------------- interruption
    def flush(self) -> Flush:
        """Cut off all that is played or queued; returns the message for the page.

        Later audio of those turns is not sent. What was sent remains known, so that the
        playhead that answers can be converted.
        """
        self.epoch += 1
        self._cut_off()
        return Flush(session=self.session, epoch=self.epoch, reply=next(iter(self._playing), 0))

    def follow_flush(self, epoch: int) -> None:
        """The page has flushed by itself; without effect if this epoch has begun already."""
        if epoch > self.epoch:
            self.epoch = epoch
            self._cut_off()

    def restore(self, turn: Turn) -> int:
        """Queue again what was not heard of `turn`, which a flush has cut off; returns the number
        of its reply.
        """
        self._cut.discard(turn)
        return self._enqueue(turn, turn.heard_sample_count or 0)

    def rewind(self) -> None:
        """Queue again what is not acknowledged, since another channel carries it from now on."""
        offsets: dict[int, int] = {}
        for sent in self._unacknowledged.values():
            offset = offsets.get(sent.reply, sent.sample_offset)
            offsets[sent.reply] = min(offset, sent.sample_offset)
        self._unacknowledged.clear()
        again = [out for out in self._audible if out.reply in offsets]
        for outgoing in again:
            outgoing.rewind(offsets[outgoing.reply])
        self._queue = deque([*again, *(out for out in self._queue if out not in again)])

    @property
    def unanswered_flush(self) -> Flush | None:
        """The last flush once more, for another channel, unless the page has answered it; the page
        ignores one that it knows.
        """
        cut = [out.reply for out in self._playing.values() if out.turn in self._cut]
        return Flush(session=self.session, epoch=self.epoch, reply=cut[0]) if cut else None

    def forget(self, turn: Playable) -> None:
        """Keep nothing of `turn`, which is over."""
        self._cut.discard(turn)

    def _cut_off(self) -> None:
        # No playhead will come for what had been cut off before.
        self._playing = {out.reply: out for out in self._audible}
        self._cut.update(out.turn for out in (*self._playing.values(), *self._queue))
        self._queue.clear()

    def start_over(self) -> list[tuple[Playable, int]]:
        """Queue again what was not heard, for another page.

        Returns
        -------
        list of (Turn or TalkSound, int)
            The turns, with the new numbers of their replies.
        """
        # One reply a turn: it begins where the turn's first one stood, and reaches to its end.
        bases: dict[Playable, int] = {}
        for outgoing in (*self._audible, *self._queue):
            if not outgoing.has_sent_last or outgoing.heard < outgoing.sent:
                bases.setdefault(outgoing.turn, outgoing.turn_position(outgoing.heard))
        self._is_paused = False
        self._playing.clear()
        self._unacknowledged.clear()
        self._queue.clear()
        self.epoch += 1
        return [(turn, self._enqueue(turn, base)) for turn, base in bases.items()]
