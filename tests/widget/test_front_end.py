"""The files of the front end."""

from __future__ import annotations

import pathlib

import pytest

from grok_live_widget import GrokLive
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.widget import front_end


def test_a_copy_that_was_not_built_says_how_to_build_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_end, "STATIC", tmp_path)
    with pytest.raises(ConfigurationError, match="make build"):
        GrokLive(partner="parrot")
