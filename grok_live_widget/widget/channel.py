"""How messages travel between kernel and page: through the comm of the widget.

Another way to carry them would be another class with the same methods.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from ..client import TALK_THREAD
from .messages import AnyPageMessage, KernelMessage, decode, decode_earlier, encode

MAX_CHUNK_BYTES = 64 * 1024

Receive = Callable[[AnyPageMessage, bytes | None, float], None]
"""``(message, buffer or None, arrived_s)``: called on the talk's thread."""


class CommChannel:
    """Custom messages of a widget, decoded and encoded.

    Parameters
    ----------
    widget : ipywidgets.Widget

    Attributes
    ----------
    is_beside_cells : bool or None
        Whether the newest message was read on another thread than that of cells. None: none came.
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._receive: Receive | None = None
        self.is_beside_cells: bool | None = None
        widget.on_msg(self._on_message)

    def listen(self, receive: Receive) -> None:
        """Pass what pages send to `receive`; what came before is dropped."""
        self._receive = receive

    def send(self, message: KernelMessage, buffer: bytes | None = None) -> None:
        """Send to all pages; without effect when the widget is closed."""
        if self._widget.comm is not None:
            buffers = None if buffer is None else [buffer]
            self._widget.send(encode(message), buffers=buffers)

    def _on_message(self, widget: object, content: Any, buffers: list[Any]) -> None:
        """Decode, copy, submit, return: runs on the main thread or on a subshell's."""
        self.is_beside_cells = threading.current_thread() is not threading.main_thread()
        if self._receive is None:
            return
        arrived_s = time.monotonic()
        for each in decode_earlier(content):
            TALK_THREAD.call(self._receive, each, None, arrived_s)
        message = decode(content)
        if message is None:
            return
        # The size comes first: a page must not make the kernel copy any amount.
        is_sound = bool(buffers) and memoryview(buffers[0]).nbytes <= MAX_CHUNK_BYTES
        buffer = bytes(buffers[0]) if is_sound else None
        TALK_THREAD.call(self._receive, message, buffer, arrived_s)


def keep_frontend_routing(comm: Any) -> None:
    """Keep incoming messages on the thread that the front end chose.

    ipykernel 7.4 sends them to the shell that last published on the comm, so that one message
    from a cell puts the microphone behind the running cell (0 of 25 messages came through
    without this, 25 of 25 with it). The hook is private, hence the feature detection.

    Also keep them from running a cell's hooks: `comm` runs ``pre_execute`` and ``post_execute``
    around each message, on the thread where it arrives. Matplotlib draws and closes all figures
    there, including the one that a cell is drawing.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
    if hasattr(comm, "_msg_callback"):
        comm.handle_msg = lambda message: comm._msg_callback and comm._msg_callback(message)


def call_when_marimo_closes(comm: Any, ended: weakref.WeakMethod[Callable[[], None]]) -> None:
    """Call a method when marimo closes a widget's comm.

    It does so when the cell that made the widget runs again or is deleted, and tells nothing to
    the widget (``CommLifecycleItem`` in its plugins/ui/_impl/anywidget/init.py). The comm's own
    ``on_close`` is for messages of the page.
    """
    # `kernel` is what MarimoComm has for ipywidgets, which asks whether there is one.
    if getattr(comm, "kernel", None) != "marimo":
        return
    close = comm.close

    def close_and_tell(*args: Any, **kwargs: Any) -> None:
        del comm.close  # Only the first time.
        if method := ended():
            method()
        close(*args, **kwargs)

    comm.close = close_and_tell
