"""An `AgentSession` of LiveKit with `livekit-plugins-xai` talks with a live voice server.

Run by the Python of an environment with `livekit-plugins-xai`; no LiveKit server is needed, since
the session is given its own audio input and output instead of those of a LiveKit room:
``python livekit_client.py ws://127.0.0.1:8765/v1/realtime question.pcm``. Prints JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
from pathlib import Path
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import xai
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

RATE_HZ = 24_000
CHUNK_S = 0.1
CHUNK_BYTES = 4_800


class Microphone(AudioInput):
    """Gives the sound that is put into it, and no faster than it would be spoken."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    def say(self, sound: bytes) -> None:
        for start in range(0, len(sound), CHUNK_BYTES):
            piece = sound[start : start + CHUNK_BYTES]
            self._frames.put_nowait(rtc.AudioFrame(piece, RATE_HZ, 1, len(piece) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self._frames.get()
        await asyncio.sleep(CHUNK_S)
        return frame


class Loudspeaker(AudioOutput):
    """Keeps what it is given, and takes no time to play it."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=AudioOutputCapabilities(pause=False))
        self.sound = b""
        self._seconds = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        assert frame.sample_rate == RATE_HZ
        self.sound += bytes(frame.data)
        self._seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        self.on_playback_finished(playback_position=self._seconds, interrupted=False)
        self._seconds = 0.0

    def clear_buffer(self) -> None:
        pass


async def talk(url: str, sound: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"turns": [], "cities": [], "complaints": [], "unread": []}
    messages: asyncio.Queue[Any] = asyncio.Queue()

    @function_tool
    async def weather(city: str) -> str:
        """Look up the weather."""
        told["cities"].append(city)
        return "foggy"

    microphone, loudspeaker = Microphone(), Loudspeaker()

    def keep(event: Any) -> None:
        if event.item.type == "message":
            messages.put_nowait(event.item)

    async def hear_reply() -> None:
        user = ""
        while (message := await messages.get()).role != "assistant":
            user = message.text_content
        heard, loudspeaker.sound = loudspeaker.sound, b""
        told["turns"].append(
            {
                "user": user,
                "text": message.text_content,
                "sound": base64.b64encode(heard).decode(),
            }
        )

    # A loudspeaker that cannot pause cannot resume.
    handling = {"interruption": {"resume_false_interruption": False}}
    async with (
        aiohttp.ClientSession() as http,
        AgentSession(turn_handling=handling) as session,
    ):
        model = xai.realtime.RealtimeModel(
            api_key="x",
            base_url=url.replace("ws", "http", 1),
            http_session=http,
            turn_detection=ServerVad(type="server_vad"),
        )
        session.on("conversation_item_added", keep)
        session.on("error", lambda event: told["complaints"].append(str(event.error)))
        session.input.audio, session.output.audio = microphone, loudspeaker
        await session.start(Agent(instructions="Be brief.", llm=model, tools=[weather]))
        await session.generate_reply(user_input="Hello.")
        await hear_reply()
        microphone.say(sound)
        await hear_reply()
        await session.generate_reply(user_input="What is the weather in Lyon?")
        await hear_reply()
    return told


class Complaints(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(f"{record.name}: {record.getMessage()}")


def main() -> None:
    logged: list[str] = []
    logging.getLogger().addHandler(Complaints(logged))
    url, sound = sys.argv[1], Path(sys.argv[2]).read_bytes()
    told = asyncio.run(asyncio.wait_for(talk(url, sound), 60))
    told["complaints"] += logged
    print(json.dumps(told))


if __name__ == "__main__":
    main()
