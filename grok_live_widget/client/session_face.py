"""What a session can be asked by a person; `session.Session` carries it out."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Unpack

from ..audio import SAMPLE_RATE_HZ, ClipConverter
from ..conversation import Conversation, ToolCalls, ToolCallState, Turns
from ..exceptions import ConfigurationError, ServerError
from ..protocol import (
    AppendAudio,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    CreateItem,
    DeleteItem,
    Event,
    Item,
    Protocol,
    ToolAnswered,
    TruncateItem,
    UpdateSession,
)
from ..settings import Settings, UpdateKwargs, expand_kwargs_signature
from .requests import named, reply_request, typed, verbatim

__all__ = ["SessionFace"]

_CHUNK_S = 0.1

_SETTINGS = tuple(name for name in UpdateSession.__struct_fields__ if name != "event_id")

# How a setting is taken back, of which leaving it out says nothing.
_TAKEN_BACK: dict[str, Any] = {
    "instructions": "",
    "speed": 1.0,
    "replace": {},
    "reasoning": "high",
    "tools": (),
    "resumption": False,
}


class SessionFace(ABC):
    """One line to the server, as whoever talks over it sees it.

    Everything is checked before it is queued: what the dialect cannot say raises
    `UnsupportedByServer`, what may not be said now `LocalProtocolError`, and a line that is
    gone the error that tells how it ended.
    """

    _protocol: Protocol
    _conversation: Conversation
    _tool_calls: ToolCalls

    def __init__(self, protocol: Protocol, settings: Settings) -> None:
        self.settings = settings
        # The answers of two changes could not be told apart.
        self._changing = asyncio.Lock()
        self._converter = ClipConverter(protocol.input_format.sample_rate)
        self._chunk_bytes = int(_CHUNK_S * protocol.input_format.sample_rate) * 2

    # ----------------------------------------------------------------- to read
    @property
    def turns(self) -> Turns:
        """The conversation so far."""
        return self._conversation.turns

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for consent, oldest first; `approve` answers one."""
        return self._tool_calls.waiting

    @property
    def dialect(self) -> str:
        """``"live"`` or ``"realtime"``."""
        return self._protocol.dialect.name

    @property
    def conversation_id(self) -> str:
        """What the server calls this conversation; empty where it does not.

        With ``resumption=True``, the default, ``connect(conversation_id=…)`` goes on with it.
        """
        return self._protocol.conversation_id

    @property
    def input_sample_rate(self) -> int:
        """Of the user's sound on the line, and in the user's turns [Hz]."""
        return self._protocol.input_format.sample_rate

    @property
    def output_sample_rate(self) -> int:
        """Of the replies' sound [Hz]."""
        return self._protocol.output_format.sample_rate

    @property
    def clipped_count(self) -> int:
        """Samples beyond ±1 that were clipped."""
        return self._converter.clipped_count

    # ----------------------------------------------------------------- sound
    async def send_audio(
        self, x: Any, sample_rate: int = SAMPLE_RATE_HZ, *, more: bool = False
    ) -> None:
        """Send sound as the user's.

        Parameters
        ----------
        x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
            Floats in [-1, 1]; beyond is clipped and counted. Mono int16 at the line's own
            rate (`input_sample_rate`) passes untouched. Not kept.
        sample_rate : int [Hz]
        more : bool
            The next call continues this sound, so the resampler keeps its state.

        Raises
        ------
        AudioFormatError
            Before anything is sent.
        SessionClosed
        """
        await self.send_pcm(self._converter.convert(x, sample_rate, more=more))

    async def send_pcm(self, pcm: bytes) -> None:
        """Send mono PCM16 bytes at the line's own rate as they are, 100 ms a message."""
        for start in range(0, len(pcm), self._chunk_bytes):
            await self.send(AppendAudio(pcm[start : start + self._chunk_bytes]))

    async def finish_audio(self) -> None:
        """Send what is still held of sound that was to go on (`more`): a resampler's tail."""
        await self.send_pcm(self._converter.finish())

    async def commit(self) -> None:
        """End the user's turn by hand; see `PushToTalk`.

        Raises
        ------
        LocalProtocolError
            With push-to-talk, for less than 100 ms of sound, which servers refuse.
        """
        # It belongs to this turn and not to the next.
        await self.finish_audio()
        await self.send(CommitAudio())

    async def clear(self) -> None:
        """Have the server forget the sound that was sent and not yet committed."""
        self._converter.finish()
        await self.send(ClearAudio())

    # ----------------------------------------------------------------- text and items
    async def send_text(self, text: str) -> None:
        """Put a typed turn into the conversation; `respond` asks for the reply."""
        await self.send(typed(text))

    async def send_item(self, item: Item, previous_item_id: str | None = None) -> None:
        """Put any item into the conversation: history, a call of a tool, its output.

        Parameters
        ----------
        item : Item
            Of `grok_live_widget.events`, such as
            ``Item(role="user", part="input_text", text="…")``.
        previous_item_id : str or None
            Behind which it is put; None: at the end.
        """
        if not isinstance(item, Item):
            raise ConfigurationError(
                f"item must be an Item of grok_live_widget.events, not {type(item).__name__}.",
                cure="send_text(text) puts in what the user types.",
            )
        await self.send(CreateItem(item, previous_item_id))

    async def delete_item(self, item_id: str) -> None:
        """Have the server forget an item; a turn's is its `Turn.item_id`. Our turn stays."""
        _check_name("item_id", item_id)
        await self.send(DeleteItem(item_id))

    async def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> None:
        """Tell the server how much of a reply was heard [ms]. Where a page plays the sound this
        is done for you; whether the service obeys is disputed.
        """
        _check_name("item_id", item_id)
        _check_count("audio_end_ms", audio_end_ms)
        _check_count("content_index", content_index)
        await self.send(
            TruncateItem(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index)
        )

    # ----------------------------------------------------------------- replies
    async def respond(
        self, instructions: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Ask for a reply now, or as soon as the running one has ended.

        Parameters
        ----------
        instructions : str or None
            In place of the session's, for this reply only.
        metadata : Mapping or None
            Told again with the reply, up to 16 pairs; None: that of the settings.
        """
        pairs = self.settings.metadata if metadata is None else metadata
        await self.send_when_idle(reply_request(instructions, pairs))

    async def say_verbatim(self, text: str, *, interruptible: bool = True) -> None:
        """Have the model's voice speak these words, as soon as no reply is running.

        Parameters
        ----------
        interruptible : bool
            Whether the user may cut in.
        """
        await self.send_when_idle(verbatim(text, is_interruptible=interruptible))

    async def interrupt(self) -> None:
        """Stop the reply that is running or still sounding; harmless when there is none."""
        self._check()
        self._protocol.interrupt()
        await self._drain()

    # ----------------------------------------------------------------- settings and tools
    @expand_kwargs_signature(UpdateKwargs)
    async def update(self, **settings: Unpack[UpdateKwargs]) -> list[str]:
        """Change settings of the running session.

        Parameters
        ----------
        **settings
            See `Settings`. What belongs to the line's opening (the model, the formats of the
            sound, who answers) cannot be changed here; `Talk.update` opens a new session for
            the model.

        Returns
        -------
        list of str
            What the server did not take over, by its own echo; each was also noted. Empty as
            a rule.

        Raises
        ------
        ConfigurationError
            Before anything is sent.
        UnsupportedByServer
            Where the dialect has no word for it.
        ServerError
            When the server refuses; the earlier settings stay.
        """
        async with self._changing:
            before, after = self.settings, self.settings.changed(settings)
            change = self._change(before, after)
            if change.model is not None and self._protocol.dialect.has_responses:
                raise ConfigurationError(
                    "another model needs a new session.", cure="Talk.update(model=…) opens one."
                )
            rejected_settings = (
                [] if change == UpdateSession() else await self._changed(before, change)
            )
            self.settings = after
            self._settings_changed()
            return rejected_settings

    async def _changed(self, before: Settings, change: UpdateSession) -> list[str]:
        try:
            return await self._asked_for(change)
        except ServerError:
            if change.turn_detection is not None:
                # All that follows turns believes what was said last; the server still has this.
                detection = UpdateSession(turn_detection=before.turn_detection)
                with contextlib.suppress(ServerError):
                    await self._asked_for(named(detection))
            raise

    def _change(self, before: Settings, after: Settings) -> UpdateSession:
        """What has to be said to come from some settings to others."""
        was, wanted = self.wanted(before), self.wanted(after)
        said: dict[str, Any] = {}
        for name in _SETTINGS:
            old, new = getattr(was, name), getattr(wanted, name)
            if new != old:
                said[name] = _taken_back(name) if new is None else new
        return named(UpdateSession(**said))

    async def approve(self, call_id: str, is_allowed: bool = True) -> None:
        """Allow a call in `pending_approvals`, or do not.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        if call_id not in {call.call_id for call in self.pending_approvals}:
            raise ConfigurationError(
                f"no call {call_id!r} waits for consent.", cure="pending_approvals lists those."
            )
        self.emit(ToolAnswered(call_id=call_id, is_allowed=bool(is_allowed)))

    # ----------------------------------------------------------------- carried out elsewhere
    @abstractmethod
    async def send(self, *events: ClientEvent) -> None:
        """Say `events` now; raises where the protocol forbids it."""

    @abstractmethod
    async def send_when_idle(self, *events: ClientEvent) -> None:
        """Say `events` as soon as no reply is running."""

    @abstractmethod
    def emit(self, event: Event) -> None:
        """Hand out a local event."""

    @abstractmethod
    def wanted(self, settings: Settings) -> UpdateSession:
        """What is said to the server to have these settings; raises where it cannot be."""

    @abstractmethod
    async def _asked_for(self, change: UpdateSession) -> list[str]:
        """Say it, and return what the server's echo shows was not taken over."""

    @abstractmethod
    def _settings_changed(self) -> None: ...

    @abstractmethod
    def _check(self) -> None:
        """Raise what ended the line, if it has ended."""

    @abstractmethod
    async def _drain(self) -> None: ...


def _taken_back(name: str) -> Any:
    if name not in _TAKEN_BACK:
        raise ConfigurationError(f"{name} cannot be taken back in a running session.")
    return _TAKEN_BACK[name]


def _check_name(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{name} must be the name of an item, not {value!r}.", cure="Turn.item_id is one."
        )


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name} must be a whole number from 0, not {value!r}.")
