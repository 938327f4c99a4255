"""Spectra of one sound over time, as images: spectrogram, mel spectrogram, MFCC."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import audio
from .._structs import names_checked
from ..settings import between
from .curves import label_time
from .palette import SOUND_COLORMAP
from .subjects import Subject, axes_of, drawn, subject_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

_COLUMNS = 2000
_RANGE_DB = 80.0
_SHOWN_PERCENT = 99
_TICKS_HZ = (0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000)


@names_checked
def spectrogram(
    sound: Any,
    *,
    sample_rate: int | None = None,
    ax: Axes | None = None,
    n_fft: int = 1024,
    hop: int = 256,
    fmax_hz: float | None = None,
    colorbar: bool = True,
    **style: Any,
) -> AxesImage:
    """Draw the level of each frequency over time.

    Parameters
    ----------
    sound : Turn, or array_like of int16 or float in [-1, 1) [shape=(n,)]
    sample_rate : int or None [Hz]
        Of an array.
    ax : matplotlib Axes or None
        None: the current axes.
    n_fft, hop : int [samples]
        Length and distance of the windows.
    fmax_hz : float or None [Hz]
        The highest frequency that is shown; None: half of the sample rate.
    colorbar : bool
        Whether a bar beside the axes explains the colours.
    **style
        Passed to ``Axes.imshow``.

    Returns
    -------
    AxesImage
        Levels in dB; a sine of full scale has 0. Of sound with more than 2000 frames, each column
        has the maxima of several. The colours span 80 dB.

    Raises
    ------
    AudioFormatError
        For an array that is no sound.
    ConfigurationError
        For what is neither a turn nor an array with its rate.
    """
    between("fmax_hz", fmax_hz, 1, 1e6, or_none=True)
    subject = subject_of(sound, sample_rate)
    highest_hz = subject.sample_rate / 2 if fmax_hz is None else fmax_hz
    power = _columns_of(subject, n_fft, hop)
    # A sine of full scale has a quarter of the window's length in its bin.
    levels = audio.db_from_power(power * np.float32((4 / n_fft) ** 2))
    step_hz = subject.sample_rate / n_fft
    bottom_top = (-step_hz / 2, (power.shape[0] - 0.5) * step_hz)
    axes = axes_of(ax)
    image = _image(axes, subject, "spectrogram", levels, bottom_top, hop, style)
    axes.set(ylabel="Frequency [Hz]", ylim=(0, highest_hz))
    return _with_bar(axes, image, "Level [dB re full scale]", colorbar)


@names_checked
def mel_spectrogram(
    sound: Any,
    *,
    sample_rate: int | None = None,
    ax: Axes | None = None,
    n_mels: int = 80,
    n_fft: int = 1024,
    hop: int = 256,
    colorbar: bool = True,
    **style: Any,
) -> AxesImage:
    """Draw the power in mel bands over time: frequencies as far apart as they sound.

    Parameters
    ----------
    sound, sample_rate, ax, n_fft, hop, colorbar, **style
        As for `spectrogram`.
    n_mels : int >= 1
        Number of bands.

    Returns
    -------
    AxesImage
        Levels in dB, one row a band; the axis is linear in mels and labelled in hertz.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As for `spectrogram`.

    Notes
    -----
    Source: the mel scale of Slaney (1998); see `grok_live_widget.audio.mel_spectrogram`.
    """
    subject = subject_of(sound, sample_rate)
    filters = audio.mel_filters(subject.sample_rate, n_fft=n_fft, n_mels=n_mels)
    levels = audio.db_from_power(filters @ _columns_of(subject, n_fft, hop))
    highest = float(audio.mel_from_hz(subject.sample_rate / 2))
    # Centres of the bands, which lie between their neighbours' centres.
    step = highest / (n_mels + 1)
    axes = axes_of(ax)
    bottom_top = (step / 2, highest - step / 2)
    image = _image(axes, subject, "mel_spectrogram", levels, bottom_top, hop, style)
    shown_hz = [each for each in _TICKS_HZ if step / 2 <= audio.mel_from_hz(each) <= highest]
    labels = [f"{each // 1000}k" if each >= 1_000 else str(each) for each in shown_hz]
    axes.set_yticks([float(audio.mel_from_hz(each)) for each in shown_hz], labels)
    axes.set_ylabel("Frequency [Hz], mel scale")
    return _with_bar(axes, image, "Power [dB]", colorbar)


@names_checked
def mfcc(
    sound: Any,
    *,
    sample_rate: int | None = None,
    ax: Axes | None = None,
    n_mfcc: int = 20,
    n_fft: int = 1024,
    hop: int = 256,
    colorbar: bool = True,
    **style: Any,
) -> AxesImage:
    """Draw the mel-frequency cepstral coefficients over time, but for the first one.

    The coefficient 0 is the level, which is many times as large as the others.

    Parameters
    ----------
    sound, sample_rate, ax, n_fft, hop, colorbar, **style
        As for `spectrogram`.
    n_mfcc : int >= 2
        Number of coefficients, with the first one.

    Returns
    -------
    AxesImage
        One row a coefficient, from 1.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As for `spectrogram`.

    Notes
    -----
    Source: Davis & Mermelstein (1980); see `grok_live_widget.audio.mfcc`.
    """
    between("n_mfcc", n_mfcc, 2, 10_000, kind=Integral)
    subject = subject_of(sound, sample_rate)
    rows = np.zeros((n_mfcc, 0), np.float32)
    if subject.sample_count:
        rows = audio.mfcc(subject.sound, subject.sample_rate, n_mfcc=n_mfcc, n_fft=n_fft, hop=hop)
    axes = axes_of(ax)
    rows = _means(rows[1:], _COLUMNS)
    # But for a few values, which would make the others pale.
    extreme = float(np.percentile(np.abs(rows), _SHOWN_PERCENT)) if rows.size else 1.0
    extreme = max(extreme, 1e-6)
    limits = {"cmap": "PuOr", "vmin": -extreme, "vmax": extreme}
    bottom_top = (0.5, n_mfcc - 0.5)
    image = _image(axes, subject, "mfcc", rows, bottom_top, hop, limits | style)
    axes.set(ylabel="MFCC [index]", ylim=bottom_top)
    return _with_bar(axes, image, "Coefficient", colorbar)


# --------------------------------------------------------------------------- images
def _columns_of(subject: Subject, n_fft: int, hop: int) -> NDArray[np.float32]:
    """Power [shape=(bins, m)] of each frame, or the maxima of each of 2000 groups of frames."""
    if not subject.sample_count:
        return np.zeros((1 + n_fft // 2, 0), np.float32)
    sound = subject.sound
    count = audio.frame_count(len(sound), n_fft, hop)
    columns = min(count, _COLUMNS)
    column_of = np.arange(count) * columns // count
    out = np.zeros((columns, 1 + n_fft // 2), np.float32)
    for first, power in audio.power_blocks(sound, n_fft=n_fft, hop=hop):
        mine = column_of[first : first + len(power)]
        starts = np.flatnonzero(np.diff(mine, prepend=mine[0] - 1))
        target = out[mine[0] : mine[-1] + 1]
        np.maximum(target, np.maximum.reduceat(power, starts), out=target)
    return out.T


def _means(rows: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    count = rows.shape[1]
    if count <= columns:
        return rows
    starts = np.arange(columns) * count // columns
    sums = np.add.reduceat(rows, starts, axis=1)
    means: NDArray[np.float32] = sums / np.diff(starts, append=count).astype(np.float32)
    return means


def _image(
    axes: Axes,
    subject: Subject,
    callee: str,
    rows: NDArray[np.float32],
    bottom_top: tuple[float, float],
    hop: int,
    style: dict[str, Any],
) -> AxesImage:
    """An image of the rows, whose first is at the bottom; each frame is centred at its time."""
    frame_s = hop / subject.sample_rate
    extent = (-frame_s / 2, (subject.duration_s or 1.0) + frame_s / 2, *bottom_top)
    options: dict[str, Any] = {"cmap": SOUND_COLORMAP, "interpolation": "nearest"}
    if rows.size:
        highest = float(rows.max())
        # Silence is the same everywhere, and dark.
        limits = (highest, highest + 1) if highest == rows.min() else (highest - _RANGE_DB, highest)
        options |= dict(zip(("vmin", "vmax"), limits, strict=True))
    else:
        # No picture, and no colour for what is missing.
        rows = np.full((rows.shape[0], 1), np.nan, np.float32)
    options |= {"origin": "lower", "aspect": "auto", "extent": extent} | style
    image = drawn(callee, axes.imshow, rows, **options)
    label_time(axes, subject)
    return image


def _with_bar(axes: Axes, image: AxesImage, label: str, is_wanted: bool) -> AxesImage:
    if is_wanted and not np.ma.getmaskarray(np.ma.asarray(image.get_array())).all():
        for earlier in axes.images:
            if earlier.colorbar is not None:
                # Drawn again into the same axes, which would become narrower each time.
                earlier.colorbar.remove()
        axes.figure.colorbar(image, ax=axes, label=label, pad=0.02)
    return image
