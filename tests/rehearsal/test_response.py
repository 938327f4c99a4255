"""A reply cut into deltas."""

from __future__ import annotations

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioDelta,
    AudioFormat,
    ItemAdded,
    OutputItemDone,
    ResponseCreated,
    TextDelta,
    ToolCalled,
    TranscriptDelta,
    TranscriptDone,
)
from grok_live_widget.rehearsal.partner import CallTool
from grok_live_widget.rehearsal.response import DELTA_SAMPLES, Delta, Response, UserInput
from grok_live_widget.rehearsal.tts import Spoken


def deltas(response: Response, *, is_last: bool = False) -> list[Delta]:
    return list(iter(lambda: response.next_delta(is_last=is_last), None))


def events(cut: list[Delta], kind: type) -> list:
    return [event for delta in cut for event in delta.events if isinstance(event, kind)]


def ramp(sample_count: int) -> np.ndarray:
    return np.arange(sample_count, dtype=np.int16)


@pytest.mark.parametrize("piece_samples", [1, 999, DELTA_SAMPLES, 7_300])
def test_the_audio_is_cut_but_not_changed(piece_samples: int) -> None:
    response, cut, sound = Response(UserInput()), [], ramp(20_001)
    for start in range(0, sound.size, piece_samples):
        response.add(Spoken(sound[start : start + piece_samples]))
        cut += deltas(response)
    cut += deltas(response, is_last=True)
    pieces = [event.pcm for event in events(cut, AudioDelta)]
    np.testing.assert_array_equal(np.frombuffer(b"".join(pieces), "<i2"), sound)
    assert {len(piece) for piece in pieces[:-1]} == {2 * DELTA_SAMPLES}
    assert response.sent_count == sound.size


def test_words_follow_the_audio_that_carries_them() -> None:
    response = Response(UserInput())
    response.add(Spoken(ramp(DELTA_SAMPLES - 1), "one "))
    assert deltas(response) == []
    response.add(Spoken(ramp(DELTA_SAMPLES), "two "))
    (first,) = deltas(response)
    assert [event.delta for event in events([first], TranscriptDelta)] == ["one ", "two "]
    kinds = [type(event) for event in first.events]
    assert kinds.index(AudioDelta) < kinds.index(TranscriptDelta)
    assert events([first], TranscriptDelta)[1].start_time_s == round(3_599 / 24_000, 3)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 48_000])
def test_at_another_rate_words_stand_at_the_same_time_and_no_audio_is_lost(rate_hz: int) -> None:
    response, cut = Response(UserInput(), audio_format=AudioFormat(sample_rate=rate_hz)), []
    for word in ("one ", "two ", "three"):
        response.add(Spoken(ramp(12_000), word))
        cut += deltas(response)
    cut += deltas(response, is_last=True)
    starts_s = [event.start_time_s for event in events(cut, TranscriptDelta)]
    assert starts_s == pytest.approx([0, 0.5, 1], abs=0.001)
    assert response.sent_s == pytest.approx(1.5, abs=1 / rate_hz)
    assert sum(delta.duration_s for delta in cut) == pytest.approx(response.sent_s)
    lengths_s = [len(event.pcm) / 2 / rate_hz for event in events(cut, AudioDelta)]
    assert lengths_s[:-1] == pytest.approx([0.15] * (len(lengths_s) - 1), abs=0.001)


def test_audio_of_the_response_s_own_rate_is_not_changed() -> None:
    response, sound = Response(UserInput(), audio_format=AudioFormat(encoding="pcma")), ramp(5_000)
    response.add(Spoken(ramp(2_400)))
    response.add(Spoken(sound, sample_rate=8_000))
    pieces = [event.pcm for event in events(deltas(response, is_last=True), AudioDelta)]
    sent = np.frombuffer(b"".join(pieces), "<i2")
    assert sent.size == 800 + 5_000
    np.testing.assert_array_equal(sent[800:], sound)


