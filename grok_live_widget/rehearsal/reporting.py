"""What the service reports beside the conversation: an echo of the settings, and usage."""

from __future__ import annotations

from math import ceil
from typing import Any

from ..events import PushToTalk, ServerVad, SessionCreated, ToolOffer, TurnDetection
from .reply import Reply, new_id

__all__ = ["Meter", "session_created", "session_echo", "wrong_setting"]

# Estimates from recorded sessions: 0.77 s of sound were 39 tokens, 3.38 s 170, twelve letters 3.
AUDIO_TOKENS_PER_S = 50
LETTERS_PER_TOKEN = 4


class Meter:
    """Usage as the service counts it: sound exact, tokens estimated, billing a running total."""

    def __init__(self) -> None:
        self._audio_s = 0.0

    def count(self, sample_count: int) -> None:
        """Sound of the user's turns; sound of replies is counted by `usage`."""
        self._audio_s += sample_count / 24_000

    def usage(self, reply: Reply) -> dict[str, Any]:
        """The ``usage`` of a reply that has ended."""
        self.count(reply.sent_count)
        heard = _tokens(reply.heard.text, reply.heard.pcm.size)
        said = _tokens(reply.text, reply.sent_count)
        return {
            "input_tokens": sum(heard.values()),
            "input_token_details": heard,
            "output_tokens": sum(said.values()),
            "output_token_details": said,
            "total_tokens": sum(heard.values()) + sum(said.values()),
            "output_audio_seconds": reply.sent_count / 24_000,
            "billable_audio_seconds": ceil(self._audio_s),
        }


def _tokens(text: str, sample_count: int) -> dict[str, int]:
    return {
        "text_tokens": ceil(len(text) / LETTERS_PER_TOKEN),
        "audio_tokens": ceil(sample_count / 24_000 * AUDIO_TOKENS_PER_S),
        "grok_tokens": 0,
    }


def session_created(model: str, voice: str) -> SessionCreated:
    """A new session as the service announces it (recorded)."""
    session_id = new_id()
    session = {
        "id": session_id,
        "object": "realtime.session",
        "instructions": "",
        "voice": voice,
        "modalities": ["audio"],
        "turn_detection": {"type": None},
        "tools": [],
        "model": model,
    }
    return SessionCreated(session_id=session_id, model=model, voice=voice, session=session)


def session_echo(
    model: str, instructions: str, detection: TurnDetection, tools: tuple[ToolOffer, ...] = ()
) -> dict[str, Any]:
    """The ``session`` of ``session.updated``: no voice, no id, many constants (recorded)."""
    sound = {"format": {"type": "audio/pcm", "rate": 24_000}, "transport": "json"}
    transcription = {"model": "grok-transcribe"}
    return {
        "instructions": instructions,
        "enable_noise_suppression": False,
        "turn_detection": _detection_echo(detection),
        "model": model,
        "tools": [_tool_echo(each) for each in tools],
        "keep_context": False,
        "enable_phonetic_spelling": False,
        "input_audio_transcription": transcription,
        "modalities": ["audio"],
        "input_audio_format": "not specified",
        "output_audio_format": "not specified",
        "tool_choice": "auto",
        "temperature": -1.0,
        "max_response_output_tokens": "inf",
        "audio": {"input": {**sound, "transcription": transcription}, "output": sound},
    }


def _tool_echo(offer: ToolOffer) -> dict[str, Any]:
    """Functions are sent flat and echoed nested (recorded)."""
    if offer.kind != "function":
        return {"type": offer.kind, **offer.parameters}
    function = {
        "name": offer.name,
        "description": offer.description,
        "parameters": offer.parameters,
    }
    return {"type": "function", "function": function}


def _detection_echo(detection: TurnDetection) -> dict[str, Any]:
    """Push-to-talk is echoed as an empty object (recorded)."""
    if isinstance(detection, PushToTalk):
        return {}
    return {
        "type": "server_vad",
        "threshold": detection.threshold,
        "silence_duration_ms": detection.silence_duration_ms,
        "prefix_padding_ms": detection.prefix_padding_ms,
        "create_response": True,
        "interrupt_response": True,
    }


def wrong_setting(detection: TurnDetection | None) -> str:
    """Name of the first setting out of the range of the service's schema, or ``""``."""
    if not isinstance(detection, ServerVad):
        return ""
    if not 0.1 <= detection.threshold <= 0.9:
        return "threshold"
    for name in ("silence_duration_ms", "prefix_padding_ms"):
        if not 0 <= getattr(detection, name) <= 10_000:
            return name
    return ""
