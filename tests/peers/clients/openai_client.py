"""The `openai` package talks with a live voice server: one typed turn, one spoken turn.

Run by the Python of an environment that has nothing but `openai[realtime]`:
``python openai_client.py ws://127.0.0.1:8765/v1/realtime question.pcm``. Prints JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
from pathlib import Path
from typing import Any, get_args

from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent

CHUNK_BYTES = 4_800
# What the package has types for; anything else it hands on unread.
KNOWN = {
    name
    for event in get_args(get_args(RealtimeServerEvent)[0])
    for name in get_args(event.model_fields["type"].annotation)
}


TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Look up the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


async def ask(connection: Any, text: str) -> None:
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
    )
    await connection.response.create()


async def call_tool(connection: Any, told: dict[str, Any]) -> None:
    """Wait until it is asked for, and answer when the reply that asks is over."""
    async for event in connection:
        match event.type:
            case "response.function_call_arguments.done":
                told["cities"].append(json.loads(event.arguments)["city"])
                call_id = event.call_id
            case "error":
                told["complaints"].append(event.error.message)
            case "response.done":
                break
    await connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call_id, "output": "foggy"}
    )
    await connection.response.create()


async def hear_reply(connection: Any, told: dict[str, Any]) -> None:
    """Collect one reply, to its end."""
    turn: dict[str, Any] = {"user": "", "text": "", "sound": b""}
    async for event in connection:
        match event.type:
            case "conversation.item.input_audio_transcription.completed":
                turn["user"] = event.transcript
            case "response.output_audio.delta":
                turn["sound"] += base64.b64decode(event.delta)
            case "response.output_audio_transcript.delta":
                turn["text"] += event.delta
            case "response.done":
                break
            case "error":
                told["complaints"].append(event.error.message)
            case name if name not in KNOWN:
                told["unread"].append(name)
    turn["sound"] = base64.b64encode(turn["sound"]).decode()
    told["turns"].append(turn)


async def talk(url: str, sound: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"turns": [], "cities": [], "complaints": [], "unread": []}
    base = url.removesuffix("/realtime")
    client = AsyncOpenAI(
        api_key="x", base_url=base.replace("ws", "http", 1), websocket_base_url=base
    )
    async with client.realtime.connect(model="grok-voice-latest") as connection:
        # Voice and turn detection lie flat at Grok's, and under `audio` at OpenAI's.
        await connection.session.update(
            session={
                "voice": "eve",
                "turn_detection": {"type": "server_vad"},
                "tools": [TOOL],
                # Without a model no words are told before the turn is over.
                "audio": {"input": {"transcription": {"model": "grok-transcribe"}}},
            }
        )
        await ask(connection, "Hello.")
        await hear_reply(connection, told)
        for start in range(0, len(sound), CHUNK_BYTES):
            chunk = sound[start : start + CHUNK_BYTES]
            await connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())
        await hear_reply(connection, told)
        await ask(connection, "What is the weather in Lyon?")
        await call_tool(connection, told)
        await hear_reply(connection, told)
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
