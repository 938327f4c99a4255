"""Speech recognition by pocketsphinx where it is installed; a note of the duration where not.

The recogniser is trained on natural American English (3 to 18 % of words wrong in clear
speech); of a synthetic voice it misses about half. It takes a seventh to a half of the
duration of the speech.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..audio import SAMPLE_RATE_HZ, ClipConverter

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE_BYTES = 1_600
"""50 ms at 16 kHz, which take about 7 ms."""

# Beginnings of words of its dictionary.
_INSULTS = (
    *("bastard", "bitch", "cunt", "fag", "fuck", "motherfuck", "nigg", "retard", "shit", "slut"),
    *("whore", "kike", "asshole", "dickhead", "pussy"),
)

_lock = threading.Lock()


def recognition_is_available() -> bool:
    """Whether a recogniser is installed."""
    return find_spec("pocketsphinx") is not None


def speech_note(duration_s: float) -> str:
    """The transcript of speech whose words are not known."""
    return f"(speech, {duration_s:.1f} s)"


def recognise(samples: NDArray[Any], cancelled: threading.Event | None = None) -> str:
    """Recognise the words of speech; from any thread, one call at a time per process.

    Parameters
    ----------
    samples : ndarray of int16 or float32 [shape=(n,)]
        Speech at 24 kHz.
    cancelled : threading.Event, optional
        Once it is set, the rest of the speech is skipped: a thread cannot be stopped from outside.

    Returns
    -------
    str
        Words in lower case without punctuation; empty when none were recognised, or when
        `pocketsphinx` is not installed (see `recognition_is_available`).
    """
    if not recognition_is_available():
        return ""
    pcm = ClipConverter(16_000).convert(samples, SAMPLE_RATE_HZ)
    with _lock:
        decoder, initial_cmn = _decoder()
        # The normalisation adapts to a microphone and must not carry over to the next speaker.
        decoder.set_cmn(initial_cmn)
        decoder.start_utt()
        # The library holds the GIL while it works, and audio must not wait for it.
        for start in range(0, len(pcm), PIECE_BYTES):
            if cancelled is not None and cancelled.is_set():
                break
            piece = pcm[start : start + PIECE_BYTES]
            decoder.process_raw(piece, no_search=False, full_utt=False)
        decoder.end_utt()
        hypothesis = decoder.hyp()
    return _without_insults(hypothesis.hypstr) if hypothesis else ""


def _without_insults(words: str) -> str:
    """Leave out insults, which a recogniser that mishears also puts into harmless sentences."""
    return " ".join(word for word in words.split() if not word.startswith(_INSULTS))


@cache
def _decoder() -> tuple[Any, str]:
    """The decoder, and the normalisation that it begins with.

    The model takes 0.3 s and 60 MB to load, so there is one. Without its second pass over the
    utterance (`fwdflat`) the last call takes 9 ms and not 100; the words were as good (measured
    on 14 sentences of two voices of flite).
    """
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16_000, loglevel="FATAL", fwdflat=False)
    return decoder, str(decoder.get_cmn(False))
