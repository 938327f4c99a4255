"""The key is found in written lines, whatever its characters, and removed."""

from __future__ import annotations

import pytest

from grok_live_widget.recording.event_json import encoded
from grok_live_widget.recording.redact import Redactor


@pytest.mark.parametrize(
    "key", ["xai-secret", 'with "quotes" and \\', "größer als sonst", "tab\tin it"]
)
def test_a_key_is_found_in_a_line_whatever_its_encoding(key: str) -> None:
    redactor = Redactor(lambda: (key, "another secret"))
    assert redactor.is_in(encoded({"text": f"my key is {key}, keep it"}))
    assert not redactor.is_in(encoded({"text": "my key is elsewhere"}))
    assert redactor(f"it is {key}!") == "it is (key)!"
    assert redactor.is_in(encoded({"text": "another secret"}))
    assert redactor(f"another secret, {key}") == "(key), (key)"


@pytest.mark.parametrize("key", ["", "short"])
def test_short_keys_are_not_redacted(key: str) -> None:
    redactor = Redactor(lambda: (key,))
    assert not redactor.is_in(encoded({"text": "short and sweet"}))
    assert redactor("short and sweet") == "short and sweet"
