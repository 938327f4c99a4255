"""What is kept of frames: all but the audio and the secrets, and only so much."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from grok_live_widget import AudioFormat, GrokLive, Mcp, PushToTalk, RehearsalServer, Talk, connect
from grok_live_widget.exceptions import ConnectError
from grok_live_widget.protocol import REALTIME, AppendAudio, Opening
from grok_live_widget.recording import FrameLog, Frames

from ..support.sound import tone

DIALECTS = pytest.mark.parametrize("dialect", ["realtime", "live"])


def received(log: FrameLog, frame: bytes) -> None:
    _, text, byte_count = REALTIME.read_server(frame)
    log.add_received(text, len(frame), 0.0, 0, byte_count)


def message_of(frame: bytes) -> dict[str, Any]:
    log = FrameLog()
    received(log, frame)
    return log.frames(0.0)[0].message


# --------------------------------------------------------------------------- a talk
@DIALECTS
def test_a_talk_has_the_frames_of_both_directions_in_order(dialect: Any) -> None:
    with Talk(partner=["Good morning."], dialect=dialect) as talk:
        turn = talk.ask("Hello.")
    frames = talk.frames
    types = [frame.type for frame in frames]
    assert types[0] == "websocket.open"
    assert types[-1] == "websocket.close"
    assert types.index("session.update") < types.index("conversation.item.create")
    assert types.index("conversation.item.create") < types.index("response.create")
    assert [frame.index for frame in frames] == list(range(len(frames)))
    times_s = [frame.time_s for frame in frames]
    assert times_s == sorted(times_s)
    [created] = frames.filter(type="conversation.item.create")
    assert (created.direction, created.connection) == ("sent", 0)
    assert "Hello." in json.dumps(created.message)
    audio = [frame for frame in frames if frame.type.endswith("audio.delta")]
    shown = [frame.message["delta"] for frame in audio]
    byte_count = sum(int(text.removeprefix("(").split()[0]) for text in shown)
    assert byte_count == 2 * turn.sample_count
    assert all(text.endswith(" bytes of audio)") for text in shown)
    assert all(frame.size > byte_count / len(audio) for frame in audio[:-1])
    assert abs(audio[0].time_s - turn.started_s) < 5


@DIALECTS
def test_the_opening_and_the_end_of_a_connection_are_entries(dialect: Any) -> None:
    with Talk(partner=["Good morning."], dialect=dialect) as talk:
        talk.ask("Hello.")
        talk.stop()
        talk.ask("Hello again.")
    opened = talk.frames.filter(type="websocket.open")
    assert [frame.connection for frame in opened] == [0, 1]
    assert [frame.message["status"] for frame in opened] == [101, 101]
    assert opened[0].message["dialect"] == dialect
    closed = talk.frames.filter(type="websocket.close")
    assert [frame.message["code"] for frame in closed] == [1000, 1000]
    assert {frame.direction for frame in closed} == {"sent"}


def test_a_close_by_the_server_is_a_received_entry() -> None:
    with RehearsalServer(["Good morning."], faults=["close:1012"]) as server:
        talk = Talk(url=server.url(), api_key="any", reconnect_tries=0)
        with talk, pytest.raises(Exception, match="1012"):
            talk.ask("Hello.")
    closed = talk.frames.filter(type="websocket.close")[0]
    assert (closed.direction, closed.message["code"]) == ("received", 1012)


def test_a_connection_that_was_refused_is_an_entry_with_the_reason() -> None:
    with RehearsalServer(["Good morning."], faults=["refuse:503"]) as server:
        talk = Talk(url=server.url(), api_key="any", reconnect_tries=0)
        with talk, pytest.raises(ConnectError):
            talk.ask("Hello.")
    [frame] = talk.frames
    assert frame.message["status"] == 503
    assert "503" in frame.message["error"]


@pytest.mark.parametrize("transport", ["json", "binary"])
@pytest.mark.parametrize("encoding", ["pcm", "pcmu"])
def test_sent_audio_is_counted_as_it_is_encoded(transport: Any, encoding: Any) -> None:
    form = AudioFormat(encoding=encoding, transport=transport)
    with Talk(
        partner="parrot", turn_detection=PushToTalk(), input_format=form, output_format=form
    ) as talk:
        turn = talk.ask(tone(0.5, rate_hz=form.sample_rate), form.sample_rate)
    width = 1 if encoding == "pcmu" else 2
    name = "websocket.binary" if transport == "binary" else "input_audio_buffer.append"
    sent = talk.frames.filter(type=name, direction="sent")
    counts = [int(frame.message["audio"].strip("(").split()[0]) for frame in sent]
    assert sum(counts) == width * talk.turns[0].sample_count
    names = ("websocket.binary", "response.output_audio.delta")
    frames = talk.frames.filter(type=names, direction="received")
    shown = [frame.message.get("delta") or frame.message["audio"] for frame in frames]
    assert sum(int(text.strip("(").split()[0]) for text in shown) == width * turn.sample_count


async def test_a_session_has_frames_too() -> None:
    async with connect(partner=["Good morning."]) as session:
        assert session.frames[0].type == "websocket.open"
        await session.send_text("Hello.")
        assert session.frames.filter(type="conversation.item.create")


def test_the_panel_has_the_frames_of_its_talk() -> None:
    live = GrokLive(partner=["Good morning."])
    live.ask("Hello.")
    live.close()
    assert live.frames.filter(type="response.done")


# --------------------------------------------------------------------------- one frame
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_audio_is_replaced_by_its_length_however_the_json_is_spaced(separators: Any) -> None:
    delta = {"type": "response.output_audio.delta", "delta": "AAAAAAA=", "item_id": "item_1"}
    message = message_of(json.dumps(delta, separators=separators).encode())
    assert message == delta | {"delta": "(5 bytes of audio)"}


def test_audio_of_another_form_is_replaced_too() -> None:
    escaped = rb'{"type":"response.output_audio.delta","delta":"\/\/\/\/"}'
    assert message_of(escaped)["delta"] == "(3 bytes of audio)"


def test_text_that_is_no_audio_stays() -> None:
    delta = {"type": "response.output_audio_transcript.delta", "delta": "AAAA"}
    assert message_of(json.dumps(delta).encode()) == delta


def test_audio_in_an_item_is_replaced() -> None:
    log = FrameLog()
    part = {"type": "input_audio", "audio": "AAAA"}
    item = {"type": "conversation.item.create", "item": {"content": [part]}}
    log.add_sent(json.dumps(item).encode(), 0.0, 0)
    [part] = log.frames(0.0)[0].message["item"]["content"]
    assert part["audio"] == "(3 bytes of audio)"


@pytest.mark.parametrize("count", range(6))
def test_the_length_of_sent_audio_is_exact(count: int) -> None:
    log = FrameLog()
    frame = REALTIME.encode(AppendAudio(bytes(count)))
    log.add_sent(frame, 0.0, 0)
    [kept] = log.frames(0.0)
    assert kept.message["audio"] == f"({count} bytes of audio)"
    assert kept.size == len(frame)


@pytest.mark.parametrize("text", [b"not JSON", b"[1, 2]", b"", b"\xff"])
def test_a_frame_that_is_no_json_object_is_kept_as_text(text: bytes) -> None:
    message = message_of(text)
    assert message == {"type": "websocket.text", "text": text.decode("utf-8", "replace")}


def test_long_texts_are_cut_and_huge_frames_left_out() -> None:
    long = {"type": "response.text.done", "text": "a" * 10_000}
    text = message_of(json.dumps(long).encode())["text"]
    assert text.startswith("aaa")
    assert text.endswith("(10000 letters)")
    huge = {"type": "x", "list": list(range(50_000))}
    assert message_of(json.dumps(huge).encode())["left_out"].endswith(" bytes)")


# --------------------------------------------------------------------------- secrets
def test_secrets_are_left_out_however_they_are_escaped() -> None:
    secret = 'käy/"0123456789'
    log = FrameLog()
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        for written in (text, text.replace("/", r"\/")):
            received(log, b'{"type":"error","message":%b}' % written.encode())
    log.add_secrets(secret)
    assert [frame.message["message"] for frame in log.frames(0.0)] == ["(key)"] * 4


def test_access_of_tools_is_left_out_by_its_place_even_where_it_is_short() -> None:
    tool = Mcp(
        server_url="https://example.org",
        server_label="a",
        authorization="short",
        headers={"X-Key": "tiny"},
    )
    with Talk(partner=["Good morning."], tools=[tool]) as talk:
        talk.ask("Hello.")
    sent = talk.frames.filter(type="session.update")[0]
    [offer] = sent.message["session"]["tools"]
    assert offer["authorization"] == "(key)"
    assert offer["headers"] == {"X-Key": "(key)"}
    for secret in ("short", "tiny"):
        assert secret not in talk.frames.to_json()


def test_the_address_is_shown_without_a_user_and_without_what_its_query_says() -> None:
    log = FrameLog()
    url = "wss://me:password@example.org/v1/realtime?model=grok&token=12345"
    log.add_opening(0, 0.0, Opening(url=url, headers={"Authorization": "x"}), "realtime", 101)
    message = log.frames(0.0)[0].message
    assert message["url"] == "wss://example.org/v1/realtime?model=grok&token=(key)"
    assert message["headers"] == {"Authorization": "(key)"}


def test_a_pickled_log_is_empty() -> None:
    log = FrameLog()
    log.add_sent(b'{"type":"auth","api_key":"a-secret"}', 0.0, 0)
    assert len(pickle.loads(pickle.dumps(log)).frames(0.0)) == 0
    assert len(pickle.loads(pickle.dumps(log.frames(0.0)))) == 1


# --------------------------------------------------------------------------- limits
def test_older_frames_are_dropped_and_counted() -> None:
    log = FrameLog(most_frames=3)
    for number in range(10):
        received(log, b'{"type":"ping","number":%d}' % number)
    frames = log.frames(0.0)
    assert [frame.message["number"] for frame in frames] == [7, 8, 9]
    assert [frame.index for frame in frames] == [7, 8, 9]
    assert frames.dropped_count == 7
    assert "7 older ones dropped" in repr(frames)


def test_the_bytes_of_all_frames_are_limited_and_audio_hardly_counts() -> None:
    log = FrameLog(most_bytes=1_000)
    audio = json.dumps({"type": "response.output_audio.delta", "delta": "A" * 6400}).encode()
    for _ in range(8):
        received(log, audio)
    assert log.frames(0.0).dropped_count == 0
    received(log, b'{"type":"x","text":"%b"}' % (b"a" * 800))
    assert log.frames(0.0)[-1].type == "x"
    assert log.frames(0.0).dropped_count > 0


def test_a_talk_that_did_nothing_has_no_frames() -> None:
    talk = Talk(partner=["Good morning."])
    assert isinstance(talk.frames, Frames)
    assert len(talk.frames) == 0
    assert repr(talk.frames) == "0 frames (0 sent, 0 received) of 0 connections"


def test_times_are_those_of_the_turns() -> None:
    with Talk(partner=["Good morning."]) as talk:
        turn = talk.ask("Hello.")
        assert talk.elapsed_s is not None
        assert talk.frames[-1].time_s < talk.elapsed_s
    first = talk.frames.filter(turn=turn, type="response.output_audio.delta")[0]
    assert np.isclose(first.time_s, turn.started_s, atol=0.5)
