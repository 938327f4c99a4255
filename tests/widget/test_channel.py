"""The comm: what is decoded, copied and handed to the talk's thread, and what is sent."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from grok_live_widget.client import TALK_THREAD
from grok_live_widget.widget.channel import (
    MAX_CHUNK_BYTES,
    CommChannel,
    call_when_marimo_closes,
    keep_frontend_routing,
)
from grok_live_widget.widget.messages import Commit, Hello, MicrophoneWanted, Playhead, Received


class Widget:
    """What of a widget a channel uses."""

    def __init__(self) -> None:
        self.comm: object | None = object()
        self.sent: list[tuple[Any, Any]] = []
        self.deliver: Any = None

    def on_msg(self, handler: Any) -> None:
        self.deliver = handler

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append((content, buffers))


def received_from(*delivered: tuple[Any, list[Any]]) -> list[Any]:
    """What a channel hands on of these contents and buffers, with the name of the thread."""
    widget, received = Widget(), []
    channel = CommChannel(widget)
    channel.listen(
        lambda *received_: received.append((*received_, threading.current_thread().name))
    )
    for content, buffers in delivered:
        widget.deliver(widget, content, buffers)
    done = threading.Event()
    TALK_THREAD.call(done.set)
    assert done.wait(10)
    return received


def test_messages_are_handed_on_in_order_on_the_talks_thread() -> None:
    received = received_from(
        ({"type": "hello", "page": "a"}, []), ({"type": "commit", "page": "a"}, [])
    )
    assert [message for message, *_ in received] == [Hello(page="a"), Commit(page="a")]
    assert [thread for *_, thread in received] == ["grok-live-talk"] * 2
    assert received[0][2] <= received[1][2], "when they arrived"


def test_what_a_page_held_back_is_handed_on_before_the_message_that_carries_it() -> None:
    place = {"page": "a", "session": 1}
    received = {"type": "received", "seq": 4, **place}
    playhead = {"type": "playhead", "epoch": 0, "reply": 2, "sample_count": 9, **place}
    chunk = {"type": "commit", "page": "a", "earlier": [received, playhead]}
    handed_on = received_from((chunk, []))
    assert [message for message, *_ in handed_on] == [
        Received(page="a", session=1, seq=4),
        Playhead(page="a", session=1, epoch=0, reply=2, sample_count=9),
        Commit(page="a"),
    ]


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        "received",
        {"type": "received", "page": "a", "session": 1, "seq": 4},
        [None, 3],
        [{"type": "stop", "page": "a"}, {"type": "received", "page": "a"}],
    ],
)
def test_only_acknowledgements_and_playheads_are_held_back(earlier: Any) -> None:
    handed_on = received_from(({"type": "commit", "page": "a", "earlier": earlier}, []))
    assert [message for message, *_ in handed_on] == [Commit(page="a")]


def test_what_is_no_message_is_not_handed_on() -> None:
    assert received_from(({"type": "unknown", "page": "a"}, [b"12"]), (None, [])) == []


@pytest.mark.parametrize(
    ("buffers", "kept"),
    [
        ([], None),
        ([memoryview(b"1234")], b"1234"),
        ([b"12", b"34"], b"12"),
        ([bytes(MAX_CHUNK_BYTES + 1)], None),
    ],
    ids=["none", "view", "two", "too_large"],
)
def test_the_first_buffer_is_copied_if_it_is_not_too_large(
    buffers: list[Any], kept: bytes | None
) -> None:
    ((_, buffer, *_),) = received_from(({"type": "hello", "page": "a"}, buffers))
    assert buffer == kept
    assert type(buffer) is type(kept)


def test_a_message_is_sent_as_json_with_its_buffer() -> None:
    widget = Widget()
    channel = CommChannel(widget)
    channel.send(MicrophoneWanted(wanted=True), b"12")
    channel.send(MicrophoneWanted(wanted=False))
    assert widget.sent == [
        ({"type": "microphone_wanted", "wanted": True}, [b"12"]),
        ({"type": "microphone_wanted", "wanted": False}, None),
    ]


def test_nothing_is_sent_through_a_closed_widget() -> None:
    widget = Widget()
    widget.comm = None
    CommChannel(widget).send(MicrophoneWanted(wanted=True))
    assert widget.sent == []


# --------------------------------------------------------------------------- routing
def test_messages_are_handled_where_the_front_end_sent_them() -> None:
    class Comm:
        def _reply_subshell_for(self, data: Any, default: Any) -> str:
            return "the shell that published last"

    comm = Comm()
    keep_frontend_routing(comm)
    assert comm._reply_subshell_for({}, "as sent") == "as sent"


def test_messages_run_no_hooks_of_a_cell() -> None:
    class Comm:
        _msg_callback: Any = None

        def handle_msg(self, message: Any) -> None:
            raise AssertionError("a cell's hooks would run, and close figures being drawn")

    comm, received = Comm(), []
    keep_frontend_routing(comm)
    comm.handle_msg("before a callback is set")
    comm._msg_callback = received.append
    comm.handle_msg("a message")
    assert received == ["a message"]


def test_a_widget_without_a_comm_has_no_routing_to_keep() -> None:
    keep_frontend_routing(None)


# --------------------------------------------------------------------------- marimo
class ClosedComm:
    """What of a comm is used that its program closes."""

    def __init__(self, kernel: object = "marimo") -> None:
        self.kernel = kernel
        self.closed: list[bool] = []

    def close(self, deleting: bool = False) -> None:
        self.closed.append(deleting)


class Talk:
    def __init__(self, comm: ClosedComm) -> None:
        self.comm, self.ended = comm, 0

    def end(self) -> None:
        assert self.comm.closed == [], "messages can still be sent"
        self.ended += 1
        self.comm.close()


def test_a_comm_that_marimo_closes_ends_the_talk_once_before_it_closes() -> None:
    comm = ClosedComm()
    talk = Talk(comm)
    call_when_marimo_closes(comm, weakref.WeakMethod(talk.end))
    comm.close(deleting=True)
    comm.close()
    assert (talk.ended, comm.closed) == (1, [False, True, False])


def test_a_comm_of_marimo_keeps_no_widget_alive() -> None:
    comm = ClosedComm()
    talk = Talk(comm)
    call_when_marimo_closes(comm, weakref.WeakMethod(talk.end))
    del talk
    gc.collect()
    comm.close()
    assert comm.closed == [False]


def test_a_comm_of_jupyter_closes_without_the_talk() -> None:
    comm = ClosedComm(kernel=None)
    talk = Talk(comm)
    call_when_marimo_closes(comm, weakref.WeakMethod(talk.end))
    call_when_marimo_closes(None, weakref.WeakMethod(talk.end))
    comm.close()
    assert (talk.ended, comm.closed) == (0, [False])
