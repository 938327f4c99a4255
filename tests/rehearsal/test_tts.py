"""Speech synthesis, and replaced pronunciations."""

from __future__ import annotations

import sys
import threading
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.exceptions import RehearsalError
from grok_live_widget.rehearsal import tts
from grok_live_widget.rehearsal.tts import VOICES, Pronunciation, Spoken, preset_for, speak

from ..support.examples import examples

SENTENCE = "Hello there, my good friend. We are all here now, and our world is young."


@pytest.fixture(autouse=True)
def _needs_a_voice() -> None:
    pytest.importorskip("espeakng_loader")


def sound_of(text: str, name: str, speed: float = 1.0) -> np.ndarray:
    return np.concatenate([spoken.pcm for spoken in speak(text, name, speed=speed)])


def pitch_hz(pcm: np.ndarray) -> float:
    """Median over voiced windows of 60 ms, by autocorrelation between 60 and 350 Hz."""
    lags = slice(24_000 // 350, 24_000 // 60)
    found = []
    for window in (pcm / 32_768)[: pcm.size // 1_440 * 1_440].reshape(-1, 1_440):
        likeness = np.correlate(window, window, "full")[1_439:]
        best = lags.start + int(np.argmax(likeness[lags]))
        if np.mean(window**2) > 4e-4 and likeness[best] > 0.4 * likeness[0]:
            found.append(24_000 / best)
    return float(np.median(found))


def test_there_are_six_voices_of_live_and_five_of_realtime() -> None:
    seed = {"alloy", "echo", "fable", "onyx", "nova", "shimmer"}
    assert set(VOICES) == seed | {"eve", "ara", "leo", "rex", "sal"}


def test_the_eleven_voices_differ_in_pitch_or_in_colour() -> None:
    def colour(pcm: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(pcm / 32_768, 2**18)) ** 2
        bands = np.add.reduceat(power[:87_000], np.arange(0, 87_000, 3_000))
        return 10 * np.log10(bands / bands.sum())

    sounds = {name: sound_of(SENTENCE, name) for name in VOICES}
    for one, other in combinations(VOICES, 2):
        ratio = pitch_hz(sounds[one]) / pitch_hz(sounds[other])
        in_semitones = abs(12 * np.log2(ratio))
        in_db = np.mean(np.abs(colour(sounds[one]) - colour(sounds[other])))
        assert in_semitones > 1 or in_db > 2, (one, other)


def test_deep_and_bright_voices_differ_in_pitch() -> None:
    assert pitch_hz(sound_of(SENTENCE, "onyx")) < 90
    assert pitch_hz(sound_of(SENTENCE, "shimmer")) > 190


@pytest.mark.parametrize(
    "text",
    [
        "One. Two! Three? And four…",
        "It's 3.14 o'clock, naïve friend (really) 😀 isn't it",
        "word",
        "  spaces  around  ",
        "two\nlines",
        "93592",
        "Call 5551234, or 0049301234567.",
        "ISBN 978-3-16-148410-0 is from 2024-03-15 at 12:30:15.",
        "Pi is 3.14159265, and $1,234,567.89 are a lot.",
        "a surrogate \ud800 12345",
        "...",
    ],
)
def test_the_texts_joined_are_what_was_to_be_said(text: str) -> None:
    assert "".join(spoken.text for spoken in speak(text)) == text


WRITTEN = st.text() | st.lists(
    st.integers(0, 10**16).map(str)
    | st.datetimes().map(str)
    | st.floats(allow_nan=False).map(str)
    | st.text("0123456789-.,:;/ $%+()", max_size=20)
    | st.sampled_from(["call", "is", "\n", "…", "😀", "MMXXIV", "e.g.", "2nd", "x=y²"]),
    max_size=4,
).map(" ".join)


@given(text=WRITTEN, voice=st.sampled_from(sorted(VOICES)))
@examples(60)
def test_a_text_is_spoken_letter_for_letter_and_its_audio_is_complete(
    text: str, voice: str
) -> None:
    pieces = list(speak(text, voice))
    assert "".join(spoken.text for spoken in pieces) == text
    assert all(spoken.text or spoken.pcm.size for spoken in pieces)


@given(text=WRITTEN, replace=st.dictionaries(st.text(min_size=1, max_size=3), st.text(max_size=5)))
@examples(60)
def test_a_text_stays_as_it_is_written_whatever_is_spoken_instead(
    text: str, replace: dict[str, str]
) -> None:
    assert "".join(spoken.text for spoken in speak(text, replace=replace)) == text


def test_a_word_for_which_nothing_is_spoken_stays_in_the_text() -> None:
    for text in ("um", "um well", "well um", "well um yes", "um um 12345 um"):
        assert "".join(spoken.text for spoken in speak(text, replace={"um": ""})) == text


def test_words_begin_where_they_are_audible() -> None:
    """After a comma there is a pause, and the next word's mark stands behind it."""
    first, second = speak("Stop, now", "alloy")
    assert (first.text, second.text) == ("Stop, ", "now")
    tail = first.pcm[-1_200:].astype(float)
    assert np.sqrt(np.mean(tail**2)) < 300
    assert np.abs(second.pcm[:4_800]).max() > 3_000


def test_speech_is_audible_and_not_clipped() -> None:
    for name in VOICES:
        peak = np.abs(sound_of(SENTENCE, name).astype(np.int32)).max()
        assert 8_000 < peak < 32_767


def average_pitch_hz(name: str, speed: float = 1.0) -> float:
    """Over several readings, because the pitch of one depends on the phase of the flutter.

    espeak-ng keeps that phase from one call to the next. The median over a single reading varies
    by 6 % around its mean, and thus with what was spoken before in this process.
    """
    return pitch_hz(np.concatenate([sound_of(SENTENCE, name, speed) for _ in range(6)]))


@pytest.mark.parametrize("speed", [0.7, 1.5])
def test_a_voice_speaks_faster_or_slower_at_the_same_pitch(speed: float) -> None:
    assert sound_of(SENTENCE, "onyx").size / sound_of(
        SENTENCE, "onyx", speed
    ).size == pytest.approx(speed, rel=0.15)
    assert average_pitch_hz("onyx", speed) == pytest.approx(average_pitch_hz("onyx"), rel=0.15)


def test_earlier_calls_change_only_the_flutter_of_later_ones() -> None:
    before = average_pitch_hz("onyx")
    list(speak(SENTENCE, "shimmer", speed=1.5))
    assert average_pitch_hz("onyx") == pytest.approx(before, rel=0.05)


def test_the_speed_of_one_text_is_not_that_of_the_next() -> None:
    before = sound_of(SENTENCE, "onyx").size
    list(speak(SENTENCE, "onyx", speed=1.5))
    assert sound_of(SENTENCE, "onyx").size == pytest.approx(before, rel=0.02)


def test_what_is_replaced_sounds_otherwise_and_stays_written() -> None:
    replace = {"it": "a very long word indeed"}
    pieces = list(speak("Say it. Now.", "alloy", replace=replace))
    assert "".join(piece.text for piece in pieces) == "Say it. Now."
    assert sum(piece.pcm.size for piece in pieces) > sound_of("Say it. Now.", "alloy").size + 12_000
    as_said = sound_of("Say a very long word indeed. Now.", "alloy").size
    assert sum(piece.pcm.size for piece in pieces) == pytest.approx(as_said, rel=0.05)


def test_nothing_to_say_is_no_audio() -> None:
    assert list(speak("")) == []


def test_a_null_character_does_not_end_the_text() -> None:
    assert sum(spoken.pcm.size for spoken in speak("one\0two")) > sum(
        spoken.pcm.size for spoken in speak("one")
    )


@pytest.mark.parametrize("name", ["Nova", "NOVA", " nova ", "xai_nova", "XAI_Nova"])
def test_a_voice_s_name_may_be_written_in_any_case_and_with_the_prefix(name: str) -> None:
    assert preset_for(name) == VOICES["nova"]


def test_an_unknown_voice_is_always_the_same_one_of_the_eleven() -> None:
    assert preset_for("custom-voice-8") == preset_for("custom-voice-8")
    assert {preset_for(f"voice {i}") for i in range(200)} == set(VOICES.values())


def test_threads_may_speak_at_the_same_time() -> None:
    names = ("onyx", "sal", "alloy", "shimmer")
    said: dict[str, list[np.ndarray]] = {name: [] for name in names}

    def speak_thrice(name: str) -> None:
        for _ in range(3):
            said[name].append(sound_of(SENTENCE, name))

    threads = [threading.Thread(target=speak_thrice, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        pitches = [pitch_hz(sound) for sound in said[name]]
        # The deepest varies by a tenth from one time to the next; the next voice is twice as high.
        assert pitches == pytest.approx([pitch_hz(sound_of(SENTENCE, name))] * 3, rel=0.25)


def test_without_the_extra_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    tts._loaded_espeak.cache_clear()
    with pytest.raises(RehearsalError, match=r"grok-live-widget\[rehearsal\]"):
        list(speak("hello"))
    tts._loaded_espeak.cache_clear()


def test_a_segment_of_speech_may_have_no_text() -> None:
    assert Spoken(np.zeros(1, np.int16)).text == ""


# --------------------------------------------------------------------------- pronunciation
@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Use SQL, sql or Sql.", "Use sequel, sequel or sequel."),
        ("MySQL and SQLite", "MySQL and SQLite"),
        ("New York City, New York", "the city, the state"),
        ("C++ and C", "see plus plus and C"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_whole_words_are_replaced_in_any_case_the_longest_first(written: str, spoken: str) -> None:
    replace = {
        "sql": "sequel",
        "New York": "the state",
        "new york city": "the city",
        "C++": "see plus plus",
    }
    assert Pronunciation(written, replace).spoken == spoken


def test_what_is_replaced_is_not_replaced_again() -> None:
    assert Pronunciation("a b", {"a": "b", "b": "a"}).spoken == "b a"


@pytest.mark.parametrize("cuts", [(0, 3, 9, 15, 19, 21), (0, 21), (0, 1, 5, 13, 20, 21)])
def test_the_written_pieces_joined_are_what_is_written(cuts: tuple[int, ...]) -> None:
    said = Pronunciation("Dr. Who is in", {"dr. who": "the good Doctor"})
    assert len(said.spoken) == 21
    pieces = [said.written(*pair) for pair in pairwise(cuts)]
    assert "".join(pieces) == "Dr. Who is in"


def test_what_is_replaced_belongs_to_its_first_word() -> None:
    said = Pronunciation("See Dr. Who now", {"Dr. Who": "the good Doctor"})
    starts = [said.spoken.index(word) for word in ("See", "the", "good", "Doctor", "now")]
    cuts = [*starts, len(said.spoken)]
    pieces = [said.written(*pair) for pair in pairwise(cuts)]
    assert pieces == ["See ", "Dr. Who", "", " ", "now"]
