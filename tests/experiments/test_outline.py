"""The outline: equal for the same design, different for another, and without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grok_live_widget import ServerVad
from grok_live_widget.experiments import Interruption, add_noise
from grok_live_widget.experiments.design import design_of
from grok_live_widget.experiments.outline import Outline

from ..support.sound import RATE_HZ, tone

USUAL: dict[str, Any] = {
    "prompts": {"text": "hello", "sound": (tone(), RATE_HZ)},
    "voices": ["nova", "onyx"],
    "settings": {"low": {"turn_detection": ServerVad(threshold=0.2)}, "high": {}},
    "common": {"instructions": "Be brief."},
    "repeats": 2,
    "pace": "fast",
}


def outline(**changes: Any) -> Outline:
    given = USUAL | changes
    return Outline.of(
        design_of(
            given["prompts"],
            given["voices"],
            given["settings"],
            given["common"],
            repeats=given["repeats"],
            pace=given["pace"],
            timeout_s=given.get("timeout_s", 60),
        )
    )


def test_an_outline_is_read_again_as_it_was_written() -> None:
    made = outline()
    read = Outline.from_json(json.loads(json.dumps(made.to_json())))
    assert made.changes(read) == read.changes(made) == []
    assert (len(read), str(read)) == (16, "2 prompts × 2 voices × 2 settings × 2 repeats")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"timeout_s": 5}, []),
        ({"prompts": {"text": "hello!", "sound": (tone(), RATE_HZ)}}, ["prompts"]),
        ({"prompts": {"text": "hello", "sound": (tone(), 16_000)}}, ["prompts"]),
        (
            {"prompts": {"text": "hello", "sound": (add_noise(tone(), RATE_HZ, 60), RATE_HZ)}},
            ["prompts"],
        ),
        ({"prompts": {"sound": (tone(), RATE_HZ), "text": "hello"}}, ["prompts"]),
        (
            {"prompts": {"text": "hello", "sound": Interruption("x", (tone(), RATE_HZ), 1)}},
            ["prompts"],
        ),
        ({"voices": ["onyx", "nova"], "repeats": 3}, ["voices", "repeats"]),
        ({"settings": {"low": {"turn_detection": ServerVad(threshold=0.3)}, "high": {}}},
         ["settings"]),
        ({"common": {"instructions": "Be long."}, "pace": "realtime"}, ["common", "pace"]),
    ],
)  # fmt: skip
def test_another_design_is_told_by_the_parts_that_differ(changes: Any, names: list[str]) -> None:
    assert outline().changes(outline(**changes)) == names


def test_settings_are_the_same_in_whichever_form_they_were_given() -> None:
    as_json = {"type": "server_vad", "threshold": 0.2}
    settings = {"low": {"turn_detection": as_json}, "high": {}}
    assert outline().changes(outline(settings=settings)) == []


def test_what_may_be_a_secret_is_in_no_outline() -> None:
    common = {"url": "wss://me:pass-word@example.test/v1/realtime?key=se-cret"}
    written = json.dumps(outline(common=common).to_json())
    assert "example.test/v1/realtime" in written
    assert "se-cret" not in written
    assert "pass-word" not in written


def test_a_function_is_named() -> None:
    def echo(turn: Any) -> str:
        return str(turn.text)

    assert outline(common={"partner": echo}).common == {"partner": {"function": "echo"}}
