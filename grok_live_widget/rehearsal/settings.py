"""The settings of a session, and their validation as by the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import asdict, replace

from ..protocol import (
    AudioFormat,
    PushToTalk,
    ServerVad,
    ToolOffer,
    TurnDetection,
    UpdateSession,
)
from .formats import invalid_format


class SessionSettings(UpdateSession, frozen=True, kw_only=True):
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

    def merged(self, request: UpdateSession) -> SessionSettings:
        """These settings with those of a request; the model remains that of the URL."""
        given = {name: value for name, value in asdict(request).items() if value is not None}
        return replace(self, **given | {"model": self.model, "event_id": ""})

    @property
    def vad(self) -> ServerVad:
        """The parameters of turn detection; the defaults in push-to-talk."""
        return _vad_of(self.turn_detection)


def _vad_of(detection: TurnDetection | None) -> ServerVad:
    return detection if isinstance(detection, ServerVad) else ServerVad()


def invalid_setting(request: UpdateSession) -> str:
    """Path of the first setting that the service's schema does not allow, or ``""``."""
    vad, replaced = _vad_of(request.turn_detection), request.replace or {}
    keyterms = request.transcription.keyterms if request.transcription else ()
    wrong_input = invalid_format(request.input_format)
    wrong_output = invalid_format(request.output_format)
    is_allowed = {
        "turn_detection.threshold": 0.1 <= vad.threshold <= 0.9,
        "turn_detection.silence_duration_ms": 0 <= vad.silence_duration_ms <= 10_000,
        "turn_detection.prefix_padding_ms": 0 <= vad.prefix_padding_ms <= 10_000,
        "turn_detection.idle_timeout_ms": vad.idle_timeout_ms is None or vad.idle_timeout_ms > 0,
        f"audio.input.{wrong_input}": not wrong_input,
        f"audio.output.{wrong_output}": not wrong_output,
        "audio.input.transcription.keyterms": _all_fit(keyterms, 100, 50),
        "audio.output.speed": request.speed is None or 0.7 <= request.speed <= 1.5,
        "reasoning.effort": request.reasoning in (None, "high", "none"),
        # The limits are those of the service's text to speech; for sessions it documents none.
        "replace": _all_fit(replaced, 200, 100) and _all_fit(replaced.values(), 200, 128),
    }
    return next((path for path, is_good in is_allowed.items() if not is_good), "")


def _all_fit(texts: Iterable[object], most: int, longest: int) -> bool:
    """Whether these are at most `most` texts of 1 to `longest` characters."""
    found = list(texts)
    return len(found) <= most and all(isinstance(t, str) and 0 < len(t) <= longest for t in found)


def has_invalid_metadata(metadata: Mapping[str, Any] | None) -> bool:
    """Whether there are more than 16 pairs, or a name or value is not a text or too long."""
    pairs = metadata or {}
    are_texts = all(isinstance(each, str) and len(each) <= 512 for each in pairs.values())
    return not (_all_fit(pairs, 16, 64) and are_texts)
