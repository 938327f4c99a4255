"""The sound of a page, where the connection is in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from ..audio import SAMPLE_RATE_HZ
from ..client import ReconnectingSession, RemoteSession, TalkSession
from ..conversation import Turn
from ..protocol import Event, Interrupted, PlaybackReported
from . import messages
from .clocks import PageClocks
from .direct import Carrier
from .page_sound import PageSound, PageSoundListener, SendSound

_MODULE = "grok_live_widget.widget.sound_part"
_NO_REPLAY: dict[str, Any] = {"replay": None, "replayed_turn": "", "replay_start_s": 0.0}
_ToPage = messages.Audio | messages.Flush | messages.MicrophoneReceived


class AnyPageSound(Protocol):
    """The interface of `PageSound` and `RemotePageSound`; the first one describes it."""

    owner: str

    @property
    def state(self) -> dict[str, Any]: ...
    @property
    def session(self) -> int: ...
    @property
    def is_direct(self) -> bool: ...
    def reply_of(self, turn: Turn) -> int | None: ...
    def start_of(self, turn: Turn) -> float: ...
    def observe(self, event: Event, changed: list[Turn], now_s: float) -> None: ...
    def receive(self, message: messages.SoundMessage, pcm: bytes, arrived_s: float) -> None: ...
    def begin_owner(self, page: str) -> None: ...
    def go_on(self, owner: str) -> None: ...
    def play_unplayed(self) -> None: ...
    def play_again(self, turn: Turn) -> None: ...
    def play_from(self, at_s: float) -> None: ...
    def end_replay(self) -> None: ...
    def stop_replay(self, epoch: int) -> None: ...
    def restore(self, turn: Turn) -> None: ...
    def follow_flush(self, epoch: int) -> None: ...
    async def invite(
        self, page: str, origin: str, carrier: Carrier
    ) -> messages.DirectInvitation | str: ...
    async def end_speech_without_sound(self) -> None: ...
    async def close(self) -> None: ...


def page_sound_of(
    talk: TalkSession,
    clocks: PageClocks,
    *,
    send: SendSound,
    listener: PageSoundListener,
    spawn: Callable[[Coroutine[Any, Any, object]], None],
) -> AnyPageSound:
    """The sound of a talk's page, where its connection is; see `PageSound`."""
    if isinstance(talk, RemoteSession):
        return RemotePageSound(talk, clocks, send=send, listener=listener, spawn=spawn)
    assert isinstance(talk, ReconnectingSession)
    return PageSound(talk, clocks, send=send, listener=listener, spawn=spawn)


