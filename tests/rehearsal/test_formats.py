"""Sound in every format, at the edge of a line and through it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import Resampler, pcm_from_samples, samples_from_pcm
from grok_live_widget.audio.g711 import codec_of
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TruncateItem,
    UpdateSession,
)
from grok_live_widget.rehearsal.formats import InputConverter, decode_input, invalid_format
from grok_live_widget.settings.validation import PCM_RATES_HZ

from ..support.sound import tone

FORMATS = [
    *(AudioFormat(sample_rate=rate_hz) for rate_hz in PCM_RATES_HZ),
    AudioFormat(encoding="pcmu"),
    AudioFormat(encoding="pcma"),
]
# Without the clicks that a sudden end would make.
faded_tone = partial(tone, amplitude=0.3, fade_s=0.02)


def named(audio_format: AudioFormat) -> str:
    return f"{audio_format.encoding}-{audio_format.sample_rate}"


def as_it_travels(pcm: np.ndarray, audio_format: AudioFormat) -> np.ndarray:
    """What is left of samples after the format's encoding."""
    codec = codec_of(audio_format.encoding)
    return np.frombuffer(codec.decode(codec.encode(pcm.tobytes()))[0], "<i2")


def frequency_hz(pcm: np.ndarray, rate_hz: int) -> float:
    power = np.abs(np.fft.rfft(pcm * np.hanning(pcm.size), 2**18))
    return float(np.argmax(power) * rate_hz / 2**18)


def chunks(pcm: np.ndarray, size: int) -> Iterator[bytes]:
    for start in range(0, pcm.size, size):
        yield pcm[start : start + size].tobytes()


# --------------------------------------------------------------------------- the inlet
@pytest.mark.parametrize("audio_format", FORMATS, ids=named)
def test_a_tone_is_heard_at_its_pitch_and_length_whatever_its_rate(
    audio_format: AudioFormat,
) -> None:
    inlet, sent = InputConverter(audio_format), faded_tone(0.5, rate_hz=audio_format.sample_rate)
    pieces = [inlet.receive(piece) for piece in chunks(sent, 777)]
    received = np.concatenate((*pieces, inlet.flush()))
    assert abs(received.size - 12_000) <= 1
    assert frequency_hz(received, 24_000) == pytest.approx(440, abs=1)
    assert np.abs(received).max() == pytest.approx(0.3 * 32_768, rel=0.02)


def test_samples_of_24_khz_pass_untouched() -> None:
    inlet, sent = InputConverter(), faded_tone(0.1)
    np.testing.assert_array_equal(np.concatenate([inlet.receive(sent.tobytes())]), sent)
    assert inlet.flush().size == 0
    assert inlet.cut(0, 100) is None


@pytest.mark.parametrize("audio_format", [f for f in FORMATS if f.sample_rate != 24_000], ids=named)
def test_what_was_received_is_cut_at_its_own_rate_exactly(audio_format: AudioFormat) -> None:
    """Commit after commit, of odd lengths: no sample is lost or sent twice."""
    inlet, rng, position = InputConverter(audio_format), np.random.default_rng(1), 0
    for length in (1, 7, 1_001, 333, 4_999):
        sent = rng.integers(-9_000, 9_000, length).astype(np.int16)
        received = sum(inlet.receive(piece).size for piece in chunks(sent, 100))
        received += inlet.flush().size
        cut = inlet.cut(position, position + received)
        assert cut is not None
        np.testing.assert_array_equal(cut.pcm, sent)
        assert cut.sample_rate == audio_format.sample_rate
        position += received
        inlet.discard_before(position)


def test_a_stretch_is_where_it_was_in_time() -> None:
    inlet, sent = InputConverter(AudioFormat(sample_rate=48_000)), np.arange(30_000, dtype=np.int16)
    inlet.receive(sent.tobytes())
    inlet.discard_before(1_000)
    cut = inlet.cut(2_400, 4_800)
    assert cut is not None
    np.testing.assert_array_equal(cut.pcm, sent[4_800:9_600])


