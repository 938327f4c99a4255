"""What the service reports beside the conversation: an echo of the settings, and usage."""

from __future__ import annotations

from math import ceil
from typing import Any

from ..protocol import (
    AudioFormat,
    PushToTalk,
    SessionCreated,
    ToolOffer,
    Transcription,
    TurnDetection,
    present,
)
from .response import Reply, new_id
from .settings import SessionSettings

__all__ = ["Meter", "session_created", "session_echo"]

# Estimates from recorded sessions: 0.77 s of sound were 39 tokens, 3.38 s 170, twelve letters 3.
AUDIO_TOKENS_PER_S = 50
LETTERS_PER_TOKEN = 4


class Meter:
    """Usage as the service counts it: sound exact, tokens estimated, billing a running total."""

    def __init__(self) -> None:
        self._audio_s = 0.0

    def count(self, sound_s: float) -> None:
        """Sound of the user's turns; sound of replies is counted by `usage`."""
        self._audio_s += sound_s

    def usage(self, reply: Reply) -> dict[str, Any]:
        """The ``usage`` of a reply that has ended."""
        self.count(reply.sent_s)
        heard = _tokens(reply.heard.text, reply.heard.pcm.size / 24_000)
        said = _tokens(reply.text, reply.sent_s)
        return {
            "input_tokens": sum(heard.values()),
            "input_token_details": heard,
            "output_tokens": sum(said.values()),
            "output_token_details": said,
            "total_tokens": sum(heard.values()) + sum(said.values()),
            "output_audio_seconds": reply.sent_s,
            "billable_audio_seconds": ceil(self._audio_s),
        }


def _tokens(text: str, sound_s: float) -> dict[str, int]:
    return {
        "text_tokens": ceil(len(text) / LETTERS_PER_TOKEN),
        "audio_tokens": ceil(sound_s * AUDIO_TOKENS_PER_S),
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


def session_echo(settings: SessionSettings) -> dict[str, Any]:
    """The ``session`` of ``session.updated``: no voice, no id, many constants (recorded)."""
    transcription = _transcription_echo(settings.transcription)
    heard = {**_format_echo(settings.input_format), "transcription": transcription}
    spoken = {**_format_echo(settings.output_format), **present(speed=settings.speed)}
    return {
        "instructions": settings.instructions,
        "enable_noise_suppression": False,
        "turn_detection": _detection_echo(settings.turn_detection),
        "model": settings.model,
        "tools": [_tool_echo(each) for each in settings.tools],
        "keep_context": False,
        "enable_phonetic_spelling": False,
        "input_audio_transcription": transcription and {"model": transcription["model"]},
        "modalities": ["audio"],
        "input_audio_format": "not specified",
        "output_audio_format": "not specified",
        "tool_choice": "auto",
        "temperature": -1.0,
        "max_response_output_tokens": "inf",
        "audio": {"input": heard, "output": spoken},
        **_wishes_echo(settings),
    }


def _wishes_echo(settings: SessionSettings) -> dict[str, Any]:
    """What is echoed only when it was set (recorded)."""
    effort, enabled = settings.reasoning, settings.resumption
    return present(
        reasoning=None if effort is None else {"effort": effort},
        resumption=None if enabled is None else {"enabled": enabled},
        replace=settings.replace or None,
    )


def _format_echo(form: AudioFormat) -> dict[str, Any]:
    rate = {"rate": form.sample_rate} if form.encoding == "pcm" else {}
    return {"format": {"type": f"audio/{form.encoding}", **rate}, "transport": form.transport}


def _transcription_echo(transcription: Transcription | None) -> dict[str, Any] | None:
    if transcription is None:
        return None
    hints = present(
        language_hint=transcription.language_hint, keyterms=list(transcription.keyterms) or None
    )
    return {"model": transcription.model, **hints}


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
        "create_response": detection.create_response,
        "interrupt_response": detection.interrupt_response,
        **present(idle_timeout_ms=detection.idle_timeout_ms),
    }
