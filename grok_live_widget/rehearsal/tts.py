"""Text to speech without a network: espeak-ng, from the wheel `espeakng-loader`, by ctypes.

espeak-ng is free software under the GNU General Public License, version 3 or later. It is
not part of this package: it is loaded when first needed, from where the user installed it
(``pip install "grok-live-widget[rehearsal]"``).

The library keeps its state in globals and is not re-entrant, so one lock guards it. Its voices
flutter, and the phase of the flutter goes on from one call to the next: the same text never has
exactly the same samples, length or pitch twice.
"""

from __future__ import annotations

import ctypes
import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import pairwise, takewhile
from typing import Any

import numpy as np

from .._structs import Value, names_checked
from ..audio import SAMPLE_RATE_HZ, ClipConverter, Pcm, pcm_from_bytes
from ..exceptions import RehearsalError

CURE = 'Run: pip install "grok-live-widget[rehearsal]" (espeak-ng, GPL-3.0-or-later).'


class VoicePreset(Value, frozen=True):
    """The name of a voice in espeak-ng, and its pitch in [0, 99].

    `f0_hz` is the median pitch that it speaks with [Hz], as measured.
    """

    espeak_name: str
    pitch: int
    f0_hz: int

    @property
    def description(self) -> str:
        """What the voice sounds like, in a few words."""
        accent = "British" if self.espeak_name.startswith("en-gb") else "American"
        kind = "female" if "+f" in self.espeak_name else "male"
        return f"{accent}, {kind}, about {self.f0_hz} Hz"


VOICES = {
    # The six of the `live` dialect.
    "alloy": VoicePreset("en-us+f2", 45, 189),
    "echo": VoicePreset("en-us+m3", 40, 96),
    "fable": VoicePreset("en-gb-x-rp+m7", 55, 111),
    "onyx": VoicePreset("en-us+m1", 20, 73),
    "nova": VoicePreset("en-us+f4", 60, 201),
    "shimmer": VoicePreset("en-gb-x-rp+f5", 70, 255),
    # The first five of the `realtime` dialect.
    "eve": VoicePreset("en-us+f1", 74, 233),
    "ara": VoicePreset("en-us+f5", 28, 167),
    "leo": VoicePreset("en-us+m7", 18, 84),
    "rex": VoicePreset("en-gb-x-rp+m2", 70, 127),
    "sal": VoicePreset("en-us+m4", 94, 146),
}
"""The eleven voices, distinct from one another; they are not those of the service."""


class Spoken(Value, frozen=True, eq=False):
    """A segment of speech.

    Parameters
    ----------
    pcm : ndarray of int16 [shape=(n,)]
        Audio; may be empty.
    text : str
        The words that begin with the first sample of `pcm`; may be empty.
    sample_rate : int [Hz]
    """

    pcm: Pcm
    text: str = ""
    sample_rate: int = SAMPLE_RATE_HZ


def voice_is_available() -> bool:
    """Whether a voice is installed."""
    return find_spec("espeakng_loader") is not None


def has_voice(voice: str) -> bool:
    """Whether one of the eleven voices has this name, in any case, with or without ``xai_``."""
    return _plain(voice) in VOICES


def preset_for(voice: str) -> VoicePreset:
    """The preset of a voice, by its name in any case and with or without ``xai_``.

    An unknown name always gets the same one of the eleven.
    """
    name, known = _plain(voice), tuple(VOICES.values())
    return VOICES.get(name) or known[zlib.crc32(name.encode()) % len(known)]


def _plain(voice: str) -> str:
    return voice.strip().lower().removeprefix("xai_")


@names_checked
def speak(
    text: str, voice: str = "", *, speed: float = 1.0, replace: Mapping[str, str] | None = None
) -> Iterator[Spoken]:
    """Synthesize `text`, word by word; from any thread.

    Works by sentences of a few milliseconds each; pauses between them are the voice's own.

    Parameters
    ----------
    speed : float
        Factor of the voice's default rate; its pitch stays.
    replace : Mapping or None
        Written words, and what is spoken instead.

    Yields
    ------
    Spoken
        One word each, with its audio up to the next word; the texts joined are `text`.

    Raises
    ------
    RehearsalError
        When no voice is installed.
    """
    preset, pronunciation = preset_for(voice), Pronunciation(text, replace or {})
    if text and not pronunciation.spoken:
        yield Spoken(np.zeros(0, np.int16), text)
    begin = 0
    for sentence in _sentences(pronunciation.spoken):
        for pcm, length in _words_of(sentence, *_espeak().synthesize(sentence, preset, speed)):
            yield Spoken(pcm, pronunciation.written(begin, begin + length))
            begin += length


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?…])(?=\s)", text) if sentence]


def _words_of(sentence: str, audio: Pcm, marks: list[_Mark]) -> Iterator[tuple[Pcm, int]]:
    """Cut the audio of a sentence into words; with each, the length of its text."""
    cuts = [_Mark(0, 0), *_increasing(marks, len(sentence), audio.size)]
    for cut, following in pairwise([*cuts, _Mark(len(sentence), audio.size)]):
        yield audio[cut.sample : following.sample], following.character - cut.character


def _increasing(marks: list[_Mark], text_size: int, audio_size: int) -> Iterator[_Mark]:
    """The marks at which a new piece of the text begins, without the first.

    espeak-ng speaks a number as several words, whose positions in the text run back and forth.
    """
    reached = _Mark(0, 0)
    for mark in marks[1:]:
        is_further = reached.character < mark.character and reached.sample <= mark.sample
        if is_further and mark.character < text_size and mark.sample < audio_size:
            yield mark
            reached = mark


