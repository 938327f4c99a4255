"""Curves of one sound over time: waveform, pitch, level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import audio
from .._structs import names_checked
from ..settings import between, one_of
from .palette import palette_of
from .subjects import Subject, axes_of, drawn, put_title, say, subject_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

Floats = NDArray[np.float64]

_COLUMNS = 2000
# A level has at most this many points, and windows that overlap.
_POINTS = 4000
_WINDOW_S, _HOP_S = 0.05, 0.01


@names_checked
def waveform(
    sound: Any, *, sample_rate: int | None = None, ax: Axes | None = None, **style: Any
) -> PolyCollection:
    """Draw the waveform over time.

    Samples of a turn that were not played because of an interruption are shaded.

    Parameters
    ----------
    sound : Turn, or array_like of int16 or float in [-1, 1) [shape=(n,)]
    sample_rate : int or None [Hz]
        Of an array.
    ax : matplotlib Axes or None
        None: the current axes.
    **style
        Passed to ``Axes.fill_between``.

    Returns
    -------
    PolyCollection
        The waveform: the minimum and maximum of each of at most 2000 columns.

    Raises
    ------
    AudioFormatError
        For an array that is no sound.
    ConfigurationError
        For what is neither a turn nor an array with its rate.
    """
    subject = subject_of(sound, sample_rate)
    axes = axes_of(ax)
    low, high = subject.envelope(_COLUMNS)
    time_s = np.linspace(0, subject.duration_s, len(low), endpoint=False)
    color = palette_of(axes).voices[subject.role]
    options = {"color": color, "linewidth": 0.5, "label": subject.label, **style}
    artist = drawn("waveform", axes.fill_between, time_s, low, high, **options)
    _shade_unheard(axes, subject)
    axes.set(ylabel="Amplitude (full scale is 1)", ylim=(-1, 1))
    label_time(axes, subject)
    return artist


@names_checked
def pitch(
    sound: Any,
    *,
    sample_rate: int | None = None,
    ax: Axes | None = None,
    fmin_hz: float = 60.0,
    fmax_hz: float = 600.0,
    hop_s: float = 0.01,
    window_s: float | None = None,
    **style: Any,
) -> Line2D:
    """Draw the pitch over time, with gaps where the sound is not voiced.

    Parameters
    ----------
    sound, sample_rate, ax
        As for `waveform`.
    fmin_hz, fmax_hz : float [Hz]
        Limits of the search.
    hop_s : float > 0 [s]
        Distance of the points.
    window_s : float or None [s]
        Length of a frame, at least two periods of `fmin_hz`; None: four. A deep voice whose
        pitch changes fast needs a lower `fmin_hz` with a short frame.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Line2D
        Its label has the median of the voiced frames; without any it is not drawn.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As for `waveform`, and for limits that are none.

    Notes
    -----
    Source: pYIN (Mauch & Dixon 2014); see `grok_live_widget.audio.pitch`.
    """
    between("fmin_hz", fmin_hz, 1, 1e6)
    subject = subject_of(sound, sample_rate)
    axes = axes_of(ax)
    found = audio.Pitch(np.zeros(0), np.zeros(0))
    if subject.sample_count * fmin_hz >= subject.sample_rate:
        found = audio.pitch(
            subject.sound,
            subject.sample_rate,
            fmin_hz=fmin_hz,
            fmax_hz=fmax_hz,
            hop_s=hop_s,
            window_s=window_s,
        )
    median_hz = found.median_hz
    label = subject.label if median_hz is None else f"{subject.label}: median {median_hz:.0f} Hz"
    color = palette_of(axes).voices[subject.role]
    options = {"color": color, "linewidth": 2, "label": label, **style}
    (line,) = drawn("pitch", axes.plot, found.times_s, found.f0_hz, **options)
    axes.set(ylabel="Pitch [Hz]")
    label_time(axes, subject)
    if median_hz is None and subject.sample_count:
        say(axes, "Nothing in this sound is voiced.")
    return line


@names_checked
def level(
    sound: Any,
    *,
    sample_rate: int | None = None,
    ax: Axes | None = None,
    unit: Literal["dBFS", "LUFS"] = "dBFS",
    **style: Any,
) -> Line2D:
    """Draw the level over time, with gaps in digital silence.

    Parameters
    ----------
    sound, sample_rate, ax
        As for `waveform`.
    unit : {"dBFS", "LUFS"}
        The root mean square of windows of 50 ms (longer ones beyond 40 s of sound), or the
        momentary loudness of ITU-R BS.1770-4, of windows of 400 ms.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Line2D
        Its label has the level of the whole sound.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As for `waveform`, and for an unknown unit.
    """
    one_of("unit", unit, ("dBFS", "LUFS"))
    subject = subject_of(sound, sample_rate)
    axes = axes_of(ax)
    times_s, levels, whole = _levels(subject, unit)
    label = subject.label if whole is None else f"{subject.label}: {whole:.1f} {unit}"
    color = palette_of(axes).voices[subject.role]
    options = {"color": color, "linewidth": 1.2, "label": label, **style}
    finite = np.where(np.isfinite(levels), levels, np.nan)
    (line,) = drawn("level", axes.plot, times_s, finite, **options)
    axes.set(ylabel=f"{'Level' if unit == 'dBFS' else 'Loudness'} [{unit}]", ylim=(-80, 0))
    label_time(axes, subject)
    if subject.sample_count and not len(levels):
        say(axes, "This sound is too short: its loudness needs 0.4 s.")
    return line


def _levels(subject: Subject, unit: str) -> tuple[Floats, Floats, float | None]:
    """Times [s], levels, and that of the whole sound; None: it has none."""
    sound, rate_hz = subject.sound, subject.sample_rate
    if unit == "LUFS":
        if len(sound) < int(0.4 * rate_hz):
            return np.zeros(0), np.zeros(0), None
        found, whole = audio.loudness_over_time(sound, rate_hz), audio.loudness_lufs(sound, rate_hz)
    elif not len(sound):
        return np.zeros(0), np.zeros(0), None
    else:
        hop_s = max(_HOP_S, subject.duration_s / _POINTS)
        found = audio.level_over_time(
            sound, rate_hz, window_s=max(_WINDOW_S, 2 * hop_s), hop_s=hop_s
        )
        whole = audio.level_dbfs(sound)
    return found.times_s, found.levels, whole if np.isfinite(whole) else None


def label_time(axes: Axes, subject: Subject) -> None:
    """Label the axis of time and the figure; without sound, say why."""
    axes.set_xlabel("Time [s]")
    axes.set_xlim(0, subject.duration_s or 1.0)
    put_title(axes, subject)
    if not subject.sample_count:
        say(axes, subject.absence)


def _shade_unheard(axes: Axes, subject: Subject) -> None:
    turn = subject.turn
    if turn is None or not turn.was_interrupted or turn.heard_sample_count is None:
        return
    heard_s = turn.heard_sample_count / turn.sample_rate
    color = palette_of(axes).neutral
    axes.axvspan(heard_s, turn.duration_s, color=color, alpha=0.35, linewidth=0, label="not heard")
