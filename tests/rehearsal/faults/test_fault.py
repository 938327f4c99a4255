"""What no fault can be, refused when it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget.events import CreateItem, SessionCreated, SpeechStarted
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.faults import (
    Close,
    Drop,
    Garbage,
    Late,
    Omit,
    Refuse,
    Reorder,
    Report,
    Tail,
    Trickle,
    fault_from,
)


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: fault_from("explode"), "no fault 'explode'.*drop"),
        (lambda: fault_from("close:soon"), "no number"),
        (lambda: fault_from("burst:3"), "takes no value"),
        (lambda: fault_from("drop:nowhere"), "at='nowhere'"),
        (lambda: Drop(at=CreateItem), "at="),
        (lambda: Drop(at=str), "at="),
        (lambda: Drop(nth=0), "nth=0"),
        (lambda: Drop(times=0), "times=0"),
        (lambda: Close(1006), "code=1006"),
        (lambda: Close(999), "code=999"),
        (lambda: Close(1011, "x" * 124), "reason="),
        (lambda: Refuse(200), "status=200"),
        (lambda: Garbage("noise"), "kind='noise'"),  # type: ignore[arg-type]
        (lambda: Garbage("no-base64", at=SpeechStarted), "at="),
        (lambda: Omit(""), "names=''"),
        (lambda: Late(0), "delay_s=0"),
        (lambda: Trickle(float("inf")), "delay_s=inf"),
        (lambda: Trickle(piece_bytes=3), "piece_bytes=3"),
        (lambda: Reorder(0), "by=0"),
        (lambda: Tail(0), "piece_count=0"),
        (lambda: Report(close_code=1005), "code=1005"),
        (lambda: RehearsalServer("parrot", faults="drop"), "no list"),  # type: ignore[arg-type]
        (lambda: RehearsalServer("parrot", faults=["explode"]), "no fault"),
    ],
)
def test_what_cannot_go_wrong_is_refused_before_a_port_is_opened(make: Any, part: str) -> None:
    with pytest.raises(ConfigurationError, match=part):
        make()


def test_a_place_is_the_same_by_its_class_and_by_its_wire_type() -> None:
    assert Drop(at=SessionCreated).wire_types == Drop(at="session.created").wire_types
