"""The kernel's end of the panel: what the pages are told, and what they ask for.

A fold over the talk's events on one side and over the pages' messages on the other; it runs on
the talk's loop and knows no widget: messages leave by a function it is given. The messages are
those of docs/lanes.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, TypeGuard

from ..audio import SAMPLE_RATE_HZ
from ..client import ReconnectingSession
from ..conversation import ToolCalls, ToolCallState, Turn
from ..exceptions import ConnectError, GrokLiveError, SessionClosed
from ..protocol import (
    AudioDelta,
    Event,
    Interrupted,
    Noted,
    PhaseChanged,
    PlaybackReported,
    PushToTalk,
    SessionOpened,
    SettingsChanged,
)
from .downlink import Downlink, Heard
from .lease import Lease
from .uplink import Uplink

__all__ = ["Panel"]

_LOG = logging.getLogger("grok_live_widget")

HEARTBEAT_S = 1.0
# After the line has closed, since the message that says so may have been lost.
LAST_HEARTBEATS = 5
# What a page goes on showing; a heartbeat tells how many there were.
_LASTING = frozenset({"state", "owner", "turn", "tool", "note"})
SHOWN_TIME_LEFT_S = 300.0
PUMP_S = 0.1
PING_TIMEOUT_S = 1.5
NO_PAGE_S = 60.0
MAX_CHUNK_BYTES = 64 * 1024

Post = Callable[[dict[str, Any], bytes | None], None]
"""Sends one message to every page; called on the talk's loop."""


