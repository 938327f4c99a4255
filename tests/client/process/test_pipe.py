"""Messages between two ends of a pipe."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from grok_live_widget.client.process import pipe
from grok_live_widget.client.process.pipe import Pipe

from ...support.waiting import wait_until_async


class Ends:
    """Both ends of a pipe in this process, and what each has received."""

    def __init__(self, most_bytes: int | None = None) -> None:
        down, up = os.pipe(), os.pipe()
        self.received: dict[str, list[Any]] = {"near": [], "far": []}
        self.ended: list[str] = []
        self.near = self._end("near", up[0], down[1], most_bytes)
        self.far = self._end("far", down[0], up[1], None)

    def _end(self, name: str, read_fd: int, write_fd: int, most_bytes: int | None) -> Pipe:
        return Pipe(
            read_fd,
            write_fd,
            bytes,
            self.received[name].extend,
            lambda: self.ended.append(name),
            most_bytes=most_bytes,
        )


async def test_messages_of_any_size_arrive_whole_and_in_order_both_ways() -> None:
    ends = Ends()
    ends.near.start()
    ends.far.start()
    sent = [
        bytes([number % 251]) * size for number, size in enumerate([0, 1, 3, 70_000, 5_000_000])
    ]
    sent += [b"%d" % number for number in range(2000)]
    for body in sent:
        assert ends.near.send(body)
        assert ends.far.send(body)
    await wait_until_async(lambda: all(len(each) == len(sent) for each in ends.received.values()))
    assert ends.received == {"near": sent, "far": sent}
    ends.near.close()
    ends.far.close()
    await wait_until_async(lambda: len(ends.ended) == 2)


async def test_what_was_sent_before_the_end_arrives_and_then_the_end_is_told() -> None:
    ends = Ends()
    ends.near.start()
    ends.near.send(b"last")
    ends.near.close()
    assert not ends.near.send(b"too late")
    ends.far.start()
    await wait_until_async(lambda: ends.ended == ["far"])
    assert ends.received["far"] == [b"last"]
    ends.far.close()
    await wait_until_async(lambda: ends.ended == ["far", "near"])


async def test_a_peer_that_reads_nothing_holds_up_nothing_until_too_much_waits() -> None:
    ends = Ends(most_bytes=1_000_000)
    ends.near.start()
    body = bytes(100_000)
    count = 0
    while ends.near.send(body):
        count += 1
        await asyncio.sleep(0)
        assert count < 100
    assert count >= 10
    ends.far.start()
    await wait_until_async(lambda: len(ends.received["far"]) == count)
    assert ends.near.send(b"more")
    ends.near.close()
    ends.far.close()
    await wait_until_async(lambda: len(ends.ended) == 2)


async def test_messages_that_can_wait_are_written_with_the_next_that_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipe, "_GATHER_S", 3600)
    ends = Ends()
    ends.near.start()
    ends.far.start()
    ends.near.send(b"first", can_wait=True)
    ends.near.send(b"second", can_wait=True)
    # A message there and back: what is not written yet waits for another.
    ends.far.send(b"back")
    await wait_until_async(lambda: ends.received["near"] == [b"back"])
    assert ends.received["far"] == []
    ends.near.send(b"third")
    await wait_until_async(lambda: len(ends.received["far"]) == 3)
    ends.near.send(b"last", can_wait=True)
    ends.near.close()
    await wait_until_async(lambda: ends.ended == ["far"])
    assert ends.received["far"] == [b"first", b"second", b"third", b"last"]
    ends.far.close()


async def test_a_message_that_can_wait_is_written_without_others_too() -> None:
    ends = Ends()
    ends.near.start()
    ends.far.start()
    ends.near.send(b"alone", can_wait=True)
    await wait_until_async(lambda: ends.received["far"] == [b"alone"])
    ends.near.close()
    ends.far.close()
    await wait_until_async(lambda: len(ends.ended) == 2)
