"""What Python knows of the page's loudspeaker."""

from __future__ import annotations

from typing import Any

from grok_live_widget import LoudspeakerStatus
from grok_live_widget.widget.loudspeaker import Loudspeakers
from grok_live_widget.widget.messages import decode

PLAYHEAD = {"session": 1, "epoch": 0, "reply": 1, "sample_count": 2_400}


def _said(kind: str, page: str = "a", **fields: Any) -> Any:
    message = decode({"type": kind, "page": page, **fields})
    assert message is not None
    return message


def test_nothing_is_known_before_a_page_has_played_something() -> None:
    loudspeakers = Loudspeakers()
    assert loudspeakers.of("") == LoudspeakerStatus()
    assert repr(LoudspeakerStatus()) == "LoudspeakerStatus(state='none')"
    loudspeakers.follow_playhead(_said("playhead", **PLAYHEAD | {"sample_count": 0}))
    assert loudspeakers.of("a").state == "none"


def test_a_page_that_plays_has_a_loudspeaker_and_counts_what_was_lost() -> None:
    loudspeakers = Loudspeakers()
    counts = {"underrun_count": 2, "lost_sample_count": 12_000}
    loudspeakers.follow_playhead(_said("playhead", **PLAYHEAD | counts))
    status = loudspeakers.of("a")
    assert status == LoudspeakerStatus(state="ok", lost_s=0.5, underrun_count=2)
    assert repr(status) == "LoudspeakerStatus(state='ok', lost_s=0.5, underrun_count=2)"
    assert loudspeakers.of("b") == LoudspeakerStatus()


def test_one_that_waits_for_a_click_says_so_until_the_page_says_that_it_plays() -> None:
    loudspeakers = Loudspeakers()
    paused = _said("loudspeaker_state", state="waiting", reason="paused")
    loudspeakers.follow(paused, "Grok")
    # A report from before the pause may arrive after it.
    loudspeakers.follow_playhead(_said("playhead", **PLAYHEAD))
    text = "The browser has paused the sound of this page: "
    text += "nothing is heard or played until you resume it."
    assert loudspeakers.of("a") == LoudspeakerStatus(state="waiting", text=text)
    click = _said("loudspeaker_state", state="waiting", reason="click")
    loudspeakers.follow(click, "Grok")
    text = "Grok has answered. The browser wants a click before it plays sound."
    assert loudspeakers.of("a").text == text
    loudspeakers.follow(_said("loudspeaker_state", state="ok"), "Grok")
    assert loudspeakers.of("a") == LoudspeakerStatus(state="ok")


def test_a_page_that_is_gone_has_none() -> None:
    loudspeakers = Loudspeakers()
    failed = _said("loudspeaker_state", state="failed", reason="no worklets")
    loudspeakers.follow(failed, "Grok", is_secure=False)
    text = loudspeakers.of("a").text
    assert text.startswith("Grok’s voice cannot be played here: no worklets.")
    assert "Open the notebook over https" in text
    loudspeakers.leave("a")
    loudspeakers.leave("a")
    assert loudspeakers.of("a").state == "none"
