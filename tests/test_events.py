"""Events have one public module, which lists them and nothing else."""

from __future__ import annotations

from grok_live_widget import events


def test_only_what_is_defined_with_the_events_is_listed() -> None:
    homes = {getattr(getattr(events, name), "__module__", None) for name in dir(events)}
    assert homes <= {"grok_live_widget.protocol.events", "typing", "types", None}
    assert {"SpeechStarted", "ClientEvent", "Role", "PCM_RATE_HZ"} <= set(dir(events))
    assert {"Any", "Mapping", "Checked", "unknown_name"}.isdisjoint(dir(events))