def test_words_after_the_last_audio_are_sent_at_the_end() -> None:
    response = Response(UserInput())
    response.add(Spoken(ramp(10), "sound"))
    response.add(Spoken(ramp(0), " and none"))
    deltas(response, is_last=True)
    assert response.text == "sound and none"


def test_text_without_audio_is_sent_as_text() -> None:
    response = Response(UserInput())
    response.add(Spoken(ramp(0), "only text"))
    cut = deltas(response)
    assert [event.delta for event in events(cut, TextDelta)] == ["only text"]
    assert "TextDone" in [type(event).__name__ for event in response.end()]


def test_the_item_is_announced_once_before_its_first_delta() -> None:
    response = Response(UserInput(), previous_item_id="before")
    response.add(Spoken(ramp(3 * DELTA_SAMPLES)))
    cut = deltas(response)
    (added,) = events(cut, ItemAdded)
    assert added.previous_item_id == "before"
    assert [type(event).__name__ for event in cut[0].events] == [
        "OutputItemAdded",
        "ItemAdded",
        "ContentPartAdded",
        "AudioDelta",
    ]


def test_the_text_up_to_a_sample_is_known() -> None:
    response = Response(UserInput())
    for word in ("one ", "two ", "three"):
        response.add(Spoken(ramp(1_000), word))
    deltas(response, is_last=True)
    assert [response.text_until(at) for at in (0, 1, 1_000, 1_001, 99_999)] == [
        "",
        "one",
        "one",
        "one two",
        "one two three",
    ]


def test_a_response_that_says_nothing_has_no_item() -> None:
    response = Response(UserInput(), metadata={"a": "b"})
    assert response.begin() == [ResponseCreated(response.response_id, {"a": "b"})]
    assert deltas(response, is_last=True) == []
    assert response.end() == []


def test_a_tool_is_called_after_the_words_in_the_recorded_order() -> None:
    response = Response(UserInput())
    response.add(Spoken(ramp(10), "One moment."))
    deltas(response, is_last=True)
    response.call(CallTool("look", {"where": "up"}))
    ended = response.end()
    assert [type(event).__name__ for event in ended] == [
        "TranscriptDone",
        "ContentPartDone",
        "AudioDone",
        "OutputItemDone",
        "OutputItemAdded",
        "ItemAdded",
        "ToolArgumentsDelta",
        "ToolCalled",
        "OutputItemDone",
    ]
    (called,) = [event for event in ended if isinstance(event, ToolCalled)]
    assert (called.name, called.arguments) == ("look", '{"where":"up"}')
    roles = [event.item.role for event in ended if hasattr(event, "item")]
    assert roles == ["assistant", "user", "tool", "user"]


def test_the_end_tells_the_whole_transcript() -> None:
    response = Response(UserInput())
    response.add(Spoken(ramp(10), "One "))
    response.add(Spoken(ramp(10), "two."))
    deltas(response, is_last=True)
    done = response.end()
    assert isinstance(done[0], TranscriptDone)
    assert done[0].transcript == "One two."
    assert isinstance(done[-1], OutputItemDone)
    assert done[-1].item.status == "completed"


def test_its_output_is_the_message_and_the_calls_in_full() -> None:
    response = Response(UserInput())
    response.add(Spoken(ramp(10), "One moment."))
    deltas(response, is_last=True)
    response.call(CallTool("look", {"where": "up"}))
    (*_, called) = response.end()
    message, call = response.output()
    assert (message.status, message.part, message.text) == ("completed", "audio", "One moment.")
    assert message.item_id == response.item_id
    assert call == called.item
    assert (call.status, call.text) == ("completed", '{"where":"up"}')


def test_the_message_of_a_response_that_was_cut_short_is_incomplete() -> None:
    response = Response(UserInput())
    assert response.output() == ()
    response.add(Spoken(ramp(DELTA_SAMPLES), "One "))
    response.add(Spoken(ramp(DELTA_SAMPLES), "two."))
    response.next_delta()
    (message,) = response.output()
    assert (message.status, message.text) == ("incomplete", "One ")
