"""Translates between a talk and the pages that show it: events to messages, messages to calls.

Runs on the talk's loop and knows no widget: messages leave through a function. The messages are
those of docs/channel.md.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from .._threads import BackgroundTasks
from ..audio import wav_bytes
from ..client import TalkSession
from ..conversation import Turn
from ..exceptions import AudioFormatError, ConnectError, GrokLiveError, SessionClosed
from ..protocol import (
    Event,
    Noted,
    PhaseChanged,
    PlaybackReported,
    ServerVad,
    SettingsChanged,
    SpeechStarted,
    SpeechStopped,
    UserTranscriptReplaced,
)
from ..recording import Redactor
from ..settings import Settings
from . import messages
from .catalogue import texts_of
from .clocks import PageClocks
from .direct import ChannelChoice, ChannelStatus
from .doctor_drawer import DoctorDrawer, Examine
from .drawers import Drawers
from .dropped_files import DroppedFiles
from .echo import ECHO_NOTE, hears_loudspeaker
from .front_end import further_bundle
from .interruptions import CELL_NOTE, Interruptions, Reason
from .lease import Lease
from .loudspeaker import Loudspeakers, LoudspeakerStatus
from .microphone import Microphones, MicrophoneStatus
from .owner_channel import OwnerChannel
from .page_state import note_of, notes_of, shown_name, state_of
from .remote_sound import page_sound_of
from .translations import translations_of
from .turn_states import TurnCalls, word_times
from .typed_texts import TypedTexts

_LOG = logging.getLogger("grok_live_widget")

HEARTBEAT_S = 1.0
# The loop is as late as this only if something has held the interpreter.
_HELD_S = 0.5
# Sent after the talk has closed, since the message that says so may have been lost.
LAST_HEARTBEATS = 5
SHOWN_TIME_LEFT_S = 300.0
PUMP_S = 0.1
# How often a turn is sent of which only more was heard: the page that plays it knows that itself.
HEARD_PERIOD_S = 0.5
PIECE_BYTES = 1 << 18
# How many of the newest turns may hold the reply that the microphone hears.
_ECHO_TURNS = 8

# Settings that a page may change, and those of `ServerVad` among them.
_PAGE_SETTINGS = ("voice", "instructions", "speed")
_TURN_SETTINGS = ("threshold", "silence_duration_ms")

Send = Callable[[messages.KernelMessage, bytes | None], None]
"""``(message, buffer or None)``: sends to every page; called on the talk's loop."""


