"""The sound of a page in the process of the connection: `PageSound`, driven by the kernel.

The kernel hears of what the page says, and sends what goes through the comm. Everything here runs
on the loop of that process; `RemotePageSound` is the other end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from .._threads import BackgroundTasks
from ..conversation import Turn
from ..exceptions import ConnectError, GrokLiveError, SessionClosed
from ..protocol import Event
from . import messages
from .clocks import PageClocks
from .direct import Carrier
from .page_sound import PageSound

if TYPE_CHECKING:
    from ..client.process.host import SessionHost

_LOG = logging.getLogger("grok_live_widget")

# How often speech whose page is gone is looked for [s].
_LOOK_S = 1.0
# How often the kernel is told that a page is there [s].
_SEEN_S = 1.0


def add_to(host: SessionHost) -> None:
    """Add the sound of a page to the process of a connection."""
    SoundPart(host)


class SoundPart:
    """Tells the kernel what `PageSound` tells its listener."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._tasks = BackgroundTasks()
        self._clocks = PageClocks()
        self._sound = PageSound(
            host.talk, self._clocks, send=self._send, listener=self, spawn=self._spawn
        )
        self._sent_state: dict[str, Any] = {}
        # When the kernel was told last that a page is there.
        self._seen_s: dict[str, float] = {}
        sound = self._sound
        host.methods |= {
            each.__name__: each
            for each in (
                *(sound.begin_owner, sound.go_on, sound.follow_flush, sound.play_unplayed),
                *(sound.end_replay, sound.stop_replay),
                *(self.receive_sound, self.play_again, self.play_from, self.restore),
                *(self.invite_page, self.go_on_with_session),
            )
        }
        host.talk.add_listener(self._observe)
        host.on_kernel_gone.append(sound.tell_kernel_gone)
        self._tasks.spawn(self._look())

    # ----------------------------------------------------------------- for the kernel
    def receive_sound(
        self,
        content: dict[str, Any],
        arrived_s: float,
        offset_s: float | None,
        pcm: bytes | None = None,
    ) -> None:
        """A page has sent sound, or what it says of sound, through the comm.

        Parameters
        ----------
        offset_s : float or None [s]
            See `PageClocks.offset_s`: as the kernel knows it from all messages.
        """
        message = messages.decode(content)
        if isinstance(message, messages.SoundMessage):
            if offset_s is not None:
                self._clocks.follow(message.page, 0.0, offset_s)
            self._clocks.follow(message.page, message.clock_ms, arrived_s)
            self._sound.receive(message, pcm or b"", arrived_s)

    def play_again(self, turn_id: str) -> None:
        """See `PageSound.play_again`."""
        if turn := self._host.turn_of(turn_id):
            self._sound.play_again(turn)

    def play_from(self, at_s: float) -> None:
        """See `PageSound.play_from`."""

        async def play() -> None:
            self._sound.play_from(at_s)

        self._spawn(play())

    def restore(self, turn_id: str) -> None:
        """See `PageSound.restore`."""
        if turn := self._host.turn_of(turn_id):
            self._sound.restore(turn)

    def go_on_with_session(
        self, session: int, epoch: int, reply_count: int, replies: dict[str, tuple[int, float]]
    ) -> None:
        """Count on from what a process before this one has told the page.

        Parameters
        ----------
        replies : dict of str to (int, float)
            By the id of a turn: the number of the reply that it was sent as, and where in the turn
            that begins [s].
        """
        downlink = self._sound.downlink
        downlink.begin_session(session)
        downlink.epoch, downlink.reply_count = epoch, reply_count
        for turn in self._host.talk.conversation.unheard:
            if turn.turn_id in replies:
                reply, start_s = replies[turn.turn_id]
                self._sound.go_on_with(turn, round(start_s * turn.sample_rate), reply)

    async def invite_page(self, page: str, origin: str, carrier: Carrier) -> Any:
        """See `PageSound.invite`."""
        return msgspec.to_builtins(await self._sound.invite(page, origin, carrier))

    # ----------------------------------------------------------------- of the talk
    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        self._sound.observe(event, changed, now_s)
        self._send_state(is_news=False)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._host.talk.phase != "closed":
                await self._note_errors(self._sound.end_speech_without_sound())
                self._send_state()

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        self._tasks.spawn(self._note_errors(work))

    async def _note_errors(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except (ConnectError, SessionClosed):
            pass  # The talk has noted it.
        except GrokLiveError as error:
            self._host.talk.note(str(error), "error")
        except Exception:  # noqa: BLE001  (a bug of ours)
            _LOG.exception("The sound of a page failed; please report this.")

    # ----------------------------------------------------------------- to the kernel
    def _tell(self, kind: str, *content: Any, buffer: bytes | None = None) -> None:
        self._host.send_part(__name__, (kind, *content), buffer)

    def _send(self, message: messages.KernelMessage, pcm: bytes | None) -> None:
        self._tell("comm", messages.encode(message), buffer=pcm)

    def _send_state(self, *, is_news: bool = True) -> None:
        """Send what holds of the sound; whether pages are to be told at once."""
        state = self._sound.state
        if state != self._sent_state:
            self._sent_state = state
            self._tell("state", state, is_news)

    def on_sound(self) -> None:
        """See `PageSoundListener`."""
        self._send_state()

    def on_replies(self, turns: Iterable[Turn]) -> None:
        """See `PageSoundListener`."""
        self._tell("replies", [turn.turn_id for turn in turns])

    def on_reply(self, turn: Turn) -> None:
        """See `PageSoundListener`."""
        self._tell("reply", turn.turn_id, self._sound.reply_of(turn), self._sound.start_of(turn))

    def on_playhead(self, playhead: messages.Playhead) -> None:
        """See `PageSoundListener`."""
        self._tell("playhead", msgspec.to_builtins(playhead))

    def on_channel(self, page: str) -> None:
        """See `PageSoundListener`."""
        self._tell("channel", page)

    def on_restart(self) -> None:
        """See `PageSoundListener`: the kernel knows."""

    def on_seen(self, page: str, arrived_s: float) -> None:
        """See `PageSoundListener`."""
        now_s = time.monotonic()
        if now_s - self._seen_s.get(page, 0.0) >= _SEEN_S:
            self._seen_s[page] = now_s
            self._tell("seen", page, arrived_s)

    def on_page_message(
        self, message: messages.AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        """See `PageSoundListener`."""
        self._tell("page", msgspec.to_builtins(message), arrived_s, buffer=buffer)
