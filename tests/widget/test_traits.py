"""The traits that other widgets are linked with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest
import traitlets

from grok_live_widget import GrokLive, PushToTalk, ServerVad, events
from grok_live_widget.exceptions import ConfigurationError

from ..support.waiting import wait_until


@pytest.fixture
def live() -> Iterator[GrokLive]:
    with GrokLive(partner="parrot") as live:
        yield live


def _detection(live: GrokLive) -> tuple[float, int]:
    detection = live.settings.turn_detection
    assert isinstance(detection, ServerVad)
    return detection.threshold, detection.silence_duration_ms


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("volume", 1.5, "volume must be a number from 0 to 1, not 1.5."),
        ("volume", "loud", "volume must be a number from 0 to 1, not 'loud'."),
        ("volume", float("nan"), "volume must be a number from 0 to 1, not nan."),
        ("muted", "yes", "muted must be one of True, False, not 'yes'."),
        ("half_duplex", None, "half_duplex must be one of True, False, not None."),
        ("threshold", 1, "threshold must be a number from 0.1 to 0.9, not 1."),
        ("silence_duration_ms", 0.5, "silence_duration_ms must be a whole number from 0 to 10000"),
    ],
)
def test_a_bad_value_is_refused_with_one_sentence(
    live: GrokLive, name: str, value: object, sentence: str
) -> None:
    before = getattr(live, name)
    with pytest.raises(ConfigurationError) as caught:
        setattr(live, name, value)
    assert str(caught.value).startswith(sentence)
    assert getattr(live, name) == before


def test_half_duplex_is_an_argument_too() -> None:
    with GrokLive(partner="parrot", half_duplex=True) as live:
        assert live.half_duplex is True
    with pytest.raises(ConfigurationError, match="half_duplex must be one of True, False"):
        GrokLive(partner="parrot", half_duplex="yes")  # type: ignore[arg-type]


def test_a_linked_slider_follows_and_sets_the_volume(live: GrokLive) -> None:
    slider = ipywidgets.FloatSlider(value=0.25, max=1)
    ipywidgets.link((slider, "value"), (live, "volume"))
    assert live.volume == 0.25
    live.volume = 1
    assert slider.value == 1.0


def test_what_a_page_sets_reaches_functions_that_observe(live: GrokLive) -> None:
    seen: list[Any] = []
    live.observe(lambda change: seen.append(change["new"]), "muted")
    live.set_state({"muted": True})
    assert (live.muted, seen) == (True, [True])


def test_the_phase_is_that_of_the_talk_and_is_observed_on_the_callers_thread(
    live: GrokLive,
) -> None:
    seen: list[Any] = []
    live.observe(lambda c: seen.append((c["new"], threading.current_thread())), "phase")
    assert live.phase == "closed"
    live.start()
    assert live.phase == live.get_state()["phase"] == "open"
    assert seen[-1] == ("open", threading.main_thread())
    live.stop()
    assert seen[-1] == ("closed", threading.main_thread())
    with pytest.raises(traitlets.TraitError, match="read-only"):
        live.phase = "open"


def test_the_turn_detection_of_the_constructor_and_of_update_is_shown() -> None:
    with GrokLive(partner="parrot", turn_detection=ServerVad(threshold=0.8)) as live:
        seen: list[Any] = []
        live.observe(lambda change: seen.append(change["new"]), "silence_duration_ms")
        assert (live.threshold, live.silence_duration_ms) == (0.8, 500)
        live.update(turn_detection=ServerVad(silence_duration_ms=900))
        assert (live.threshold, live.silence_duration_ms, seen) == (0.5, 900, [900])
        assert _detection(live) == (0.5, 900)


async def test_an_awaited_update_is_shown_too(live: GrokLive) -> None:
    await live.update_async(turn_detection=ServerVad(threshold=0.3))
    assert live.threshold == 0.3


def test_a_set_trait_updates_the_running_session_and_keeps_the_other_settings(
    live: GrokLive,
) -> None:
    live.update(turn_detection=ServerVad(prefix_padding_ms=100))
    live.start()
    sent: list[Any] = []
    live.add_listener(lambda event, turns, now_s: sent.append(event))
    live.threshold = 0.7
    live.silence_duration_ms = 800
    assert (live.threshold, live.silence_duration_ms) == (0.7, 800)
    wait_until(lambda: _detection(live) == (0.7, 800))
    expected = ServerVad(threshold=0.7, silence_duration_ms=800, prefix_padding_ms=100)
    assert live.settings.turn_detection == expected
    updates = [event for event in sent if isinstance(event, events.UpdateSession)]
    assert updates[-1].turn_detection == expected


def test_of_a_slider_that_moves_the_last_value_holds(live: GrokLive) -> None:
    live.start()
    seen: list[float] = []
    live.observe(lambda change: seen.append(change["new"]), "threshold")
    moved = [round(0.2 + at / 100, 2) for at in range(40)] + [0.5]
    for value in moved:
        live.threshold = value
    wait_until(lambda: not live._is_updating)
    live.start()
    assert (live.threshold, _detection(live)[0]) == (0.5, 0.5)
    # It never jumped back.
    assert seen == moved


def test_with_push_to_talk_a_note_says_why_and_the_trait_goes_back(live: GrokLive) -> None:
    live.update(turn_detection=PushToTalk())
    live.threshold = 0.3
    wait_until(lambda: not live._is_updating and bool(live.notes))
    live.start()
    assert live.threshold == 0.5
    (note,) = live.notes
    assert note.text == (
        "With push-to-talk nothing is detected, so that threshold has no effect. "
        "Use update(turn_detection=ServerVad(threshold=0.3))."
    )


def test_of_a_closed_talk_a_trait_goes_back(live: GrokLive) -> None:
    live.close()
    live.threshold = 0.3
    wait_until(lambda: not live._is_updating and bool(live.notes))
    assert "the talk is closed" in live.notes[-1].text.lower()
    live._show()
    assert live.threshold == 0.5


def test_a_function_that_fails_does_not_end_a_question(
    live: GrokLive, caplog: pytest.LogCaptureFixture
) -> None:
    live.observe(lambda change: 1 / 0, "phase")
    assert live.ask("hello").text == "hello"
    assert "ZeroDivisionError" in caplog.text
    assert "observes a trait" in caplog.text
