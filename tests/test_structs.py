"""What every event is made of."""

from __future__ import annotations

from grok_live_widget._structs import shown_fields, with_event_id
from grok_live_widget.events import AppendAudio, CommitAudio, Item, ToolOffer, TranscriptDelta


def test_audio_and_what_may_hold_a_secret_are_not_shown() -> None:
    assert [field.name for field in shown_fields(AppendAudio)] == ["event_id"]
    assert "parameters" not in {field.name for field in shown_fields(ToolOffer)}
    assert "sound" not in {field.name for field in shown_fields(Item)}
    assert repr(ToolOffer(name="add")) == "ToolOffer(kind='function', name='add', description='')"


def test_an_event_is_named_without_becoming_another() -> None:
    event = TranscriptDelta(delta="a")
    assert with_event_id(event, "7") is event
    assert event.event_id == "7"
    assert event == TranscriptDelta(delta="a")


def test_an_event_equals_nothing_of_another_kind() -> None:
    assert CommitAudio() != CommitAudio
    assert AppendAudio(b"") != CommitAudio()
    assert CommitAudio() == CommitAudio()
