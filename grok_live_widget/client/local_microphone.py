"""The microphone of the computer on which Python runs, for pages without one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .._structs import names_checked
from ..audio import SAMPLE_RATE_HZ, Resampler, pcm_from_samples
from ..exceptions import AudioFormatError, ConfigurationError
from ..settings import between

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_S = 600.0


@names_checked
def record_local(duration_s: float = 5.0, *, device: int | str | None = None) -> NDArray[np.int16]:
    """Record the microphone of the computer on which Python runs; blocks as long.

    For a kernel on your own computer, where the page has no microphone: plain http, VS Code, a
    microphone that the browser was refused. Ask with it: ``live.ask(record_local(4), 24_000)``.

    Parameters
    ----------
    duration_s : float in (0, 600] [s]
    device : int, str or None
        Index or a part of the name, as sounddevice has them; None: the system's default.

    Returns
    -------
    ndarray of int16 [shape=(n,)]
        Mono at 24 kHz, `duration_s` long. A new array.

    Raises
    ------
    AudioFormatError
        When there is no such microphone, or it cannot be used.
    ConfigurationError
        For a duration that is none.
    ModuleNotFoundError
        When sounddevice is not installed (extra ``local``).

    Notes
    -----
    On macOS the terminal, or the program that started the kernel, must be allowed to use the
    microphone; otherwise the recording is silent.

    Examples
    --------
    >>> from grok_live_widget import record_local
    >>> pcm = record_local(4)  # doctest: +SKIP
    >>> live.ask(pcm, 24_000)  # doctest: +SKIP
    """
    between("duration_s", duration_s, 0, LONGEST_S)
    if not duration_s:
        raise ConfigurationError("duration_s must be greater than 0.")
    sounddevice = _sounddevice()
    try:
        rate_hz = round(sounddevice.query_devices(device, "input")["default_samplerate"])
        count = math.ceil(duration_s * rate_hz)
        sound = sounddevice.rec(count, rate_hz, channels=1, dtype="float32", device=device)
        try:
            sounddevice.wait()
        except BaseException:
            sounddevice.stop()
            raise
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioFormatError(
            f"the microphone of this computer cannot be used: {error}.",
            cure="sounddevice.query_devices() lists those that there are; pass one as device=.",
        ) from None
    samples = Resampler(rate_hz, SAMPLE_RATE_HZ).push(sound[:, 0], is_last=True)
    return pcm_from_samples(samples)[: round(duration_s * SAMPLE_RATE_HZ)]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "record_local() needs sounddevice: pip install 'grok-live-widget[local]'"
        ) from None
    except OSError as error:  # Its wheels for Linux have no PortAudio.
        raise AudioFormatError(
            f"the microphone of this computer cannot be used: {error}.",
            cure="Install PortAudio, on Debian and Ubuntu by: apt-get install libportaudio2",
        ) from None
    return sounddevice
