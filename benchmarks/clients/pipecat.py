"""`GrokRealtimeLLMService` of pipecat-ai in the shortest pipeline: the service and a receiver.

No context aggregators, so that pipecat does no more than the others. Keeps nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    ProposedUserStartedSpeakingFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.xai.realtime import events
from pipecat.services.xai.realtime.llm import GrokRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

from benchmarks import jobs
from benchmarks.jobs import Job, Received

RATE_HZ = 24_000


class Receiver(FrameProcessor):
    """The end of the pipeline."""

    received: Received

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        match frame:
            case TTSAudioRawFrame():
                self.received.on_audio(frame.audio)
            case TTSTextFrame():
                self.received.on_transcript(frame.text)
            case ProposedUserStartedSpeakingFrame():
                self.received.on_speech_started()
            case LLMFullResponseEndFrame():
                self.received.on_response_done()
        await self.push_frame(frame, direction)


class Pipecat:
    def __init__(
        self, worker: PipelineWorker, service: GrokRealtimeLLMService, receiver: Receiver
    ) -> None:
        self.worker, self.service, self.receiver = worker, service, receiver

    async def request_response(self) -> None:
        await self.service.send_client_event(events.ResponseCreateEvent())

    async def send_audio(self, pcm: np.ndarray) -> None:
        await self.worker.queue_frame(InputAudioRawFrame(pcm.tobytes(), RATE_HZ, 1))

    async def commit(self) -> None:
        # Behind the audio in the pipeline. The service commits and requests a response.
        await self.worker.queue_frame(UserStoppedSpeakingFrame())

    async def receive(self, received: Received) -> None:
        self.receiver.received = received

        async def on_item(_: Any, item_id: str, item: events.ConversationItem) -> None:
            if item.role == "user":
                received.on_committed(item_id)

        self.service.add_event_handler("on_conversation_item_created", on_item)


@asynccontextmanager
async def connected(url: str, job: Job) -> AsyncIterator[Pipecat]:
    logger.remove()  # it logs to the terminal unless told otherwise
    parts = urlsplit(url)
    # The service commits only without the server's turn detection, and reports speech only with it.
    turn_detection = None if job.chunk_count else events.TurnDetection(type="server_vad")
    service = GrokRealtimeLLMService(
        api_key="not-a-key",
        base_url=f"ws://{parts.netloc}{parts.path}",
        settings=GrokRealtimeLLMService.Settings(
            model=parse_qs(parts.query)["model"][0],
            session_properties=events.SessionProperties(turn_detection=turn_detection),
        ),
    )
    receiver = Receiver()
    params = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    worker = PipelineWorker(Pipeline([service, receiver]), params=params, enable_rtvi=False)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    # Audio sent before is dropped, and no public event says that the session is ready.
    while not service._api_session_ready:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield Pipecat(worker, service, receiver)
    await worker.queue_frame(EndFrame())
    await running


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