def test_a_change_of_format_gives_out_the_rest_and_begins_anew() -> None:
    inlet, sent = InputConverter(AudioFormat(sample_rate=8_000)), faded_tone(0.1, rate_hz=8_000)
    received = (
        inlet.receive(sent.tobytes()).size + inlet.change(AudioFormat(sample_rate=16_000)).size
    )
    assert abs(received - 2_400) <= 1
    received += inlet.receive(faded_tone(0.1, rate_hz=16_000).tobytes()).size + inlet.flush().size
    assert abs(received - 4_800) <= 2
    assert inlet.cut(0, received) is None
    assert inlet.received_count == 800 + 1_600


def test_half_a_sample_is_dropped() -> None:
    assert InputConverter().receive(b"\1\0\2\0\3").tolist() == [1, 2]


def test_a_clip_in_an_item_is_decoded_in_the_format_of_the_connection() -> None:
    sent = faded_tone(0.2, rate_hz=8_000)
    pcm, received = decode_input(
        codec_of("pcma").encode(sent.tobytes()), AudioFormat(encoding="pcma")
    )
    assert abs(pcm.size - 4_800) <= 1
    assert received is not None
    np.testing.assert_array_equal(received.pcm, as_it_travels(sent, AudioFormat(encoding="pcma")))


@pytest.mark.parametrize(
    ("audio_format", "wrong"),
    [
        (None, ""),
        (AudioFormat(encoding="opus", sample_rate=24_000), "format.type"),
        (AudioFormat(encoding="mp3"), "format.type"),
        (AudioFormat(sample_rate=96_000), "format.rate"),
        (AudioFormat(encoding="pcmu", sample_rate=16_000), "format.rate"),
        (AudioFormat(transport="pigeon"), "transport"),
        *((audio_format, "") for audio_format in FORMATS),
    ],
)
def test_what_is_not_spoken_is_named(audio_format: AudioFormat | None, wrong: str) -> None:
    assert invalid_format(audio_format) == wrong


# --------------------------------------------------------------------------- through a line
@pytest.mark.parametrize("transport", ["json", "binary"])
@pytest.mark.parametrize("audio_format", FORMATS, ids=named)
async def test_the_parrot_returns_the_very_samples_in_every_format(
    serving: Any, connected: Any, audio_format: AudioFormat, transport: str
) -> None:
    audio_format = AudioFormat(
        encoding=audio_format.encoding, sample_rate=audio_format.sample_rate, transport=transport
    )
    settings = {"input_format": audio_format, "output_format": audio_format}
    async with connected(serving("parrot"), **settings) as client:
        for sent in (
            faded_tone(0.4, rate_hz=audio_format.sample_rate),
            faded_tone(0.2, rate_hz=audio_format.sample_rate)[:-3],
        ):
            client.forget()
            await client.send_audio(sent, 777)
            await client.send(CommitAudio(), CreateResponse())
            done = await client.until(ResponseDone)
            np.testing.assert_array_equal(client.audio(), as_it_travels(sent, audio_format))
            duration_s = sent.size / audio_format.sample_rate
            assert done.usage["output_audio_seconds"] == pytest.approx(duration_s)


async def test_a_tone_of_48_khz_comes_back_at_8_khz_as_the_same_tone(
    serving: Any, connected: Any
) -> None:
    settings = {
        "input_format": AudioFormat(sample_rate=48_000),
        "output_format": AudioFormat(encoding="pcma", transport="binary"),
    }
    async with connected(serving("parrot"), **settings) as client:
        await client.send_audio(faded_tone(1.0, rate_hz=48_000))
        await client.send(CommitAudio(), CreateResponse())
        await client.until(ResponseDone)
        came = client.audio()
    assert abs(came.size - 8_000) <= 1
    assert frequency_hz(came, 8_000) == pytest.approx(440, abs=1)
    assert np.abs(came).max() == pytest.approx(0.3 * 32_768, rel=0.05)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100])
