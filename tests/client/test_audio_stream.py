"""The stream of the user's sound: pieces of any rate are sent as one signal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, RehearsalServer
from grok_live_widget.audio import ClipConverter
from grok_live_widget.client.connector import connect, open_session_with
from grok_live_widget.client.endpoint import ConnectRequest, resolve_endpoint
from grok_live_widget.client.session import Session
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.recording import FrameLog
from grok_live_widget.settings.settings import Settings

from ..support.sound import RATE_HZ, sine
from ..support.waiting import wait_until_async


@pytest.mark.parametrize("clears", [False, True])
async def test_a_commit_includes_the_tail_of_the_resampler_unless_it_was_cleared(
    clears: bool,
) -> None:
    async with connect(
        partner="parrot", sample_rate=48_000, turn_detection=PushToTalk()
    ) as session:
        for _ in range(2):
            await session.send_audio(np.zeros(4_800, np.int16), RATE_HZ)
        if clears:
            await session.clear()
            await session.send_audio(np.zeros(4_800, np.int16), RATE_HZ)
        await session.commit()
        assert len(session.turns.user[-1].pcm) == (9_600 if clears else 19_200)


def conversion_error_db(sent: np.ndarray, reference: bytes) -> float:
    """Greatest difference from one conversion of the whole sound, relative to full scale."""
    expected = np.frombuffer(reference, np.int16).astype(float)
    assert len(sent) == len(expected)
    return 20 * np.log10(max(np.abs(sent - expected).max() / 32768, 1e-9))


@contextlib.asynccontextmanager
async def patient_session(**settings: Any) -> AsyncIterator[Session]:
    """A rehearsal session in which a stream of sound never ends by a pause."""
    with RehearsalServer("parrot", api_key="k") as server:
        chosen = Settings(url=server.url(), turn_detection=PushToTalk(), **settings)
        request = ConnectRequest(
            endpoint=resolve_endpoint(chosen, "k"),
            settings=chosen,
            timeouts=Timeouts(stream_gap_s=60),
        )
        async with await open_session_with(
            request, Conversation.under(chosen), FrameLog()
        ) as session:
            yield session


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
async def test_pieces_of_20_ms_are_sent_as_one_stream_without_clicks(rate_hz: int) -> None:
    sound = sine(1.0, 440.0, rate_hz=rate_hz, amplitude=0.5)
    async with patient_session() as session:
        for start in range(0, len(sound), rate_hz // 50):
            await session.send_audio(sound[start : start + rate_hz // 50], rate_hz)
        assert session.audio.is_open
        await session.commit()
        assert not session.audio.is_open
        whole = ClipConverter().convert(sound, rate_hz)
        assert conversion_error_db(session.turns.user[0].pcm, whole) < -90


@pytest.mark.parametrize("ends_by", ["end", "finish_audio", "send_text", "another rate"])
async def test_the_end_of_a_stream_sends_the_tail_of_the_resampler(ends_by: str) -> None:
    sound = sine(0.5, 440.0, rate_hz=16_000)
    async with patient_session() as session:
        await session.send_audio(sound, 16_000, end=ends_by == "end")
        if ends_by == "finish_audio":
            await session.finish_audio()
        elif ends_by == "send_text":
            await session.send_text("listen")
        elif ends_by == "another rate":
            await session.send_audio(np.zeros(0, np.int16), 24_000)
        assert session.protocol.sent_sample_count == 12_000
        assert session.audio.is_open is (ends_by == "another rate")


async def test_a_pause_ends_a_stream() -> None:
    async with connect(partner="parrot", turn_detection=PushToTalk()) as session:
        await session.send_audio(sine(0.5, 440.0, rate_hz=16_000), 16_000)
        assert session.audio.is_open
        await wait_until_async(lambda: not session.audio.is_open)
        assert session.protocol.sent_sample_count == 12_000


async def test_a_session_that_is_closed_sends_the_tail_first() -> None:
    async with patient_session() as session:
        await session.send_audio(sine(0.5, 440.0, rate_hz=16_000), 16_000)
    assert session.protocol.sent_sample_count == 12_000


async def test_pieces_of_concurrent_calls_do_not_mix() -> None:
    first, second = np.full(48_000, 1, np.int16), np.full(48_000, 2, np.int16)
    async with patient_session() as session:
        calls = (session.send_audio(each, RATE_HZ) for each in (first, second))
        await asyncio.gather(*calls)
        await session.commit()
        assert np.array_equal(session.turns.user[0].pcm, np.concatenate((first, second)))


async def test_sound_at_the_pace_of_speech_takes_as_long_as_it_lasts() -> None:
    async with patient_session() as session:
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for _ in range(2):
            await session.send_audio(np.zeros(2_400, np.int16), RATE_HZ, pace="realtime")
        assert clock() - began_s > 0.199
        with pytest.raises(ConfigurationError, match="'fast', 'realtime'"):
            await session.send_audio(np.zeros(2_400, np.int16), RATE_HZ, pace="slow")


async def test_sample_rate_has_no_default() -> None:
    async with patient_session() as session:
        with pytest.raises(TypeError, match="sample_rate"):
            await session.send_audio(np.zeros(2_400, np.int16))