class Panel:
    """All pages of one talk.

    Parameters
    ----------
    talk : ReconnectingSession
    post : callable
        ``(content, buffer or None) -> None``
    """

    def __init__(self, talk: ReconnectingSession, post: Post) -> None:
        self._talk = talk
        self._post = post
        self.lease = Lease()
        self.downlink = Downlink()
        self.uplink = Uplink()
        self.microphone_state = "off"
        self._tool_calls = ToolCalls()
        self._page_clock_s: dict[str, float] = {}
        self._replies: dict[int, int] = {}
        self._changed: dict[int, Turn] = {}
        self._pumping: asyncio.Task[None] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._told_count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_lost = 0
        self._told_busy = False
        talk.add_listener(self._observe)

    # ----------------------------------------------------------------- from the talk
    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        for turn in changed:
            self._changed[id(turn)] = turn
        match event:
            case AudioDelta():
                self._sound_came(changed, now_s)
            case Interrupted():
                self._cut_off()
            case SessionOpened():
                self.downlink.begin_session(self.downlink.session + 1)
            case PhaseChanged():
                self._phase_changed()
            case SettingsChanged():
                self._send_state()
            case Noted():
                self._send({"type": "note", "note": _note(event)})
        call = self._tool_calls.apply(event)
        if call is not None:
            self._send({"type": "tool", "call": _call(call)})
        if changed:
            self._pump_soon()

    def _sound_came(self, changed: list[Turn], now_s: float) -> None:
        if not self.lease.owner:
            return
        for turn in changed:
            if turn.was_interrupted:
                continue
            reply = self.downlink.add(turn, now_s)
            if reply:
                self._replies[id(turn)] = reply
        self._pump(now_s)

    def _cut_off(self) -> None:
        """Silence first, everything else after."""
        if self.downlink.is_sounding:
            self._send(self.downlink.flush())

    def _phase_changed(self) -> None:
        self._send_state()
        if self._talk.phase == "closed":
            self._cut_off()
        if self._heart is None or self._heart.done():
            self._heart = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        """Once a second while the line is not closed, and a few times more."""
        left = LAST_HEARTBEATS
        while left > 0:
            is_closed = self._talk.phase == "closed"
            left = left - 1 if is_closed else LAST_HEARTBEATS
            self._send(self._heartbeat())
            self._tell_busy()
            if not is_closed:
                await self._watch_for_lost_page()
            await asyncio.sleep(HEARTBEAT_S)

    def _heartbeat(self) -> dict[str, Any]:
        left_s = self._talk.ends_in_s
        is_near = left_s is not None and left_s < SHOWN_TIME_LEFT_S
        ends_in_s = round(left_s) if is_near and left_s is not None else None
        return {
            "type": "heartbeat",
            "session": self.downlink.session,
            "ends_in_s": ends_in_s,
            "told_count": self._told_count,
        }

    async def _watch_for_lost_page(self) -> None:
        was_source = self.microphone_state in ("on", "muted")
        if not was_source or self.lease.owner_unseen_s(time.monotonic()) < NO_PAGE_S:
            return
        self.microphone_state = "off"
        self._talk.note(
            f"No page has been heard of for {NO_PAGE_S:g} s, so the line was closed.", "warning"
        )
        await self._talk.stop()

    # ----------------------------------------------------------------- the pump
    def _pump_soon(self) -> None:
        if self._pumping is None or self._pumping.done():
            self._pumping = asyncio.get_running_loop().create_task(self._keep_pumping())

    async def _keep_pumping(self) -> None:
        """Turns and sound, ten times a second while there is any."""
        while self._changed or (self.lease.owner and self.downlink.has_queued):
            self._pump(time.monotonic())
            self._send_turns()
            self._tell_busy()
            await asyncio.sleep(PUMP_S)

    def _pump(self, now_s: float) -> None:
        # Where nobody plays, sound waits for the next page.
        if not self.lease.owner:
            return
        for content, buffer in self.downlink.messages(now_s):
            self._send(content, buffer)

    def _send_turns(self) -> None:
        changed = list(self._changed.values())
        self._changed.clear()
        for turn in changed:
            self._send({"type": "turn", "turn": self._turn(turn)})

    # ----------------------------------------------------------------- to the pages
    def _send(self, content: dict[str, Any], buffer: bytes | None = None) -> None:
        self._told_count += content["type"] in _LASTING
        try:
            self._post(content, buffer)
        except Exception:  # noqa: BLE001  (a comm that is gone must not end the talk)
            _LOG.debug("A message to the page was not sent.", exc_info=True)

    def _state(self) -> dict[str, Any]:
        talk, settings = self._talk, self._talk.settings
        self._told_busy = self.downlink.is_overdue(time.monotonic())
        is_push_to_talk = isinstance(settings.turn_detection, PushToTalk)
        return {
            "owner": self.lease.owner,
            "session": self.downlink.session,
            "epoch": self.downlink.epoch,
            "phase": talk.phase,
            "is_reopening": talk.is_reopening,
            "is_rehearsal": talk.is_rehearsal,
            "banner": _BANNER if talk.is_rehearsal else "",
            "dialect": talk.dialect,
            "voice": settings.voice or "",
            "partner": settings.partner if isinstance(settings.partner, str) else "",
            "turn_detection": "push_to_talk" if is_push_to_talk else "server_vad",
            "processing": settings.processing,
            "sample_rate": SAMPLE_RATE_HZ,
            "busy_cell": self._told_busy,
            "late_sample_count": self.uplink.late_sample_count,
        }

    def _send_state(self) -> None:
        self._send({"type": "state", **self._state()})

    def _tell_busy(self) -> None:
        """A cell holds up what the page says, or does so no longer."""
        if self.downlink.is_overdue(time.monotonic()) != self._told_busy:
            self._send_state()

    def _turn(self, turn: Turn) -> dict[str, Any]:
        heard = turn.heard_sample_count
        return {
            "id": turn.turn_id,
            "order": self._talk.conversation.turns.index(turn),
            "role": turn.role,
            "text": turn.text,
            "text_source": turn.text_source,
            "is_complete": turn.is_complete,
            "was_interrupted": turn.was_interrupted,
            "is_approximate": turn.is_approximate,
            "has_audio": len(turn.pcm) > 0,
            "duration_s": turn.duration_s,
            "started_s": turn.started_s,
            "reply": self._replies.get(id(turn)),
            "heard_s": None if heard is None else heard / turn.sample_rate,
            "latency_ms": turn.latency_ms,
            "seam": turn.seam,
        }

    # ----------------------------------------------------------------- from the pages
    def receive(self, content: Any, buffer: bytes | None, arrived_s: float) -> None:
        """Take in one message of a page; what is not understood is ignored."""
        if not _is_message(content):
            return
        step = _STEPS.get(content["type"])
        if step is None or not _has_fields(content, step[1]):
            return
        page = content["page"]
        self.lease.see(page, arrived_s) if page == self.lease.owner else None
        clock_ms = content.get("clock_ms")
        if _is_number(clock_ms):
            self._learn_clock(page, clock_ms / 1000, arrived_s)
        step[0](self, content, buffer, arrived_s)

    def _learn_clock(self, page: str, clock_s: float, arrived_s: float) -> None:
        """The quickest message tells best how far the clocks are apart."""
        offset_s = arrived_s - clock_s
        self._page_clock_s[page] = min(self._page_clock_s.get(page, offset_s), offset_s)

    def _hello(self, message: dict[str, Any], _: bytes | None, now_s: float) -> None:
        ping_id = self.lease.arrive(message["page"], now_s)
        self._talk.set_player(True)
        self._send(
            {
                "type": "snapshot",
                "page": message["page"],
                **self._state(),
                "notes": [_note(note) for note in _standing(self._talk.notes) if self._holds(note)],
                "turns": [self._turn(turn) for turn in self._talk.conversation.turns],
                "tools": [_call(call) for call in self._tool_calls.shown],
                "told_count": self._told_count,
            }
        )
        self._pump_soon()
        if ping_id is not None:
            self._send({"type": "ping", "id": ping_id})
            self._spawn(self._expire_later(ping_id))

    async def _expire_later(self, ping_id: int) -> None:
        await asyncio.sleep(PING_TIMEOUT_S)
        if self.lease.expire(ping_id):
            self._owner_changed()

    def _owner_changed(self) -> None:
        for turn, reply in self.downlink.start_over():
            self._replies[id(turn)] = reply
            self._changed[id(turn)] = turn
        self.microphone_state = "off"
        self._talk.set_player(bool(self.lease.owner))
        self._send({"type": "owner", "owner": self.lease.owner})
        self._send_state()
        self._pump_soon()

    def _holds(self, note: Noted) -> bool:
        """What was said of the line, while it is not open."""
        return not note.topic or self._talk.phase != "open"

    def _pong(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        self.lease.answer(message["page"], message["id"])

    def _bye(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        if self.lease.leave(message["page"]):
            self._owner_changed()

    def _take_over(self, message: dict[str, Any], _: bytes | None, now_s: float) -> None:
        if self.lease.take(message["page"], now_s):
            self._owner_changed()

    def _start(self, message: dict[str, Any], _: bytes | None, now_s: float) -> None:
        self._take_over(message, None, now_s)
        self._spawn(self._talk.open())

    def _stop(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        self._spawn(self._talk.stop())

    def _text(self, message: dict[str, Any], _: bytes | None, now_s: float) -> None:
        if not self.lease.owner:
            self._take_over(message, None, now_s)
        if message["text"].strip():
            self._spawn(self._talk.say_text(message["text"]))

    def _interrupt(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        if message["page"] == self.lease.owner:
            self.downlink.follow_flush(message["epoch"])
        self._spawn(self._talk.interrupt())

    def _commit(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        self._spawn(self._talk.commit())

    def _tool_answer(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        self._spawn(self._answer_call(message["call_id"], message["is_allowed"]))

    async def _answer_call(self, call_id: str, is_allowed: bool) -> None:
        """The first answer counts; of two pages the second finds nothing waiting."""
        if call_id in {call.call_id for call in self._talk.pending_approvals}:
            await self._talk.approve(call_id, is_allowed)

    def _microphone(self, message: dict[str, Any], buffer: bytes | None, now_s: float) -> None:
        is_sound = buffer is not None and 0 < len(buffer) <= MAX_CHUNK_BYTES
        if not is_sound or buffer is None or len(buffer) % 2:
            return
        self._send(
            {
                "type": "microphone_received",
                "session": message["session"],
                "seq": message["seq"],
            }
        )
        is_ours = message["page"] == self.lease.owner
        is_now = message["session"] == self.downlink.session and self._talk.phase == "open"
        offset_s = self._page_clock_s.get(message["page"])
        if is_ours and is_now and self.uplink.accepts(message, len(buffer) // 2, now_s, offset_s):
            self._talk.send_microphone(buffer)
        elif is_ours:
            self._tell_loss()

    def _tell_loss(self) -> None:
        late = self.uplink.late_sample_count
        if late - self._told_lost >= SAMPLE_RATE_HZ // 10:
            self._told_lost = late
            self._send_state()

    def _microphone_state(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        if message["page"] == self.lease.owner:
            self.microphone_state = message["state"]

    def _playhead(self, message: dict[str, Any], _: bytes | None, now_s: float) -> None:
        if message["page"] != self.lease.owner or message["session"] > self.downlink.session:
            return
        is_final = message.get("is_final") is True or message["type"] == "flushed"
        heard = self.downlink.played(
            message["reply"], message["sample_count"], is_final=is_final, now_s=now_s
        )
        if heard is not None:
            first_s = self._first_sound_s(message)
            self._spawn(self._talk.report_playback(_report(heard, first_s, is_final)))
        self._pump(now_s)

    def _first_sound_s(self, message: dict[str, Any]) -> float | None:
        """When the first sound was heard, on the kernel's clock."""
        at_ms = message.get("first_sound_at_ms")
        offset_s = self._page_clock_s.get(message["page"])
        if not _is_number(at_ms) or offset_s is None:
            return None
        return at_ms / 1000 + offset_s

    def _received(self, message: dict[str, Any], _: bytes | None, now_s: float) -> None:
        if message["session"] == self.downlink.session:
            self.downlink.received(message["seq"])
            self._tell_busy()
            self._pump(now_s)

    def _nothing(self, message: dict[str, Any], _: bytes | None, __: float) -> None:
        """Being heard of is all that an `alive` is for."""

    def _spawn(self, coro: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._to_dispatch(coro))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _to_dispatch(self, coro: Any) -> None:
        """Nobody awaits what a page asked for: its errors become notes, bugs go to the log."""
        try:
            await coro
        except (ConnectError, SessionClosed):
            pass  # The talk has noted it.
        except GrokLiveError as error:
            self._talk.note(str(error), "error")
        except Exception:  # noqa: BLE001  (a bug of ours)
            _LOG.exception("The panel's request failed; please report this.")

    def close(self) -> None:
        """Stop sending."""
        for task in (*self._tasks, self._pumping, self._heart):
            if task is not None:
                task.cancel()


_BANNER = "Rehearsal: a program on this computer answers, not Grok."


def _note(note: Noted) -> dict[str, str]:
    return {"text": note.text, "level": note.level, "topic": note.topic}


def _standing(notes: list[Noted]) -> list[Noted]:
    """Those that no newer one of the same topic has replaced."""
    newest = {note.topic: note for note in notes if note.topic}
    return [note for note in notes if newest.get(note.topic, note) is note]


def _call(call: ToolCallState) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "name": call.name,
        "arguments": call.arguments,
        "state": call.state,
        "error": call.error,
        "duration_s": call.duration_s,
    }


def _report(heard: Heard, first_s: float | None, is_final: bool) -> PlaybackReported:
    return PlaybackReported(
        item_id=heard.turn.item_id,
        sample_count=heard.sample_count,
        first_sound_s=first_s,
        is_final=is_final,
    )


def _is_message(content: Any) -> TypeGuard[dict[str, Any]]:
    return (
        isinstance(content, dict)
        and isinstance(content.get("type"), str)
        and isinstance(content.get("page"), str)
    )


def _has_fields(content: dict[str, Any], fields: dict[str, type | tuple[type, ...]]) -> bool:
    return all(
        isinstance(content.get(name), kind)
        and (kind in (str, bool) or _is_number(content.get(name)))
        for name, kind in fields.items()
    )


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is one that a page can count to; not NaN, not infinite, not a bool."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST


_NUMBER = (int, float)
_LARGEST = 2**53
_SOUND = {"session": int, "seq": int}
_PLAYHEAD = {"session": int, "epoch": int, "reply": int, "sample_count": int}

_STEPS: dict[str, tuple[Callable[[Any, dict[str, Any], Any, float], None], dict[str, Any]]] = {
    "hello": (Panel._hello, {}),
    "bye": (Panel._bye, {}),
    "start": (Panel._start, {}),
    "stop": (Panel._stop, {}),
    "take_over": (Panel._take_over, {}),
    "text": (Panel._text, {"text": str}),
    "interrupt": (Panel._interrupt, {"epoch": int}),
    "commit": (Panel._commit, {}),
    "tool_answer": (Panel._tool_answer, {"call_id": str, "is_allowed": bool}),
    "microphone": (
        Panel._microphone,
        {
            **_SOUND,
            "sample_index": int,
            "captured_at_ms": _NUMBER,
            "dropped_sample_count": int,
        },
    ),
    "microphone_state": (Panel._microphone_state, {"state": str}),
    "playhead": (Panel._playhead, _PLAYHEAD),
    "flushed": (Panel._playhead, _PLAYHEAD),
    "received": (Panel._received, _SOUND),
    "alive": (Panel._nothing, {}),
    "pong": (Panel._pong, {"id": int}),
}
"""What each message does, and which fields it must have; a page's word is not trusted."""
