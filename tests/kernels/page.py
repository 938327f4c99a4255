"""A page without a browser: it says and hears the messages of docs/lanes.md by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernel import Kernel, Published

RATE_HZ = 24_000
CHUNK_SAMPLES = RATE_HZ // 10


class Page:
    """One page that shows one panel.

    Parameters
    ----------
    subshell : str
        Where its messages are to be handled; empty for the main shell.
    """

    def __init__(self, kernel: Kernel, comm_id: str, name: str, subshell: str = "") -> None:
        self.kernel = kernel
        self.name = name
        self.subshell = subshell
        self.comm_id = comm_id
        self._since = 0
        self._seq = 0
        self._sample_index = 0

    # ----------------------------------------------------------------- to the kernel
    def send(self, content: Any, *buffers: bytes) -> None:
        """Any custom message."""
        self.send_data({"method": "custom", "content": content}, *buffers)

    def send_data(self, data: Any, *buffers: bytes) -> None:
        message = self.kernel.session.msg("comm_msg", {"comm_id": self.comm_id, "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        message["buffers"] = list(buffers)
        self.kernel.send(message)

    def say(self, kind: str, *buffers: bytes, **fields: Any) -> None:
        """One of a page's messages."""
        self.send({"type": kind, "page": self.name, **fields}, *buffers)

    def say_hello(self) -> dict[str, Any]:
        """Returns the snapshot that answers."""
        since = self.kernel.position
        self.say(
            "hello",
            version="0",
            clock_ms=self.clock_ms(),
            microphone="ok",
            device_rate_hz=48_000,
        )
        return self.wait("snapshot", page=self.name, since=since)

    @property
    def session(self) -> int:
        """The line's number, as told last."""
        told = [*self.messages("snapshot", 0), *self.messages("state", 0)]
        newest = max(told, key=lambda each: each.sent_s)
        return int(newest.content["data"]["content"]["session"])

    def speak(self, pcm: NDArray[np.int16], *, captured_s: float | None = None) -> int:
        """Sound of the microphone in chunks of 100 ms; returns how many.

        Parameters
        ----------
        captured_s : float [s]
            When the first chunk was full, by this machine's clock; the others follow at
            their pace. None: all now.
        """
        session = self.session
        starts = range(0, pcm.size, CHUNK_SAMPLES)
        for at, start in enumerate(starts):
            chunk = pcm[start : start + CHUNK_SAMPLES]
            at_s = time.time() if captured_s is None else captured_s + at / 10
            self.say(
                "microphone",
                chunk.tobytes(),
                session=session,
                seq=self._seq,
                sample_index=self._sample_index,
                captured_at_ms=at_s * 1000,
                dropped_sample_count=0,
            )
            self._seq += 1
            self._sample_index += chunk.size
        return len(starts)

    def acknowledge(self, sound: Published) -> None:
        content = sound.content["data"]["content"]
        self.say(
            "received", session=content["session"], seq=content["seq"], clock_ms=self.clock_ms()
        )

    def report(self, content: dict[str, Any], sample_count: int, **more: Any) -> None:
        """The playhead, in the reply of an audio message."""
        fields: dict[str, Any] = {
            "is_final": False,
            "first_sound_at_ms": None,
            "buffered_sample_count": 0,
            "underrun_count": 0,
            "lost_sample_count": 0,
            "clock_ms": self.clock_ms(),
        } | more
        names = ("session", "epoch", "reply")
        line = {name: content[name] for name in names}
        self.say("playhead", sample_count=sample_count, **(line | fields))

    @staticmethod
    def clock_ms() -> float:
        return time.time() * 1000

    # ----------------------------------------------------------------- from the kernel
    def forget(self) -> None:
        """Count from now on."""
        self._since = self.kernel.position

    def messages(self, kind: str, since: int | None = None) -> list[Published]:
        """Those of this type, as published."""
        since = self._since if since is None else since
        return [
            each
            for each in self.kernel.published("comm_msg", since)
            if each.content["comm_id"] == self.comm_id
            and each.content["data"].get("method") == "custom"
            and each.content["data"]["content"].get("type") == kind
        ]

    def heard(self, kind: str, since: int | None = None) -> list[dict[str, Any]]:
        """What messages of this type say."""
        return [each.content["data"]["content"] for each in self.messages(kind, since)]

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
            for content in self.heard(kind, since):
                if fields.items() <= content.items() and where(content):
                    return content
            return None

        return self.kernel.wait(found, f"{kind} {fields or ''}") or {}

    def wait_for_turn(
        self, where: Callable[[dict[str, Any]], object] = lambda turn: True, **fields: Any
    ) -> dict[str, Any]:
        """The first message about a turn that is so."""

        def is_so(content: dict[str, Any]) -> bool:
            turn = content["turn"]
            return fields.items() <= turn.items() and bool(where(turn))

        turn: dict[str, Any] = self.wait("turn", is_so)["turn"]
        return turn

    def wait_for_acknowledgements(self, count: int) -> None:
        """So many chunks of the microphone have come to the talk."""
        self.kernel.wait(
            lambda: len(self.heard("microphone_received")) >= count, f"{count} acknowledgements"
        )

    def wait_for_beats(self, count: int = 2) -> None:
        """Let the kernel's own clock strike: what was to come at once has come by then."""
        begun = len(self.heard("heartbeat"))
        self.kernel.wait(lambda: len(self.heard("heartbeat")) >= begun + count, "heartbeats")

    # ----------------------------------------------------------------- sound
    def play(self, reply: int | None = None) -> bytes:
        """Play a reply as fast as it comes, acknowledging and reporting; returns its sound."""
        done: list[Published] = []
        while True:
            for message in self.kernel.wait(lambda: self.messages("audio")[len(done) :], "sound"):
                content = message.content["data"]["content"]
                done.append(message)
                if reply not in (None, content["reply"]):
                    continue
                reply = content["reply"]
                self.acknowledge(message)
                end = content["sample_offset"] + len(message.buffers[0]) // 2
                self.report(content, end, is_final=content["is_last"])
                if content["is_last"]:
                    return self.sound(reply)

    def sound(self, reply: int) -> bytes:
        """All that was sent of a reply; each piece must follow on the one before."""
        sound = b""
        for message in self.messages("audio"):
            content = message.content["data"]["content"]
            if content["reply"] == reply:
                assert content["sample_offset"] == len(sound) // 2
                [buffer] = message.buffers
                sound += buffer
        return sound


def numbered(sample_count: int, first: int = 0) -> NDArray[np.int16]:
    """Sound whose samples count on, so that each tells which one it is (modulo 65,536)."""
    return np.arange(first, first + sample_count).astype(np.uint16).view(np.int16)
