"""Frames from events: on `realtime` with all fields that were recorded, on `live` minimal."""

from __future__ import annotations

import time
from typing import Any

from msgspec.structs import replace

from ..audio import codec_of
from ..protocol import (
    AudioDelta,
    AudioFormat,
    ContentPartAdded,
    Dialect,
    ErrorReported,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TranscriptDelta,
)
from .response import new_id


def binary_frame_from(event: ServerEvent, audio_format: AudioFormat) -> bytes | None:
    """The binary frame of an event; None for an event that is sent as text."""
    if isinstance(event, AudioDelta) and audio_format.transport == "binary":
        return codec_of(audio_format.encoding).encode(event.pcm)
    return None


def frame_from(
    event: ServerEvent, dialect: Dialect, audio_format: AudioFormat = AudioFormat()
) -> bytes | None:
    """The text frame of an event; None if this dialect does not have the event.

    Parameters
    ----------
    audio_format : AudioFormat
        The format of audio.
    """
    if dialect.has_responses:
        return dialect.encode(
            event, _service_fields(event, audio_format), codec_of(audio_format.encoding)
        )
    minimal = _minimal_event(event)
    return None if minimal is None else dialect.encode(minimal)


def _service_fields(event: ServerEvent, audio_format: AudioFormat) -> dict[str, Any]:
    """Fields that the recorded frames have in addition to those of the event."""
    fields: dict[str, Any] = {"event_id": new_id(), "previous_item_id": None}
    if isinstance(event, ContentPartAdded):
        fields["previous_item_id"] = "0"
    if isinstance(event, AudioDelta):
        fields |= {
            "content_index": 0,
            "output_index": 0,
            "audio_duration_ms": len(event.pcm) // 2 * 1000 // audio_format.sample_rate,
            "ts": time.time_ns() // 1_000_000,
        }
    return fields


def _minimal_event(event: ServerEvent) -> ServerEvent | None:
    """One of the five events of `live` with its documented fields only, or None."""
    match event:
        case AudioDelta():
            return AudioDelta(pcm=event.pcm)
        case TranscriptDelta() | TextDelta():
            # `live` has one event for the assistant's words, with audio or without.
            return TranscriptDelta(delta=event.delta)
        case SpeechStarted() | SpeechStopped():
            return type(event)()
        case ErrorReported():
            return replace(event, about="")
    return None
