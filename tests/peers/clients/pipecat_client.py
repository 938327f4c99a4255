"""A pipecat pipeline around `GrokRealtimeLLMService` talks with a live voice server.

Run by the Python of an environment with `pipecat-ai[grok]`:
``python pipecat_client.py ws://127.0.0.1:8765/v1/realtime question.pcm``. Prints JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from loguru import logger

LOGGED: list[str] = []
# pipecat greets on import, so the log is taken over before that.
logger.remove()
logger.add(lambda line: LOGGED.append(line.strip()), level="WARNING", format="{name}: {message}")

from pipecat.frames.frames import (  # noqa: E402
    EndFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMMessagesAppendFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.worker import PipelineParams, PipelineWorker  # noqa: E402
from pipecat.processors.aggregators.llm_context import LLMContext  # noqa: E402
from pipecat.processors.aggregators.llm_response_universal import (  # noqa: E402
    LLMContextAggregatorPair,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor  # noqa: E402
from pipecat.services.llm_service import FunctionCallParams  # noqa: E402
from pipecat.services.xai.realtime.events import SessionProperties, TurnDetection  # noqa: E402
from pipecat.services.xai.realtime.llm import GrokRealtimeLLMService  # noqa: E402
from pipecat.workers.runner import WorkerRunner  # noqa: E402

RATE_HZ = 24_000
CHUNK_S = 0.1
CHUNK_BYTES = 4_800


class VoiceActivityDetector(FrameProcessor):
    """Stands where the loudspeaker would, and keeps what gets there."""

    def __init__(self) -> None:
        super().__init__()
        self.sound, self.text = b"", ""
        self.has_ended = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        match frame:
            case TTSAudioRawFrame():
                assert frame.sample_rate == RATE_HZ
                self.sound += frame.audio
            case TTSTextFrame():
                self.text += frame.text
            case LLMFullResponseEndFrame() if self.sound:
                self.has_ended.set()
        await self.push_frame(frame, direction)

    async def reply(self) -> dict[str, Any]:
        """What was heard of one reply."""
        await self.has_ended.wait()
        told = {"text": self.text, "sound": base64.b64encode(self.sound).decode()}
        self.sound, self.text = b"", ""
        self.has_ended.clear()
        return told


async def talk(url: str, sound: bytes) -> dict[str, Any]:
    service = GrokRealtimeLLMService(
        api_key="x",
        base_url=url,
        settings=GrokRealtimeLLMService.Settings(
            session_properties=SessionProperties(
                voice="eve", turn_detection=TurnDetection(type="server_vad")
            )
        ),
    )
    told: dict[str, Any] = {"turns": [], "cities": [], "complaints": [], "unread": []}

    async def weather(params: FunctionCallParams, city: str) -> None:
        """Look up the weather.

        Args:
            city: Where.
        """
        told["cities"].append(city)
        await params.result_callback("foggy")

    context = LLMContext(tools=[weather])
    aggregators = LLMContextAggregatorPair(context)
    ear = VoiceActivityDetector()
    worker = PipelineWorker(
        Pipeline([aggregators.user(), service, ear, aggregators.assistant()]),
        params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ),
        enable_rtvi=False,
    )

    @worker.event_handler("on_pipeline_error")
    async def _(_: Any, frame: Any) -> None:
        told["complaints"].append(str(frame))

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())

    def typed(text: str) -> LLMMessagesAppendFrame:
        return LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True)

    await worker.queue_frame(typed("Hello."))
    told["turns"].append(await ear.reply())
    for start in range(0, len(sound), CHUNK_BYTES):
        chunk = sound[start : start + CHUNK_BYTES]
        await worker.queue_frame(InputAudioRawFrame(chunk, RATE_HZ, 1))
        # No faster than a microphone: it cancels when speech begins, and the word takes its time.
        await asyncio.sleep(CHUNK_S)
    told["turns"].append(await ear.reply())
    # The aggregator of the user takes what opens a talk; in a running one the service must see it.
    await service.queue_frame(typed("What is the weather in Lyon?"))
    told["turns"].append(await ear.reply())

    await worker.queue_frame(EndFrame())
    await running
    said = [message["content"] for message in context.get_messages() if message["role"] == "user"]
    for turn, words in zip(told["turns"], said, strict=True):
        turn["user"] = words
    return told


def main() -> None:
    url, sound = sys.argv[1], Path(sys.argv[2]).read_bytes()
    told = asyncio.run(asyncio.wait_for(talk(url, sound), 60))
    told["complaints"] += LOGGED
    print(json.dumps(told))


if __name__ == "__main__":
    main()
