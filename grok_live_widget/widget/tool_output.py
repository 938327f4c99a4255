"""What tools display: caught on the thread of the call, shown in an area under the panel."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ipywidgets

__all__ = ["ToolDisplays"]

MOST_SHOWN = 20
"""Older ones go: the area's state is sent whole with each new one."""


@dataclass(frozen=True, slots=True)
class _Shown:
    call: _Call
    display_id: str
    output: dict[str, Any]


class ToolDisplays:
    """An area of outputs, and the catching of what is displayed.

    `ipywidgets.Output` used as a context manager would not do: it tells the front end to divert
    whatever the running cell publishes, and a tool's thread runs beside all cells. Appending to
    its state does; IPython's publisher asks hooks that are the thread's own.

    Attributes
    ----------
    area : ipywidgets.Output
    """

    def __init__(self) -> None:
        self.area = ipywidgets.Output()
        self._lock = threading.Lock()
        self._shown: list[_Shown] = []
        self._box: Any = None

    def under(self, panel: Any) -> Any:
        """A box with the panel and the area under it; always the same."""
        self._box = self._box or ipywidgets.VBox([panel, self.area])
        return self._box

    def close(self) -> None:
        """Remove the area from all pages."""
        for each in (self._box, self.area):
            if each is not None:
                each.close()

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch what this thread displays."""
        publisher = _publisher()
        if publisher is None:
            yield
            return
        call = _Call(self)
        publisher.register_hook(call.take)
        try:
            yield
        finally:
            publisher.unregister_hook(call.take)

    def _show(self, call: _Call, display_id: str, content: dict[str, Any]) -> None:
        output = _output(content)
        with self._lock:
            self._shown.append(_Shown(call, display_id, output))
            del self._shown[:-MOST_SHOWN]
            self._publish()

    def _replace(self, display_id: str, content: dict[str, Any]) -> bool:
        """Whether something of that id was there to be replaced."""
        output = _output(content)
        with self._lock:
            known = [bool(display_id) and each.display_id == display_id for each in self._shown]
            self._shown = [
                _Shown(each.call, display_id, output) if is_it else each
                for each, is_it in zip(self._shown, known, strict=True)
            ]
            if any(known):
                self._publish()
        return any(known)

    def _clear(self, call: _Call) -> None:
        with self._lock:
            self._shown = [each for each in self._shown if each.call is not call]
            self._publish()

    def _publish(self) -> None:
        self.area.outputs = tuple(each.output for each in self._shown)


class _Call:
    """What one call displays."""

    def __init__(self, displays: ToolDisplays) -> None:
        self._displays = displays
        self._clears_next = False

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Use a message that IPython is about to publish; None when it is used up."""
        content = message["content"]
        display_id = (content.get("transient") or {}).get("display_id", "")
        match message["header"]["msg_type"]:
            case "display_data":
                self._clear_if_wanted()
                self._displays._show(self, display_id, content)
            case "update_display_data":
                # Of an id that was displayed elsewhere, the page takes care.
                return None if self._displays._replace(display_id, content) else message
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
            self._displays._clear(self)


def _output(content: dict[str, Any]) -> dict[str, Any]:
    """As a notebook file has it."""
    return {
        "output_type": "display_data",
        "data": content["data"],
        "metadata": content["metadata"],
    }


def _publisher() -> Any:
    """IPython's, where there is a kernel; None elsewhere."""
    from IPython.core.getipython import get_ipython

    publisher = getattr(get_ipython(), "display_pub", None)
    return publisher if hasattr(publisher, "register_hook") else None
