"""The sound of a page whose talk has its connection in a process of its own."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest
from websockets import Origin
from websockets.asyncio.client import ClientConnection, connect

from grok_live_widget.client.process import RemoteSession
from grok_live_widget.widget.direct_server import KERNEL_GONE
from grok_live_widget.widget.messages import Received
from grok_live_widget.widget.sound_frames import pack, unpack

from ..support.bridge_page import BridgePage
from ..support.page import RATE_HZ
from ..support.sound import tone
from ..support.waiting import wait_until_async

ORIGIN = "http://localhost:8888"


@pytest.fixture
def page_with_channel(page_of: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GROK_LIVE_ISOLATION", "process")

    def make(partner: Any, **settings: Any) -> BridgePage:
        page: BridgePage = page_of(partner, channel="auto", **settings)
        assert isinstance(page.talk, RemoteSession)
        return page

    return make


async def opened(page: BridgePage, count: int = 1) -> ClientConnection:
    """The direct channel, opened with the newest of so many invitations."""
    await wait_until_async(lambda: len(page.all("invitation")) == count)
    invitation = page.all("invitation")[-1]
    client = await connect(invitation["url"], origin=Origin(ORIGIN), proxy=None)
    await client.send(invitation["token"])
    assert await client.recv() == invitation["proof"]
    await wait_until_async(lambda: page.bridge.channel.kind == "direct", what="the channel")
    return client


async def received(client: ClientConnection) -> tuple[dict[str, Any], bytes]:
    frame = await client.recv()
    assert isinstance(frame, bytes)
    found = unpack(frame)
    assert found is not None
    return found


async def test_a_reply_goes_through_the_process_and_what_was_heard_of_it_comes_back(
    page_with_channel: Any,
) -> None:
    page = page_with_channel(lambda turn: tone(0.5))
    page.hello(origin=ORIGIN)
    client = await opened(page)
    page.say("text", text="one")
    pcm, is_last = b"", False
    offsets = []
    while not is_last:
        message, piece = await received(client)
        if message["type"] == "audio":
            offsets.append((message["seq"], message["sample_offset"], len(piece) // 2))
            pcm, is_last = pcm + piece, message["is_last"]
            await client.send(pack(Received(page="page-1", session=1, seq=message["seq"])))
    # The kernel learns of it later than the page.
    turns = page.talk.conversation.turns
    await wait_until_async(lambda: len(turns.assistant) == 1 and turns.assistant[0].is_complete)
    turn = turns.assistant[0]
    assert pcm == turn.pcm.tobytes(), offsets
    assert page.all("audio") == []
    await wait_until_async(lambda: page.bridge.sound.reply_of(turn) == message["reply"])
    page.report(message, 6000)
    page.report(message, len(pcm) // 2, is_final=True)
    await page.wait("turn", lambda m: m["turn"]["heard_s"] == 0.5)
    assert turn.heard_sample_count == RATE_HZ // 2
    await client.close()


async def test_a_new_process_goes_on_with_the_page_which_is_invited_again(
    page_with_channel: Any,
) -> None:
    page = page_with_channel(["One.", "Two."])
    page.hello(origin=ORIGIN)
    page.say("start", with_microphone=False)
    client = await opened(page)
    await page.wait("state", lambda state: state["phase"] == "open" and state["session"] == 1)
    os.kill(page.talk.process_id, signal.SIGKILL)
    again = await opened(page, 2)
    await page.wait("state", lambda state: state["phase"] == "open" and state["session"] == 2)
    page.say("text", text="Are you there?")
    message: dict[str, Any] = {"type": ""}
    while message["type"] != "audio":
        message, _ = await received(again)
    # The page drops what is of an older session.
    assert message["session"] == 2
    assert len(page.all("invitation")) == 2
    await client.close()
    await again.close()


async def test_a_microphone_is_answered_through_the_process(
    page_with_channel: Any, question: np.ndarray, silence: Any
) -> None:
    page = page_with_channel("parrot")
    await page.open()
    page.speak(np.concatenate((question, silence(1.0))))
    await page.wait("audio", lambda audio: audio["is_last"])
    assert page.audio == page.talk.conversation.turns.assistant[0].pcm.tobytes()


async def test_a_page_is_told_that_the_kernel_is_gone(page_with_channel: Any) -> None:
    page = page_with_channel("parrot")
    page.hello(origin=ORIGIN)
    client = await opened(page)
    # As the end of the kernel does, which closes nothing else.
    page.talk._process.close()
    await client.wait_closed()
    assert client.close_code == KERNEL_GONE


async def test_a_kernel_that_closes_the_talk_is_not_gone(page_with_channel: Any) -> None:
    page = page_with_channel("parrot")
    page.hello(origin=ORIGIN)
    client = await opened(page)
    await page.talk.close()
    await client.wait_closed()
    assert client.close_code != KERNEL_GONE
