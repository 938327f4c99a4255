"""What the kernel knows of a talk whose connection is in another process: its events, folded into
the same turns, and its sound, in memory that both have.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

from msgspec.structs import replace

from ...conversation import Conversation, ToolCalls, ToolCallState, Turn
from ...exceptions import AudioDropped
from ...protocol import AUDIO_CUT, AppendAudio, Event, Noted, PhaseChanged, SettingsChanged
from ...recording import (
    ASSISTANT_WAV,
    USER_WAV,
    FrameLog,
    Frames,
    Recording,
    samples_of,
)
from ...settings import Settings
from ...tools import secrets_of
from ..hooks import Hooks
from ..listeners import Listener, ListenerHandle, Listeners
from ..reconnect import REPLAYED_TURNS
from . import messages
from .tapes import FollowedTape

# They change no turn, and are no part of the talk's clock.
_NOT_FOLDED = (Noted, PhaseChanged, SettingsChanged)


class Mirror:
    """Folds what the processes of one talk tell, one after the other; used on the talk's loop.

    Parameters
    ----------
    settings : Settings
        Those with which the talk was made.
    secrets : callable
        Gives what nothing that is written may contain.
    on_trouble : callable
        Called with a sentence for the user, by any thread.

    Attributes
    ----------
    conversation, notes, frame_log, recording, hooks
        As those of `ReconnectingSession`.
    state : TalkState
        What the process has told last.
    settings : Settings
        Those that hold.
    pending_settings : Settings
        Those that hold as soon as the process says so.
    """

    def __init__(
        self,
        settings: Settings,
        state: messages.TalkState,
        *,
        secrets: Callable[[], tuple[str, ...]],
        on_trouble: Callable[[str], object],
    ) -> None:
        self.state = state
        self.settings = self.pending_settings = settings
        self.conversation = Conversation.under(settings)
        self.notes: list[Noted] = []
        self.frame_log = FrameLog()
        # What is written while the talk runs is written by the other process.
        self.recording = Recording(
            settings,
            self.conversation,
            secrets=secrets,
            on_trouble=on_trouble,
            frames=lambda: self.frames,
        )
        self.hooks = Hooks(self.conversation.turns, on_trouble)
        self._record = settings.record
        self._listeners = Listeners(on_trouble)
        self._listeners.add(self.hooks.follow)
        self._tool_calls = ToolCalls()
        self._turns: dict[str, Turn] = {}
        # The phase that was told last.
        self._phase = "closed"
        self._tapes = {
            True: FollowedTape(self.conversation.user_tape),
            False: FollowedTape(self.conversation.assistant_tape),
        }
        # How many connections earlier processes have opened.
        self._first_connection = 0

    # ----------------------------------------------------------------- to read
    @property
    def frames(self) -> Frames:
        """The newest frames of all connections, as of now."""
        return self.frame_log.frames(self.conversation.origin_s)

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for approval, oldest first."""
        return self._tool_calls.waiting

    def turn_of(self, turn_id: str) -> Turn | None:
        """A turn by the id that both processes have."""
        return self._turns.get(turn_id)

    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call ``listener(event, turns, now_s)`` with every event of every session."""
        return self._listeners.add(listener)

    # ----------------------------------------------------------------- events
    def add(self, event: Event) -> None:
        """Something has happened in this process."""
        self.happened(messages.Happened(event, time.monotonic()))

    def happened(self, message: messages.Happened) -> None:
        """Fold an event, and tell it to the listeners."""
        event, now_s = message.event, message.now_s
        if message.sound is not None:
            tape = self._tapes[isinstance(event, AppendAudio)]
            event = replace(event, pcm=tape.sound(*message.sound))
        changed = [] if type(event) in _NOT_FOLDED else self.conversation.apply(event, now_s)
        self._name_turns(changed, message.turn_ids)
        self._tool_calls.apply(event)
        if self._record is None:
            self.recording.observe(event, changed, now_s)
        if message.is_hidden:
            return
        if isinstance(event, PhaseChanged):
            if event.phase == self._phase:
                return  # Told already, when the process before has ended.
            self._phase = event.phase
        if isinstance(event, Noted) and event.text:
            self.notes.append(event)
        self._listeners.call(event, changed, now_s)

    def follow_state(self, state: messages.TalkState) -> None:
        """Take in what the process says of the talk."""
        if state.update_count != self.state.update_count:
            self.use_settings(self.pending_settings)
        self.state = state

    def use_settings(self, settings: Settings) -> None:
        """These hold."""
        self.settings = self.pending_settings = settings
        self.conversation.meter.prices = settings.prices
        self.frame_log.add_secrets(*secrets_of(settings.tools))

    def _name_turns(self, changed: list[Turn], turn_ids: tuple[str, ...]) -> None:
        """Give new turns the ids that they have in the other process."""
        new = [turn for turn in changed if self._turns.get(turn.turn_id) is not turn]
        for turn, turn_id in zip(new, turn_ids, strict=False):
            turn.turn_id = turn_id
            self._turns[turn_id] = turn

    def tell_phase(self, phase: Any) -> None:
        """The process has not told it, since it has ended."""
        self.state = replace(self.state, phase=phase)
        self.add(PhaseChanged(phase))

    def log_frame(self, message: messages.FrameLogged) -> None:
        """Add a frame to the log."""
        *head, _, audio_byte_count = message.record
        text = AUDIO_CUT.join(message.parts)
        record: Any = (*head, text, audio_byte_count)
        self.frame_log.add_record(record, self._first_connection)

    # ----------------------------------------------------------------- sound
    def move_tape(self, moved: messages.TapeMoved, descriptors: socket | None) -> bool:
        """Follow one side's sound to new memory; see `FollowedTape.move`."""
        tape = self._tapes[moved.is_user]
        if moved.base and self._record is not None:
            name = USER_WAV if moved.is_user else ASSISTANT_WAV
            path = Path(self._record).absolute() / name
            tape.buffer.archive = partial(samples_of, path)
        return tape.move(descriptors, moved.base, moved.capacity, moved.name)

    @property
    def descriptors(self) -> list[int]:
        """Of the memory that has the sound."""
        return [each.fd for each in self._tapes.values() if each.fd is not None]

    # ----------------------------------------------------------------- one process after another
    def end_process(self) -> None:
        """What comes next is told by another process."""
        self._first_connection = self.frame_log.connection_count
        # A change that was not confirmed is not known to the next process.
        self.pending_settings = self.settings

    def past(self, why: str) -> messages.Past:
        """What a new process needs to know to go on; `why` is shown in the transcript."""
        turns = [turn for turn in self.conversation.turns if turn.text.strip()][-REPLAYED_TURNS:]
        # Those without a text are in no session, and are only played.
        sounds = {turn: _past_sound(turn) for turn in self.conversation.unheard}
        turns = [turn for turn in self.conversation.turns if turn in turns or turn in sounds]
        return messages.Past(
            turns=tuple(
                messages.PastTurn(each.role, each.text, each.turn_id, sounds.get(each))
                for each in turns
            ),
            places=(self._tapes[True].place, self._tapes[False].place),
            origin_s=self.conversation.origin_s,
            conversation_id=self.state.conversation_id,
            why=why,
        )

    def close(self) -> None:
        """Nothing comes any more; what is there stays readable."""
        for tape in self._tapes.values():
            tape.close()
        self.conversation.end_playback()
        self.hooks.close()


def _past_sound(turn: Turn) -> messages.PastSound | None:
    try:
        pcm = turn.pcm.tobytes()
    except AudioDropped:
        return None
    return messages.PastSound(
        pcm=pcm,
        heard_sample_count=turn.heard_sample_count or 0,
        item_id=turn.item_id,
        response_id=turn._response_id,
        was_interrupted=turn.was_interrupted,
    )
