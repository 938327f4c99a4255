"""The interactive view of turns: waveform, spectrogram, playhead."""

from __future__ import annotations

import math
from typing import Any

import anywidget
import numpy as np
import traitlets

from ..conversation import Clip, Tracks, Turn, Turns, tracks_of
from ..exceptions import AudioFormatError, ConfigurationError
from ..settings import between
from .catalogue import texts_of
from .channel import keep_frontend_routing
from .explorer_messages import Open, Opened, Piece, Read, Region, decode, encode
from .front_end import STATIC, check_built

PIECE_S = 5
"""Length of a piece of sound [s]: 480 kB for two tracks at 24 kHz. jupyter_server limits the data
rate of streams only (`_limit_rate` in its `services/kernels/connection/channels.py`), and its
WebSocket takes messages of 10 MB."""

WHOLE_UP_TO_S = 600
"""The length up to which a page reads all of the sound [s]. Its samples are float32 there: 115 MB
for ten minutes of two tracks."""

COLUMNS_PER_S, MOST_COLUMNS = 200, 400_000
"""Resolution of the envelope that a page gets first, and its limit: 1.6 MB for each track."""


class Explorer(anywidget.AnyWidget):
    """Waveform and spectrogram of a stretch of sound, which plays from where it is clicked.

    Made by `Turn.explore` and `Turns.explore`. It shows the turns as they were when it was made.
    Sound and text stay in the kernel until a page asks for them, and are in no trait, since
    traits are saved into notebook files. A stretch of more than ten minutes is shown without its
    spectrogram, and its sound is sent as it is played.

    Parameters
    ----------
    sound : Tracks
    roles : tuple of {"user", "assistant"}
        A track for each.
    regions : list of Region
        With their times on the clock of `sound`.
    since_s, until_s : float [s] or None
        The stretch to be shown; None: from the first whole second, to the end.

    Raises
    ------
    ConfigurationError
        When no sound lies in the stretch, or the front end was not built.
    """

    _esm = STATIC / "explorer.js"
    _css = STATIC / "explorer.css"
    _texts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        sound: Tracks,
        *,
        roles: tuple[str, ...],
        regions: list[Region],
        since_s: float | None,
        until_s: float | None,
    ) -> None:
        check_built("explorer.js")
        self._sound, self._roles = sound, roles
        self._start, self._stop = _stretch(sound, since_s, until_s)
        self._regions = _clipped(
            regions, self._start / sound.sample_rate, self._stop / sound.sample_rate
        )
        self._piece_samples = PIECE_S * sound.sample_rate
        super().__init__(_texts=texts_of("explorer", None))
        self.on_msg(self._answer)

    @traitlets.observe("comm")
    def _follow_comm(self, change: Any) -> None:
        keep_frontend_routing(change["new"])

    def _answer(self, _: object, content: Any, buffers: list[Any]) -> None:
        """Answer a page; runs on the main thread or on a subshell's."""
        match decode(content):
            case Open():
                self.send(encode(self._opened()), buffers=self._envelopes())
            case Read(piece=piece) if 0 <= piece * self._piece_samples < self._sample_count:
                self.send(encode(Piece(piece=piece)), buffers=self._piece(piece))

    @property
    def _sample_count(self) -> int:
        return self._stop - self._start

    @property
    def _column_samples(self) -> int:
        least = -(-self._sample_count // MOST_COLUMNS)
        return max(1, self._sound.sample_rate // COLUMNS_PER_S, least)

    def _opened(self) -> Opened:
        return Opened(
            roles=list(self._roles),
            sample_rate=self._sound.sample_rate,
            sample_count=self._sample_count,
            origin_s=self._start / self._sound.sample_rate,
            column_samples=self._column_samples,
            piece_samples=self._piece_samples,
            is_whole=self._sample_count <= WHOLE_UP_TO_S * self._sound.sample_rate,
            regions=self._regions,
        )

    def _envelopes(self) -> list[bytes]:
        step, pairs = self._column_samples, []
        for role in self._roles:
            extremes = self._sound.envelope(role, self._start, self._stop, step)
            pairs.append(np.stack(extremes, axis=1).astype("<i2").tobytes())
        return pairs

    def _piece(self, piece: int) -> list[bytes]:
        start = self._start + piece * self._piece_samples
        stop = min(start + self._piece_samples, self._stop)
        return [
            self._sound.track(role, start, stop).astype("<i2").tobytes()
            if self._sound.has_sound(role, start, stop)
            else b""
            for role in self._roles
        ]

    def __repr__(self) -> str:
        # A cell's output is saved into the notebook, so the text of the turns is not in it.
        return f"<Explorer of {self._sample_count / self._sound.sample_rate:.2f} s>"


def explore_turn(turn: Turn, since_s: float | None, until_s: float | None) -> Explorer:
    """The view of one turn, on its own time axis."""
    pcm = turn.pcm
    duration_s = len(pcm) / turn.sample_rate
    regions = [Region(track=0, start_s=0, stop_s=duration_s, kind="turn", text=turn.text)]
    if turn.was_interrupted and turn.heard_sample_count is not None:
        heard_s = turn.heard_sample_count / turn.sample_rate
        regions.append(Region(track=0, start_s=heard_s, stop_s=duration_s, kind="unheard", text=""))
    return Explorer(
        Tracks([Clip(turn, 0, pcm)], turn.sample_rate),
        roles=(turn.role,),
        regions=regions,
        since_s=since_s or 0.0,
        until_s=until_s,
    )


def explore_turns(turns: Turns, since_s: float | None, until_s: float | None) -> Explorer:
    """The view of turns on the clock of their talk, with a track for each speaker."""
    _check_times(since_s, until_s)
    sound = tracks_of(turns, since_s or 0.0, math.inf if until_s is None else until_s)
    if not sound.stop:
        raise AudioFormatError(
            f"there is no sound to explore in these turns ({len(turns)}).",
            cure="Ask something first; turn.text is the text of a typed turn.",
        )
    roles = ("user", "assistant")
    regions = [
        Region(
            track=roles.index(each.turn.role),
            start_s=each.start / sound.sample_rate,
            stop_s=each.stop / sound.sample_rate,
            kind="turn",
            text=each.turn.text,
        )
        for each in sound.clips
    ]
    return Explorer(
        sound,
        roles=roles,
        regions=regions,
        since_s=since_s,
        until_s=until_s,
    )


def _check_times(since_s: float | None, until_s: float | None) -> None:
    between("since_s", since_s, 0, math.inf, or_none=True)
    between("until_s", until_s, 0, math.inf, or_none=True)


def _stretch(sound: Tracks, since_s: float | None, until_s: float | None) -> tuple[int, int]:
    """Positions of the stretch, which begins at a whole second unless one is given."""
    _check_times(since_s, until_s)
    rate_hz = sound.sample_rate
    start = (
        sound.start // rate_hz * rate_hz
        if since_s is None
        else round(min(since_s * rate_hz, sound.stop))
    )
    stop = sound.stop if until_s is None else round(min(until_s * rate_hz, sound.stop))
    if start >= stop:
        raise ConfigurationError(
            f"there is no sound from since_s={since_s} to until_s={until_s}.",
            cure=f"It ends at {sound.stop / rate_hz:.2f} s; since_s must be less than until_s.",
        )
    return start, stop


def _clipped(regions: list[Region], start_s: float, stop_s: float) -> list[Region]:
    """The regions within the stretch, with times from its beginning."""
    return [
        Region(
            track=each.track,
            start_s=max(each.start_s, start_s) - start_s,
            stop_s=min(each.stop_s, stop_s) - start_s,
            kind=each.kind,
            text=each.text,
        )
        for each in regions
        if each.start_s < stop_s and each.stop_s > start_s
    ]