class RemotePageSound:
    """Does what `PageSound` does, in the process of the connection; see there.

    A busy kernel holds up nothing that goes through the direct channel.
    """

    def __init__(
        self,
        talk: RemoteSession,
        clocks: PageClocks,
        *,
        send: SendSound,
        listener: PageSoundListener,
        spawn: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        self.owner = ""
        self._clocks, self._spawn = clocks, spawn
        self._talk, self._supervisor = talk, talk.supervisor
        self._send, self._listener = send, listener
        self._state: dict[str, Any] = _NO_REPLAY | {
            "session": 0,
            "epoch": 0,
            "busy_cell": False,
            "late_sample_count": 0,
        }
        # By turn: the number of its reply, and where that begins.
        self._replies: dict[str, tuple[int, float]] = {}
        # As of the end of the last process.
        self._reply_count = 0
        self._direct_page = ""
        self._has_started = False
        self._supervisor.add_part(_MODULE, self._on_message, self._on_start, self._on_end)

    def _on_start(self) -> None:
        """Tell a new process what holds."""
        if self._has_started:
            self._listener.on_restart()
        self._has_started = True
        if self.session:
            self._supervisor.tell(
                "go_on_with_session",
                # The page drops what is of an older session.
                session=self.session,
                epoch=int(self._state["epoch"]),
                reply_count=self._reply_count,
                replies=self._replies,
            )
        if self.owner:
            self._supervisor.tell("go_on", owner=self.owner)

    def _on_end(self) -> None:
        """The process has ended by itself."""
        self._direct_page = ""
        self._listener.on_channel("")
        numbers = [number for number, _ in self._replies.values()]
        self._reply_count = max(self._reply_count, *numbers, 0)
        replay = self._state["replay"]
        if replay is not None:
            # No other process knows what was played once more.
            self._reply_count = max(self._reply_count, replay)
            self._state |= _NO_REPLAY
            self._flush(replay)

    def _on_message(self, content: Any, buffer: bytes | None) -> None:
        match content:
            case ["comm", message]:
                self._send(msgspec.convert(message, _ToPage), buffer)
            case ["state", state, is_news]:
                self._state = state
                if is_news:
                    self._listener.on_sound()
            case ["reply", turn_id, reply, start_s]:
                self._replies[turn_id] = reply, start_s
                self._listener.on_reply(self._talk.turn_of(turn_id))
            case ["replies", turn_ids]:
                self._listener.on_replies([self._talk.turn_of(each) for each in turn_ids])
            case ["playhead", message]:
                playhead = messages.decode(message)
                assert isinstance(playhead, messages.Playhead)
                self._listener.on_playhead(playhead)
            case ["channel", page]:
                self._direct_page = page
                self._listener.on_channel(page)
            case ["seen", page, arrived_s]:
                self._listener.on_seen(page, arrived_s)
            case ["page", message, arrived_s]:
                if found := messages.decode(message):
                    self._listener.on_page_message(found, buffer, arrived_s)

    # ----------------------------------------------------------------- to read
    @property
    def state(self) -> dict[str, Any]:
        """See `PageSound`."""
        return self._state

    @property
    def session(self) -> int:
        """See `PageSound`."""
        return int(self._state["session"])

    @property
    def is_direct(self) -> bool:
        """See `PageSound`."""
        return self._direct_page == self.owner != ""

    def reply_of(self, turn: Turn) -> int | None:
        """See `PageSound`."""
        return self._replies.get(turn.turn_id, (None, 0.0))[0]

    def start_of(self, turn: Turn) -> float:
        """See `PageSound`."""
        return self._replies.get(turn.turn_id, (None, 0.0))[1]

    # ----------------------------------------------------------------- what the process does
    def observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """The process does, before the kernel, unless there is none."""
        if isinstance(event, Interrupted) and not self._supervisor.is_running:
            replies = [reply for each in changed if (reply := self.reply_of(each)) is not None]
            if replies:
                self._flush(replies[0])

    def _flush(self, reply: int) -> None:
        """Have the page drop what it has to play, where no process does."""
        self._state |= {"epoch": self._state["epoch"] + 1}
        flush = messages.Flush(session=self.session, epoch=self._state["epoch"], reply=reply)
        self._send(flush, None)
        self._listener.on_sound()

    def receive(self, message: messages.SoundMessage, pcm: bytes, arrived_s: float) -> None:
        """See `PageSound`."""
        if not self._supervisor.is_running and isinstance(message, messages.Playhead):
            self._receive_last_playhead(message)
            return
        content = msgspec.to_builtins(message)
        self._supervisor.tell(
            "receive_sound",
            content=content,
            arrived_s=arrived_s,
            offset_s=self._clocks.offset_s(message.page),
            pcm=pcm,
        )

    def _receive_last_playhead(self, playhead: messages.Playhead) -> None:
        """How much a page has played of what it had when the process ended."""
        found = [
            turn_id for turn_id, (reply, _) in self._replies.items() if reply == playhead.reply
        ]
        if playhead.page != self.owner or not found:
            return
        self._listener.on_playhead(playhead)
        turn = self._talk.turn_of(found[-1])
        rate_hz = turn.sample_rate
        base, played = round(self.start_of(turn) * rate_hz), playhead.sample_count
        report = PlaybackReported(
            item_id=turn.item_id,
            # Rounded up, so that the end is reached.
            sample_count=base - (-played * rate_hz // SAMPLE_RATE_HZ),
            first_sound_s=self._clocks.kernel_s(playhead.page, playhead.first_sound_at_ms),
            is_final=playhead.is_final or isinstance(playhead, messages.Flushed),
        )
        self._spawn(self._talk.report_playback(report))

    def begin_owner(self, page: str) -> None:
        """See `PageSound`."""
        self.owner = page
        self._supervisor.tell("begin_owner", page=page)

    def go_on(self, owner: str) -> None:
        """See `PageSound`."""
        self.owner = owner
        self._supervisor.tell("go_on", owner=owner)

    def play_unplayed(self) -> None:
        """See `PageSound`."""
        self._supervisor.tell("play_unplayed")

    def play_again(self, turn: Turn) -> None:
        """See `PageSound`."""
        self._supervisor.tell("play_again", turn_id=turn.turn_id)

    def play_from(self, at_s: float) -> None:
        """See `PageSound`."""
        self._supervisor.tell("play_from", at_s=at_s)

    def end_replay(self) -> None:
        """See `PageSound`."""
        self._supervisor.tell("end_replay")

    def stop_replay(self, epoch: int) -> None:
        """See `PageSound`."""
        self._supervisor.tell("stop_replay", epoch=epoch)

    def restore(self, turn: Turn) -> None:
        """See `PageSound`."""
        self._supervisor.tell("restore", turn_id=turn.turn_id)

    def follow_flush(self, epoch: int) -> None:
        """See `PageSound`."""
        self._supervisor.tell("follow_flush", epoch=epoch)

    async def invite(
        self, page: str, origin: str, carrier: Carrier
    ) -> messages.DirectInvitation | str:
        """See `PageSound`."""
        found = await self._supervisor.request(
            "invite_page", page=page, origin=origin, carrier=carrier
        )
        return (
            found if isinstance(found, str) else msgspec.convert(found, messages.DirectInvitation)
        )

    async def end_speech_without_sound(self) -> None:
        """The process does by itself."""

    async def close(self) -> None:
        """The process ends with the talk."""
