"""What the service reports beside the conversation: confirmed settings, and usage."""

from __future__ import annotations

from math import ceil
from typing import Any

from msgspec.json import decode
from msgspec.structs import asdict

from ..protocol import REALTIME, ServerVad, SessionCreated, UpdateSession
from .response import Response, new_id
from .settings import SessionSettings

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
    session = {
        "object": "realtime.session",
        "instructions": "",
        "modalities": ["audio"],
        "turn_detection": {"type": None},
        "tools": [],
    }
    return SessionCreated(session_id=new_id(), model=model, voice=voice, session=session)


def confirmed_settings(settings: SessionSettings) -> dict[str, Any]:
    """The ``session`` of ``session.updated``: no voice, no id, many constants (recorded)."""
    requested = {**asdict(settings), "voice": None, "replace": settings.replace or None}
    sent = decode(REALTIME.encode(UpdateSession(**requested)))["session"]
    # Push-to-talk is confirmed as an empty object (recorded).
    detection = sent["turn_detection"] if isinstance(settings.turn_detection, ServerVad) else {}
    transcription = settings.transcription and {"model": settings.transcription.model}
    audio_input = sent["audio"]["input"]
    hints = {name: hint for name, hint in audio_input.get("transcription", {}).items() if hint}
    audio_input["transcription"] = transcription and {**transcription, **hints}
    return {
        "enable_noise_suppression": False,
        "keep_context": False,
        "enable_phonetic_spelling": False,
        "input_audio_transcription": transcription,
        "modalities": ["audio"],
        "input_audio_format": "not specified",
        "output_audio_format": "not specified",
        "tool_choice": "auto",
        "temperature": -1.0,
        "max_response_output_tokens": "inf",
        **sent,
        "turn_detection": detection,
        "tools": [_confirmed_tool(each) for each in sent["tools"]],
    }


def _confirmed_tool(sent: dict[str, Any]) -> dict[str, Any]:
    """Functions are sent flat and confirmed nested (recorded)."""
    if sent["type"] != "function":
        return sent
    return {"type": sent.pop("type"), "function": sent}
