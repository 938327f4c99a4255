"""What the drawers of a panel are answered, through its bridge."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..support.sound import tone


async def test_the_axis_is_told_of_speech_and_of_the_pages_clock(
    page_of: Any, question: np.ndarray
) -> None:
    page = page_of(lambda turn: tone(0.3))
    await page.open()
    page.speak(question)
    await page.wait("speech", lambda m: not m["is_active"])
    found = await page.ask_the_axis(type="stretch", start_s=0.0, stop_s=100.0, columns=0)
    [(begin_s, end_s)] = found["speech"]
    assert 0 <= begin_s < end_s
    now_s = (page.clock_ms() - found["zero_at_ms"]) / 1000
    assert end_s <= now_s < end_s + 60
    [turn] = [turn for turn in found["turns"] if turn["role"] == "user"]
    assert turn["id"] == page.talk.conversation.turns[0].turn_id


async def test_the_inspector_is_told_the_frames_and_the_channel_with_its_reason(
    page_of: Any,
) -> None:
    page = page_of(channel="comm")
    page.hello()
    page.say("text", text="say this")
    await page.wait("turn", lambda m: m["turn"]["order"] == 1 and m["turn"]["is_complete"])
    page.say("drawer", name="inspector", content={"type": "frames", "from": 0})
    found = (await page.wait("drawer"))["content"]
    assert "response.create" in [frame["type"] for frame in found["frames"]]
    assert found["channel"]["kind"] == "comm"
    assert found["channel"]["reason"].endswith("=comm was chosen.")
    assert found["channel"]["translations"]["de"].popitem()[1].endswith("gewählt.")


async def test_a_drawer_that_is_unknown_and_what_is_no_request_are_not_answered(
    page_of: Any,
) -> None:
    page = page_of()
    page.hello()
    for name in ("cellar", "inspector", "axis", "doctor"):
        page.say("drawer", name=name, content={"type": "nothing"})
    page.say("drawer", name="inspector", content={"type": "frames", "from": 0})
    await page.wait("drawer")
    assert [message["name"] for message in page.all("drawer")] == ["inspector"]
