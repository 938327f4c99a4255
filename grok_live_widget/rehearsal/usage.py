"""What the service reports beside the conversation: confirmed settings, and usage."""

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
from .response import Response, new_id
from .settings import SessionSettings

__all__ = ["UsageMeter", "confirmed_settings", "session_created"]

# Estimates from recorded sessions: 0.77 s of audio were 39 tokens, 3.38 s 170, twelve characters 3.
AUDIO_TOKENS_PER_S = 50
CHARACTERS_PER_TOKEN = 4


class UsageMeter:
    """Usage as the service counts it: audio exact, tokens estimated, billing a running total."""

    def __init__(self) -> None:
        self._audio_s = 0.0

    def count(self, audio_s: float) -> None:
        """Count audio of the user's turns; `usage` counts that of responses."""
        self._audio_s += audio_s

    def usage(self, response: Response) -> dict[str, Any]:
        """The ``usage`` of a response that has ended."""
        self.count(response.sent_s)
        input_tokens = _tokens(response.user_input.text, response.user_input.pcm.size / 24_000)
        output_tokens = _tokens(response.text, response.sent_s)
        return {
            "input_tokens": sum(input_tokens.values()),
            "input_token_details": input_tokens,
            "output_tokens": sum(output_tokens.values()),
            "output_token_details": output_tokens,
            "total_tokens": sum(input_tokens.values()) + sum(output_tokens.values()),
            "output_audio_seconds": response.sent_s,
            "billable_audio_seconds": ceil(self._audio_s),
        }


def _tokens(text: str, audio_s: float) -> dict[str, int]:
    return {
        "text_tokens": ceil(len(text) / CHARACTERS_PER_TOKEN),
        "audio_tokens": ceil(audio_s * AUDIO_TOKENS_PER_S),
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


def confirmed_settings(settings: SessionSettings) -> dict[str, Any]:
    """The ``session`` of ``session.updated``: no voice, no id, many constants (recorded)."""
    transcription = _confirmed_transcription(settings.transcription)
    audio_input = {**_confirmed_format(settings.input_format), "transcription": transcription}
    audio_output = {**_confirmed_format(settings.output_format), **present(speed=settings.speed)}
    return {
        "instructions": settings.instructions,
        "enable_noise_suppression": False,
        "turn_detection": _confirmed_detection(settings.turn_detection),
        "model": settings.model,
        "tools": [_confirmed_tool(each) for each in settings.tools],
        "keep_context": False,
        "enable_phonetic_spelling": False,
        "input_audio_transcription": transcription and {"model": transcription["model"]},
        "modalities": ["audio"],
        "input_audio_format": "not specified",
        "output_audio_format": "not specified",
        "tool_choice": "auto",
        "temperature": -1.0,
        "max_response_output_tokens": "inf",
        "audio": {"input": audio_input, "output": audio_output},
        **_confirmed_options(settings),
    }


def _confirmed_options(settings: SessionSettings) -> dict[str, Any]:
    """The settings that are confirmed only if they were set (recorded)."""
    effort, enabled = settings.reasoning, settings.resumption
    return present(
        reasoning=None if effort is None else {"effort": effort},
        resumption=None if enabled is None else {"enabled": enabled},
        replace=settings.replace or None,
    )


def _confirmed_format(audio_format: AudioFormat) -> dict[str, Any]:
    rate = {"rate": audio_format.sample_rate} if audio_format.encoding == "pcm" else {}
    return {
        "format": {"type": f"audio/{audio_format.encoding}", **rate},
        "transport": audio_format.transport,
    }


def _confirmed_transcription(transcription: Transcription | None) -> dict[str, Any] | None:
    if transcription is None:
        return None
    hints = present(
        language_hint=transcription.language_hint, keyterms=list(transcription.keyterms) or None
    )
    return {"model": transcription.model, **hints}


def _confirmed_tool(offer: ToolOffer) -> dict[str, Any]:
    """Functions are sent flat and confirmed nested (recorded)."""
    if offer.kind != "function":
        return {"type": offer.kind, **offer.parameters}
    function = {
        "name": offer.name,
        "description": offer.description,
        "parameters": offer.parameters,
    }
    return {"type": "function", "function": function}


def _confirmed_detection(detection: TurnDetection) -> dict[str, Any]:
    """Push-to-talk is confirmed as an empty object (recorded)."""
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
