"""A dialect is known by its name, and by the path of a URL."""

from __future__ import annotations

import pytest

from grok_live_widget.protocol.dialects import DIALECTS, LIVE, REALTIME, Dialect, dialect_from_url


def test_each_dialect_is_listed_under_its_name() -> None:
    assert DIALECTS == {"live": LIVE, "realtime": REALTIME}
    assert all(dialect.path == f"/v1/{name}" for name, dialect in DIALECTS.items())


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("wss://api.x.ai/v1/live", LIVE),
        ("wss://api.x.ai/v1/live/", LIVE),
        ("ws://127.0.0.1:80/live?model=x#y", LIVE),
        ("wss://api.x.ai/v1/realtime", REALTIME),
        ("wss://api.x.ai/v1/realtime?next=/live", REALTIME),
        ("wss://api.x.ai/v1/realtime#/live", REALTIME),
        ("wss://live", REALTIME),
        ("wss://api.x.ai/alive", REALTIME),
        ("wss://host/v1/live/talk", REALTIME),
    ],
)
def test_the_path_tells_the_dialect(url: str, dialect: Dialect) -> None:
    assert dialect_from_url(url) is dialect