class FrontendBridge:
    """All pages of one talk.

    Parameters
    ----------
    talk : TalkSession
    send : callable
        See `Send`.
    ask : callable
        ``(path)``: asks a sound file, and waits for the reply.
    examine : callable
        See `Examine`.
    language : str or None
        That of the texts; None: the pages choose.
    channel : {"auto", "direct", "proxy", "comm"}
        Which channels may carry the sound.

    Attributes
    ----------
    lease : Lease
    sound : PageSound
    pages : dict of str to Hello
        The pages that show the talk, with what they said of themselves.
    """

    def __init__(
        self,
        talk: TalkSession,
        send: Send,
        ask: Callable[[Path], Awaitable[object]],
        examine: Examine,
        *,
        language: str | None = None,
        channel: ChannelChoice = "comm",
    ) -> None:
        self._talk = talk
        self._send_to_pages = send
        self._ask = ask
        self._language = language
        self._dropped_files = DroppedFiles()
        self.lease = Lease()
        self._clocks = PageClocks()
        self.sound = page_sound_of(
            talk, self._clocks, send=self._send, listener=self, spawn=self._spawn
        )
        self._owner_channel = OwnerChannel(channel, self.sound, self._send)
        self._drawers = Drawers(
            talk,
            self._clocks,
            channel=lambda: self.channel,
            send=self._send,
            examine=examine,
            language=language,
        )
        self._texts = TypedTexts(
            lambda text: self._note_errors(talk.say_text(text)),
            answer=self._send,
            spawn=self._spawn,
        )
        self._microphones = Microphones()
        self._loudspeakers = Loudspeakers()
        self.pages: dict[str, messages.Hello] = {}
        # Pings whose answers are timed, by id, each with the page that is to answer.
        self._pings: dict[int, tuple[str, asyncio.Future[bytes | None]]] = {}
        self._ping_ids = itertools.count(-1, -1)
        self._calls = TurnCalls(Redactor(talk.secrets))
        self._interruptions = Interruptions()
        # Whether a note has said that a sound of a cell interrupts replies.
        self._has_explained_cells = False
        # Whether a note has said that the microphone hears the loudspeaker.
        self._has_explained_echo = False
        # Calls that a page has allowed or denied.
        self._answered_calls: set[str] = set()
        # Turns that are to be sent, in order.
        self._changed: dict[Turn, None] = {}
        # Those of which only more was heard, and when such turns were sent last.
        self._heard: dict[Turn, None] = {}
        self._heard_sent_s = 0.0
        self._pump_task: asyncio.Task[None] | None = None
        self._heartbeat_task: asyncio.Task[None] | None = None
        self._tasks = BackgroundTasks()
        # What a page asks for is asked in the context of the code that made the panel.
        self._context = copy_context()
        # How many of `CountedMessage` were sent.
        self._counted = 0
        self._sent_state: messages.State | None = None
        talk.add_listener(self._observe)

    async def close(self) -> None:
        """Stop sending."""
        self._tasks.cancel()
        await self.sound.close()
        self._drawers.close()
        for task in (self._pump_task, self._heartbeat_task):
            if task is not None:
                task.cancel()

    @property
    def doctor(self) -> DoctorDrawer:
        """What the pages have found out of their own sound and browser."""
        return self._drawers.doctor

    @property
    def microphone(self) -> MicrophoneStatus:
        """The owner's microphone; may be read by any thread."""
        return self.microphone_of(self.lease.owner)

    def microphone_of(self, page: str) -> MicrophoneStatus:
        """The microphone of a page; may be read by any thread."""
        return self._microphones.of(page)

    @property
    def loudspeaker(self) -> LoudspeakerStatus:
        """The owner's loudspeaker; may be read by any thread."""
        return self.loudspeaker_of(self.lease.owner)

    def loudspeaker_of(self, page: str) -> LoudspeakerStatus:
        """The loudspeaker of a page; may be read by any thread."""
        return self._loudspeakers.of(page)

    # ----------------------------------------------------------------- events of the talk
    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        is_report = isinstance(event, PlaybackReported) and not event.is_final
        (self._heard if is_report else self._changed).update(dict.fromkeys(changed))
        is_cut_by_cell = self._interruptions.apply(
            event, changed, is_sending_sound=self._talk.is_sending_sound
        )
        if is_cut_by_cell and not self._has_explained_cells:
            self._has_explained_cells = True
            asyncio.get_running_loop().call_soon(self._talk.note, CELL_NOTE)
        self.sound.observe(event, changed, now_s)
        match event:
            case SpeechStarted() | SpeechStopped():
                self._drawers.mark_speech(isinstance(event, SpeechStarted), now_s)
                self._send(messages.Speech(is_active=isinstance(event, SpeechStarted)))
            case PhaseChanged():
                self._follow_phase()
                if self._talk.phase == "closed":
                    self._drawers.mark_speech(False, now_s)
            case SettingsChanged():
                self._send_state()
            case Noted():
                self._send(messages.NoteAdded(note=note_of(event)))
            case UserTranscriptReplaced(is_final=True):
                self._explain_echo(changed)
        for call in self._calls.apply(event, changed):
            self._send(messages.CallChanged(call=call))
        if changed:
            self._start_pump()

    def _explain_echo(self, changed: list[Turn]) -> None:
        """Note once if what was spoken into the microphone is what the loudspeaker played."""
        if self._has_explained_echo or self.microphone.state != "on":
            return
        newest = self._talk.conversation.turns[-_ECHO_TURNS:]
        spoken = [turn for turn in changed if not self._interruptions.is_of_cell(turn)]
        if any(hears_loudspeaker(turn, newest) for turn in spoken):
            self._has_explained_echo = True
            asyncio.get_running_loop().call_soon(self._talk.note, ECHO_NOTE, "warning")

    def _follow_phase(self) -> None:
        self._send_state()
        if self._heartbeat_task is None or self._heartbeat_task.done():
            self._heartbeat_task = asyncio.create_task(self._send_heartbeats())

    async def _send_heartbeats(self) -> None:
        """Once a second until the talk is closed, and a few times more."""
        remaining, is_in_time = LAST_HEARTBEATS, True
        while remaining > 0:
            is_closed = self._talk.phase == "closed"
            remaining = remaining - 1 if is_closed else LAST_HEARTBEATS
            self._send(self._heartbeat())
            self._send_state()
            if not is_closed and is_in_time:
                await self.sound.end_speech_without_sound()
                await self._stop_without_page()
            is_in_time = await _sleep(HEARTBEAT_S)

    def _heartbeat(self) -> messages.Heartbeat:
        left_s = self._talk.ends_in_s
        is_shown = left_s is not None and left_s < SHOWN_TIME_LEFT_S
        return messages.Heartbeat(
            session=self.sound.session,
            ends_in_s=round(left_s) if is_shown and left_s is not None else None,
            told_count=self._counted,
        )

    async def _stop_without_page(self) -> None:
        """Close the connection when the page that captured for it is gone."""
        is_capturing = self.microphone.state in ("on", "muted")
        limit_s = self._talk.timeouts.no_page_s
        if not is_capturing or self.lease.owner_unseen_s(time.monotonic()) < limit_s:
            return
        self._microphones.leave(self.lease.owner)
        self._talk.note(
            f"No page has responded for {limit_s:g} s, so the connection was closed. "
            "Start, or the next question, opens it again.",
            "warning",
        )
        await self._talk.disconnect()

    # ----------------------------------------------------------------- the direct channel
    @property
    def channel(self) -> ChannelStatus:
        """What carries the owner's sound; may be read by any thread."""
        if self._talk.is_ended:
            return ChannelStatus("none", "The talk is closed.")
        return self._owner_channel.status

    def _invite_owner(self) -> None:
        """Invite the owner to the direct channel; another page would take it from the owner."""
        hello = self.pages.get(self.lease.owner)
        if hello is not None:
            self._spawn(self._owner_channel.invite(hello.page, hello.origin))

    # ----------------------------------------------------------------- events of the sound
    def on_sound(self) -> None:
        """See `PageSoundListener`."""
        self._send_state()

    def on_replies(self, turns: Iterable[Turn]) -> None:
        """See `PageSoundListener`."""
        self._changed |= dict.fromkeys(turns)
        self._start_pump()

    def on_reply(self, turn: Turn) -> None:
        """See `PageSoundListener`: it is sent with the turn's next change."""

    def on_playhead(self, playhead: messages.Playhead) -> None:
        """See `PageSoundListener`."""
        self._loudspeakers.follow_playhead(playhead)

    def on_channel(self, page: str) -> None:
        """See `PageSoundListener`."""
        self._owner_channel.follow(page)

    def on_restart(self) -> None:
        """See `PageSoundListener`."""
        self._invite_owner()

    def on_seen(self, page: str, arrived_s: float) -> None:
        """See `PageSoundListener`."""
        if page == self.lease.owner:
            self.lease.see(page, arrived_s)

    def on_page_message(
        self, message: messages.AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        """See `PageSoundListener`."""
        self.receive(message, buffer, arrived_s)

    # ----------------------------------------------------------------- to the pages
    def _start_pump(self) -> None:
        if self._pump_task is None or self._pump_task.done():
            self._pump_task = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        """Send turns ten times a second, while there are any."""
        while self._changed or self._heard:
            self._send_turns(time.monotonic())
            self._send_state()
            await asyncio.sleep(PUMP_S)

    def _send_turns(self, now_s: float) -> None:
        changed, self._changed = self._changed, {}
        if now_s - self._heard_sent_s >= HEARD_PERIOD_S:
            changed |= self._heard
            self._heard_sent_s = now_s
        for turn in changed:
            self._heard.pop(turn, None)
            self._send(messages.TurnChanged(turn=self._turn_state(turn)))

    def _send_state(self) -> None:
        """Send the state unless it is the one that was sent last."""
        state = messages.State(**self._state())
        if state != self._sent_state:
            self._sent_state = state
            self._send(state)

    def _send(self, message: messages.KernelMessage, buffer: bytes | None = None) -> None:
        self._counted += isinstance(message, messages.CountedMessage)
        translations = translations_of(message, self._language)
        if translations:
            message = replace(message, translations=translations)
        try:
            self._send_to_pages(message, buffer)
        except Exception:  # noqa: BLE001  (a comm that is gone must not end the talk)
            _LOG.debug("A message to the page was not sent.", exc_info=True)

    def _state(self) -> dict[str, Any]:
        return state_of(self._talk) | self.sound.state | {"owner": self.lease.owner}

    def _snapshot(self, page: str) -> messages.Snapshot:
        return messages.Snapshot(
            page=page,
            **self._state(),
            notes=notes_of(self._talk),
            turns=[self._turn_state(turn) for turn in self._talk.conversation.turns],
            tools=self._calls.all_of(self._talk.conversation.turns),
            told_count=self._counted,
        )

    def _turn_state(self, turn: Turn) -> messages.TurnState:
        heard, reply = turn.heard_sample_count, self.sound.reply_of(turn)
        return messages.TurnState(
            id=turn.turn_id,
            order=self._talk.conversation.turns.index(turn),
            role=turn.role,
            text=turn.text,
            text_source=turn.text_source,
            is_complete=turn.is_complete,
            was_interrupted=turn.was_interrupted,
            interruption=self._interruptions.reason_of(turn),
            is_approximate=turn.is_approximate,
            has_audio=turn.sample_count > 0,
            duration_s=turn.duration_s,
            started_s=turn.started_s,
            reply=reply,
            heard_s=None if heard is None else heard / turn.sample_rate,
            latency_ms=turn.latency_ms,
            tool_ms=turn.tool_ms,
            approval_ms=turn.approval_ms,
            seam=turn.seam,
            reply_start_s=self.sound.start_of(turn),
            word_times=word_times(turn) or msgspec.UNSET,
        )

    # ----------------------------------------------------------------- from the pages
    def receive(
        self, message: messages.AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        """Act on a message of a page.

        Parameters
        ----------
        buffer : bytes or None
            The microphone's audio.
        arrived_s : float [s]
            When it arrived, by the monotonic clock.
        """
        page = message.page
        if page == self.lease.owner:
            self.lease.see(page, arrived_s)
        self._clocks.follow(page, message.clock_ms, arrived_s)
        if isinstance(message, messages.SoundMessage):
            self._receive_sound(message, buffer or b"", arrived_s)
        elif isinstance(message, messages.RequestMessage):
            self._receive_request(message, arrived_s)
        else:
            self._receive_lease(message, buffer, arrived_s)

    # ----------------------------------------------------------------- sound
    def _receive_sound(self, message: messages.SoundMessage, pcm: bytes, arrived_s: float) -> None:
        match message:
            case messages.SoundFile():
                dropped = self._dropped_files.add(message, pcm)
                if dropped is not None:
                    self._take_over_unowned(message.page, arrived_s)
                    self._spawn(self._ask_file(*dropped))
            case messages.LoudspeakerState(page=page):
                is_secure = self._microphones.of(page).ability != "insecure"
                self._loudspeakers.follow(message, self._speaker, is_secure=is_secure)
            case messages.MicrophoneState(page=page, state=state):
                self._microphones.follow(message, self._speaker)
                # What was spoken ends where its sound does.
                if page == self.lease.owner and state != "on":
                    self._spawn(self._talk.end_microphone())
            case _:
                self.sound.receive(message, pcm, arrived_s)

    # ----------------------------------------------------------------- requests
    def _receive_request(self, message: messages.RequestMessage, arrived_s: float) -> None:
        match message:
            case messages.Start(page=page):
                self._take_over(page, arrived_s)
                self._spawn(self._talk.open())
            case messages.Stop():
                self.sound.end_replay()
                self._spawn(self._by("stop", self._talk.stop()))
            case messages.Text():
                self._take_over_unowned(message.page, arrived_s)
                self._texts.receive(message)
            case messages.Interrupt(page=page, epoch=epoch):
                if page == self.lease.owner:
                    self.sound.follow_flush(epoch)
                self._spawn(self._by("interrupt", self._talk.interrupt()))
            case messages.Play(page=page):
                self._take_over(page, arrived_s)
                self.sound.play_unplayed()
            case messages.Skip(page=page):
                if page == self.lease.owner:
                    self._spawn(self._skip_to_newest())
            case messages.Replay(page=page, turn_id=turn_id):
                self._spawn(self._play_again(page, turn_id, arrived_s))
            case messages.ReplayFrom(page=page, at_s=at_s):
                self._spawn(self._play_from(page, at_s, arrived_s))
            case messages.StopReplay(page=page, epoch=epoch):
                if page == self.lease.owner:
                    self.sound.stop_replay(epoch)
                else:
                    self.sound.end_replay()
            case messages.Save(page=page, turn_id=turn_id):
                self._spawn(self._send_sound(page, turn_id))
            case messages.Commit():
                self._spawn(self._talk.end_press())
            case messages.Discard():
                self._spawn(self._talk.discard_press())
            case messages.ToolAnswer(call_id=call_id, is_allowed=is_allowed):
                self._spawn(self._answer_call(call_id, is_allowed))
            case messages.ChangeSettings(settings=settings):
                self._spawn(self._change_settings(settings))
            case messages.DrawerRequest():
                self._spawn(self._drawers.answer(message))
            case messages.BundleWanted(page=page, name=name):
                module, style = further_bundle(name)
                texts = texts_of(name, self._language)
                self._send(messages.Bundle(page=page, name=name, style=style, texts=texts), module)

    def _take_over_unowned(self, page: str, now_s: float) -> None:
        """A page that asks something plays the answer, unless another page plays."""
        if not self.lease.owner:
            self._take_over(page, now_s)

    async def _ask_file(self, name: str, content: bytes) -> None:
        """Ask a sound file that was dropped on the panel."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            await asyncio.to_thread(path.write_bytes, content)
            try:
                await self._ask(path)
            except AudioFormatError as error:
                # The name that the user knows.
                message = error.message.replace(repr(str(path)), repr(name))
                raise AudioFormatError(message, cure=error.cure) from None

    async def _skip_to_newest(self) -> None:
        unheard = self._talk.conversation.unheard
        if len(unheard) < 2:
            return
        *skipped, newest = unheard
        with self._interruptions.by("skip"):
            await self._talk.skip(skipped)
        self.sound.restore(newest)

    async def _play_again(self, page: str, turn_id: str, now_s: float) -> None:
        turn = self._turn_of(turn_id)
        if turn is not None:
            self._take_over_unowned(page, now_s)
            self.sound.play_again(turn)

    async def _play_from(self, page: str, at_s: float, now_s: float) -> None:
        self._take_over_unowned(page, now_s)
        self.sound.play_from(at_s)

    async def _send_sound(self, page: str, turn_id: str) -> None:
        """Send the sound of a turn as a WAV file, in pieces."""
        turn = self._turn_of(turn_id)
        if turn is None:
            return
        file = wav_bytes(turn.pcm, turn.sample_rate)
        place = self._talk.conversation.turns.index(turn) + 1
        starts = range(0, len(file), PIECE_BYTES)
        for number, start in enumerate(starts):
            piece = messages.Sound(
                page=page,
                turn_id=turn_id,
                name=f"turn_{place}_{turn.role}.wav",
                piece=number,
                piece_count=len(starts),
            )
            self._send(piece, file[start : start + PIECE_BYTES])
            await asyncio.sleep(0)  # Replies and the microphone go on.

    @property
    def _speaker(self) -> str:
        """What the panel calls the server's voice."""
        return shown_name(self._talk.server_name)

    def _turn_of(self, turn_id: str) -> Turn | None:
        turns = self._talk.conversation.turns
        return next((turn for turn in turns if turn.turn_id == turn_id), None)

    async def _answer_call(self, call_id: str, is_allowed: bool) -> None:
        """The first answer counts; a second page's finds no waiting call."""
        waiting = {call.call_id for call in self._talk.pending_approvals}
        if call_id in waiting - self._answered_calls:
            self._answered_calls.add(call_id)
            await self._talk.approve(call_id, is_allowed)

    async def _change_settings(self, change: dict[str, Any]) -> None:
        """Change what a page may change; the pages are told what holds, also if it is refused."""

        def changed(settings: Settings) -> dict[str, Any]:
            given = {name: change[name] for name in _PAGE_SETTINGS if name in change}
            of_turns = {name: change[name] for name in _TURN_SETTINGS if name in change}
            if of_turns and isinstance(settings.turn_detection, ServerVad):
                given["turn_detection"] = replace(settings.turn_detection, **of_turns)
            return given

        try:
            await self._talk.update(changed)
        finally:
            self._sent_state = None
            self._send_state()

    async def _by(self, button: Reason, request: Coroutine[Any, Any, object]) -> None:
        with self._interruptions.by(button):
            await request

    def _spawn(self, request: Coroutine[Any, Any, object]) -> None:
        self._tasks.spawn(self._note_errors(request), self._context.copy())

    async def _note_errors(self, request: Coroutine[Any, Any, object]) -> bool:
        """Await what a page asked for; False if it failed. Errors become notes, bugs are logged."""
        try:
            await request
            return True
        except (ConnectError, SessionClosed):
            pass  # The talk has noted it.
        except GrokLiveError as error:
            self._talk.note(str(error), "error")
        except Exception:  # noqa: BLE001  (a bug of ours)
            _LOG.exception("The panel's request failed; please report this.")
        return False

    # ----------------------------------------------------------------- the lease
    def _receive_lease(
        self, message: messages.LeaseMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        match message:
            case messages.Hello(page=page):
                self._microphones.welcome(message)
                self.pages[page] = message
                self._welcome(page, arrived_s)
                if page == self.lease.owner:
                    self._invite_owner()
            case messages.Bye(page=page):
                self._microphones.leave(page)
                self._loudspeakers.leave(page)
                self.doctor.leave(page)
                self.pages.pop(page, None)
                if self.lease.leave(page):
                    self._follow_owner()
            case messages.TakeOver(page=page):
                self._take_over(page, arrived_s)
            case messages.Pong(page=page, id=ping_id):
                self.lease.answer(page, ping_id)
                self._answer_ping(page, ping_id, buffer)
            case messages.Alive():
                pass  # Any message of a page is a sign of life.

    def _welcome(self, page: str, now_s: float) -> None:
        ping_id = self.lease.arrive(page, now_s)
        self._talk.prepare()
        self._talk.set_player(True)
        self._send(self._snapshot(page))
        self.sound.go_on(self.lease.owner)
        if ping_id is not None:
            self._send(messages.Ping(id=ping_id))
            self._spawn(self._expire_later(ping_id))

    async def ping(self, page: str, sound: bytes | None = None) -> tuple[float, bytes | None]:
        """How long a page takes to answer [s], and the sound as it came back; cancelled when the
        page does not answer.
        """
        ping_id = next(self._ping_ids)
        answer = asyncio.get_running_loop().create_future()
        self._pings[ping_id] = page, answer
        begun_s = time.monotonic()
        self._send(messages.Ping(id=ping_id), sound)
        try:
            returned = await answer
        finally:
            self._pings.pop(ping_id, None)
        return time.monotonic() - begun_s, returned

    def _answer_ping(self, page: str, ping_id: int, sound: bytes | None) -> None:
        asked, answer = self._pings.get(ping_id, ("", None))
        if answer is not None and page == asked and not answer.done():
            answer.set_result(sound)

    async def _expire_later(self, ping_id: int) -> None:
        while not await _sleep(self._talk.timeouts.pong_s):
            pass
        if self.lease.expire(ping_id):
            self._follow_owner()

    def _take_over(self, page: str, now_s: float) -> None:
        if self.lease.take(page, now_s):
            self._follow_owner()

    def _follow_owner(self) -> None:
        """Another page owns the sound, or none does."""
        self.sound.begin_owner(self.lease.owner)
        self._talk.set_player(bool(self.lease.owner))
        self._send(messages.OwnerChanged(owner=self.lease.owner))
        self._send_state()
        self._invite_owner()


async def _sleep(duration_s: float) -> bool:
    """Sleep; False if a call has held the interpreter meanwhile, so that what the pages have sent
    is not read yet.
    """
    due_s = time.monotonic() + duration_s
    await asyncio.sleep(duration_s)
    return time.monotonic() < due_s + _HELD_S
