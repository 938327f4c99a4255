"""The sound of a page whose talk has its connection in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets import Origin
from websockets.asyncio.client import ClientConnection, connect

from grok_live_widget.client.process import RemoteSession
from grok_live_widget.conversation import Turn
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


async def sounding_reply(page: BridgePage) -> Turn:
    """A reply of 1.8 s, all of which the page has, and a quarter of which it has played."""
    page.hello()
    page.say("text", text="one")
    last = await page.wait("audio", lambda audio: audio["is_last"])
    turn = page.talk.conversation.turns.assistant[0]
    assert isinstance(turn, Turn)
    for audio in page.all("audio"):
        page.acknowledge(audio)
    page.report(last, len(page.audio) // 8)
    await wait_until_async(lambda: (turn.heard_sample_count or 0) > 0, what="the playhead")
    assert turn.heard_sample_count == turn.sample_count // 4
    return turn


async def kill(page: BridgePage) -> None:
    process_id = page.talk.process_id
    os.kill(process_id, signal.SIGKILL)
    await wait_until_async(lambda: page.talk.process_id != process_id, what="its end")


@pytest.mark.parametrize(("rate_hz", "is_open"), [(24_000, True), (16_000, True), (24_000, False)])
async def test_what_was_not_heard_of_a_reply_is_sent_once_more_by_the_next_process(
    page_with_channel: Any, rate_hz: int, is_open: bool
) -> None:
    page = page_with_channel([tone(1.8), "Two."], sample_rate=rate_hz)
    turn = await sounding_reply(page)
    if not is_open:
        await page.talk.disconnect()
    sent, reply = page.audio, page.all("audio")[0]["reply"]
    page.received.clear()
    page.audio = b""
    await kill(page)
    last = await page.wait("audio", lambda audio: audio["is_last"])
    again = page.all("audio")
    assert {audio["reply"] for audio in again} == {reply}
    assert again[0]["sample_offset"] == RATE_HZ * 1.8 / 4
    assert page.audio == sent[RATE_HZ * 18 // 10 // 4 * 2 :]
    page.report(last, len(sent) // 2, is_final=True)
    await wait_until_async(lambda: turn.heard_sample_count == turn.sample_count, what="its end")
    assert not turn.was_interrupted
    # The page knows replies by their numbers.
    page.say("text", text="two")
    assert (await page.wait("audio", lambda audio: audio["session"] == 2))["reply"] == reply + 1


async def test_a_reply_of_an_earlier_process_can_be_interrupted(page_with_channel: Any) -> None:
    page = page_with_channel([tone(1.8), "Two."])
    turn = await sounding_reply(page)
    reply = page.all("audio")[0]["reply"]
    page.received.clear()
    await kill(page)
    audio = await page.wait("audio", lambda audio: audio["is_last"])
    await wait_until_async(lambda: page.talk.phase == "open", what="the next session")
    await page.talk.interrupt()
    assert (await page.wait("flush"))["reply"] == reply
    page.report_flush(audio, RATE_HZ)
    await wait_until_async(lambda: turn.heard_sample_count == RATE_HZ, what="the playhead")
    assert turn.was_interrupted
    assert page.talk.conversation.unheard == []


async def test_a_reply_whose_process_dies_before_its_end_is_played_as_far_as_it_came(
    page_with_channel: Any,
) -> None:
    def partner(turn: Any) -> Iterator[Any]:
        yield tone(1.0)
        threading.Event().wait(60)

    page = page_with_channel(partner)
    page.hello()
    page.say("text", text="one")
    audio = await page.wait("audio")
    page.report(audio, RATE_HZ // 2)
    turns = page.talk.conversation.turns
    await wait_until_async(lambda: turns[-1].sample_count >= RATE_HZ // 2, what="the reply")
    await kill(page)
    last = await page.wait("audio", lambda audio: audio["is_last"])
    turn = turns.assistant[0]
    page.report(last, turn.sample_count, is_final=True)
    await wait_until_async(lambda: turn.heard_sample_count == turn.sample_count, what="its end")
    assert turn.was_interrupted
    assert page.talk.conversation.unheard == []


@pytest.mark.parametrize("rate_hz", [24_000, 22_050, 32_000])
async def test_what_a_page_plays_when_no_other_process_follows_is_counted(
    page_with_channel: Any, rate_hz: int
) -> None:
    page = page_with_channel([tone(1.8)], sample_rate=rate_hz)
    turn = await sounding_reply(page)
    total = len(page.audio) // 2
    for _ in range(3):
        await kill(page)
        await wait_until_async(lambda: page.talk.phase == "open", what="the next session")
    await kill(page)
    assert page.talk.process_id is None
    # The rest must not sound before a later reply.
    assert turn.was_interrupted
    assert page.talk.conversation.unheard == []
    await page.wait("flush")
    await page.wait("turn", lambda m: m["turn"]["interruption"] == "connection")
    audio = page.all("audio")[-1]
    page.report(audio, RATE_HZ)
    await wait_until_async(lambda: turn.heard_sample_count == rate_hz, what="the playhead")
    page.report(audio, total, is_final=True)
    await wait_until_async(lambda: turn.heard_sample_count == turn.sample_count, what="its end")


@pytest.mark.parametrize("is_open", [True, False])
async def test_what_is_played_once_more_is_over_when_the_process_dies(
    page_with_channel: Any, is_open: bool
) -> None:
    page = page_with_channel([tone(0.5), "Two."])
    turn = await page.hear_a_reply(is_open)
    page.say("replay", turn_id=turn.turn_id)
    state = await page.wait("state", lambda state: state["replay"])
    await page.wait("audio")
    await kill(page)
    flush = await page.wait("flush")
    assert (flush["epoch"], flush["reply"]) == (state["epoch"] + 1, state["replay"])
    await page.wait("state", lambda now: now["replay"] is None and now["epoch"] == flush["epoch"])
    page.say("text", text="two")
    audio = await page.wait("audio", lambda audio: audio["session"] == 2)
    assert (audio["reply"], audio["epoch"]) == (state["replay"] + 1, flush["epoch"])


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
    page.talk.supervisor._process.close()
    await client.wait_closed()
    assert client.close_code == KERNEL_GONE


async def test_a_kernel_that_closes_the_talk_is_not_gone(page_with_channel: Any) -> None:
    page = page_with_channel("parrot")
    page.hello(origin=ORIGIN)
    client = await opened(page)
    await page.talk.close()
    await client.wait_closed()
    assert client.close_code != KERNEL_GONE
