"""Who is invited to the direct channel, what goes through it, and what Python is told of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from websockets import Origin
from websockets.asyncio.client import connect

from grok_live_widget.widget.direct import ChannelStatus, carrier_of
from grok_live_widget.widget.sound_frames import unpack

from ..support.sound import tone
from ..support.waiting import wait_until_async

ORIGIN = "http://localhost:8888"


@pytest.mark.both_isolations
async def test_a_page_of_this_computer_is_invited_and_its_sound_goes_directly(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.5), channel="auto")
    assert page.bridge.channel.kind == "none"
    page.hello(origin=ORIGIN)
    invitation = await page.wait("invitation")
    assert invitation["page"] == "page-1"
    assert page.bridge.channel.kind == "comm"
    async with connect(invitation["url"], origin=Origin(ORIGIN), proxy=None) as client:
        await client.send(invitation["token"])
        assert await client.recv() == invitation["proof"]
        await wait_until_async(lambda: page.bridge.channel.kind == "direct", what="the channel")
        page.hello(origin=ORIGIN)
        page.say("text", text="one")
        frame = await client.recv()
        assert isinstance(frame, bytes)
        found = unpack(frame)
        assert found is not None
        assert (found[0]["type"], found[0]["sample_offset"]) == ("audio", 0)
        assert page.all("audio") == []
        # It is gone without having acknowledged anything.
    again = await page.wait("audio")
    assert again["sample_offset"] == 0
    assert page.bridge.channel.reason == "The direct one was closed."
    assert len(page.all("invitation")) == 1
    await page.talk.close()
    assert page.bridge.channel == ChannelStatus("none", "The talk is closed.")


@pytest.mark.parametrize(
    ("choice", "origin"), [("comm", ORIGIN), ("direct", "http://hub.example"), ("auto", "")]
)
async def test_another_page_is_not_invited_and_python_knows_why(
    page_of: Any, choice: str, origin: str
) -> None:
    page = page_of(channel=choice)
    page.hello(origin=origin)
    await page.wait("snapshot")
    _, obstacle = carrier_of(choice, origin)  # type: ignore[arg-type]
    await wait_until_async(
        lambda: page.bridge.channel == ChannelStatus("comm", obstacle), what="the reason"
    )
    assert page.all("invitation") == []


async def test_the_owner_is_invited_and_not_the_page_that_only_looks_on(page_of: Any) -> None:
    page = page_of(channel="auto")
    page.hello(origin=ORIGIN)
    await page.wait("invitation")
    page.hello(page="page-2", origin=ORIGIN)
    page.say("pong", id=(await page.wait("ping"))["id"])
    page.say("take_over", page="page-2")
    second = await page.wait("invitation", lambda m: m["page"] == "page-2")
    assert [each["page"] for each in page.all("invitation")] == ["page-1", "page-2"]
    assert page.received.index(second) > page.received.index(page.all("owner")[-1])


async def test_the_address_of_an_invitation_is_below_that_of_the_notebook_server(
    page_of: Any,
) -> None:
    page = page_of(channel="auto")
    page.hello(origin="https://hub.example")
    invitation = await page.wait("invitation")
    assert re.fullmatch(r"proxy/\d+/grok-live", invitation["url"])
    assert page.bridge.channel.kind == "comm"
    assert "jupyter-server-proxy" in page.bridge.channel.reason
    port = int(invitation["url"].split("/")[1])
    url, origin = "ws://hub.example/grok-live", Origin("https://hub.example")
    async with connect(url, origin=origin, proxy=None, host="127.0.0.1", port=port) as client:
        await client.send(invitation["token"])
        assert await client.recv() == invitation["proof"]
        await wait_until_async(lambda: page.bridge.channel.kind == "proxy", what="the channel")
        assert "not at an address of this computer" in page.bridge.channel.reason


@pytest.mark.both_isolations
async def test_a_flush_that_is_not_answered_comes_again_by_the_next_channel(page_of: Any) -> None:
    page = page_of(lambda turn: tone(9.0), channel="auto")
    page.hello(origin=ORIGIN)
    invitation = await page.wait("invitation")
    page.say("start")
    page.say("text", text="one")
    sound = await page.wait("audio")
    await page.talk.interrupt()
    flush = await page.wait("flush")
    async with connect(invitation["url"], origin=Origin(ORIGIN), proxy=None) as client:
        await client.send(invitation["token"])
        assert await client.recv() == invitation["proof"]
        frame = await client.recv()
        assert isinstance(frame, bytes)
        found = unpack(frame)
        assert found is not None
        assert found[0] == {name: flush[name] for name in ("type", "session", "epoch", "reply")}
        assert (found[0]["reply"], found[0]["epoch"]) == (sound["reply"], sound["epoch"] + 1)
    # The channel has ended without an answer, too.
    await page.wait("flush", lambda message: message is not flush)
