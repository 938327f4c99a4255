"""What a client may ask of its session, and what it is told when it asks for something else."""

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
from .formats import wrong_format

__all__ = ["SessionSettings", "wrong_metadata", "wrong_setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """The settings of one session; None where the client has said nothing.

    A new session of the service has voice ara, no turn detection and no model that writes the
    user's words down (recorded).
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

    def merged(self, wanted: UpdateSession) -> SessionSettings:
        """These settings with those that are said; the model is that of the URL."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "model"]
        said = {name: getattr(wanted, name) for name in names}
        return dataclasses.replace(self, **{n: v for n, v in said.items() if v is not None})

    @property
    def writes_partials(self) -> bool:
        """Whether the user's words are told while they are still being understood."""
        return self.transcription is not None and bool(self.transcription.model)


def wrong_setting(wanted: UpdateSession) -> str:
    """Path of the first setting that the service's schema does not allow, or ``""``."""
    wrong = _wrong_detection(wanted.turn_detection)
    if wrong:
        return f"turn_detection.{wrong}"
    for direction, form in (("input", wanted.input_format), ("output", wanted.output_format)):
        wrong = wrong_format(form)
        if wrong:
            return f"audio.{direction}.{wrong}"
    if wanted.transcription and not _all_fit(wanted.transcription.keyterms, 100, 50):
        return "audio.input.transcription.keyterms"
    if wanted.speed is not None and not 0.7 <= wanted.speed <= 1.5:
        return "audio.output.speed"
    if wanted.reasoning not in (None, "high", "none"):
        return "reasoning.effort"
    return "replace" if _is_wrong_replacement(wanted.replace or {}) else ""


def _wrong_detection(detection: TurnDetection | None) -> str:
    if not isinstance(detection, ServerVad):
        return ""
    if not 0.1 <= detection.threshold <= 0.9:
        return "threshold"
    for name in ("silence_duration_ms", "prefix_padding_ms"):
        if not 0 <= getattr(detection, name) <= 10_000:
            return name
    idle_ms = detection.idle_timeout_ms
    return "idle_timeout_ms" if idle_ms is not None and idle_ms <= 0 else ""


def _is_wrong_replacement(pairs: Mapping[str, str]) -> bool:
    # The limits are those of the service's reading aloud; of its talks it names none.
    return not (_all_fit(pairs, 200, 100) and _all_fit(pairs.values(), 200, 128))


def _all_fit(texts: Iterable[object], most: int, longest: int) -> bool:
    """Whether these are at most so many texts, none of them empty or longer than that."""
    found = list(texts)
    return len(found) <= most and all(isinstance(t, str) and 0 < len(t) <= longest for t in found)


def wrong_metadata(metadata: Mapping[str, Any] | None) -> bool:
    """Whether this is more than 16 pairs, or a name or value is none or too long."""
    pairs = metadata or {}
    are_texts = all(isinstance(each, str) and len(each) <= 512 for each in pairs.values())
    return not (_all_fit(pairs, 16, 64) and are_texts)