# --------------------------------------------------------------------------- espeak-ng
class _Mark(Value, frozen=True):
    """The beginning of a word: the character of the text and the sample of the audio at 24 kHz."""

    character: int
    sample: int


class _Event(ctypes.Structure):
    """``espeak_EVENT``. Source: espeak-ng 1.52, speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)

# Constants of speak_lib.h, in the order of that file.
_EVENT_LIST_TERMINATED = 0
_EVENT_WORD = 1
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_PARAMETER_RATE = 1
_PARAMETER_PITCH = 3
_DEFAULT_RATE = 175
"""Words a minute."""
_OK = 0


class _Espeak:
    """The library, loaded and initialised once per process."""

    def __init__(self) -> None:
        import espeakng_loader

        self._lock = threading.Lock()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = espeakng_loader.get_data_path().encode()
        self._rate_hz = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, _INITIALIZE_DONT_EXIT
        )
        if self._rate_hz <= 0:
            raise RehearsalError("the voice could not be initialised.", cure=CURE)
        self._pieces: list[bytes] = []
        self._marks: list[_Mark] = []
        # ctypes keeps no reference to a callback; without this one it would be freed.
        self._callback = _Callback(self._receive)

    def synthesize(self, text: str, preset: VoicePreset, speed: float) -> tuple[Pcm, list[_Mark]]:
        """Audio at 24 kHz, and where its words begin."""
        with self._lock:
            self._pieces, self._marks = [], []
            # One character for each of the text, so that the positions of the words stay right.
            readable = text.replace("\0", " ").encode(errors="replace")
            self._synthesize(readable + b"\0", preset, speed)
            audio = np.frombuffer(b"".join(self._pieces), np.int16)
            marks = self._marks
        converted = ClipConverter(SAMPLE_RATE_HZ).convert(audio, self._rate_hz)
        return pcm_from_bytes(converted), marks

    def _synthesize(self, text: bytes, preset: VoicePreset, speed: float) -> None:
        library = self._library
        # Set in each call: other code in this process may use the same library.
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_SetVoiceByName(preset.espeak_name.encode())
        library.espeak_SetParameter(_PARAMETER_PITCH, preset.pitch, 0)
        library.espeak_SetParameter(_PARAMETER_RATE, round(_DEFAULT_RATE * speed), 0)
        size = ctypes.c_size_t(len(text))
        status = library.espeak_Synth(
            text, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if status != _OK:
            raise RehearsalError(
                f"the text could not be synthesized (espeak-ng error {status}).",
                cure="Try another text, or restart the kernel.",
            )

    def _receive(self, wave: Any, sample_count: int, events: Any) -> int:
        if wave and sample_count:
            self._pieces.append(ctypes.string_at(wave, 2 * sample_count))
        for event in takewhile(lambda each: each.type != _EVENT_LIST_TERMINATED, events):
            if event.type == _EVENT_WORD:
                sample = event.sample * SAMPLE_RATE_HZ // self._rate_hz
                self._marks.append(_Mark(event.text_position - 1, sample))
        return 0


_loading = threading.Lock()


def _espeak() -> _Espeak:
    with _loading:
        return _loaded_espeak()


@cache
def _loaded_espeak() -> _Espeak:
    if not voice_is_available():
        raise RehearsalError("no voice is installed for the rehearsal.", cure=CURE)
    try:
        return _Espeak()
    except (ImportError, OSError, RuntimeError) as error:
        raise RehearsalError(f"the voice could not be loaded ({error}).", cure=CURE) from error


# --------------------------------------------------------------------------- pronunciation
class Pronunciation:
    """A text as it is spoken, mapped to the text as it is written.

    Replacements match whole words in any case, the longest first.

    Parameters
    ----------
    written : str
    replace : Mapping
        Written words, and what is spoken instead.

    Attributes
    ----------
    spoken : str
    """

    def __init__(self, written: str, replace: Mapping[str, str]) -> None:
        self._written = written
        self.spoken = ""
        # For each character of `spoken`, and for its end, the position in the written text.
        self._written_at: list[int] = []
        spoken_as = {each.lower(): pronunciation for each, pronunciation in replace.items()}
        done = 0
        for match in _matches(written, spoken_as):
            begin, end = match.span()
            pronunciation = spoken_as.get(match[0].lower(), match[0])
            self.spoken += written[done:begin] + pronunciation
            # The whole replaced text belongs to the first character spoken for it, or, where
            # nothing is spoken for it, to the character before.
            replaced = [begin, *[end] * (len(pronunciation) - 1)] if pronunciation else []
            self._written_at += [*range(done, begin), *replaced]
            done = end
        self.spoken += written[done:]
        self._written_at += range(done, len(written) + 1)
        self._written_at[0] = 0

    def written(self, begin: int, end: int) -> str:
        """The written text of the spoken characters from `begin` to `end`.

        A replaced text belongs to the first word spoken for it.
        """
        return self._written[self._written_at[begin] : self._written_at[end]]


def _matches(written: str, spoken_as: Mapping[str, str]) -> list[re.Match[str]]:
    if not spoken_as:
        return []
    longest_first = sorted(spoken_as, key=len, reverse=True)
    words = "|".join(map(re.escape, longest_first))
    return list(re.finditer(rf"(?<!\w)(?:{words})(?!\w)", written, re.IGNORECASE))
