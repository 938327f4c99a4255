"""The sound of a talk and of the page that owns it: replies down, microphone and playheads up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from ..audio import SAMPLE_RATE_HZ
from ..client import ReconnectingSession
from ..conversation import Turn
from ..protocol import (
    AudioDelta,
    Event,
    Interrupted,
    PlaybackReported,
    SessionOpened,
    SpeechStarted,
)
from . import messages
from .clocks import PageClocks
from .direct import Carrier, host_of_origin
from .direct_server import DirectServer
from .downlink import DIRECT_SAMPLES, LEAST_SAMPLES, Downlink
from .invitations import PATH
from .replays import Replays
from .talk_sound import TalkSound
from .uplink import UplinkReceiver

PUMP_S = 0.1
# Every message makes JupyterLab repaint, so that one acknowledges several chunks.
ACKNOWLEDGE_PERIOD_S = 0.3
_MOST_UNACKNOWLEDGED_SAMPLES = SAMPLE_RATE_HZ // 2

SendSound = Callable[[messages.KernelMessage, bytes | None], object]
"""``(message, PCM or None)``: sends to the page; called on the talk's loop."""


class PageSoundListener(Protocol):
    """Learns what has changed, and what a page says through its direct channel; called on the
    talk's loop.
    """

    def on_sound(self) -> None:
        """What `PageSound.state` tells may have changed."""

    def on_replies(self, turns: Iterable[Turn]) -> None:
        """These turns are sent as other replies than before."""

    def on_reply(self, turn: Turn) -> None:
        """`PageSound.reply_of` or `PageSound.start_of` a turn is another than before."""

    def on_playhead(self, playhead: messages.Playhead) -> None:
        """The owner has reported what it played."""

    def on_channel(self, page: str) -> None:
        """A page exchanges its sound through the direct channel; empty: none does any more."""

    def on_restart(self) -> None:
        """The process of the connection is another one, whose channel no page has opened yet."""

    def on_seen(self, page: str, arrived_s: float) -> None:
        """A page has sent sound, or what it says of sound."""

    def on_page_message(
        self, message: messages.AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        """A page has sent anything else through the direct channel."""


class PageSound:
    """Sends the replies of a talk to its owner, and the owner's microphone to the talk.

    Used on the talk's loop.

    Parameters
    ----------
    talk : ReconnectingSession
    clocks : PageClocks
    send : callable
        Through the comm; see `SendSound`.
    listener : PageSoundListener
    spawn : callable
        Runs a coroutine, and notes its errors.

    Attributes
    ----------
    owner : str
        The page that captures and plays; empty: none does.
    downlink : Downlink
    uplink : UplinkReceiver
    """

    def __init__(
        self,
        talk: ReconnectingSession,
        clocks: PageClocks,
        *,
        send: SendSound,
        listener: PageSoundListener,
        spawn: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        self._talk, self._clocks = talk, clocks
        self._send_by_comm = send
        self._listener, self._spawn = listener, spawn
        self._direct = DirectServer(self)
        # The page that has a direct channel; empty for none.
        self._direct_page = ""
        self.owner = ""
        self.downlink = Downlink()
        self.uplink = UplinkReceiver()
        self._replies: dict[Turn, int] = {}
        self._replays = Replays(
            talk,
            self.downlink,
            on_change=self._follow_replay,
            flush=self.flush,
            spawn=spawn,
        )
        # The newest chunk of the microphone that is not acknowledged, and how much sound is not.
        self._unacknowledged: messages.MicrophoneReceived | None = None
        self._unacknowledged_samples = 0
        self._acknowledge_timer: asyncio.TimerHandle | None = None
        self._pump_task: asyncio.Task[None] | None = None

    def tell_kernel_gone(self) -> None:
        """Tell a page that has a direct channel that the kernel is gone, before that ends, too."""
        self._direct.tell_kernel_gone()

    async def close(self) -> None:
        """Send nothing more."""
        await self._direct.close()
        if self._acknowledge_timer is not None:
            self._acknowledge_timer.cancel()
        if self._pump_task is not None:
            self._pump_task.cancel()

    @property
    def state(self) -> dict[str, Any]:
        """The fields of `messages.State` about the sound."""
        return self._replays.shown | {
            "session": self.downlink.session,
            "epoch": self.downlink.epoch,
            "busy_cell": self.downlink.is_overdue(time.monotonic()),
            "late_sample_count": self.uplink.late_sample_count,
        }

    @property
    def session(self) -> int:
        """Number of the session; 0 before the first."""
        return self.downlink.session

    # ----------------------------------------------------------------- the direct channel
    async def invite(
        self, page: str, origin: str, carrier: Carrier
    ) -> messages.DirectInvitation | str:
        """An invitation to the direct channel, or to the same through the notebook server, or why
        there is none; empty: the page has it.
        """
        if self._direct.page == page:
            return ""
        if self._direct.is_locked:
            return "It was locked after wrong tokens; a new panel has another one."
        try:
            await self._direct.start()
        except OSError as error:
            return f"No port could be opened ({error.strerror or error})."
        invitation = self._direct.invite(page, origin, is_proxied=carrier == "proxy")
        host = host_of_origin(origin)
        url = f"ws://{'127.0.0.1' if host == '::1' else host}:{self._direct.port}{PATH}"
        return messages.DirectInvitation(
            page=page,
            # Below the base URL of the notebook server, which the page knows.
            url=f"proxy/{self._direct.port}{PATH}" if carrier == "proxy" else url,
            token=invitation.token,
            proof=invitation.proof,
        )

    def on_direct(self, page: str) -> None:
        """See `DirectListener`."""
        self.follow_direct(page)
        self._listener.on_channel(page)

    def on_direct_message(
        self, message: messages.AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        """See `DirectListener`."""
        if isinstance(message, messages.Microphone | messages.Received | messages.Playhead):
            self._clocks.follow(message.page, message.clock_ms, arrived_s)
            self._listener.on_seen(message.page, arrived_s)
            self.receive(message, buffer or b"", arrived_s)
        else:
            self._listener.on_page_message(message, buffer, arrived_s)

    @property
    def is_direct(self) -> bool:
        """Whether the owner's sound goes through a direct channel."""
        return self._direct_page == self.owner != ""

    def follow_direct(self, page: str) -> None:
        """Exchange the sound of a page through its direct channel; empty: no page has one.

        What was sent and is not acknowledged is sent again, and a flush that is not answered.
        """
        was_direct = self.is_direct
        self._direct_page = page
        if self.is_direct or was_direct:
            self.downlink.least_samples = DIRECT_SAMPLES if self.is_direct else LEAST_SAMPLES
            self.downlink.rewind()
            if flush := self.downlink.unanswered_flush:
                self._send(flush, None)
            self._start_pump()

    def _send(self, message: messages.KernelMessage, pcm: bytes | None) -> None:
        if self.is_direct:
            self._direct.send(message, pcm)
        else:
            self._send_by_comm(message, pcm)

    def reply_of(self, turn: Turn) -> int | None:
        """The number of the reply as which a turn was sent last; None: it was not."""
        return self._replies.get(turn)

    def start_of(self, turn: Turn) -> float:
        """Where in the turn that reply begins [s]; 0 once it is over."""
        return self.downlink.reply_start_s(self.reply_of(turn))

    def _set_reply(self, turn: Turn, reply: int) -> None:
        if self._replies.get(turn) != reply:
            self._replies[turn] = reply
            self._listener.on_reply(turn)

    # ----------------------------------------------------------------- from the talk
    def observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """Follow the talk."""
        match event:
            case AudioDelta():
                self._queue_audio(changed, now_s)
            case Interrupted():
                self.flush()
            case SpeechStarted():
                self._replays.end()
            case SessionOpened():
                self.downlink.begin_session(self.downlink.session + 1)

    def _queue_audio(self, changed: list[Turn], now_s: float) -> None:
        if not self.owner:
            return
        self._replays.end()
        for turn in changed:
            if not turn.was_interrupted and (reply := self.downlink.add(turn)):
                self._set_reply(turn, reply)
        self._send_audio(now_s)
        self._start_pump()

    def flush(self) -> None:
        """Discard what was sent and not played."""
        if self.downlink.has_playback:
            self._send(self.downlink.flush(), None)

    # ----------------------------------------------------------------- to the page
    def _start_pump(self) -> None:
        if self._pump_task is None or self._pump_task.done():
            self._pump_task = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        """Send audio ten times a second, while there is any."""
        while self.owner and self.downlink.has_queued:
            self._send_audio(time.monotonic())
            self._listener.on_sound()
            await asyncio.sleep(PUMP_S)

    def _send_audio(self, now_s: float) -> None:
        # Without an owner, audio waits for the next page.
        if not self.owner:
            return
        for message, pcm in self.downlink.messages_to_send(now_s):
            self._send(message, pcm)

    def _follow_replay(self) -> None:
        self._listener.on_sound()
        self._start_pump()

    # ----------------------------------------------------------------- from the page
    def receive(self, message: messages.SoundMessage, pcm: bytes, arrived_s: float) -> None:
        """Act on a chunk of the microphone, an acknowledgement or a playhead; others are ignored.

        Parameters
        ----------
        arrived_s : float [s]
            When it arrived, by the monotonic clock.
        """
        match message:
            case messages.Microphone():
                self._receive_microphone(message, pcm, arrived_s)
            case messages.Received(session=session, seq=seq):
                if session == self.downlink.session:
                    self.downlink.received(seq)
                    self._listener.on_sound()
                    self._send_audio(arrived_s)
            case messages.Playhead():
                self._receive_playhead(message, arrived_s)

    def _receive_microphone(
        self, message: messages.Microphone, pcm: bytes, arrived_s: float
    ) -> None:
        page, session = message.page, message.session
        if not pcm or len(pcm) % 2:
            return
        self._unacknowledged = messages.MicrophoneReceived(session=session, seq=message.seq)
        self._unacknowledged_samples += len(pcm) // 2
        is_much = self._unacknowledged_samples >= _MOST_UNACKNOWLEDGED_SAMPLES
        if self._acknowledge_timer is None or is_much:
            self._acknowledge()
        if page != self.owner:
            return
        is_current = session == self.downlink.session and self._talk.phase == "open"
        offset_s = self._clocks.offset_s(page)
        if is_current and self.uplink.accepts(message, len(pcm) // 2, arrived_s, offset_s):
            self._talk.send_microphone(pcm)
        else:
            self._listener.on_sound()

    def _acknowledge(self) -> None:
        """Acknowledge the chunks so far, and those of the next time together."""
        if self._acknowledge_timer is not None:
            self._acknowledge_timer.cancel()
            self._acknowledge_timer = None
        if self._unacknowledged is None:
            return
        self._send(self._unacknowledged, None)
        self._unacknowledged, self._unacknowledged_samples = None, 0
        loop = asyncio.get_running_loop()
        self._acknowledge_timer = loop.call_later(ACKNOWLEDGE_PERIOD_S, self._acknowledge)

    def _receive_playhead(self, message: messages.Playhead, arrived_s: float) -> None:
        if message.page != self.owner or message.session > self.downlink.session:
            return
        self._listener.on_playhead(message)
        if isinstance(message, messages.Flushed):
            # What the page was asked for by its user, it tells another way, which may be slower.
            self.downlink.follow_flush(message.epoch)
        is_final = message.is_final or isinstance(message, messages.Flushed)
        heard = self.downlink.played(
            message.reply,
            message.sample_count,
            is_final=is_final,
            now_s=arrived_s,
            is_paused=message.is_paused,
        )
        if heard is None:
            pass
        elif isinstance(heard.turn, TalkSound) or heard.turn not in self._replies:
            has_ended = message.is_final and not isinstance(message, messages.Flushed)
            self._replays.follow(
                heard.turn, heard.sample_count, is_final=is_final, has_ended=has_ended
            )
        else:
            report = PlaybackReported(
                item_id=heard.turn.item_id,
                sample_count=heard.sample_count,
                first_sound_s=self._clocks.kernel_s(message.page, message.first_sound_at_ms),
                is_final=is_final,
            )
            self._spawn(self._talk.report_playback(report))
            if is_final:
                self._listener.on_reply(heard.turn)
        self._send_audio(arrived_s)

    # ----------------------------------------------------------------- what is played
    def play_unplayed(self) -> None:
        """Play the newest replies that were received while no page could play them."""
        self._replays.end()
        unplayed = []
        for turn in reversed(self._talk.conversation.turns.assistant):
            if turn in self._replies or turn.heard_sample_count is not None:
                break
            if turn.is_complete and turn.sample_count and not turn.was_interrupted:
                unplayed.append(turn)
        for turn in reversed(unplayed):
            self._set_reply(turn, self.downlink.add(turn))
            self._talk.begin_playback(turn)
        self._start_pump()

    def play_again(self, turn: Turn) -> None:
        """Play a turn once more, unless a reply sounds."""
        if turn.is_complete and turn.sample_count and self._replays.prepare():
            self._replays.play_turn(turn)

    def play_from(self, at_s: float) -> None:
        """Play the talk once more from a place on its clock, unless a reply sounds.

        Raises
        ------
        AudioDropped
            When the sound there is not kept any more.
        """
        if self._replays.prepare():
            self._replays.play_from(at_s)

    def end_replay(self) -> None:
        """Play nothing once more."""
        self._replays.end()

    def stop_replay(self, epoch: int) -> None:
        """The same; the owner has flushed by itself."""
        if self._replays.is_playing:
            self.follow_flush(epoch)
        self._replays.end()

    def restore(self, turn: Turn) -> None:
        """Play what was not heard of a turn that was cut off."""
        self._set_reply(turn, self.downlink.restore(turn))
        self._listener.on_replies([turn])
        self._start_pump()

    def follow_flush(self, epoch: int) -> None:
        """The owner has flushed by itself."""
        self.downlink.follow_flush(epoch)

    def go_on_with(self, turn: Turn, base: int, reply: int) -> None:
        """Go on with a reply of another process, once there is an owner; see
        `Downlink.go_on_with`.
        """
        self._replies[turn] = reply
        self.downlink.go_on_with(turn, base, reply)

    def go_on(self, owner: str) -> None:
        """Send what waits, to the first page after there was none."""
        self.owner = owner
        # At once: the page may have played some of it by its next message.
        self._send_audio(time.monotonic())
        self._start_pump()

    def begin_owner(self, page: str) -> None:
        """Another page owns the sound, or none: it is sent what was not heard."""
        self.owner = page
        self._replays.end()
        queued = {
            turn: reply
            for turn, reply in self.downlink.start_over()
            if not isinstance(turn, TalkSound)
        }
        for turn, reply in queued.items():
            self._set_reply(turn, reply)
        self._listener.on_replies(queued)
        # What was spoken into another page's microphone ends.
        self._spawn(self._talk.end_microphone())
        self._start_pump()

    async def end_speech_without_sound(self) -> None:
        """End speech whose page is gone without having said so."""
        is_overdue = self._talk.microphone_silent_s >= self._talk.timeouts.no_sound_s
        if is_overdue and self._talk.is_microphone_speaking:
            await self._talk.end_microphone()
