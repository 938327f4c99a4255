"""A page without a browser whose messages travel to and from a kernel over its sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..support.page import CHUNK_SAMPLES, RATE_HZ, SimulatedPage
from .kernel import Kernel, Published

__all__ = ["CHUNK_SAMPLES", "RATE_HZ", "Page", "numbered"]


class Page(SimulatedPage):
    """One page that shows one panel.

    Parameters
    ----------
    subshell : str
        Where its messages are to be handled; empty for the main shell.
    """

    def __init__(self, kernel: Kernel, comm_id: str, name: str, subshell: str = "") -> None:
        super().__init__(name)
        self.kernel = kernel
        self.subshell = subshell
        self.comm_id = comm_id
        self._since = 0

    # ----------------------------------------------------------------- to the kernel
    def send(self, content: Any, *buffers: bytes) -> None:
        """Send any custom message."""
        self._send({"method": "custom", "content": content}, *buffers)

    def set_traits(self, **values: Any) -> None:
        """Set traits of the model, as a widget that is linked with it in the page does."""
        self._send({"method": "update", "state": values, "buffer_paths": []})

    def _send(self, data: dict[str, Any], *buffers: bytes) -> None:
        message = self.kernel.session.msg("comm_msg", {"comm_id": self.comm_id, "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        message["buffers"] = list(buffers)
        self.kernel.send(message)

    def say_hello(self) -> dict[str, Any]:
        """Returns the snapshot that answers."""
        since = self.kernel.position
        self.hello()
        return self.wait("snapshot", page=self.name, since=since)

    @property
    def session(self) -> int:
        """The session's number in the newest message that has it."""
        states = [*self.messages("snapshot", 0), *self.messages("state", 0)]
        newest = max(states, key=lambda each: each.sent_s)
        return int(newest.custom["session"])

    # ----------------------------------------------------------------- from the kernel
    def forget(self) -> None:
        """Leave out what came until now."""
        self._since = self.kernel.position

    def messages(self, kind: str, since: int | None = None) -> list[Published]:
        """Messages of this type, as published."""
        since = self._since if since is None else since
        return [
            each
            for each in self.kernel.published("comm_msg", since)
            if each.content["comm_id"] == self.comm_id
            and each.content["data"].get("method") == "custom"
            and each.custom.get("type") == kind
        ]

    def traits(self) -> dict[str, Any]:
        """The newest values that the kernel has sent since `forget`."""
        sent = [each.content for each in self.kernel.published("comm_msg", self._since)]
        ours = [each["data"] for each in sent if each["comm_id"] == self.comm_id]
        updates = [each["state"] for each in ours if each.get("method") == "update"]
        return {name: value for update in updates for name, value in update.items()}

    def received(self, kind: str, since: int | None = None) -> list[dict[str, Any]]:
        """Contents of the messages of this type."""
        return [each.custom for each in self.messages(kind, since)]

    def wait(
        self,
        kind: str,
        where: Callable[[dict[str, Any]], object] = lambda content: True,
        *,
        since: int | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """The first message of this type with these fields."""

        def found() -> dict[str, Any] | None:
            for content in self.received(kind, since):
                if fields.items() <= content.items() and where(content):
                    return content
            return None

        return self.kernel.wait(found, f"{kind} {fields or ''}") or {}

    def wait_for_turn(
        self, where: Callable[[dict[str, Any]], object] = lambda turn: True, **fields: Any
    ) -> dict[str, Any]:
        """The first message about a turn with these fields."""

        def matches(content: dict[str, Any]) -> bool:
            turn = content["turn"]
            return fields.items() <= turn.items() and bool(where(turn))

        turn: dict[str, Any] = self.wait("turn", matches)["turn"]
        return turn

    def wait_for_acknowledgements(self, count: int) -> None:
        """Wait until the talk has received as many microphone chunks of this session."""
        self.kernel.wait(lambda: self.acknowledged_count() >= count, f"{count} acknowledgements")

    def acknowledged_count(self) -> int:
        """How many chunks were acknowledged; one acknowledgement covers those before it."""
        return max((1 + each["seq"] for each in self.received("microphone_received")), default=0)

    def wait_for_beats(self, count: int = 2) -> None:
        """Wait for heartbeats: what was to be sent at once has been sent by then."""
        begun = len(self.received("heartbeat"))
        self.kernel.wait(lambda: len(self.received("heartbeat")) >= begun + count, "heartbeats")

    # ----------------------------------------------------------------- audio
    def play(self, reply: int | None = None) -> bytes:
        """Play a reply as fast as it comes, acknowledging and reporting; returns its audio."""
        done: list[Published] = []
        while True:
            for message in self.kernel.wait(lambda: self.messages("audio")[len(done) :], "audio"):
                audio = message.custom
                done.append(message)
                if reply not in (None, audio["reply"]):
                    continue
                reply = audio["reply"]
                self.acknowledge(audio)
                end = audio["sample_offset"] + len(message.buffers[0]) // 2
                self.report(audio, end, is_final=audio["is_last"])
                if audio["is_last"]:
                    return self.audio(reply)

    def audio(self, reply: int) -> bytes:
        """All that was sent of a reply; each piece must continue the one before."""
        pcm = b""
        for message in self.messages("audio"):
            if message.custom["reply"] == reply:
                assert message.custom["sample_offset"] == len(pcm) // 2
                [buffer] = message.buffers
                pcm += buffer
        return pcm


def numbered(sample_count: int, first: int = 0) -> NDArray[np.int16]:
    """Audio whose samples count up, so that each tells its position (modulo 65,536)."""
    return np.arange(first, first + sample_count).astype(np.uint16).view(np.int16)
