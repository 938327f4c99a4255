"""Talks that wait for less than people do."""

from __future__ import annotations

from typing import Any

from grok_live_widget import Talk
from grok_live_widget.client.credentials import wrap_secret
from grok_live_widget.client.timeouts import Timeouts


class TimedTalk(Talk):
    """A `Talk` with time limits of the test's choice."""

    def __init__(self, timeouts: Timeouts, *, api_key: str | None = None, **settings: Any) -> None:
        self._begin(wrap_secret(api_key), settings, timeouts)