async def test_a_partner_works_at_24_khz_with_any_format(
    serving: Any, connected: Any, rate_hz: int
) -> None:
    received = []

    def partner(turn: Any) -> Iterator[np.ndarray]:
        received.append(turn.pcm)
        yield from np.array_split(faded_tone(0.5, 880), 7)

    audio_format = AudioFormat(sample_rate=rate_hz)
    async with connected(
        serving(partner), input_format=audio_format, output_format=audio_format
    ) as client:
        await client.send_audio(faded_tone(0.5, rate_hz=rate_hz))
        await client.send(CommitAudio(), CreateResponse())
        await client.until(ResponseDone)
        came = client.audio()
        lengths_ms = [delta.duration_ms for delta in client.all(AudioDelta)]
    assert abs(received[0].size - 12_000) <= 1
    assert frequency_hz(received[0], 24_000) == pytest.approx(440, abs=1)
    assert abs(came.size - rate_hz / 2) <= 1
    assert frequency_hz(came, rate_hz) == pytest.approx(880, abs=1)
    assert sum(lengths_ms) == pytest.approx(500, abs=len(lengths_ms))


@pytest.mark.parametrize(
    "audio_format", [AudioFormat(sample_rate=48_000), AudioFormat(encoding="pcma")]
)
async def test_speech_is_found_at_its_place_in_milliseconds_at_any_rate(
    serving: Any, connected: Any, utterance: np.ndarray, audio_format: AudioFormat
) -> None:
    resampler = Resampler(24_000, audio_format.sample_rate)
    sent = pcm_from_samples(resampler.push(samples_from_pcm(utterance), is_last=True))
    where = {}
    for name, settings in (
        ("usual", {}),
        ("other", {"input_format": audio_format, "output_format": audio_format}),
    ):
        pcm = sent if settings else utterance
        async with connected(serving("parrot"), detection=ServerVad(), **settings) as client:
            await client.send_audio(pcm)
            await client.until(ResponseDone)
            start_ms = client.all(SpeechStarted)[0].audio_start_ms
            end_ms = client.all(SpeechStopped)[0].audio_end_ms
            where[name] = (start_ms, end_ms)
            per_ms = (audio_format.sample_rate if settings else 24_000) // 1000
            wanted = as_it_travels(pcm, audio_format if settings else AudioFormat())
            wanted = wanted[start_ms * per_ms : end_ms * per_ms]
            np.testing.assert_array_equal(client.audio(), wanted)
    # A narrower band may move the detection by some windows of 32 ms.
    assert where["other"] == pytest.approx(where["usual"], abs=130)


async def test_json_is_still_accepted_where_binary_was_set(serving: Any, connected: Any) -> None:
    audio_format = AudioFormat(transport="binary")
    sent = faded_tone(0.2)
    async with connected(serving("parrot"), input_format=audio_format) as client:
        await client.send(AppendAudio(sent[:1_000].tobytes()))
        client.input_format = AudioFormat()
        await client.send(AppendAudio(sent[1_000:].tobytes()), CommitAudio(), CreateResponse())
        await client.until(ResponseDone)
        np.testing.assert_array_equal(client.audio(), sent)


