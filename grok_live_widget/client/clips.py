"""The sound of a question: a file or an array, as it is sent."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from msgspec.structs import replace

from .._structs import Value
from ..audio import ClipConverter, pcm_from_bytes, read_audio
from ..exceptions import AudioFormatError, ConfigurationError
from ..settings import one_of
from .requests import user_message

Question = Any
"""A text, a `pathlib.Path` of a sound file, or an array."""

Pace = Literal["fast", "realtime"]
"""Whether sound is sent at once, or each 100 ms when they would have been spoken."""

_SILENT = (
    "The sound itself is silent: check the microphone or the file that it came from. "
    "turn_detection=PushToTalk() answers any sound."
)
_KINDS = "a text, a pathlib.Path of a sound file, or an array of samples"


class Clip(Value, frozen=True):
    """The sound of a question.

    Parameters
    ----------
    pcm : bytes
        Mono PCM16 at the connection's rate.
    notes : tuple of str
        What the user should know of it, in sentences.
    mix_note : str
        A sentence if its channels cancel each other; otherwise empty.
    duration_s : float [s]
    pace : {"fast", "realtime"}
        Whether it is sent at once, or each 100 ms when they would have been spoken.
    """

    pcm: bytes
    notes: tuple[str, ...] = ()
    mix_note: str = ""
    duration_s: float = 0.0
    pace: Pace = "fast"

    @property
    def is_silent(self) -> bool:
        """Whether no voice activity detection finds speech in it: its samples differ by 2 steps of
        65,536 at most, as those of a muted input do.
        """
        return bool(np.ptp(pcm_from_bytes(self.pcm)) <= 2) if self.pcm else True

    def may_end_with_speech(self, last_s: float) -> bool:
        """Whether any of its last seconds is within 30 dB of its loudest sample."""
        if last_s <= 0 or not self.duration_s:
            return False
        level = np.abs(pcm_from_bytes(self.pcm).astype(np.int32))
        first = len(level) - round(last_s / self.duration_s * len(level))
        return bool(level[max(0, first) :].max(initial=0) * 32 > level.max(initial=0))

    @property
    def why_unheard(self) -> str:
        """The cure if the server detects no speech in it; empty where none is known."""
        return self.mix_note or (_SILENT if self.is_silent else "")

    @property
    def sending_s(self) -> float:
        """How long sending takes by its pace [s]."""
        return self.duration_s if self.pace == "realtime" else 0.0


def check_question(question: Question, sample_rate: Any, pace: Any = "fast") -> None:
    """Check what kind of question this is, and whether it needs a sample rate or has a pace.

    Raises
    ------
    ConfigurationError
    """
    one_of("pace", pace, get_args(Pace))
    if isinstance(question, str):
        user_message(question)
        if pace != "fast":
            raise ConfigurationError(
                f"pace={pace!r} was given with a text, which is sent at once.",
                cure="Leave it out.",
            )
        if sample_rate is not None:
            raise ConfigurationError(
                f"sample_rate={sample_rate!r} was given with a text, which has none.",
                cure="A sound file is a pathlib.Path, such as ask(Path('question.wav')).",
            )
        return
    if isinstance(question, PathLike):
        return
    if isinstance(question, bytes | bytearray | memoryview):
        raise ConfigurationError(
            f"a question must be {_KINDS}, not {type(question).__name__}.",
            cure="numpy.frombuffer(x, 'int16') makes an array of PCM16 bytes.",
        )
    is_array = hasattr(question, "__array__") or isinstance(question, list | tuple)
    if not is_array or not getattr(question, "ndim", 1):
        raise ConfigurationError(
            f"a question must be {_KINDS}, not {type(question).__name__}.",
            cure="The sound of a turn is an array: ask(turn.samples, turn.sample_rate).",
        )
    if not len(question):
        raise ConfigurationError("the sound is empty.", cure="Pass at least one sample.")
    if sample_rate is None:
        raise ConfigurationError(
            "sample_rate is missing, and an array has none.",
            cure="Pass the rate that it was recorded at, such as sample_rate=24000.",
        )


def read_clip(question: Question, sample_rate: Any, to_hz: int, pace: Pace = "fast") -> Clip:
    """Read and convert the sound of a checked question; takes its time, in any thread.

    Parameters
    ----------
    question : PathLike or array_like
    sample_rate : int or None [Hz]
        Of an array. A file has its own, from which it must not differ.
    to_hz : int [Hz]
        Rate of the clip.
    pace : {"fast", "realtime"}

    Raises
    ------
    AudioFormatError, ConfigurationError
    """
    if isinstance(question, PathLike):
        clip = _clip_of_file(Path(question), sample_rate, to_hz)
    else:
        clip = _converted(question, sample_rate, to_hz)
        if not clip.pcm:
            raise ConfigurationError("the sound is empty.", cure="Pass at least one sample.")
    return replace(clip, duration_s=len(clip.pcm) / 2 / to_hz, pace=pace)


def _clip_of_file(path: Path, sample_rate: Any, to_hz: int) -> Clip:
    x, rate_hz = read_audio(path)
    shown = repr(str(path))
    if sample_rate not in (None, rate_hz):
        raise ConfigurationError(
            f"sample_rate={sample_rate!r} was given with {shown}, which is at {rate_hz} Hz.",
            cure="Omit it: a file states its rate.",
        )
    try:
        clip = _converted(x, rate_hz, to_hz)
    except AudioFormatError as error:
        raise AudioFormatError(f"{shown}: {error.message}", cure=error.cure) from None
    if not clip.pcm:
        raise ConfigurationError(
            f"the sound file {shown} is empty: it has no samples.", cure="Record it again."
        )
    return clip


def _converted(x: Any, rate_hz: Any, to_hz: int) -> Clip:
    converter = ClipConverter(to_hz)
    pcm = converter.convert(x, rate_hz)
    return Clip(pcm, tuple(converter.take_notes()), converter.mix_note)
