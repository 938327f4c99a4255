"""The kernel's end of the panel, spoken to as a page would."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from grok_live_widget.client.ask import Asker
from grok_live_widget.client.reconnecting_session import ReconnectingSession
from grok_live_widget.events import AudioFormat, PushToTalk
from grok_live_widget.rehearsal.partner import ToolCall, Unvoiced
from grok_live_widget.settings.settings import settings_from
from grok_live_widget.widget.bridge import LAST_HEARTBEATS, Panel

RATE = 24_000


class Page:
    """A page that says what it is told to, and keeps what it hears."""

    def __init__(self, partner: Any = "parrot", **settings: Any) -> None:
        self.talk = ReconnectingSession(settings_from({"partner": partner, **settings}), None)
        self.panel = Panel(self.talk, self._hear)
        self.heard: list[dict[str, Any]] = []
        self.sound = b""
        self._news = asyncio.Event()

    def _hear(self, content: dict[str, Any], buffer: bytes | None) -> None:
        self.heard.append(content)
        if content["type"] == "audio":
            self.sound += buffer or b""
        self._news.set()

    def say(self, kind: str, buffer: bytes | None = None, **fields: Any) -> None:
        content = {"type": kind, "page": "p1", "clock_ms": time.time() * 1000, **fields}
        self.panel.receive(content, buffer, time.monotonic())

    async def until(self, kind: str, is_it: Callable[[Any], bool] = lambda _: True) -> Any:
        async with asyncio.timeout(20):
            while True:
                for content in self.heard:
                    if content["type"] == kind and is_it(content):
                        return content
                self._news.clear()
                await self._news.wait()

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [content for content in self.heard if content["type"] == kind]

    async def open(self) -> None:
        self.say("hello", microphone="ok", device_rate_hz=48_000)
        self.say("start", with_microphone=True)
        await self.until("state", lambda state: state["phase"] == "open")

    def speak(self, sound: np.ndarray) -> None:
        """Sound of the microphone, in chunks of 100 ms."""
        for seq, start in enumerate(range(0, len(sound), 2400)):
            self.say(
                "microphone",
                sound[start : start + 2400].tobytes(),
                session=self.panel.downlink.session,
                seq=seq,
                sample_index=start,
                captured_at_ms=time.time() * 1000,
                dropped_sample_count=0,
            )

    async def play_to_the_end(self) -> None:
        """Acknowledge and report whatever comes, until the end of a reply has been heard."""
        for seq in itertools.count():
            audio = await self.until("audio", lambda audio, seq=seq: audio["seq"] == seq)
            self.say("received", session=audio["session"], seq=seq)
            self.play(audio, audio["sample_offset"])
            if audio["is_last"]:
                self.play(audio, len(self.sound) // 2, is_final=True)
                break

    def play(self, audio: dict[str, Any], count: int, **more: Any) -> None:
        fields = {"session": audio["session"], "epoch": audio["epoch"], "reply": audio["reply"]}
        self.say("playhead", **fields, sample_count=count, **more)


@pytest.fixture
async def page_of() -> AsyncIterator[Callable[..., Page]]:
    pages: list[Page] = []

    def make(*args: Any, **settings: Any) -> Page:
        pages.append(Page(*args, **settings))
        return pages[-1]

    yield make
    for page in pages:
        page.panel.close()
        await page.talk.close()


def tone(seconds: float) -> np.ndarray:
    return (8000 * np.sin(np.arange(int(seconds * RATE)) / 10)).astype(np.int16)


async def test_hello_is_answered_by_all_that_a_fresh_page_needs(page_of: Any) -> None:
    page = page_of(voice="nova")
    page.say("hello")
    snapshot = await page.until("snapshot")
    assert snapshot["page"] == snapshot["owner"] == "p1"
    assert (snapshot["phase"], snapshot["is_rehearsal"]) == ("closed", True)
    assert "not Grok" in snapshot["banner"]
    assert (snapshot["turns"], snapshot["voice"]) == ([], "nova")


async def test_typed_text_is_answered_and_both_turns_are_told_in_order(page_of: Any) -> None:
    page = page_of()
    page.say("hello")
    page.say("text", text="say this")
    told = await page.until("turn", lambda m: m["turn"]["role"] == "assistant")
    assert told["turn"]["order"] == 1
    first = await page.until("turn", lambda m: m["turn"]["role"] == "user")
    assert (first["turn"]["order"], first["turn"]["text"]) == (0, "say this")


async def test_the_microphone_is_acknowledged_and_answered(
    page_of: Any, question: np.ndarray, silence: Any
) -> None:
    page = page_of()
    await page.open()
    sound = np.concatenate((question, silence(1.0)))
    page.speak(sound)
    await page.until("audio", lambda audio: audio["is_last"])
    received = [m["seq"] for m in page.all("microphone_received")]
    assert received == list(range(-(-len(sound) // 2400)))
    reply = page.talk.conversation.turns.assistant[0].pcm
    assert page.sound == reply.tobytes()


async def test_sound_is_sent_on_credit_and_heard_samples_are_what_the_page_says(
    page_of: Any,
) -> None:
    sound = tone(5)
    page = page_of(lambda turn: sound)
    await page.open()
    page.say("text", text="go")
    await page.until("audio", lambda m: m["sample_offset"] >= 1.5 * RATE)
    first = page.all("audio")[0]
    for audio in page.all("audio"):
        page.say("received", session=audio["session"], seq=audio["seq"])
    page.play(first, 4000, first_sound_at_ms=time.time() * 1000)
    while not page.all("audio")[-1]["is_last"]:
        at = page.all("audio")[-1]
        page.say("received", session=at["session"], seq=at["seq"])
        page.play(first, at["sample_offset"])
        await asyncio.sleep(0.01)
    assert page.sound == sound.tobytes()
    assert [m["seq"] for m in page.all("audio")] == list(range(len(page.all("audio"))))
    page.play(first, len(sound), is_final=True)
    turn = page.talk.conversation.turns.assistant[0]
    await page.until("turn", lambda m: m["turn"]["heard_s"] == 5.0)
    assert turn.heard_sample_count == len(sound)
    assert turn.latency_ms is not None
    assert 0 <= turn.latency_ms < 20_000


FORMATS = [
    *(AudioFormat(sample_rate=rate_hz) for rate_hz in (11_025, 16_000, 44_100, 48_000)),
    AudioFormat(encoding="pcmu"),
]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: f"{form.encoding}-{form.sample_rate}")
async def test_a_line_of_another_rate_is_heard_and_spoken_to_at_24_khz(
    page_of: Any, form: AudioFormat
) -> None:
    """What the microphone hears comes back from the parrot, through two resamplers and a tail
    that only the commit brings.
    """
    settings = {"input_format": form, "output_format": form, "turn_detection": PushToTalk()}
    page = page_of(**settings)
    await page.open()
    sound = tone(1.0)
    page.speak(sound)
    page.say("commit")
    await page.play_to_the_end()
    turns = page.talk.conversation.turns
    told = await page.until("turn", lambda m: m["turn"]["heard_s"] == m["turn"]["duration_s"])
    assert told["turn"]["duration_s"] == pytest.approx(1.0, abs=1 / form.sample_rate)
    assert [turn.sample_rate for turn in turns] == [form.sample_rate] * 2
    assert len(turns[0].pcm) == len(turns[1].pcm) == turns[1].heard_sample_count
    heard = np.frombuffer(page.sound, np.int16)
    assert abs(len(heard) - len(sound)) <= 3
    # The companding of pcmu is coarse; what is out of time by a sample is off by more.
    most = 300 if form.encoding == "pcmu" else 8
    difference = heard[240:23_700].astype(np.int32) - sound[240:23_700]
    assert np.sqrt(np.mean(np.square(difference))) < most


async def test_a_clip_of_a_cell_begins_behind_the_microphone_that_was_heard(
    page_of: Any,
) -> None:
    page = page_of(sample_rate=48_000, turn_detection=PushToTalk())
    await page.open()
    page.speak(tone(0.3))
    await asyncio.gather(*page.panel._tasks)
    clip = np.arange(9_600, dtype=np.int16)
    turn = await Asker(page.talk).ask(clip, 48_000, 20)
    assert turn.pcm.tolist()[-9_600:] == clip.tolist()
    users = page.talk.conversation.turns.user
    assert [len(user.pcm) for user in users] == [14_400, 9_600]


async def test_a_new_line_begins_the_microphone_s_sound_anew(page_of: Any) -> None:
    page = page_of(sample_rate=48_000, turn_detection=PushToTalk())
    for _ in range(2):
        await page.open()
        page.speak(tone(0.5))
        page.say("stop")
        await page.until("state", lambda state: state["phase"] == "closed")
        page.heard.clear()
    first, second = page.talk.conversation.turns.user
    assert first.pcm.tolist() == second.pcm.tolist()
    assert 0 < len(first.pcm) <= 24_000


async def test_the_interrupt_button_cuts_the_reply_where_it_was_heard(page_of: Any) -> None:
    sound = tone(60)
    page = page_of(lambda turn: sound)
    await page.open()
    page.say("text", text="go")
    audio = await page.until("audio", lambda m: m["sample_offset"] > RATE)
    page.play(audio, 12_000)
    page.say("interrupt", epoch=audio["epoch"] + 1)
    page.say(
        "flushed",
        session=audio["session"],
        epoch=audio["epoch"] + 1,
        reply=audio["reply"],
        sample_count=12_345,
    )
    await page.until("turn", lambda m: m["turn"]["was_interrupted"] and m["turn"]["is_complete"])
    turn = page.talk.conversation.turns.assistant[0]
    assert turn.heard_sample_count == 12_345
    assert len(turn.heard) == 12_345
    sent = len(page.sound)
    page.say("text", text="again")
    await page.until("audio", lambda m: m["reply"] != audio["reply"])
    assert all(m["epoch"] == audio["epoch"] + 1 for m in page.all("audio") if m["seq"] > 20)
    assert len(page.sound) > sent


async def test_only_the_owner_is_heard_and_another_page_can_take_over(page_of: Any) -> None:
    page = page_of()
    await page.open()
    page.say("hello", page="p2")
    await page.until("ping")
    page.say("pong", id=page.all("ping")[0]["id"])
    fields = {
        "session": page.panel.downlink.session,
        "seq": 0,
        "sample_index": 0,
        "captured_at_ms": time.time() * 1000,
        "dropped_sample_count": 0,
    }
    page.say("microphone", bytes(4800), page="p2", **fields)
    page.say("take_over", page="p2")
    assert (await page.until("owner"))["owner"] == "p2"
    page.say("bye", page="p2")
    await page.until("owner", lambda m: m["owner"] == "p1")
    assert len(page.talk.conversation.user_tape) == 0


async def test_a_page_that_does_not_answer_loses_the_lease(
    page_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grok_live_widget.widget.bridge.PING_TIMEOUT_S", 0.05)
    page = page_of()
    page.say("hello")
    page.say("hello", page="p2")
    assert (await page.until("owner"))["owner"] == "p2"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "text",
        [],
        {},
        {"type": "text"},
        {"type": 5, "page": "p1"},
        {"type": "text", "page": "p1", "text": 5},
        {"type": "unheard_of", "page": "p1"},
        {"type": "interrupt", "page": "p1", "epoch": True},
        {"type": "microphone", "page": "p1", "session": 0},
        {"type": "playhead", "page": "p1", "session": 1, "epoch": 0, "reply": 9, "sample_count": 1},
    ],
)
async def test_a_pages_word_is_not_trusted(page_of: Any, content: Any) -> None:
    page = page_of()
    page.panel.receive(content, b"odd", 0.0)
    page.say("hello")
    await page.until("snapshot")


async def test_a_line_whose_page_is_gone_is_closed_with_a_note(
    page_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grok_live_widget.widget.bridge.NO_PAGE_S", 0.0)
    page = page_of()
    await page.open()
    page.say("microphone_state", state="on")
    note = await page.until("note")
    assert "No page" in note["note"]["text"]
    await page.until("state", lambda state: state["phase"] == "closed")


async def test_trouble_is_told_to_the_page_in_one_sentence(page_of: Any) -> None:
    page = page_of(None, url="ws://127.0.0.1:1/v1/realtime")
    page.say("hello")
    page.say("start", with_microphone=False)
    note = await page.until("note")
    assert note["note"]["level"] == "error"
    assert "nothing answers" in note["note"]["text"].lower()


async def test_an_error_that_the_server_reports_is_told_to_the_page(page_of: Any) -> None:
    def fail(turn: Any) -> str:
        raise ValueError("out of ideas")

    page = page_of(fail)
    await page.open()
    page.say("text", text="go")
    note = await page.until("note")
    assert "out of ideas" in note["note"]["text"]
    assert page.talk.phase == "open"


async def test_a_request_that_cannot_be_done_is_told_to_the_page(page_of: Any) -> None:
    page = page_of(dialect="live")
    await page.open()
    session = page.talk.session
    assert session is not None
    session.protocol.close()
    page.say("commit")
    note = await page.until("note")
    assert "closed" in note["note"]["text"]


async def test_heartbeats_come_while_the_line_is_open_and_a_few_times_more(page_of: Any) -> None:
    page = page_of()
    await page.open()
    await page.until("heartbeat")
    page.say("stop")
    closed = await page.until("state", lambda told: told["phase"] == "closed" and told["session"])
    heart = page.panel._heart
    assert heart is not None
    await asyncio.wait([heart], timeout=20)
    after = page.heard[page.heard.index(closed) :]
    assert sum(each["type"] == "heartbeat" for each in after) == LAST_HEARTBEATS


async def test_heartbeats_and_snapshots_tell_how_much_of_what_lasts_came_before(
    page_of: Any,
) -> None:
    page = page_of()
    await page.open()
    page.say("text", text="hello")
    await page.until("turn", lambda told: told["turn"]["role"] == "assistant")
    page.say("hello")
    begun = len(page.all("heartbeat"))
    await page.until("heartbeat", lambda _: len(page.all("heartbeat")) > begun)
    lasting = ("state", "owner", "turn", "tool", "note")
    told = [(at, each) for at, each in enumerate(page.heard) if "told_count" in each]
    assert {each["type"] for _, each in told} == {"snapshot", "heartbeat"}
    for at, each in told:
        assert each["told_count"] == sum(m["type"] in lasting for m in page.heard[:at])


# --------------------------------------------------------------------------- tools
def look(up: bool) -> str:
    """Look."""
    return "the sky" if up else "the ground"


def looker(turn: Any) -> Any:
    return Unvoiced(turn.text) if turn.role == "tool" else ToolCall("look", {"up": True})


async def test_a_call_is_told_as_it_goes_on(page_of: Callable[..., Page]) -> None:
    page = page_of(looker, tools=[look])
    await page.open()
    page.say("text", text="look up")
    await page.until("tool", lambda told: told["call"]["state"] == "done")
    running, done = (told["call"] for told in page.all("tool"))
    assert (running["state"], running["name"], running["arguments"]) == (
        "running", "look", '{"up":true}',
    )  # fmt: skip
    assert done == running | {"state": "done", "duration_s": done["duration_s"]}
    page.say("hello", microphone="ok", device_rate_hz=None)
    assert page.all("snapshot")[-1]["tools"] == [done]


async def test_a_call_waits_for_the_first_answer_of_any_page(page_of: Callable[..., Page]) -> None:
    page = page_of(looker, tools=[look], approve_tools=True)
    await page.open()
    page.say("text", text="look up")
    waiting = (await page.until("tool"))["call"]
    assert waiting["state"] == "waiting"
    for odd in ({"call_id": "nobody's"}, {"is_allowed": 1}, {"is_allowed": None}):
        page.say("tool_answer", **{"call_id": waiting["call_id"], "is_allowed": True, **odd})
    assert page.talk.pending_approvals
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=False)
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=True)
    told = await page.until("tool", lambda told: bool(told["call"]["error"]))
    assert told["call"]["state"] == "denied"
    assert "did not allow" in told["call"]["error"]
    assert page.all("note") == []
