"""A page beside a bridge, without a kernel."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from grok_live_widget.client.ask import Asker
from grok_live_widget.client.credentials import wrap_secret
from grok_live_widget.client.endpoint import resolve_endpoint
from grok_live_widget.client.isolation import isolation_of
from grok_live_widget.client.process import RemoteAsker, RemoteSession
from grok_live_widget.client.reconnecting_session import ReconnectingSession
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.settings.settings import settings_from
from grok_live_widget.widget.bridge import FrontendBridge
from grok_live_widget.widget.direct import ChannelChoice
from grok_live_widget.widget.messages import KernelMessage, decode, encode

from .page import SimulatedPage, no_checks


class BridgePage(SimulatedPage):
    """A page beside the bridge, without a kernel.

    Attributes
    ----------
    received : list of dict
        The messages of the bridge, as a page reads them.
    audio : bytes
        The audio of all replies, in the order in which it was sent.
    """

    def __init__(
        self,
        partner: Any = "parrot",
        *,
        timeouts: Timeouts = Timeouts(),
        channel: ChannelChoice = "comm",
        **settings: Any,
    ) -> None:
        super().__init__("page-1")
        key = wrap_secret(settings.pop("api_key", None))
        chosen = {} if partner is None else {"partner": partner}
        checked = settings_from(chosen | settings)
        endpoint = resolve_endpoint(checked, key)
        self.talk: Any
        if isolation_of(checked).kind == "process":
            self.talk = RemoteSession(checked, key, endpoint, timeouts)
            asker: Any = RemoteAsker(self.talk)
        else:
            self.talk = ReconnectingSession(checked, key, endpoint, timeouts)
            asker = Asker(self.talk)
        self.asker = asker
        ask = partial(asker.ask, sample_rate=None, timeout_s=20)
        self.bridge = FrontendBridge(self.talk, self._receive, ask, no_checks, channel=channel)
        self.received: list[dict[str, Any]] = []
        self.audio = b""
        self._has_received = asyncio.Event()

    def _receive(self, message: KernelMessage, buffer: bytes | None) -> None:
        self.received.append(encode(message))
        self.audio += buffer or b""
        self._has_received.set()

    def send(self, content: Any, *buffers: bytes) -> None:
        message = decode(content)
        if message is not None:
            self.bridge.receive(message, *(buffers or (None,)), asyncio.get_running_loop().time())

    @property
    def session(self) -> int:
        return self.bridge.sound.session

    async def wait(self, kind: str, where: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first message of this type for which `where` is true."""
        async with asyncio.timeout(20):
            while True:
                for content in self.all(kind):
                    if where(content):
                        return content
                self._has_received.clear()
                await self._has_received.wait()

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [content for content in self.received if content["type"] == kind]

    async def open(self) -> None:
        self.hello()
        self.say("start", with_microphone=True)
        await self.wait("state", lambda state: state["phase"] == "open")

    async def play_to_the_end(self) -> None:
        """Acknowledge and report all audio, until a reply has been played to its end."""
        for seq in itertools.count():
            audio = await self.wait("audio", lambda audio, seq=seq: audio["seq"] == seq)
            self.acknowledge(audio)
            self.report(audio, audio["sample_offset"])
            if audio["is_last"]:
                self.report(audio, len(self.audio) // 2, is_final=True)
                break

    async def hear_a_reply(self, is_open: bool = True) -> Any:
        """Have a reply played to its end; returns its turn."""
        await self.open()
        self.say("text", text="one")
        await self.play_to_the_end()
        await self.wait("turn", lambda m: m["turn"]["heard_s"] == m["turn"]["duration_s"] != 0)
        if not is_open:
            await self.talk.stop()
        turn = self.talk.conversation.turns.assistant[-1]
        self.received.clear()
        self.audio = b""
        return turn

    async def ask_the_axis(self, **content: Any) -> Any:
        """What the time axis is told."""
        self.say("drawer", name="axis", content=content)
        return (await self.wait("drawer", lambda m: m["name"] == "axis"))["content"]
