"""The settings of a session, and their validation as by the service."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..protocol import (
    AudioFormat,
    PushToTalk,
    ServerVad,
    ToolOffer,
    Transcription,
    TurnDetection,
    UpdateSession,
)
from .formats import invalid_format

__all__ = ["SessionSettings", "has_invalid_metadata", "invalid_setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """The settings of one session; None where the client has set nothing.

    A new session of the service has the voice ara, no turn detection and no transcription
    model (recorded).
    """

    model: str
    voice: str = "ara"
    instructions: str = ""
    turn_detection: TurnDetection = PushToTalk()
    tools: tuple[ToolOffer, ...] = ()
    input_format: AudioFormat = AudioFormat()
    output_format: AudioFormat = AudioFormat()
    transcription: Transcription | None = None
    speed: float | None = None
    replace: Mapping[str, str] | None = None
    reasoning: str | None = None
    resumption: bool | None = None

    def merged(self, request: UpdateSession) -> SessionSettings:
        """These settings with those of a request; the model remains that of the URL."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "model"]
        given = {name: getattr(request, name) for name in names}
        return dataclasses.replace(self, **{n: v for n, v in given.items() if v is not None})

    @property
    def wants_partial_transcripts(self) -> bool:
        """Whether partial transcripts of the user's speech are sent."""
        return self.transcription is not None and bool(self.transcription.model)


def invalid_setting(request: UpdateSession) -> str:
    """Path of the first setting that the service's schema does not allow, or ``""``."""
    invalid = _invalid_detection(request.turn_detection)
    if invalid:
        return f"turn_detection.{invalid}"
    for direction, audio_format in (
        ("input", request.input_format),
        ("output", request.output_format),
    ):
        invalid = invalid_format(audio_format)
        if invalid:
            return f"audio.{direction}.{invalid}"
    if request.transcription and not _all_fit(request.transcription.keyterms, 100, 50):
        return "audio.input.transcription.keyterms"
    if request.speed is not None and not 0.7 <= request.speed <= 1.5:
        return "audio.output.speed"
    if request.reasoning not in (None, "high", "none"):
        return "reasoning.effort"
    return "replace" if _is_invalid_replacement(request.replace or {}) else ""


def _invalid_detection(detection: TurnDetection | None) -> str:
    if not isinstance(detection, ServerVad):
        return ""
    if not 0.1 <= detection.threshold <= 0.9:
        return "threshold"
    for name in ("silence_duration_ms", "prefix_padding_ms"):
        if not 0 <= getattr(detection, name) <= 10_000:
            return name
    idle_ms = detection.idle_timeout_ms
    return "idle_timeout_ms" if idle_ms is not None and idle_ms <= 0 else ""


def _is_invalid_replacement(pairs: Mapping[str, str]) -> bool:
    # The limits are those of the service's text to speech; for sessions it documents none.
    return not (_all_fit(pairs, 200, 100) and _all_fit(pairs.values(), 200, 128))


def _all_fit(texts: Iterable[object], most: int, longest: int) -> bool:
    """Whether these are at most `most` texts of 1 to `longest` characters."""
    found = list(texts)
    return len(found) <= most and all(isinstance(t, str) and 0 < len(t) <= longest for t in found)


def has_invalid_metadata(metadata: Mapping[str, Any] | None) -> bool:
    """Whether there are more than 16 pairs, or a name or value is not a text or too long."""
    pairs = metadata or {}
    are_texts = all(isinstance(each, str) and len(each) <= 512 for each in pairs.values())
    return not (_all_fit(pairs, 16, 64) and are_texts)
