"""An agent of `openai-agents` talks with a live voice server.

Run by the Python of an environment with `openai-agents`:
``python openai_agents_client.py ws://127.0.0.1:8765/v1/realtime question.pcm``. Prints JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

# Else it tries to tell OpenAI about each run.
os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"

from agents.realtime import (
    RealtimeAgent,
    RealtimeModelSendRawMessage,
    RealtimeRunner,
    RealtimeSession,
)

CHUNK_S = 0.1
CHUNK_BYTES = 4_800


def words_of(message: Any) -> str:
    return "".join(getattr(part, "transcript", None) or "" for part in message.content)


async def hear_reply(session: RealtimeSession, told: dict[str, Any]) -> None:
    """Collect one reply: its sound to its end, and then its words."""
    sound, history, latest, has_ended = b"", [], "", False
    async for event in session:
        match event.type:
            case "raw_model_event" if event.data.type == "raw_server_event":
                latest = event.data.data["type"]
            case "audio":
                sound += event.audio.data
            case "audio_end":
                has_ended = True
            case "history_updated":
                history = event.history
            case "error" if latest == "error":
                told["complaints"].append(event.error.message)
            case "error":
                told["unread"].append(latest)
        if has_ended and history[-1].role == "assistant" and words_of(history[-1]):
            break
    told["turns"].append(
        {
            "user": words_of(history[-2]),
            "text": words_of(history[-1]),
            "sound": base64.b64encode(sound).decode(),
        }
    )


async def talk(url: str, sound: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"turns": [], "cities": [], "complaints": [], "unread": []}
    runner = RealtimeRunner(RealtimeAgent(name="Assistant", instructions="Be brief."))
    model_config = {
        "api_key": "x",
        "url": f"{url}?model=grok-voice-latest",
        "initial_model_settings": {
            "voice": "eve",
            "input_audio_transcription": {"model": "grok-transcribe"},
            "turn_detection": {"type": "server_vad", "interrupt_response": True},
        },
    }
    async with await runner.run(model_config=model_config) as session:
        # It sends turn detection under `audio.input`, as OpenAI has it; Grok wants it flat.
        flat = {"type": "realtime", "turn_detection": {"type": "server_vad"}}
        await session.model.send_event(
            RealtimeModelSendRawMessage(
                message={"type": "session.update", "other_data": {"session": flat}}
            )
        )
        await session.send_message("Hello.")
        await hear_reply(session, told)
        answer = asyncio.create_task(hear_reply(session, told))
        for start in range(0, len(sound), CHUNK_BYTES):
            await session.send_audio(sound[start : start + CHUNK_BYTES])
            # No faster than a microphone: it cancels when speech begins.
            await asyncio.sleep(CHUNK_S)
        await answer
    return told


class Complaints(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record.getMessage())


def main() -> None:
    logged: list[str] = []
    logging.getLogger().addHandler(Complaints(logged))
    url, sound = sys.argv[1], Path(sys.argv[2]).read_bytes()
    told = asyncio.run(asyncio.wait_for(talk(url, sound), 60))
    told["complaints"] += logged
    print(json.dumps(told))


if __name__ == "__main__":
    main()
