"""Conversion of the user's audio from the format of the connection to PCM16 at 24 kHz.

The samples received are kept, too, at their own rate, so that the parrot can return them
unchanged.
"""

from __future__ import annotations

import numpy as np

from ..audio import SAMPLE_RATE_HZ, ClipConverter, Codec, Pcm, codec_of, pcm_from_bytes
from ..protocol import G711_RATE_HZ, AudioFormat
from ..settings import PCM_RATES_HZ
from .tts import Spoken
from .vad import SampleBuffer


def invalid_format(audio_format: AudioFormat | None) -> str:
    """The field of a format that is not supported (``"format.type"``, ``"format.rate"`` or
    ``"transport"``), or ``""``.
    """
    if audio_format is None:
        return ""
    if audio_format.encoding not in ("pcm", "pcmu", "pcma"):
        return "format.type"
    rates_hz = PCM_RATES_HZ if audio_format.encoding == "pcm" else (G711_RATE_HZ,)
    if audio_format.sample_rate not in rates_hz:
        return "format.rate"
    return "" if audio_format.transport in ("json", "binary") else "transport"


class InputConverter:
    """Converts the audio that a connection receives.

    Attributes
    ----------
    audio_format : AudioFormat
        The format of the audio received.
    codec : Codec
        The codec of its encoding.
    received_count : int
        How many samples were received, at any rate.

    Notes
    -----
    Positions are samples at 24 kHz, from the first of the session, as those of
    `VoiceActivityDetector`. Samples at 24 kHz pass unchanged; others are delayed by about
    40 ms until `flush`.
    """

    def __init__(self, audio_format: AudioFormat = AudioFormat()) -> None:
        self.received_count = 0
        self._position = 0
        self._begin(audio_format)

    def _begin(self, audio_format: AudioFormat) -> None:
        self.audio_format = audio_format
        self.codec: Codec = codec_of(audio_format.encoding)
        self._converter = ClipConverter(SAMPLE_RATE_HZ)
        self._kept = SampleBuffer()
        # Pairs of a position at 24 kHz and the number of samples received that equals it exactly.
        self._anchors = [(self._position, 0)]

    @property
    def _is_unconverted(self) -> bool:
        return self.audio_format.sample_rate == SAMPLE_RATE_HZ

    def receive(self, data: bytes) -> Pcm:
        """Receive PCM16 at its own rate; returns the samples that are ready at 24 kHz.

        Half a sample at the end is dropped.
        """
        pcm = pcm_from_bytes(data[: len(data) // 2 * 2])
        self.received_count += pcm.size
        if self._is_unconverted:
            self._position += pcm.size
            return pcm
        self._kept.append(pcm)
        return self._converted(pcm, more=True)

    def flush(self) -> Pcm:
        """Return the samples held back by the resampler, and restart it."""
        if self._is_unconverted:
            return pcm_from_bytes(b"")
        rest = self._converted(pcm_from_bytes(b""), more=False)
        self._anchors.append((self._position, self._kept.end))
        return rest

    def change(self, audio_format: AudioFormat) -> Pcm:
        """Change the format; returns the rest of the audio in the previous one."""
        rest = self.flush()
        self._begin(audio_format)
        return rest

    def _converted(self, pcm: Pcm, *, more: bool) -> Pcm:
        ready = pcm_from_bytes(
            self._converter.convert(pcm, self.audio_format.sample_rate, more=more)
        )
        self._position += ready.size
        return ready

    def cut(self, begin: int, end: int) -> Spoken | None:
        """The samples as received from one position to another; None where they were at 24 kHz
        or in more than one format.
        """
        if self._is_unconverted or begin < self._anchors[0][0]:
            return None
        pcm = self._kept.cut(self._received_until(begin), self._received_until(end))
        pcm.flags.writeable = False
        return Spoken(pcm, sample_rate=self.audio_format.sample_rate)

    def discard_before(self, position: int) -> None:
        """Discard the samples received before a position."""
        while len(self._anchors) > 1 and self._anchors[1][0] <= position:
            del self._anchors[0]
        if position >= self._anchors[0][0]:
            self._kept.discard_before(self._received_until(position))

    def _received_until(self, position: int) -> int:
        at, count = next(a for a in reversed(self._anchors) if a[0] <= position)
        return count + round((position - at) * self.audio_format.sample_rate / SAMPLE_RATE_HZ)


def decode_input(data: bytes, audio_format: AudioFormat) -> tuple[Pcm, Spoken | None]:
    """Decode a complete clip: its samples at 24 kHz, and as received."""
    converter = InputConverter(audio_format)
    ready = converter.receive(converter.codec.decode(data)[0])
    pcm = np.concatenate((ready, converter.flush()))
    return pcm, converter.cut(0, pcm.size)