async def test_binary_frames_are_rejected_where_json_was_set(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        await client.socket.send(faded_tone(0.1).tobytes())
        assert (await client.until(ErrorReported)).error_type == "invalid_event"


async def test_a_change_of_the_output_takes_effect_with_the_next_response(
    serving: Any, connected: Any, hesitant: Any
) -> None:
    binary = AudioFormat(encoding="pcmu", transport="binary")
    partner = hesitant(faded_tone(1.0))
    async with connected(serving(partner)) as client:
        await client.type_text("one")
        await client.until(AudioDelta)
        await client.send(UpdateSession(output_format=binary))
        await client.until(SessionUpdated)
        partner.go_on()
        await client.until(ResponseDone)
        np.testing.assert_array_equal(client.audio(), faded_tone(1.0))
        client.forget()
        client.output_format = binary
        await client.ask("two")
        assert abs(client.audio().size - 8_000) <= 1
        # A message of sound alone names no reply.
        assert {delta.response_id for delta in client.all(AudioDelta)} == {""}


async def test_a_change_of_the_input_takes_effect_at_once(serving: Any, connected: Any) -> None:
    pieces = []

    def partner(turn: Any) -> None:
        pieces.append(turn.pcm)

    async with connected(serving(partner)) as client:
        await client.send_audio(faded_tone(0.5))
        await client.send(UpdateSession(input_format=AudioFormat(encoding="pcma")))
        client.input_format = AudioFormat(encoding="pcma")
        await client.send_audio(faded_tone(0.5, rate_hz=8_000))
        await client.send(CommitAudio(), CreateResponse())
        await client.until(ResponseDone)
    (received,) = pieces
    assert abs(received.size - 24_000) <= 1
    for half in (received[:12_000], received[12_000:]):
        assert frequency_hz(half, 24_000) == pytest.approx(440, abs=1)


async def test_clear_forgets_what_is_held_back_too(serving: Any, connected: Any) -> None:
    audio_format = AudioFormat(sample_rate=16_000)
    kept = faded_tone(0.1, rate_hz=16_000)
    async with connected(
        serving("parrot"), input_format=audio_format, output_format=audio_format
    ) as client:
        await client.send_audio(faded_tone(0.3, rate_hz=16_000))
        await client.send(
            ClearAudio(), AppendAudio(kept.tobytes()), CommitAudio(), CreateResponse()
        )
        await client.until(ResponseDone)
        np.testing.assert_array_equal(client.audio(), kept)


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        (
            UpdateSession(output_format=AudioFormat(encoding="opus", sample_rate=24_000)),
            "session.audio.output.format.type",
        ),
        (
            UpdateSession(input_format=AudioFormat(sample_rate=12_345)),
            "session.audio.input.format.rate",
        ),
        (
            UpdateSession(input_format=AudioFormat(encoding="mp3")),
            "session.audio.input.format.type",
        ),
    ],
)
async def test_a_format_that_is_not_spoken_is_an_error_and_changes_nothing(
    serving: Any, connected: Any, wanted: UpdateSession, param: str
) -> None:
    sent = faded_tone(0.1)
    async with connected(serving("parrot")) as client:
        await client.send(wanted)
        error = await client.until(ErrorReported)
        assert (error.error_type, error.param) == ("invalid_request_error", param)
        await client.send(AppendAudio(sent.tobytes()), CommitAudio(), CreateResponse())
        await client.until(ResponseDone)
        np.testing.assert_array_equal(client.audio(), sent)


async def test_truncation_counts_in_milliseconds_of_the_response(
    serving: Any, connected: Any
) -> None:
    pytest.importorskip("espeakng_loader")
    kept = {}
    for rate_hz in (24_000, 8_000):
        audio_format = AudioFormat(sample_rate=rate_hz)
        async with connected(serving("talker"), output_format=audio_format) as client:
            await client.ask("count to five")
            item_id = client.all(AudioDelta)[0].item_id
            await client.send(TruncateItem(item_id=item_id, audio_end_ms=1_200))
            while not hasattr(event := await client.receive(), "transcript"):
                pass
            kept[rate_hz] = event.transcript
    assert kept[8_000] == kept[24_000]
    assert kept[8_000].startswith("One")


@pytest.mark.parametrize("audio_format", [AudioFormat(), AudioFormat(encoding="pcma")], ids=named)
async def test_audio_in_an_item_is_a_turn(
    serving: Any, connected: Any, audio_format: AudioFormat
) -> None:
    sent = faded_tone(0.3, rate_hz=audio_format.sample_rate)
    sound = codec_of(audio_format.encoding).encode(sent.tobytes())
    item = Item(role="user", part="input_audio", sound=sound)
    async with connected(
        serving("parrot"), input_format=audio_format, output_format=audio_format
    ) as client:
        await client.send(CreateItem(item), CreateResponse())
        await client.until(ResponseDone)
        np.testing.assert_array_equal(client.audio(), as_it_travels(sent, audio_format))
