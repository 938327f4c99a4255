"""What a page is told of a talk as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import RehearsalServer
from grok_live_widget.rehearsal import Script, Step
from grok_live_widget.settings import Prices
from grok_live_widget.widget.page_state import _name_of_partner

from ..support.sound import tone


@pytest.mark.parametrize(
    ("partner", "name"),
    [
        ("parrot", "parrot"),
        (Path("lessons/cafe.yaml"), "cafe.yaml"),
        (Script([Step("Hello.")], title="Greeting"), "Greeting"),
        (["Hello."], ""),
        (str.title, ""),
    ],
)
def test_the_panel_shows_a_name_of_the_partner(partner: Any, name: str) -> None:
    assert _name_of_partner(partner) == name


async def test_what_the_talk_has_used_is_part_of_its_state(page_of: Any) -> None:
    page = page_of(lambda turn: tone(0.3))
    await page.hear_a_reply()
    usage = page.talk.usage
    page.hello()
    snapshot = await page.wait("snapshot")
    assert snapshot["used_minutes"] == pytest.approx(usage.minutes, abs=0.06)
    assert snapshot["cost_dollars"] == 0


async def test_a_rehearsal_costs_nothing_also_at_an_address_with_a_key(page_of: Any) -> None:
    with RehearsalServer(lambda turn: tone(0.3)) as server:
        prices = Prices(per_minute=1e6)
        page = page_of(None, url=server.url("realtime"), api_key="rehearsal", prices=prices)
        await page.hear_a_reply()
        page.hello()
        snapshot = await page.wait("snapshot")
        assert (snapshot["server_name"], snapshot["cost_dollars"]) == ("Rehearsal", 0)
