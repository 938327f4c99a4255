"""What every event is made of."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from grok_live_widget import (
    AudioFormat,
    Budget,
    FileSearch,
    GrokLive,
    Latency,
    Mcp,
    PushToTalk,
    RehearsalServer,
    ServerVad,
    Settings,
    Talk,
    Transcription,
    Turns,
    Usage,
    WebSearch,
    XSearch,
    compare,
    connect,
    plots,
    tool,
)
from grok_live_widget._structs import (
    Checked,
    Value,
    names_checked,
    shown_fields,
    with_event_id,
)
from grok_live_widget.audio import mfcc
from grok_live_widget.events import AppendAudio, CommitAudio, Item, ToolOffer, TranscriptDelta
from grok_live_widget.exceptions import ArgumentError, GrokLiveError
from grok_live_widget.rehearsal import CallTool, faults


def test_audio_and_what_may_hold_a_secret_are_not_shown() -> None:
    assert [field.name for field in shown_fields(AppendAudio)] == ["event_id"]
    assert "parameters" not in {field.name for field in shown_fields(ToolOffer)}
    assert "sound" not in {field.name for field in shown_fields(Item)}
    assert repr(ToolOffer(name="add")) == "ToolOffer(kind='function', name='add', description='')"


def test_times_and_amounts_are_shown_without_the_digits_of_binary_fractions() -> None:
    shown = Latency(decided_ms=500.0009999999997, queue_ms=0.1 + 0.2, tool_ms=None)
    assert "decided_ms=500.001, " in repr(shown)
    assert "tool_ms=None, approval_ms=None, queue_ms=0.3, " in repr(shown)
    usage = Usage(dollars=0.1 + 0.2, sent_s=123.00000000000001)
    assert "dollars=0.3, sent_s=123.0, " in repr(usage)
    assert repr(ServerVad(threshold=1 / 3)).startswith(f"ServerVad(threshold={1 / 3}, ")


def test_an_event_is_named_without_becoming_another() -> None:
    event = TranscriptDelta(delta="a")
    assert with_event_id(event, "7") is event
    assert event.event_id == "7"
    assert event == TranscriptDelta(delta="a")


def test_an_event_equals_nothing_of_another_kind() -> None:
    assert CommitAudio() != CommitAudio
    assert AppendAudio(b"") != CommitAudio()
    assert CommitAudio() == CommitAudio()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ServerVad(treshold=0.3), "has no argument 'treshold'. Did you mean 'threshold'?"),
        (lambda: PushToTalk(x=1), "PushToTalk() has no argument 'x'. It has none."),
        (lambda: Transcription(languag_hint="x"), "Did you mean 'language_hint'?"),
        (lambda: AudioFormat(encodin="pcm"), "Did you mean 'encoding'?"),
        (lambda: Budget(minute=3), "Did you mean 'minutes'?"),
        (lambda: RehearsalServer(prt=3), "has no argument 'prt'. Did you mean 'port'?"),
        (lambda: WebSearch(allowed_domain=["x"]), "Did you mean 'allowed_domains'?"),
        (lambda: XSearch(from_dat="2026-01-31"), "Did you mean 'from_date'?"),
        (lambda: FileSearch(vector_store_id=["x"]), "Did you mean 'vector_store_ids'?"),
        (lambda: Mcp(header={}), "Mcp() has no argument 'header'. Did you mean 'headers'?"),
        (lambda: Mcp(server_url="https://x"), "Mcp() needs the argument 'server_label'."),
        (lambda: Settings(voise="x"), "Settings() has no argument 'voise'. Did you mean 'voice'?"),
        (lambda: WebSearch(["x"]), "by their names: allowed_domains"),
        (lambda: CallTool("x", args={}), "CallTool() has no argument 'args'."),
        (lambda: CallTool(), "CallTool() needs the argument 'name'."),
        (lambda: CallTool("x", {}, "id"), "CallTool() takes no such arguments."),
        (lambda: faults.Drop(when=3), "Drop() has no argument 'when'. Arguments are: nth, times"),
        (lambda: tool(timeout=3), "tool() has no argument 'timeout'. Did you mean 'timeout_s'?"),
    ],
)
def test_a_misspelt_argument_is_named_with_the_nearest_one(make: Any, says: str) -> None:
    with pytest.raises(TypeError, match=re.escape(says)) as caught:
        make()
    assert isinstance(caught.value, GrokLiveError)


def test_keywords_that_are_passed_on_are_those_of_the_function_that_takes_them() -> None:
    says = r"mel_spectrogram\(\) has no argument 'nfft'. Did you mean 'n_fft'"
    wrong: Any = {"nfft": 512}
    with pytest.raises(TypeError, match=says):
        mfcc(np.ones(1000), 24_000, **wrong)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: plots.waveform([0.1], 24_000),
            "waveform() takes at most 1 of its arguments without a name, not 2. "
            "Give the others by name, such as sample_rate=…; names are: sample_rate, ax.",
        ),
        (lambda: plots.latency([], None), "such as ax=…; names are: ax, legend."),
        (
            lambda: plots.live([], "level", 3),
            "live() takes at most 2 of its arguments",
        ),
        (
            lambda: Talk("nova"),
            "Talk() takes none of its arguments without a name, not 1",
        ),
        (
            lambda: GrokLive("nova"),
            "by name, such as voice=…; names are: api_key, keep_in_notebook, half_duplex, ",
        ),
        (
            lambda: connect("nova"),
            "connect() takes none of its",
        ),
        (lambda: compare("Hello.", ["nova"]), "such as voices=…; names are: voices, settings"),
        (lambda: RehearsalServer("parrot", "::1"), "such as host=…; names are: host, port"),
        (
            lambda: tool(print, "out"),
            "tool() takes at most 1 of its arguments",
        ),
        (lambda: Turns().audio(0, 1, "user", 3), "not 4. Leave out the others."),
        (
            lambda: Talk(partner="parrot").send_audio(np.zeros(3)),
            "send_audio() needs the argument 'sample_rate'. Arguments are: x, sample_rate, ",
        ),
        (
            lambda: Talk(partner="parrot").ask("one", question="two"),  # type: ignore[misc]
            "ask() got the argument 'question' twice, with and without its name. Leave out one",
        ),
        (lambda: faults.Drop(3), "Drop() takes none of its arguments without a name, not 1"),
        (
            lambda: mfcc(),
            "mfcc() needs the argument 'samples'. Arguments are: samples, sample_rate",
        ),
    ],
)
def test_an_argument_without_the_name_that_it_needs_is_refused_with_names(
    call: Any, says: str
) -> None:
    with pytest.raises(ArgumentError, match=re.escape(says)):
        call()


def test_an_error_within_a_function_or_a_check_is_not_taken_for_a_misspelt_argument() -> None:
    @names_checked
    def add(x: int, y: Any) -> int:
        return int(x + y)

    class Even(Value, frozen=True, kw_only=True, metaclass=Checked):
        count: Any

        def __post_init__(self) -> None:
            assert self.count % 2 == 0

    for call in (lambda: add(1, y=None), lambda: Even(count=None)):
        with pytest.raises(TypeError, match="unsupported operand") as caught:
            call()
        assert not isinstance(caught.value, GrokLiveError)
