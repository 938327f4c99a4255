"""A recording grows at a steady price, and what was seen of it never changes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import weakref
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.exceptions import AudioDropped

from ..support.examples import examples

BUCKET = 256


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, n).astype(np.int16)


def tape_of(pcm: np.ndarray, reserve: int = 16) -> AudioBuffer:
    tape = AudioBuffer(reserve)
    tape.append(pcm)
    return tape


def test_what_is_appended_is_there_in_order() -> None:
    tape, parts = AudioBuffer(4), [noise(n, n) for n in (0, 1, 3, 500, 7)]
    for part in parts:
        tape.append(part)
    assert len(tape) == 511
    assert np.array_equal(tape.view(), np.concatenate(parts))


def test_what_is_appended_is_copied() -> None:
    pcm = noise(10)
    tape, before = tape_of(pcm), pcm.copy()
    pcm[:] = 0
    assert np.array_equal(tape.view(), before)


@pytest.mark.parametrize(
    ("start", "stop", "length"),
    [(0, None, 100), (20, 50, 30), (90, 200, 10), (-5, 10, 10), (50, 20, 0), (200, None, 0)],
)
def test_views_end_where_the_tape_ends(start: int, stop: int | None, length: int) -> None:
    tape = tape_of(noise(100), 1000)
    view = tape.view(start, stop)
    assert np.array_equal(view, noise(100)[max(0, start) :][:length])
    with pytest.raises(ValueError, match="read-only"):
        view[...] = 0


def test_a_view_stays_as_it_was_while_the_tape_grows() -> None:
    tape = tape_of(noise(100))
    views = []
    for _ in range(12):
        views.append((tape.view(), len(tape)))
        tape.append(noise(len(tape), len(tape)))
    for view, length in views:
        assert np.array_equal(view, tape.view()[:length])


def test_room_is_doubled_so_that_samples_move_only_now_and_then() -> None:
    tape, moves, at = AudioBuffer(16), 0, None
    for _ in range(2000):
        tape.append(np.ones(10, np.int16))
        address = tape.view().ctypes.data
        moves, at = moves + (address != at), address
    assert moves <= 12


def test_a_reserve_is_not_moved_before_it_is_full() -> None:
    tape = tape_of(noise(1), 10_000)
    address = tape.view().ctypes.data
    tape.append(noise(9_999))
    assert tape.view().ctypes.data == address


def test_the_reserve_is_made_with_the_first_sample() -> None:
    made: list[int] = []

    def allocate(sample_count: int) -> np.ndarray:
        made.append(sample_count)
        return np.zeros(sample_count, np.int16)

    tape = AudioBuffer(1000, allocate=allocate)
    assert tape.view().dtype == np.int16
    assert (len(tape), tape.view().size, tape.dropped_count) == (0, 0, 0)
    assert pickle.loads(pickle.dumps(tape)).view().size == 0
    assert made == []
    tape.append(noise(10))
    assert made == [1000]


# --------------------------------------------------------------------------- dropping
def test_samples_that_are_dropped_are_gone_and_views_of_them_stay() -> None:
    sound = noise(10_000)
    tape = tape_of(sound)
    held = tape.view(0, 3_000)
    assert tape.drop_before(5_000) == tape.dropped_count == 4_864  # whole buckets of 256
    assert tape.drop_before(4_900) == 0
    tape.append(noise(100, seed=2))
    assert len(tape) == 10_100
    assert np.array_equal(held, sound[:3_000])
    assert np.array_equal(tape.view(4_864, 10_000), sound[4_864:])
    assert tape.view(20, 20).shape == (0,)
    for start, stop in ((0, 10), (0, None), (4_863, 4_865)):
        with pytest.raises(AudioDropped, match=r"max_audio_minutes.*record="):
            tape.view(start, stop)


def test_memory_of_dropped_samples_is_freed() -> None:
    tape = AudioBuffer(10)
    tape.append(np.ones(20_000_000, np.int16))
    memory = weakref.ref(tape.view().base)
    assert memory() is not None
    tape.drop_before(19_000_000)
    assert memory() is None


def test_dropped_samples_are_read_from_the_archive() -> None:
    sound = noise(10_000)
    tape = tape_of(sound)
    tape.archive = lambda start, stop: sound[start:stop]
    tape.drop_before(5_120)
    for start, stop in ((0, 10), (100, 9_000), (5_120, 9_000), (0, None)):
        view = tape.view(start, stop)
        assert np.array_equal(view, sound[start:stop])
        assert not view.flags.writeable


@pytest.mark.parametrize(("start", "stop"), [(0, 10_000), (300, 9_900), (0, 5_000), (700, 1_300)])
def test_dropped_samples_can_still_be_drawn(start: int, stop: int) -> None:
    sound = noise(10_000)
    tape = tape_of(sound)
    tape.drop_before(6_000)
    low, high = tape.envelope(8, start, stop)
    # By whole buckets, which may begin before the part and end after it.
    first, last = start // 256 * 256, -(-stop // 256) * 256
    assert sound[first:last].min() <= low.min() <= sound[start:stop].min()
    assert sound[start:stop].max() <= high.max() <= sound[first:last].max()
    whole = tape_of(sound).envelope(8, 0, 10_000)
    assert np.array_equal(tape.envelope(8, 0, 10_000), whole)


def test_an_envelope_that_was_begun_before_the_drop_spoils_nothing() -> None:
    sound = noise(10_000)
    tape = tape_of(sound)
    begun = tape._kept
    tape.drop_before(6_000)
    expected = tape_of(sound).envelope(8)
    # What a reader on another thread does that was slower than the drop.
    tape._whole_buckets(begun, 3)
    for _ in range(2):
        assert np.array_equal(tape.envelope(8), expected)
    tape.append(noise(600, seed=2))
    tape.drop_before(9_000)
    assert np.array_equal(tape.envelope(4, 0, 9_984), tape_of(sound).envelope(4, 0, 9_984))


def test_an_excerpt_has_the_samples_and_the_extremes_of_a_part() -> None:
    sound = noise(10_000)
    tape = tape_of(sound)
    own, first = tape.excerpt(3_000, 7_000)
    assert np.array_equal(own.view(first, first + 4_000), sound[3_000:7_000])
    tape.drop_before(5_000)
    own, first = tape.excerpt(3_000, 7_000)
    assert len(own) == first + 4_000
    left = tape.dropped_count
    assert np.array_equal(own.view(own.dropped_count), sound[left:7_000])
    low, high = own.envelope(4, first, first + 4_000)
    assert (low.min(), high.max()) == (sound[2_816:7_000].min(), sound[2_816:7_000].max())
    with pytest.raises(AudioDropped):
        own.view(first, first + 4_000)


def test_a_copy_has_the_samples_that_are_left() -> None:
    sound = noise(10_000)
    tape = tape_of(sound)
    tape.drop_before(6_000)
    for twin in (copy.copy(tape), pickle.loads(pickle.dumps(tape))):
        assert (len(twin), twin.dropped_count) == (10_000, tape.dropped_count)
        assert np.array_equal(twin.view(6_000), sound[6_000:])
        assert np.array_equal(twin.envelope(8), tape.envelope(8))


def test_a_buffer_of_its_own_has_the_same_positions() -> None:
    sound = noise(10_000)
    own = tape_of(sound).copy_of(6_000, 7_000)
    own.append(noise(5, seed=2))
    assert len(own) == 7_005
    assert np.array_equal(own.view(6_000, 7_000), sound[6_000:7_000])


# --------------------------------------------------------------------------- pictures
def brute_force(pcm: np.ndarray, start: int, end: int, count: int) -> list[tuple[int, int]]:
    edges = [*np.linspace(start, end, count, endpoint=False).astype(int), end]
    pieces = [pcm[a:b] for a, b in pairwise(edges)]
    return [(int(piece.min()), int(piece.max())) for piece in pieces]


def drawn(tape: AudioBuffer, *args: int) -> list[tuple[int, int]]:
    low, high = tape.envelope(*args)
    return list(zip(low.tolist(), high.tolist(), strict=True))


@given(
    length=st.integers(0, 5_000), columns=st.integers(1, 60), start=st.integers(0, 5_000),
    span=st.integers(0, 6_000),
)  # fmt: skip
@examples(80)
def test_close_up_an_envelope_is_exact(length: int, columns: int, start: int, span: int) -> None:
    pcm = noise(length)
    end = min(start + span, length)
    count = min(columns, max(0, end - start))
    if count and (end - start) // count >= 4 * BUCKET:
        return
    expected = brute_force(pcm, start, end, count) if count else []
    assert drawn(tape_of(pcm), columns, start, start + span) == expected


@given(
    buckets=st.integers(0, 200), odd=st.integers(0, BUCKET - 1), columns=st.integers(1, 20),
    start=st.integers(0, 9_000), cut=st.integers(0, 3_000),
)  # fmt: skip
@examples(80)
def test_from_afar_an_envelope_shows_nothing_from_outside_and_all_extremes(
    buckets: int, odd: int, columns: int, start: int, cut: int
) -> None:
    length = 12_000 + buckets * BUCKET + odd
    pcm = noise(length, buckets)
    # Outside the stretch it is loudest, so that a glance over its borders would be seen.
    inside = slice(start, length - cut)
    loud = np.full(length, 32767, np.int16)
    loud[inside] = pcm[inside] // 2
    found = drawn(tape_of(loud), columns, start, length - cut)
    assert len(found) == columns
    assert min(low for low, _ in found) == loud[inside].min()
    assert max(high for _, high in found) == loud[inside].max()
    # Inner borders fall on whole buckets.
    edges = np.linspace(start, length - cut, columns + 1).astype(int)
    for (low, high), a, b in zip(found, edges[:-1], edges[1:], strict=True):
        wide = loud[max(start, a - BUCKET) : min(length - cut, b + BUCKET)]
        narrow = loud[a + BUCKET : b - BUCKET]
        assert wide.min() <= low <= high <= wide.max()
        if len(narrow):
            assert low <= narrow.min()
            assert narrow.max() <= high


@pytest.mark.parametrize("args", [(0,), (-3,), (5, 100), (5, 60, 20), (5, 0, 0)])
def test_of_nothing_an_envelope_is_empty(args: tuple[int, ...]) -> None:
    assert drawn(tape_of(noise(100)), *args) == []


def test_an_envelope_that_starts_before_the_tape_starts_with_it() -> None:
    pcm = noise(100)
    assert drawn(tape_of(pcm), 4, -50) == brute_force(pcm, 0, 100, 4)


def test_an_envelope_is_the_same_however_often_and_early_it_was_asked_for() -> None:
    often, pcm = AudioBuffer(16), noise(400 * BUCKET + 7)
    for start in range(0, len(pcm), 997):
        often.append(pcm[start : start + 997])
        often.envelope(3)
    assert drawn(often, 50) == drawn(tape_of(pcm), 50)


# --------------------------------------------------------------------------- readers beside it
def test_any_thread_may_draw_while_another_appends() -> None:
    tape, pcm = AudioBuffer(16), noise(3_000 * BUCKET)
    faults: list[Exception] = []
    is_over = threading.Event()

    def draw() -> None:
        try:
            while not is_over.is_set():
                seen = tape.view()
                low, high = tape.envelope(7)
                assert not len(seen) or (low.min() <= seen.min() and seen.max() <= high.max())
        except Exception as fault:  # noqa: BLE001
            faults.append(fault)

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    readers = [threading.Thread(target=draw) for _ in range(4)]
    try:
        for reader in readers:
            reader.start()
        for start in range(0, len(pcm), 20 * BUCKET):
            tape.append(pcm[start : start + 20 * BUCKET])
            tape.envelope(7)
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
        sys.setswitchinterval(interval_s)
    assert faults == []
    assert drawn(tape, 50) == drawn(tape_of(pcm), 50)


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_what_a_forked_child_appends_is_the_childs_alone() -> None:
    script = """
import os, numpy as np
from grok_live_widget.audio import AudioBuffer
tape = AudioBuffer(100)
tape.append(np.ones(10, np.int16))
child = os.fork()
if not child:
    tape.append(np.full(10, 7, np.int16))
    os._exit(0)
os.waitpid(child, 0)
tape.append(np.zeros(1, np.int16))
assert tape._kept.memory[:20].tolist() == [1] * 10 + [0] * 10, tape._kept.memory[:20]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_copies_and_pickles_have_the_samples_and_no_reserve() -> None:
    buffer = AudioBuffer()
    buffer.append(np.arange(5, dtype=np.int16))
    for twin in (copy.deepcopy(buffer), pickle.loads(pickle.dumps(buffer))):
        assert twin.view().tolist() == [0, 1, 2, 3, 4]
        twin.append(np.full(9, 7, np.int16))
        assert (len(twin), len(buffer)) == (14, 5)
    assert len(pickle.dumps(AudioBuffer())) < 1_000
