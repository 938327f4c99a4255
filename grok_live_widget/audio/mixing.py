"""Whether the channels of a sound cancel each other when they are mixed down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Two channels of independent sound lose 3 dB, two of which one is silent 6 dB.
_NOTED_LOSS_DB = 5.0
_CANCELLING_LOSS_DB = 12.0
_SILENCE = 1e-3
# A shorter part of a clip says too little about it [s].
_ENOUGH_S = 0.1
# Greatest loss that is stated, where the mix is silence.
_LEAST_RATIO = 1e-9


class MixMeter:
    """How much softer the mix of a clip's channels is than the loudest of them.

    Attributes
    ----------
    note : str
        A sentence about it, from when it is known; empty where the mix is not much softer.
    """

    def __init__(self) -> None:
        self.note = ""
        self._energies: NDArray[np.float64] = np.zeros(0)
        self._mix_energy = 0.0
        self._sample_count = 0

    def add(
        self, channels: NDArray[Any], mono: NDArray[Any], rate_hz: int, *, is_last: bool
    ) -> None:
        """Add a piece of the clip.

        Parameters
        ----------
        channels : ndarray of int16 or float32 [shape=(n, channels)]
        mono : ndarray of float32 [shape=(n,)]
            Their mix.
        rate_hz : int [Hz]
        is_last : bool
            Whether it ends the clip.
        """
        scale = 32768.0 if channels.dtype == np.int16 else 1.0
        energies = np.square(channels / scale, dtype=np.float64).sum(axis=0)
        if len(self._energies) not in (0, len(energies)):
            return  # A clip that changes its channels is not judged.
        self._energies = energies + (self._energies if len(self._energies) else 0)
        self._mix_energy += float(np.square(mono, dtype=np.float64).sum())
        self._sample_count += len(mono)
        if is_last or self._sample_count >= _ENOUGH_S * rate_hz:
            self.note = self.note or self._sentence()

    def _sentence(self) -> str:
        loudest = int(np.argmax(self._energies))
        energy = float(self._energies[loudest])
        if energy <= self._sample_count * _SILENCE**2:
            return ""
        loss_db = -10 * np.log10(max(self._mix_energy / energy, _LEAST_RATIO))
        if loss_db < _NOTED_LOSS_DB:
            return ""
        count = len(self._energies)
        what = f"The {count} channels of the sound are mixed, and their mix"
        if loss_db >= _CANCELLING_LOSS_DB:
            what = f"The {count} channels of the sound cancel each other: their mix"
        return (
            f"{what} is {loss_db:.0f} dB softer than x[:, {loudest}] alone. "
            f"Pass that channel: x[:, {loudest}]."
        )
