"""The user's sound at the edge of a line: however it travels, inside it is heard at 24 kHz.

What was received is kept beside it at its own rate, so that a parrot can give back the very
samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..audio import ClipConverter, Codec, codec_of, pcm_from_bytes
from ..protocol import G711_RATE_HZ, AudioFormat
from ..settings import PCM_RATES_HZ
from .tts import Spoken
from .vad import SampleMemory

__all__ = ["InputConverter", "heard_in", "wrong_format"]

SAMPLE_RATE = 24_000

Pcm = NDArray[np.int16]
_NOTHING = np.zeros(0, np.int16)


def wrong_format(form: AudioFormat | None) -> str:
    """What of a format is not spoken here (``"format.type"``, ``"format.rate"`` or
    ``"transport"``), or ``""``.
    """
    if form is None:
        return ""
    if form.encoding not in ("pcm", "pcmu", "pcma"):
        return "format.type"
    rates_hz = PCM_RATES_HZ if form.encoding == "pcm" else (G711_RATE_HZ,)
    if form.sample_rate not in rates_hz:
        return "format.rate"
    return "" if form.transport in ("json", "binary") else "transport"


class InputConverter:
    """One line's sound on its way in.

    Attributes
    ----------
    form : AudioFormat
        How it travels.
    codec : Codec
        Of that format's encoding.
    received_count : int
        How many samples came in, at whatever rates.

    Notes
    -----
    Positions are samples at 24 kHz, from the session's first, as those of
    `VoiceActivityDetector`. Samples of
    24 kHz pass untouched; others are some 40 ms late until `flush`.
    """

    def __init__(self, form: AudioFormat = AudioFormat()) -> None:
        self.received_count = 0
        self._position = 0
        self._begin(form)

    def _begin(self, form: AudioFormat) -> None:
        self.form = form
        self.codec: Codec = codec_of(form.encoding)
        self._converter = ClipConverter(SAMPLE_RATE)
        self._kept = SampleMemory()
        # Where a position at 24 kHz is exactly a number of samples received.
        self._anchors = [(self._position, 0)]

    @property
    def _is_as_inside(self) -> bool:
        return self.form.sample_rate == SAMPLE_RATE

    def receive(self, data: bytes) -> Pcm:
        """Take in PCM16 at the line's rate; returns what of it is ready at 24 kHz.

        Half a sample at the end is dropped.
        """
        pcm = pcm_from_bytes(data[: len(data) // 2 * 2])
        self.received_count += pcm.size
        if self._is_as_inside:
            self._position += pcm.size
            return pcm
        self._kept.append(pcm)
        return self._converted(pcm, more=True)

    def flush(self) -> Pcm:
        """What was held back of the samples received; the next ones begin anew."""
        if self._is_as_inside:
            return _NOTHING
        rest = self._converted(_NOTHING, more=False)
        self._anchors.append((self._position, self._kept.end))
        return rest

    def change(self, form: AudioFormat) -> Pcm:
        """From now on sound travels like this; returns the rest of what came before."""
        rest = self.flush()
        self._begin(form)
        return rest

    def _converted(self, pcm: Pcm, *, more: bool) -> Pcm:
        ready = pcm_from_bytes(self._converter.convert(pcm, self.form.sample_rate, more=more))
        self._position += ready.size
        return ready

    def cut(self, begin: int, end: int) -> Spoken | None:
        """The samples received from one position to another; None where they were those of
        24 kHz, or came in more than one format.
        """
        if self._is_as_inside or begin < self._anchors[0][0]:
            return None
        pcm = self._kept.cut(self._received_until(begin), self._received_until(end))
        pcm.flags.writeable = False
        return Spoken(pcm, sample_rate=self.form.sample_rate)

    def forget_before(self, position: int) -> None:
        """Nothing before this position will be cut any more."""
        while len(self._anchors) > 1 and self._anchors[1][0] <= position:
            del self._anchors[0]
        if position >= self._anchors[0][0]:
            self._kept.forget_before(self._received_until(position))

    def _received_until(self, position: int) -> int:
        at, count = next(a for a in reversed(self._anchors) if a[0] <= position)
        return count + round((position - at) * self.form.sample_rate / SAMPLE_RATE)


def heard_in(sound: bytes, form: AudioFormat) -> tuple[Pcm, Spoken | None]:
    """One whole sound in a wire's encoding: at 24 kHz, and as it was received."""
    inlet = InputConverter(form)
    ready = inlet.receive(inlet.codec.decode(sound)[0])
    pcm = np.concatenate((ready, inlet.flush()))
    return pcm, inlet.cut(0, pcm.size)
