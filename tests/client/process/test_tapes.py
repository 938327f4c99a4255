"""The sound of a talk in memory of two processes."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.client.process.tapes import (
    SHARING,
    FollowedTape,
    Memory,
    NamedMemory,
    PassedMemory,
    Place,
    SharedTape,
)
from grok_live_widget.exceptions import AudioDropped

has_descriptors = pytest.mark.skipif(SHARING != "descriptors", reason="needs memfd_create")
KINDS = [pytest.param("descriptors", marks=has_descriptors), "names"]


class Names(NamedMemory):
    """Memory with names that `close` removes, since they are files where this is not Windows."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def new(self, sample_count: int) -> tuple[str, np.ndarray[Any, Any]]:
        name, samples = super().new(sample_count)
        self.made.append(name)
        return name, samples

    def close(self) -> None:
        for name in self.made:
            SharedMemory(name).unlink()
        self.made.clear()


class Tapes:
    """Both ends, and the messages between them that were not acted on yet."""

    def __init__(self, kind: str, past: Place | None = None) -> None:
        self.near, self.far = socket.socketpair()
        self.kind = kind
        self.moves: list[tuple[int, int, str]] = []
        self.names = Names()
        memory: Memory = self.names if kind == "names" else PassedMemory(self.near)
        self.shared = SharedTape(4096, memory, lambda *move: self.moves.append(move), past)
        self.written = self.shared.buffer
        self.followed = FollowedTape(AudioBuffer(16))

    def append(self, count: int) -> np.ndarray[Any, Any]:
        """Append samples there, and follow here."""
        start = len(self.written)
        samples = np.arange(start, start + count).astype(np.int16)
        self.written.append(samples)
        self.follow()
        assert self.followed.sound(start, count) == samples.tobytes()
        self.followed.buffer.append(samples)
        return samples

    def follow(self) -> None:
        for base, capacity, name in self.moves:
            if self.followed.move(self.far, base, capacity, name):
                self.shared.confirm(name)
        self.moves.clear()

    def close(self) -> None:
        self.near.close()
        self.far.close()
        self.followed.close()
        self.names.close()


@pytest.fixture(params=KINDS)
def tapes(request: pytest.FixtureRequest) -> Iterator[Tapes]:
    made = Tapes(request.param)
    yield made
    made.close()


@pytest.fixture
def named() -> Iterator[Tapes]:
    made = Tapes("names")
    yield made
    made.close()


def test_what_one_writes_the_other_has_without_a_copy(tapes: Tapes) -> None:
    samples = tapes.append(1000)
    view = tapes.followed.buffer.view()
    assert np.array_equal(view, samples)
    assert not view.flags.writeable
    # The very memory: what is written there is seen here.
    tapes.written._kept.memory[10] = -5
    assert view[10] == -5


def test_it_goes_on_in_larger_memory_and_views_stay_valid(tapes: Tapes) -> None:
    first = tapes.append(3000)
    held = tapes.followed.buffer.view()
    tapes.append(50_000)
    assert np.array_equal(held, first)
    whole = np.arange(53_000).astype(np.int16)
    assert np.array_equal(tapes.followed.buffer.view(), whole)


def test_what_is_dropped_there_is_dropped_here_and_can_still_be_drawn(tapes: Tapes) -> None:
    tapes.append(10_000)
    before = tapes.followed.buffer.envelope(20)
    assert tapes.written.drop_before(6000) == 5888
    tapes.follow()
    assert tapes.followed.buffer.dropped_count == 5888
    with pytest.raises(AudioDropped):
        tapes.followed.buffer.view(0, 10)
    tapes.append(10)
    assert np.array_equal(tapes.followed.buffer.view(5888), np.arange(5888, 10_010).astype("i2"))
    after = tapes.followed.buffer.envelope(20, 0, 10_000)
    # Of dropped sound in steps of 256 samples.
    assert np.abs(before[0].astype(int) - after[0]).max() <= 256
    assert np.abs(before[1].astype(int) - after[1]).max() <= 256


def test_memory_is_shared_with_the_first_sample(tapes: Tapes) -> None:
    assert len(tapes.written.view()) == tapes.written.dropped_count == 0
    assert tapes.moves == []
    tapes.written.append(np.zeros(1, np.int16))
    assert [(base, capacity) for base, capacity, _ in tapes.moves] == [(0, 4096)]


def test_the_reader_drops_nothing_by_itself(tapes: Tapes) -> None:
    tapes.append(10_000)
    assert tapes.followed.buffer.drop_before(5000) == 0


def test_another_process_goes_on_in_the_same_memory(tapes: Tapes) -> None:
    samples = tapes.append(3001)
    place = tapes.followed.place
    again = Tapes(tapes.kind, past=place)
    assert again.moves == []
    assert again.shared.is_followed
    more = np.arange(1, 100).astype(np.int16)
    span = again.written.append(more)
    assert (span.start, len(again.written)) == (3001, 3100)
    tapes.followed.buffer.append(more)
    assert np.array_equal(tapes.followed.buffer.view(), np.concatenate((samples, more)))
    again.close()


def test_the_sound_is_sent_until_the_reader_has_opened_memory_with_a_name(named: Tapes) -> None:
    named.written.append(np.zeros(10, np.int16))
    assert not named.shared.is_followed
    named.follow()
    assert named.shared.is_followed
    # In larger memory it begins anew, and what is told of the memory before it comes too late.
    (old, *_) = named.names.made
    named.written.append(np.arange(10_000).astype(np.int16))
    named.shared.confirm(old)
    assert not named.shared.is_followed
    named.follow()
    assert named.shared.is_followed


def test_the_reader_goes_on_by_itself_where_memory_with_a_name_has_ended(named: Tapes) -> None:
    first = named.append(3000)
    held = named.followed.buffer.view()
    # The writer goes on in larger memory, and its process ends before the reader has opened that.
    more = np.arange(50_000).astype(np.int16)
    named.written.append(more)
    named.names.close()
    named.follow()
    assert not named.shared.is_followed
    named.followed.buffer.append(more)
    assert np.array_equal(named.followed.buffer.view(), np.concatenate((first, more)))
    assert np.array_equal(held, first)
    # What comes next is sent, since only the reader has the sound before it.
    place = named.followed.place
    assert place == Place(None, 53_000 // 256 * 256, 0, 53_000)
    again = Tapes("names", past=place)
    assert (again.moves, again.names.made) == ([], [])
    again.written.append(more)
    assert not again.shared.is_followed
    assert len(again.written) == 103_000
    again.close()


def test_without_shared_memory_the_reader_has_a_copy_and_drops_the_same() -> None:
    moves: list[tuple[int, int, str]] = []
    written = SharedTape(4096, None, lambda *move: moves.append(move)).buffer
    followed = FollowedTape(AudioBuffer(4096))
    samples = np.arange(10_000).astype(np.int16)
    written.append(samples)
    followed.buffer.append(samples)
    moves.clear()
    written.drop_before(6000)
    near, far = socket.socketpair()
    with near, far:
        for move in moves:
            # Where the kernel could take descriptors, it does not wait for one.
            assert not followed.move(far, *move)
    assert followed.buffer.dropped_count == 5888
    assert np.array_equal(followed.buffer.view(6000), samples[6000:])
    assert followed.place == Place(None, 9984, 0, 10_000)


@has_descriptors
def test_no_descriptor_is_left_open() -> None:
    gc.collect()
    before = open_descriptors()
    tapes = Tapes("descriptors")
    tapes.append(20_000)
    tapes.close()
    del tapes
    gc.collect()
    assert open_descriptors() == before


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}
