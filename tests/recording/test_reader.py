"""A saved talk is the talk: its turns are folded from the events again."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, RehearsalServer, ServerVad, Talk, connect, load
from grok_live_widget.audio import read_audio, write_wav
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    PlaybackReported,
    SessionEnded,
    SessionOpened,
)
from grok_live_widget.exceptions import (
    AudioFormatError,
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    ReplyTimeout,
    ServerError,
)

from ..support.sound import RATE_HZ
from ..support.talks import TimedTalk
from ..support.waiting import wait_for_talk

DIALECTS = pytest.mark.parametrize("dialect", ["realtime", "live"])


# --------------------------------------------------------------------------- equal turns
@DIALECTS
@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()], ids=["vad", "push"])
def test_a_spoken_talk_of_several_sessions_comes_back_as_it_was(
    dialect: str, detection: Any, question: np.ndarray, tmp_path: Path, same: Any
) -> None:
    settings = {"dialect": dialect, "turn_detection": detection, "partner": "parrot"}
    with Talk(record=tmp_path / "recorded", **settings) as talk:
        talk.ask(question, RATE_HZ)
        talk.stop()
        talk.ask(question, RATE_HZ)
        talk.ask("and typed")
        between = talk.save(tmp_path / "between")
        same(talk.turns, load(between).turns)
    talk.save(tmp_path / "saved")
    assert len(talk.turns) == 6
    for name in ("recorded", "saved"):
        saved = load(tmp_path / name)
        same(talk.turns, saved.turns)
        assert saved.notes == []
        assert saved.dialect == dialect


def test_a_saved_talk_can_be_pickled(tmp_path: Path, same: Any, question: np.ndarray) -> None:
    with Talk(partner="parrot") as talk:
        talk.ask(question, RATE_HZ)
        saved = load(talk.save(tmp_path / "saved"))
        usage = pickle.loads(pickle.dumps(talk.usage))
        written = pickle.dumps(saved)
        same(talk.turns, pickle.loads(written).turns)
    assert usage.sent_s == talk.usage.sent_s > 0
    sound_bytes = sum(path.stat().st_size for path in (tmp_path / "saved").glob("*.wav"))
    assert len(written) < 3 * sound_bytes


@pytest.mark.usefixtures("in_thread")
@DIALECTS
def test_heard_samples_and_interruptions_come_back(
    dialect: str, tmp_path: Path, same: Any, silence: Any
) -> None:
    with Talk(partner=lambda turn: silence(3), dialect=dialect) as talk:
        talk.start()
        TALK_THREAD.run(listening(talk))
        talk.say("go on")
        wait_for_talk(talk, lambda: len(talk.turns) > 1 and len(talk.turns[1].pcm) > RATE_HZ)
        reply = talk.turns[1]
        session = talk._sessions.session
        assert session is not None
        first_s = session._conversation._origin_s + 1 / 3
        report = PlaybackReported(item_id=reply.item_id, sample_count=777, first_sound_s=first_s)
        TALK_THREAD.run(talk._sessions.report_playback(report))
        talk.interrupt()
        talk.stop()
        late = PlaybackReported(item_id=reply.item_id, sample_count=888, is_final=True)
        TALK_THREAD.run(talk._sessions.report_playback(late))
        saved = load(talk.save(tmp_path / "saved"))
    assert (reply.was_interrupted, reply.heard_sample_count) == (True, 888)
    assert reply.latency_ms is not None
    same(talk.turns, saved.turns)


async def listening(talk: Talk) -> None:
    talk._sessions.set_player(True)


def test_seams_usage_and_settings_that_changed_come_back(
    tmp_path: Path, same: Any, question: np.ndarray
) -> None:
    with Talk(partner="parrot", record=tmp_path / "recorded", metadata={"a": "b"}) as talk:
        talk.ask("one")
        talk.update(model="grok-9", replace={"nm": "nanometers"})
        talk.say_verbatim("two").wait()
        talk.update(turn_detection=PushToTalk())
        talk.ask(question, RATE_HZ)
        talk.stop()
        talk.update(turn_detection=ServerVad())
        talk.ask(question, RATE_HZ)
        talk.save(tmp_path / "saved")
        same(talk.turns, load(tmp_path / "saved").turns)
    assert [place for place, turn in enumerate(talk.turns) if turn.seam] == [2, 5]
    assert all(turn.usage for turn in talk.turns.assistant)
    same(talk.turns, load(tmp_path / "recorded").turns)
    for name in ("recorded", "saved"):
        assert load(tmp_path / name).notes == []


@pytest.mark.parametrize("transport", ["json", "binary"])
def test_audio_at_other_rates_comes_back(
    transport: str, tmp_path: Path, same: Any, peer: Any
) -> None:
    spoken = np.arange(4410, dtype=np.int16)

    async def talk_back(socket: Any) -> None:
        async for frame in socket:
            kind = json.loads(frame)["type"] if isinstance(frame, str) else ""
            if kind == "session.update":
                session = json.loads(frame)["session"]
                await socket.send(json.dumps({"type": "session.updated", "session": session}))
            elif kind == "response.create":
                for answer in answers:
                    await socket.send(answer)

    item = {"id": "a1", "type": "message", "role": "assistant"}
    told = {"type": "response.output_item.added", "response_id": "r1", "item": item}
    sound: Any = spoken.tobytes()
    if transport == "json":
        delta = base64.b64encode(sound).decode()
        names = {"response_id": "r1", "item_id": "a1"}
        sound = json.dumps({"type": "response.output_audio.delta", **names, "delta": delta})
    answers = [
        json.dumps({"type": "response.created", "response": {"id": "r1"}}),
        json.dumps(told),
        sound,
        json.dumps({"type": "response.done", "response": {"id": "r1"}, "usage": {"n": 1}}),
    ]
    settings: Any = {
        "input_format": AudioFormat(encoding="pcmu", transport=transport),
        "output_format": AudioFormat(sample_rate=44_100, transport=transport),
        "turn_detection": PushToTalk(),
    }
    url = peer(talk_back).url
    with Talk(url=url, record=tmp_path / "recorded", **settings) as talk:
        reply = talk.ask(np.arange(1600, dtype=np.int16), 8_000)
        talk.save(tmp_path / "saved")
    assert np.array_equal(reply.pcm, spoken)
    assert [turn.sample_rate for turn in talk.turns] == [8_000, 44_100]
    assert [turn.duration_s for turn in talk.turns] == pytest.approx([0.2, 0.1])
    for name in ("recorded", "saved"):
        same(talk.turns, load(tmp_path / name).turns)
        assert read_audio(tmp_path / name / "user.wav")[1] == 8_000


def test_barge_in_comes_back(question: np.ndarray, silence: Any, tmp_path: Path, same: Any) -> None:
    with Talk(partner=lambda turn: silence(20)) as talk:
        talk.say("a long answer, please")
        talk.send_audio(np.concatenate((question, silence(1))), RATE_HZ)
        wait_for_talk(talk, lambda: len(talk.turns) > 3)
    assert talk.turns.assistant[0].was_interrupted
    same(talk.turns, load(talk.save(tmp_path / "saved")).turns)


def test_a_clip_without_speech_comes_back(silence: Any, tmp_path: Path, same: Any) -> None:
    with TimedTalk(Timeouts(no_speech_s=0.3), partner="parrot") as talk:
        with pytest.raises(ReplyTimeout, match="no speech"):
            talk.ask(silence(0.5), RATE_HZ)
        talk.send_audio(silence(0.2), RATE_HZ)
        same(talk.turns, load(talk.save(tmp_path / "saved")).turns)
    assert talk.turns[0].is_complete


def test_a_partner_that_fails_and_a_refused_key_come_back_too(tmp_path: Path, same: Any) -> None:
    def partner(turn: Any) -> str:
        if turn.text == "fail":
            raise ValueError("out of ideas")
        return "fine"

    with Talk(partner=partner) as talk:
        with pytest.raises(ServerError):
            talk.ask("fail")
        talk.ask("again")
        same(talk.turns, load(talk.save(tmp_path / "saved")).turns)
    with RehearsalServer("parrot", api_key="right") as server:
        refused = Talk(url=server.url("live"), api_key="wrong", record=tmp_path / "refused")
        with refused, pytest.raises(AuthenticationError):
            refused.ask("hello")
    same(refused.turns, load(tmp_path / "refused").turns)


@pytest.mark.usefixtures("in_thread")
def test_a_session_after_a_failed_attempt_comes_back(tmp_path: Path, same: Any, peer: Any) -> None:
    async def refuse(socket: Any) -> None:
        await socket.recv()
        if sessions:
            await socket.send('{"type":"error","error":{"message":"no more today"}}')
            return
        sessions.append(1)
        await socket.send('{"type":"session.updated","session":{}}')
        names = {"response_id": "r", "item_id": "i"}
        for kind, more in [
            ("response.created", {"response": {"id": "r"}}),
            ("response.output_audio.delta", {**names, "delta": "AAAA" * 400}),
            ("response.done", {"response": {"id": "r", "status": "completed"}}),
        ]:
            await socket.send(json.dumps({"type": kind, **more}))

    sessions: list[int] = []
    with Talk(url=peer(refuse).url) as talk:
        talk.start()
        wait_for_end(talk)
        with pytest.raises(ConnectError, match="no more today"):
            talk.start()
        report = PlaybackReported(item_id="i", sample_count=10, is_final=True)
        TALK_THREAD.run(talk._sessions.report_playback(report))
        same(talk.turns, load(talk.save(tmp_path / "saved")).turns)
    assert len(talk.turns) == 1


def wait_for_end(talk: Talk) -> None:
    """Until the server has hung up."""
    session = talk._sessions.session
    if session is not None:
        TALK_THREAD.run(session.wait_for(lambda: session.failure is not None), timeout_s=30)


async def test_a_session_alone_records_itself(
    question: np.ndarray, tmp_path: Path, same: Any
) -> None:
    folder = tmp_path / "session"
    async with connect(partner="parrot", turn_detection=PushToTalk(), record=folder) as session:
        await session.send_audio(question, RATE_HZ)
        await session.commit()
        await session.respond()
        await session.wait_for(lambda: len(session.turns) > 1 and session.turns[1].is_complete)
    same(session.turns, load(folder).turns)


# --------------------------------------------------------------------------- events, settings
def test_events_come_back_with_their_audio_and_times(question: np.ndarray, tmp_path: Path) -> None:
    told: list[tuple[Any, float]] = []
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        talk.add_listener(lambda event, _, now_s: told.append((event, now_s)))
        talk.ask(question, RATE_HZ)
    saved = load(talk.save(tmp_path / "saved"))
    assert [each.event for each in saved.events] == [event for event, _ in told]
    for each, (_, now_s) in zip(saved.events, told, strict=True):
        assert saved.clock_s + each.at_s == pytest.approx(now_s, abs=1e-6)
    times = [each.time for each in saved.events]
    assert times == sorted(times)
    assert times[0].tzinfo is not None
    sent = b"".join(e.event.pcm for e in saved.events if isinstance(e.event, AppendAudio))
    assert sent == question.tobytes()


def test_settings_come_back_but_for_functions_and_the_folder(tmp_path: Path) -> None:
    detection = ServerVad(threshold=0.7)
    with Talk(
        partner=lambda turn: "Yes.",
        voice="nova",
        turn_detection=detection,
        record=tmp_path / "recorded",
    ) as talk:
        talk.ask("Is it?")
    saved = load(tmp_path / "recorded")
    assert (saved.settings.voice, saved.settings.turn_detection) == ("nova", detection)
    assert saved.settings.record is None
    assert saved.notes == ["The setting 'partner' could not be taken from the recording."]
    assert "2 turns" in repr(saved)


# --------------------------------------------------------------------------- leniency
def change(folder: Path, edit: Any) -> None:
    path = folder / "events.jsonl"
    path.write_text(edit(path.read_text("utf-8")), "utf-8")


def test_unknown_and_broken_lines_are_left_out_with_a_note(saved_talk: Path) -> None:
    line = {"at_s": 1.0, "time": "2026-01-01T00:00:00Z"}
    more = [
        json.dumps({**line, "event": "Telepathy", "thought": "?"}),
        json.dumps({**line, "event": "SpeechStarted", "mood": "good"}),
        json.dumps({**line, "event": "SpeechStopped", "item_id": 3}),
        json.dumps({**line, "event": "AppendAudio", "sound": {"file": "/x", "start": 0}}),
        json.dumps({**line, "event": "CreateItem", "item": "none"}),
        "[]",
        '{"at_s": 1.0, "ti',
    ]
    before = len(load(saved_talk).events)
    change(saved_talk, lambda text: text + "\n".join(more))
    saved = load(saved_talk)
    assert len(saved.events) == before + 1
    assert len(saved.notes) == 6
    assert "1 × Telepathy" in saved.notes[-1]
    assert [turn.text for turn in saved.turns.assistant] == ["Grüße\u2028aus der Zukunft"]


def test_missing_audio_is_silence_with_a_note(question: np.ndarray, tmp_path: Path) -> None:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        talk.ask(question, RATE_HZ)
        talk.save(tmp_path / "saved")
    write_wav(tmp_path / "saved" / "user.wav", question[:RATE_HZ])
    (tmp_path / "saved" / "assistant.wav").unlink()
    saved = load(tmp_path / "saved")
    assert np.array_equal(saved.turns[0].pcm[:RATE_HZ], question[:RATE_HZ])
    assert not saved.turns[0].pcm[RATE_HZ:].any()
    assert len(saved.turns[1].pcm) == len(question)
    assert len(saved.notes) == 3
    assert "user.wav lacks" in saved.notes[1]


def test_audio_at_another_rate_is_refused(saved_talk: Path) -> None:
    write_wav(saved_talk / "user.wav", np.zeros(10, np.int16), 48_000)
    with pytest.raises(AudioFormatError, match="24000"):
        load(saved_talk)


def test_other_folders_and_newer_versions_are_refused(saved_talk: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path, Path(__file__)):
        with pytest.raises(ConfigurationError, match="no recording at"):
            load(path)
    talk = json.loads((saved_talk / "talk.json").read_text("utf-8"))
    for damaged in ("{", "[]", json.dumps({**talk, "format": "other"})):
        (saved_talk / "talk.json").write_text(damaged, "utf-8")
        with pytest.raises(ConfigurationError, match=r"talk\.json in .* is damaged"):
            load(saved_talk)
    (saved_talk / "talk.json").write_text(json.dumps({**talk, "version": 2}), "utf-8")
    with pytest.raises(ConfigurationError, match="version 2"):
        load(saved_talk)


def test_an_empty_talk_comes_back_empty(tmp_path: Path) -> None:
    talk = Talk(partner="parrot")
    saved = load(talk.save(tmp_path / "empty"))
    assert (len(saved.turns), saved.events, saved.dialect) == (0, (), "")
    talk.start()
    talk.close()
    kinds = [type(each.event) for each in load(talk.save(tmp_path / "empty")).events]
    assert SessionOpened in kinds
    assert SessionEnded in kinds
    assert AudioDelta not in kinds
