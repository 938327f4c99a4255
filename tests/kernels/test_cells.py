"""Cells that make talks, run again, wait, and are interrupted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from .conftest import NEWEST, Partner
from .kernel import Cell, Kernel
from .page import Page

BOTH = pytest.mark.parametrize("kernel", ["6.31.0", NEWEST], indirect=True)


@pytest.fixture
def counting_server(peer: Any) -> Iterator[Any]:
    """A server that counts its connections: those that are open, and all so far."""

    class Server:
        open_count = total_count = 0
        url = ""

    server = Server()

    async def talk(socket: Any) -> None:
        server.open_count += 1
        server.total_count += 1
        try:
            async for message in socket:
                if msgspec.json.decode(message)["type"] == "session.update":
                    await socket.send('{"type": "session.updated", "session": {}}')
        finally:
            server.open_count -= 1

    server.url = peer(talk).url
    return server


@BOTH
def test_a_cell_that_runs_again_closes_the_talk_it_made_before(
    kernel: Kernel, counting_server: Any
) -> None:
    cell = f"live = GrokLive(url={counting_server.url!r})\nlive.start()"
    first = kernel.run(cell, "a-cell")
    second = kernel.run(cell, "a-cell")
    assert second.comm_id != first.comm_id
    kernel.wait(
        lambda: (counting_server.total_count, counting_server.open_count) == (2, 1),
        "one open connection",
    )
    closed = [each.content["comm_id"] for each in kernel.published("comm_close")]
    assert first.comm_id in closed
    assert second.comm_id not in closed


def test_cells_without_ids_are_recognized_by_their_code(
    kernel: Kernel, counting_server: Any
) -> None:
    cell = f"live = GrokLive(url={counting_server.url!r}); live.start()"
    for _ in range(2):
        kernel.run(cell)
    kernel.wait(
        lambda: (counting_server.total_count, counting_server.open_count) == (2, 1),
        "one open connection",
    )
    kernel.run(cell.replace("live", "other"))
    kernel.wait(lambda: counting_server.open_count == 2, "two open connections")


def test_talks_of_two_cells_and_two_of_one_cell_are_open_side_by_side(
    kernel: Kernel, counting_server: Any
) -> None:
    kernel.run(f"live, other = [GrokLive(url={counting_server.url!r}) for _ in range(2)]", "a-cell")
    kernel.run(f"third = GrokLive(url={counting_server.url!r})", "another-cell")
    kernel.run("for each in (live, other, third): each.start()", "a-third-cell")
    assert counting_server.open_count == 3
    assert kernel.value("[each.phase for each in (live, other, third)]") == ["open"] * 3
    kernel.run("third.close()")
    kernel.wait(lambda: counting_server.open_count == 2, "one to go")


@BOTH
def test_a_closed_talk_keeps_its_turns(kernel: Kernel, page: Any, partner: Partner) -> None:
    shown = page()
    shown.say("text", text="Hello.")
    shown.play()
    shown.wait_for_turn(role="assistant", is_complete=True)
    kernel.run("live.close()")
    shown.wait("state", phase="closed")
    closed = [each.content["comm_id"] for each in kernel.published("comm_close")]
    assert shown.comm_id in closed
    assert kernel.value("live.phase") == "closed"
    assert kernel.value("[turn.text for turn in live.turns][0]") == "Hello."
    assert "closed, 2 turns" in kernel.value("repr(live)")
    kernel.run("live.close()")


@BOTH
def test_an_interrupted_question_leaves_the_talk_as_it_was(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    may_answer = threading.Event()
    partner.reply = lambda turn: may_answer.wait(30) and f"You said {turn.text}"
    shown = page()
    cell = kernel.begin("live.ask('first')")
    kernel.wait(lambda: partner.turns, "the question to arrive")
    kernel.interrupt()
    assert cell.wait_for_reply()["ename"] == "KeyboardInterrupt"
    assert kernel.value("live.phase") == "open"
    may_answer.set()
    kernel.run("turn = live.ask('second')")
    assert kernel.value("turn.text").rstrip(".") == "You said second"
    assert shown.session == 1


def begin_to_ask(kernel: Kernel, partner: Partner) -> tuple[Cell, threading.Event]:
    """A cell whose question has arrived, and what lets the partner answer it."""
    may_answer = threading.Event()
    partner.reply = lambda turn: may_answer.wait(30) and "Yes."
    cell = kernel.begin("turn = live.ask('first')")
    kernel.wait(lambda: partner.turns, "the question to arrive")
    return cell, may_answer


def test_the_interrupt_button_of_a_page_ends_the_question_of_a_cell(
    kernel: Kernel, subshell: str, page: Any, partner: Partner
) -> None:
    shown = page(subshell=subshell)
    cell, may_answer = begin_to_ask(kernel, partner)
    shown.say("interrupt", epoch=1)
    cell.wait()
    assert kernel.value("[turn.was_interrupted, turn.is_complete, turn.text]") == [True, True, ""]
    may_answer.set()


@BOTH
def test_a_cell_can_await(kernel: Kernel, page: Any, partner: Partner) -> None:
    page()
    partner.reply = lambda turn: f"You said {turn.text}"
    kernel.run("turn = await live.ask_async('Hello')")
    assert kernel.value("turn.text").rstrip(".") == "You said Hello"


def test_a_page_is_answered_while_a_cell_asks(
    kernel: Kernel, subshell: str, page: Any, partner: Partner
) -> None:
    shown = page(subshell=subshell)
    cell, may_answer = begin_to_ask(kernel, partner)
    second = Page(kernel, shown.comm_id, "page-2", subshell)
    assert [turn["text"] for turn in second.say_hello()["turns"]][:1] == ["first"]
    assert not cell.has_ended
    may_answer.set()
    cell.wait()
