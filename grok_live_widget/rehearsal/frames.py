"""How events look on the wire: frames as full as recorded ones, or as bare as the seed's."""

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

__all__ = ["frame_from", "sound_from"]


def sound_from(event: ServerEvent, form: AudioFormat) -> bytes | None:
    """What is sent as sound alone; None for what is spelled in a frame."""
    if isinstance(event, AudioDelta) and form.transport == "binary":
        return codec_of(form.encoding).encode(event.pcm)
    return None


def frame_from(
    event: ServerEvent, dialect: Dialect, form: AudioFormat = AudioFormat()
) -> bytes | None:
    """Spell an event; None when this dialect does not tell it.

    Parameters
    ----------
    form : AudioFormat
        How sound travels.
    """
    if dialect.has_responses:
        return dialect.encode(event, _usual_fields(event, form), codec_of(form.encoding))
    told = _as_in_the_seed(event)
    return None if told is None else dialect.encode(told)


def _usual_fields(event: ServerEvent, form: AudioFormat) -> dict[str, Any]:
    """Fields that every recorded frame has and no event of ours is about."""
    fields: dict[str, Any] = {"event_id": new_id(), "previous_item_id": None}
    if isinstance(event, ContentPartAdded):
        fields["previous_item_id"] = "0"
    if isinstance(event, AudioDelta):
        fields |= {
            "content_index": 0,
            "output_index": 0,
            "audio_duration_ms": len(event.pcm) // 2 * 1000 // form.sample_rate,
            "ts": time.time_ns() // 1_000_000,
        }
    return fields


def _as_in_the_seed(event: ServerEvent) -> ServerEvent | None:
    """One of the seed's five events with no fields but the seed's, or None."""
    match event:
        case AudioDelta():
            return AudioDelta(pcm=event.pcm)
        case TranscriptDelta() | TextDelta():
            # The seed has one word for what the assistant says, with sound or without.
            return TranscriptDelta(delta=event.delta)
        case SpeechStarted():
            return SpeechStarted()
        case SpeechStopped():
            return SpeechStopped()
        case ErrorReported():
            return replace(event, about="")
    return None
