"""A dialect is known by its name, and by the path of a URL."""

from __future__ import annotations

import pytest

from grok_live_widget.events import ClearAudio, CreateItem, CreateResponse
from grok_live_widget.protocol.dialects import DIALECTS, LIVE, REALTIME, Dialect, dialect_from_url
from grok_live_widget.protocol.dialects.realtime import NEAREST_VOICE


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
def test_the_path_of_a_url_determines_the_dialect(url: str, dialect: Dialect) -> None:
    assert dialect_from_url(url) is dialect


@pytest.mark.parametrize(
    ("fact", "live", "realtime"),
    [
        ("has_responses", False, True),
        ("confirms_settings", False, True),
        ("commit_requests_response", True, False),
        ("early_close_is_auth_failure", True, False),
        ("item_kinds", {"message"}, None),
        ("undocumented", {CreateItem, CreateResponse, ClearAudio}, set()),
        ("voice_substitutes", {}, NEAREST_VOICE),
    ],
)
def test_the_dialects_differ_in_these_facts(fact: str, live: object, realtime: object) -> None:
    assert (getattr(LIVE, fact), getattr(REALTIME, fact)) == (live, realtime)


def test_events_that_are_not_documented_are_sent_all_the_same() -> None:
    for dialect in DIALECTS.values():
        assert dialect.undocumented <= {each.event for each in dialect.client_messages}
