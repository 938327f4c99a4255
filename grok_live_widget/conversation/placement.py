"""Where turns are in time: when each sounded, and the sound of both sides on one clock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._structs import Value
from ..audio import Resampler, pcm_from_samples, samples_from_pcm
from .turn import Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = ("user", "assistant")
"""The left and the right channel."""

_BLOCK_S = 60


class Placement(Value, frozen=True, kw_only=True):
    """A turn, and when it sounded.

    Parameters
    ----------
    turn : Turn
    start_s, end_s : float [s]
        On the talk's clock, which begins with its first event.
    sample_count : int
        How many samples of the turn sounded then: of a reply that was played those that were
        heard, of any other turn all.
    calls_moved_s : float [s]
        By how much its calls of functions are moved back from `ToolCallState.started_s`: as far
        as the turn itself or, of a reply, as the question before it, whichever was moved farther.
        0 where the sound of both was really played or spoken then.
    """

    turn: Turn
    start_s: float
    end_s: float
    sample_count: int
    calls_moved_s: float = 0.0


def placements_of(turns: Sequence[Turn]) -> list[Placement]:
    """When each turn sounded, in conversation order.

    The user's turns are where they were spoken, replies where they were played. Sound that
    never sounded in time, because it was sent faster than it would have been spoken or because
    nothing played it, is placed as if it had: it begins no earlier than what it follows has
    ended, and what follows it moves back. Such sound overlaps nothing, and after it the first
    silence that is long enough brings the turns back to the talk's clock. A selection is placed
    as a part of its talk.
    """
    source = getattr(turns, "_source", None)
    if source is not None:
        wanted = {id(turn) for turn in turns}
        return [each for each in placements_of(source) if id(each.turn) in wanted]
    found: list[Placement] = []
    ends_s = dict.fromkeys(SIDES, 0.0)
    # The end of replies that were placed without having been played.
    unplayed_end_s = 0.0
    # By how much the turn before was moved back, when it ended without that, and its role.
    moved_s, clock_end_s, before = 0.0, 0.0, ""
    for turn in turns:
        was_played = turn.role == "assistant" and (
            turn.played_at_s is not None
            or (turn.was_interrupted and turn.heard_sample_count is not None)
        )
        count = (turn.heard_sample_count or 0) if was_played else turn.sample_count
        clock_s = turn.started_s if turn.played_at_s is None else turn.played_at_s
        duration_s = count / turn.sample_rate
        if turn.role == "user" and clock_s < clock_end_s:
            # Spoken while the reply before was sounding: it stays where it interrupted.
            start_s = max(clock_s + moved_s, ends_s["user"], unplayed_end_s)
        else:
            start_s = max(clock_s, *ends_s.values())
        # A function runs between a question and its reply, and the delay between them may be less
        # here than it was.
        asked_moved_s = moved_s if turn.role == "assistant" and before == "user" else 0.0
        moved_s, before = start_s - clock_s, turn.role
        clock_end_s = clock_s + duration_s if was_played else clock_end_s
        end_s = start_s + duration_s
        ends_s[turn.role] = max(ends_s[turn.role], end_s)
        if turn.role == "assistant" and not was_played:
            unplayed_end_s = end_s
        found.append(
            Placement(
                turn=turn,
                start_s=start_s,
                end_s=end_s,
                sample_count=count,
                calls_moved_s=max(moved_s, asked_moved_s),
            )
        )
    return found


def whole_ends_s(placements: Sequence[Placement]) -> list[float]:
    """When each turn would have ended if all of it had been heard [s].

    The rest of an interrupted reply ends at the latest where the next one begins: of one side
    nothing is at two places at once.
    """
    found = []
    next_start_s = dict.fromkeys(SIDES, math.inf)
    for each in reversed(placements):
        role = each.turn.role
        whole_end_s = each.start_s + each.turn.duration_s
        found.append(max(each.end_s, min(whole_end_s, next_start_s[role])))
        next_start_s[role] = each.start_s
    return found[::-1]


def sound_of(
    placements: Sequence[Placement], rate_hz: int, since_s: float, until_s: float
) -> Iterator[NDArray[np.int16]]:
    """The sound of both sides between two times, in blocks of a minute.

    Yields
    ------
    ndarray of int16 [shape=(n, 2)]
        The user's sound on the left, the replies' on the right. New arrays.
    """
    start, stop = round(since_s * rate_hz), round(until_s * rate_hz)
    block = _BLOCK_S * rate_hz
    # Turns that are sounding, at `rate_hz`: a turn is resampled once, and as a whole.
    resampled: dict[int, NDArray[np.int16]] = {}
    for first in range(start, stop, block):
        last = min(first + block, stop)
        sound = np.zeros((last - first, len(SIDES)), np.int16)
        for place, placement in enumerate(placements):
            begin, end = round(placement.start_s * rate_hz), round(placement.end_s * rate_hz)
            if end <= first or begin >= last:
                resampled.pop(place, None)
                continue
            if place not in resampled:
                resampled[place] = pcm_of(placement, rate_hz)
            pcm = resampled[place][max(0, first - begin) : last - begin]
            at = max(0, begin - first)
            channel = sound[:, SIDES.index(placement.turn.role)]
            channel[at : at + len(pcm)] = pcm[: len(channel) - at]
        yield sound


def mixed(sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Both sides as one: ``ndarray of int16 [shape=(n,)]``, clipped where both are loud."""
    total = sound.astype(np.int32).sum(axis=1)
    clipped: NDArray[np.int16] = np.clip(total, -32768, 32767).astype(np.int16)
    return clipped


def pcm_of(placement: Placement, rate_hz: int) -> NDArray[np.int16]:
    """The samples that sounded: a view, unless they are resampled."""
    turn = placement.turn
    pcm = turn.pcm[: placement.sample_count]
    if turn.sample_rate == rate_hz:
        return pcm
    resampler = Resampler(turn.sample_rate, rate_hz)
    return pcm_from_samples(resampler.push(samples_from_pcm(pcm), is_last=True))
