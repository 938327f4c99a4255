"""The voices that are known, and what they sound like in the rehearsal."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from grok_live_widget import Talk, voices
from grok_live_widget.audio import SAMPLE_RATE_HZ, level_dbfs, pitch
from grok_live_widget.client.known_voices import Voices
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.protocol import LIVE, REALTIME
from grok_live_widget.rehearsal import VOICES, speak


def test_the_voices_of_both_dialects_are_known() -> None:
    known = voices()
    assert list(known) == [*LIVE.voices, *REALTIME.voices]
    nova, eve, luna = known["nova"], known["eve"], known["luna"]
    assert (nova.character, nova.dialects, nova.instead) == ("bright, energetic", ("live",), "eve")
    assert (eve.character, eve.dialects, eve.instead) == ("", ("realtime",), "")
    assert nova.rehearsal == "American, female, about 201 Hz"
    assert luna.rehearsal == ""
    assert {voice.name for voice in known.values() if voice.rehearsal} == set(VOICES)


def test_an_unknown_voice_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"no voice 'nowa' is known.*'nova'.*custom"):
        voices()["nowa"]
    assert "nowa" not in voices()
    assert (voices().get("nowa"), voices().get("nova")) == (None, voices()["nova"])


def test_voices_are_shown_as_a_list_and_as_a_table() -> None:
    shown = repr(voices()).splitlines()
    assert shown[0] == "32 voices"
    assert " ".join(shown[5].split()) == (
        "nova bright, energetic live (realtime: eve) American, female, about 201 Hz"
    )
    table = voices()._repr_html_()
    assert table.count("<tr>") == 33
    cells = re.findall("<td[^>]*>([^<]*)</td>", table)
    assert cells[cells.index("nova") + 1] == "bright, energetic"


def test_voices_are_a_pandas_table_with_one_row_each() -> None:
    frame = voices().to_frame()
    assert list(frame.columns) == ["name", "character", "dialects", "instead", "rehearsal"]
    assert list(frame["name"]) == list(voices())
    assert frame.set_index("name").loc["nova"].tolist() == [
        "bright, energetic", "live", "eve", "American, female, about 201 Hz"
    ]  # fmt: skip
    assert list(Voices({}).to_frame().columns) == list(frame.columns)


def test_without_pandas_the_table_of_voices_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'grok-live-widget\[pandas\]'"):
        voices().to_frame()


def test_a_voice_plays_a_sentence_in_the_notebook() -> None:
    shown = voices()["nova"].play("Hello there.")
    pcm = np.concatenate([spoken.pcm for spoken in speak("Hello there.", "nova")])
    # The noise of consonants is another one each time.
    assert (len(shown.data) - 44) / 2 == pytest.approx(len(pcm), rel=0.02)


def test_a_voice_speaks_a_question_as_an_array() -> None:
    pcm = voices()["echo"].speak("Please count to five.")
    assert (pcm.dtype, pcm.ndim) == (np.int16, 1)
    assert 0.8 < len(pcm) / SAMPLE_RATE_HZ < 3
    assert voices()["echo"].speak("").shape == (0,)
    with Talk(partner="parrot") as talk:
        reply = talk.ask(pcm, SAMPLE_RATE_HZ)
    assert abs(level_dbfs(reply.pcm) - level_dbfs(pcm)) < 3, "the same sound, with some silence"


SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank."


@pytest.mark.parametrize("name", ["onyx", "nova", "shimmer"])
def test_the_pitch_that_is_told_of_a_voice_is_its_own(name: str) -> None:
    pcm = np.concatenate([spoken.pcm for spoken in speak(SENTENCE, name)])
    f0_hz = np.nanmedian(pitch(pcm, 24_000).f0_hz)
    assert f0_hz == pytest.approx(VOICES[name].f0_hz, rel=0.1)
