"""What tools display: captured where the call runs, shown in an area of the panel."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import ipywidgets

MOST_SHOWN = 20
"""Older outputs are removed, since the area's whole state is sent with each new one."""


@dataclass(slots=True)
class _Shown:
    call: _Call
    display_id: str
    output: dict[str, Any]


class ToolOutput:
    """The output area of the panel, and the capture of what tools display.

    `ipywidgets.Output` as a context manager does not work here: it makes the front end divert
    whatever the running cell publishes, while a tool runs on a thread of its own beside any
    cell. Hooks of IPython's publisher belong to one thread, and a context variable to one of the
    calls on it, so those capture, and the area's state is extended.

    Attributes
    ----------
    area : ipywidgets.Output
    """

    def __init__(self) -> None:
        self.area = ipywidgets.Output()
        self._lock = threading.Lock()
        self._shown: list[_Shown] = []

    def close(self) -> None:
        """Remove the area from all pages."""
        self.area.close()

    @contextlib.contextmanager
    def capture(self) -> Iterator[None]:
        """Capture what this thread displays in this context."""
        from IPython.core.getipython import get_ipython

        publisher: Any = getattr(get_ipython(), "display_pub", None)
        with contextlib.ExitStack() as stack:
            if hasattr(publisher, "register_hook"):  # Only a kernel's publisher has hooks.
                publisher.register_hook(_take)
                stack.callback(publisher.unregister_hook, _take)
                stack.callback(_call.reset, _call.set(_Call(self)))
            yield

    def _show(self, call: _Call, display_id: str, content: dict[str, Any]) -> None:
        output = _output(content)
        with self._lock:
            self._shown.append(_Shown(call, display_id, output))
            del self._shown[:-MOST_SHOWN]
            self._publish()

    def _replace(self, display_id: str, content: dict[str, Any]) -> bool:
        """Replace the outputs of this id; False if there are none."""
        output = _output(content)
        with self._lock:
            matches = [each for each in self._shown if display_id and each.display_id == display_id]
            for each in matches:
                each.output = output
            if matches:
                self._publish()
        return bool(matches)

    def _clear(self, call: _Call) -> None:
        with self._lock:
            self._shown = [each for each in self._shown if each.call is not call]
            self._publish()

    def _publish(self) -> None:
        self.area.outputs = tuple(each.output for each in self._shown)


class _Call:
    """The outputs of one call."""

    def __init__(self, tool_output: ToolOutput) -> None:
        self._tool_output = tool_output
        # Whether the next output replaces the earlier ones (`clear_output(wait=True)`).
        self._clears_next = False

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Handle a message that IPython is about to publish; None keeps it from the cell."""
        content = message["content"]
        display_id = (content.get("transient") or {}).get("display_id", "")
        match message["header"]["msg_type"]:
            case "display_data":
                self._clear_if_wanted()
                self._tool_output._show(self, display_id, content)
            case "update_display_data":
                # The page updates an output that was displayed elsewhere.
                return None if self._tool_output._replace(display_id, content) else message
            case "clear_output":
                self._clears_next = True
                if not content.get("wait"):
                    self._clear_if_wanted()
            case _:
                return message
        return None

    def _clear_if_wanted(self) -> None:
        if self._clears_next:
            self._clears_next = False
            self._tool_output._clear(self)


# The call that the running code is a part of; None: of none.
_call: ContextVar[_Call | None] = ContextVar("grok_live_displaying_call", default=None)


def _take(message: dict[str, Any]) -> dict[str, Any] | None:
    call = _call.get()
    return message if call is None else call.take(message)


def _output(content: dict[str, Any]) -> dict[str, Any]:
    """An output in the notebook format."""
    return {
        "output_type": "display_data",
        "data": content["data"],
        "metadata": content["metadata"],
    }
