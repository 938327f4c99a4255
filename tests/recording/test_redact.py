"""Whatever the key looks like, it is found in what was written, and left out."""

from __future__ import annotations

import pytest

from grok_live_widget.recording.event_json import json_line
from grok_live_widget.recording.redact import Redactor


@pytest.mark.parametrize(
    "key", ["xai-secret", 'with "quotes" and \\', "größer als sonst", "tab\tin it"]
)
def test_a_key_is_found_in_a_line_however_it_is_spelled_there(key: str) -> None:
    hiding = Redactor(lambda: key)
    assert hiding.is_in(json_line({"text": f"my key is {key}, keep it"}))
    assert not hiding.is_in(json_line({"text": "my key is elsewhere"}))
    assert hiding(f"it is {key}!") == "it is (key)!"


@pytest.mark.parametrize("key", ["", "short"])
def test_what_is_no_key_is_not_looked_for(key: str) -> None:
    hiding = Redactor(lambda: key)
    assert not hiding.is_in(json_line({"text": "short and sweet"}))
    assert hiding("short and sweet") == "short and sweet"
