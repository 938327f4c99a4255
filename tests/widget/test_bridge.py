"""What a bridge sends to its pages, and what it does with their messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import write_wav
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.events import PushToTalk
from grok_live_widget.rehearsal.partner import CallTool, Unvoiced
from grok_live_widget.widget.bridge import LAST_HEARTBEATS
from grok_live_widget.widget.catalogue import LANGUAGES

from ..support.bridge_page import BridgePage
from ..support.page import RATE_HZ
from ..support.sound import tone
from ..support.waiting import wait_until_async


async def test_hello_is_answered_with_a_snapshot(page_of: Any) -> None:
    page = page_of(voice="nova")
    page.hello()
    snapshot = await page.wait("snapshot")
    assert snapshot["page"] == snapshot["owner"] == "page-1"
    assert (snapshot["phase"], snapshot["is_rehearsal"]) == ("closed", True)
    assert "not Grok" in snapshot["banner"]
    assert (snapshot["turns"], snapshot["voice"]) == ([], "nova")


async def test_typed_text_is_answered_and_both_turns_are_sent_in_order(page_of: Any) -> None:
    page = page_of()
    page.hello()
    page.say("text", text="say this")
    reply = await page.wait("turn", lambda m: m["turn"]["role"] == "assistant")
    assert reply["turn"]["order"] == 1
    first = await page.wait("turn", lambda m: m["turn"]["role"] == "user")
    assert (first["turn"]["order"], first["turn"]["text"]) == (0, "say this")


async def test_a_page_that_does_not_answer_loses_the_lease(page_of: Any) -> None:
    page = page_of(timeouts=Timeouts(pong_s=0.05))
    page.hello()
    page.hello(page="page-2")
    assert (await page.wait("owner"))["owner"] == "page-2"


async def test_an_owner_whose_answer_is_not_read_yet_keeps_the_lease(page_of: Any) -> None:
    page = page_of(timeouts=Timeouts(pong_s=0.3))
    page.hello()
    page.hello(page="page-2")
    ping = await page.wait("ping")
    await asyncio.sleep(0.1)
    # As a call does that lets no other thread of the kernel run.
    time.sleep(1.2)  # noqa: ASYNC251
    await asyncio.sleep(0.1)
    page.say("pong", id=ping["id"])
    await asyncio.sleep(0.5)
    assert page.bridge.lease.owner == "page-1"


async def test_the_kernels_sentences_come_with_those_of_the_other_languages(page_of: Any) -> None:
    page = page_of()
    page.hello()
    snapshot = await page.wait("snapshot")
    assert snapshot["banner"].startswith("Rehearsal: ")
    german = snapshot["translations"]["de"]
    assert german[snapshot["banner"]].startswith("Probe: ")
    assert german["Rehearsal"] == "Probe"
    page.bridge._talk.note("the session is closed.", "error")
    added = await page.wait("note")
    assert added["note"]["text"] == "The session is closed."
    assert added["translations"] == {
        "de": {"The session is closed.": "Die Sitzung ist geschlossen."}
    }


# --------------------------------------------------------------------------- the microphone
async def test_the_microphone_is_that_of_the_page_that_captures(page_of: Any) -> None:
    page = page_of()
    assert page.bridge.microphone.state == "none"
    page.hello(microphone="insecure")
    assert (page.bridge.microphone.state, page.bridge.microphone.ability) == ("off", "insecure")
    assert page.bridge.microphone.text.startswith("This page is not secure (http)")
    page.hello(page="page-2")
    page.say("microphone_state", page="page-2", state="failed", reason="denied")
    assert page.bridge.microphone.ability == "insecure"
    page.say("take_over", page="page-2")
    assert page.bridge.microphone.reason == "denied"
    assert page.bridge.microphone.text.startswith("The microphone was refused.")
    page.say("bye", page="page-2")
    page.say("bye")
    assert page.bridge.microphone.state == "none"


async def test_an_echo_of_the_loudspeaker_is_noted_once(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    pytest.importorskip("pocketsphinx")
    page = page_of(lambda turn: turn.text)
    await page.open()
    page.say("microphone_state", state="on")
    sound = np.concatenate((question, silence(1.0)))
    page.speak(sound)
    audio = await page.wait("audio", lambda audio: audio["is_last"])
    first_ms, count = page.clock_ms(), len(page.audio) // 2
    page.report(audio, count, first_sound_at_ms=first_ms, is_final=True)
    said = page.talk.conversation.turns
    assert page.talk.notes == []
    # The partner has spoken the words that it heard.
    for reply_count in (2, 3):
        page.speak(sound)
        await page.wait(
            "turn", lambda _, n=reply_count: sum(each.is_complete for each in said.assistant) == n
        )
    (note,) = page.talk.notes
    assert "live.half_duplex = True" in note.text


async def test_words_that_a_cell_repeats_are_no_echo(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    pytest.importorskip("pocketsphinx")
    page = page_of(lambda turn: turn.text)
    await page.open()
    page.say("microphone_state", state="on")
    asker = page.asker
    await asker.ask(question, RATE_HZ, 20, None, None, "fast")
    audio = await page.wait("audio", lambda audio: audio["is_last"])
    count = len(page.audio) // 2
    page.report(audio, count, first_sound_at_ms=page.clock_ms(), is_final=True)
    await asker.ask(question, RATE_HZ, 20, None, None, "fast")
    assert page.talk.notes == []


@pytest.mark.parametrize(
    "content",
    [
        None,
        "text",
        [],
        {},
        {"type": "text"},
        {"type": 5, "page": "page-1"},
        {"type": "text", "page": "page-1", "text": 5},
        {"type": "unknown", "page": "page-1"},
        {"type": "interrupt", "page": "page-1", "epoch": True},
        {"type": "microphone", "page": "page-1", "session": 0},
        {
            "type": "playhead",
            "page": "page-1",
            "session": 1,
            "epoch": 0,
            "reply": 9,
            "sample_count": 1,
        },
    ],
)
async def test_invalid_messages_are_ignored(page_of: Any, content: Any) -> None:
    page = page_of()
    page.send(content, b"odd")
    assert page.received == []
    assert page.bridge.sound.state["epoch"] == 0
    page.hello()
    await page.wait("snapshot")


async def test_the_connection_of_a_page_that_is_gone_is_closed_with_a_note(page_of: Any) -> None:
    page = page_of(timeouts=Timeouts(no_page_s=0.0))
    await page.open()
    page.say("microphone_state", state="on")
    note = await page.wait("note")
    assert "No page" in note["note"]["text"]
    await page.wait("state", lambda state: state["phase"] == "closed")


async def test_a_page_is_not_gone_because_nothing_was_read_for_a_while(page_of: Any) -> None:
    page = page_of(timeouts=Timeouts(no_page_s=1.5))
    await page.open()
    page.say("microphone_state", state="on")
    # As a call does that lets no other thread of the kernel run.
    time.sleep(2.5)  # noqa: ASYNC251
    heartbeat_count = len(page.all("heartbeat"))
    await wait_until_async(lambda: len(page.all("heartbeat")) > heartbeat_count)
    page.say("alive")
    await wait_until_async(lambda: len(page.all("heartbeat")) > heartbeat_count + 1)
    assert page.talk.phase == "open"
    assert page.all("note") == []
    # Nothing comes any more.
    assert "No page" in (await page.wait("note"))["note"]["text"]


async def test_a_connection_that_fails_is_shown_as_one_note(page_of: Any) -> None:
    page = page_of(None, url="ws://127.0.0.1:1/v1/realtime")
    page.hello()
    page.say("start", with_microphone=False)
    note = await page.wait("note")
    assert note["note"]["level"] == "error"
    assert "nothing answers" in note["note"]["text"].lower()


async def test_an_error_of_the_server_is_shown_as_a_note(page_of: Any) -> None:
    def fail(turn: Any) -> str:
        raise ValueError("out of ideas")

    page = page_of(fail)
    await page.open()
    page.say("text", text="go")
    note = await page.wait("note")
    assert "out of ideas" in note["note"]["text"]
    assert page.talk.phase == "open"


@pytest.mark.usefixtures("in_thread")
async def test_a_request_that_fails_is_shown_as_a_note(page_of: Any) -> None:
    page = page_of(dialect="live")
    await page.open()
    session = page.talk.session
    assert session is not None
    session.protocol.close()
    page.say("commit")
    note = await page.wait("note")
    assert "closed" in note["note"]["text"]


async def test_heartbeats_are_sent_until_the_talk_is_closed_and_a_few_times_more(
    page_of: Any,
) -> None:
    page = page_of()
    await page.open()
    await page.wait("heartbeat")
    page.say("stop")
    closed = await page.wait(
        "state", lambda message: message["phase"] == "closed" and message["session"]
    )
    heartbeats = page.bridge._heartbeat_task
    assert heartbeats is not None
    await asyncio.wait([heartbeats], timeout=20)
    after = page.received[page.received.index(closed) :]
    assert sum(each["type"] == "heartbeat" for each in after) == LAST_HEARTBEATS


async def test_heartbeats_and_snapshots_count_the_messages_whose_loss_matters(
    page_of: Any,
) -> None:
    page = page_of()
    await page.open()
    page.say("text", text="hello")
    await page.wait("turn", lambda message: message["turn"]["role"] == "assistant")
    page.hello()
    begun = len(page.all("heartbeat"))
    await page.wait("heartbeat", lambda _: len(page.all("heartbeat")) > begun)
    lasting = ("state", "owner", "turn", "tool", "note")
    counts = [(at, each) for at, each in enumerate(page.received) if "told_count" in each]
    assert {each["type"] for _, each in counts} == {"snapshot", "heartbeat"}
    for at, each in counts:
        assert each["told_count"] == sum(m["type"] in lasting for m in page.received[:at])


async def test_the_sound_of_a_turn_is_sent_as_a_file_in_pieces(
    page_of: Any, tmp_path: Path
) -> None:
    page = page_of(lambda turn: tone(6.0))
    turn = await page.hear_a_reply()
    page.say("save", turn_id=turn.turn_id)
    last = await page.wait("sound", lambda m: m["piece"] == m["piece_count"] - 1)
    pieces = page.all("sound")
    assert [piece["piece"] for piece in pieces] == list(range(last["piece_count"])) != [0]
    assert {piece["name"] for piece in pieces} == {"turn_2_assistant.wav"}
    assert page.audio == turn.write_wav(tmp_path / "turn.wav").read_bytes()


# --------------------------------------------------------------------------- tools
def look(up: bool) -> str:
    """Look."""
    return "the sky" if up else "the ground"


def looker(turn: Any) -> Any:
    return Unvoiced(turn.text) if turn.role == "tool" else CallTool("look", {"up": True})


async def test_a_tool_call_is_shown_as_it_progresses(page_of: Callable[..., BridgePage]) -> None:
    page = page_of(looker, tools=[look])
    await page.open()
    page.say("text", text="look up")
    await page.wait("tool", lambda message: message["call"]["state"] == "done")
    running, done = (message["call"] for message in page.all("tool")[:2])
    assert (running["state"], running["name"], running["arguments"]) == (
        "running", "look", '{"up":true}',
    )  # fmt: skip
    ended = {"state": "done", "output": "the sky", "duration_s": done["duration_s"]}
    assert done == running | ended
    assert done["turn_id"] == ""
    placed = (await page.wait("tool", lambda message: message["call"]["turn_id"]))["call"]
    reply = page.talk.conversation.turns.assistant[-1]
    assert placed == done | {"turn_id": reply.turn_id}
    page.hello(device_rate_hz=None)
    assert page.all("snapshot")[-1]["tools"] == [placed]


async def test_a_call_waits_for_the_first_answer_of_any_page(
    page_of: Callable[..., BridgePage],
) -> None:
    page = page_of(looker, tools=[look], approve_tools=True)
    await page.open()
    page.say("text", text="look up")
    waiting = (await page.wait("tool"))["call"]
    assert waiting["state"] == "waiting"
    for odd in ({"call_id": "unknown"}, {"is_allowed": 1}, {"is_allowed": None}):
        page.say("tool_answer", **{"call_id": waiting["call_id"], "is_allowed": True, **odd})
    assert page.talk.pending_approvals
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=False)
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=True)
    message = await page.wait("tool", lambda answered: bool(answered["call"]["error"]))
    assert message["call"]["state"] == "denied"
    assert "did not allow" in message["call"]["error"]
    assert page.all("note") == []


# --------------------------------------------------------------------------- settings
def settings_of(page: BridgePage) -> dict[str, Any]:
    return page.all("state")[-1]["settings"]


async def test_a_page_is_told_the_settings_and_changes_them_in_the_running_talk(
    page_of: Any,
) -> None:
    page = page_of(voice="nova", instructions="Be brief.")
    await page.open()
    told = settings_of(page)
    assert (told["voice"], told["instructions"], told["speed"]) == ("nova", "Be brief.", None)
    assert (told["threshold"], told["silence_duration_ms"]) == (0.5, 500)
    assert {"nova", "eve"} <= set(told["voices"])
    assert "luna" not in told["voices"], "the rehearsal has no such voice"
    page.say("change_settings", settings={"voice": "echo", "threshold": 0.7, "sound": 1})
    await page.wait("state", lambda state: state["settings"]["threshold"] == 0.7)
    assert settings_of(page)["voice"] == page.talk.settings.voice == "echo"
    assert page.talk.settings.turn_detection.silence_duration_ms == 500


async def test_a_setting_that_is_refused_is_noted_and_told_as_it_was(page_of: Any) -> None:
    page = page_of()
    await page.open()
    count = len(page.all("state"))
    page.say("change_settings", settings={"speed": 9})
    note = await page.wait("note")
    assert "Speed must be" in note["note"]["text"]
    await page.wait("state", lambda _: len(page.all("state")) > count)
    assert settings_of(page)["speed"] is None


async def test_what_a_page_says_of_the_server_is_left_out_with_push_to_talk(page_of: Any) -> None:
    page = page_of(turn_detection=PushToTalk())
    await page.open()
    assert settings_of(page)["threshold"] is settings_of(page)["silence_duration_ms"] is None
    page.say("change_settings", settings={"threshold": 0.7, "speed": 1.2})
    await page.wait("state", lambda state: state["settings"]["speed"] == 1.2)
    assert page.talk.settings.turn_detection == PushToTalk()


@pytest.mark.parametrize(
    ("name", "export", "style", "text"),
    [
        ("settings", b"as createDrawer", ".glw-settings", {"volume": "Volume"}),
        ("transcript", b"as TurnMenu", ".glw-menu", {"play_again": "Play again"}),
        ("spectrogram", b"as createDrawer", ".glw-spectrogram", {}),
    ],
)
async def test_a_further_bundle_is_sent_as_a_module_with_its_style_and_texts(
    page_of: Any, name: str, export: bytes, style: str, text: dict[str, str]
) -> None:
    page = page_of()
    page.say("bundle_wanted", name=name)
    bundle = await page.wait("bundle")
    assert (bundle["page"], bundle["name"]) == ("page-1", name)
    assert export in page.audio
    assert style in bundle["style"]
    assert tuple(bundle["texts"]) == LANGUAGES
    assert bundle["texts"]["en"].items() >= text.items()


@pytest.mark.parametrize("name", ["widget", "../bridge", ""])
async def test_nothing_but_further_bundles_is_sent(page_of: Any, name: str) -> None:
    page = page_of()
    page.say("bundle_wanted", name=name)
    bundle = await page.wait("bundle")
    assert (bundle["style"], page.audio) == ("", b"")


async def test_pages_are_told_where_the_server_hears_speech(
    page_of: Any, question: np.ndarray
) -> None:
    page = page_of()
    await page.open()
    page.say("microphone_state", state="on")
    page.speak(question)
    page.say("microphone_state", state="muted")
    await page.wait("speech", lambda speech: not speech["is_active"])
    assert [speech["is_active"] for speech in page.all("speech")] == [True, False]


async def test_a_sound_file_that_is_dropped_on_the_panel_is_asked(
    page_of: Any, question: np.ndarray, tmp_path: Path
) -> None:
    content = write_wav(tmp_path / "question.wav", question).read_bytes()
    page = page_of()
    page.hello()
    pieces = [content[at : at + 48_000] for at in range(0, len(content), 48_000)]
    for number, bytes_of_piece in enumerate(pieces):
        fields = {"id": 1, "name": "question.wav", "piece": number, "piece_count": len(pieces)}
        page.send({"type": "sound_file", "page": "page-1", **fields}, bytes_of_piece)
    await page.wait("turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["is_complete"])
    (said,) = page.talk.conversation.turns.user
    assert len(said.pcm) > RATE_HZ
    assert page.all("note") == []


async def test_a_dropped_file_that_is_no_sound_is_one_sentence(page_of: Any) -> None:
    page = page_of()
    page.hello()
    fields = {"id": 1, "name": "notes.txt", "piece": 0, "piece_count": 1}
    page.send({"type": "sound_file", "page": "page-1", **fields}, b"no sound at all")
    note = (await page.wait("note"))["note"]["text"]
    assert note.startswith("'notes.txt' cannot be read as a sound file")
    assert "Traceback" not in note
