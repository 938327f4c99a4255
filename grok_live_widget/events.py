"""Every word that can be said or heard, as frozen dataclasses.

Three vocabularies:

client events
    what we say to the server, in the imperative (`AppendAudio`);
server events
    what the server says, in the past tense (`SpeechStarted`);
local events
    what the session itself has to tell: notes, interruptions, what the listener has heard.

They carry plain values only, so they could cross a pipe. Audio inside is ``bytes``: PCM16,
little-endian, mono, 24 kHz. How a word is spelled on the wire is the affair of
`grok_live_widget.dialects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from .values import dataclass

Role = Literal["user", "assistant", "system", "tool", ""]
"""Who an item belongs to; `Turn.role` knows only the first two."""


# --------------------------------------------------------------------------- turn detection
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerVad:
    """The server decides when the user has begun and finished speaking.

    Parameters
    ----------
    threshold : float in [0.1, 0.9]
        How sure the server must be that it hears speech; higher is less sensitive.
    silence_duration_ms : int in [0, 10000]
        How long a pause ends the user's turn [ms].
    prefix_padding_ms : int in [0, 10000]
        How much sound before the detected start belongs to the turn [ms].

    Notes
    -----
    Source: the seed document sends 0.5 and 500; ranges and the padding's default of 333 are
    from the service's schema (https://docs.x.ai/voice-realtime.ws.json).
    """

    threshold: float = 0.5
    silence_duration_ms: int = 500
    prefix_padding_ms: int = 333


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """The user's turn ends when `commit` is called; nothing is detected."""


TurnDetection = ServerVad | PushToTalk


# --------------------------------------------------------------------------- items
@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of the server's conversation.

    Parameters
    ----------
    kind : str
        ``"message"``, ``"function_call"``, ``"function_call_output"`` or ``"force_message"``.
    part : str
        Type of its one content part (``"input_text"``, ``"input_audio"``, ``"output_text"``,
        ``"text"``, ``"audio"``); empty when it has none.
    text : str
        Text or transcript of that part; for a function call its arguments as JSON, for a
        function call's output that output.
    """

    kind: str = "message"
    role: Role = ""
    item_id: str = ""
    status: str = ""
    part: str = ""
    text: str = ""
    name: str = ""
    call_id: str = ""
    is_replayed: bool = False


# --------------------------------------------------------------------------- tools
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """Something the model may call.

    Parameters
    ----------
    kind : str
        ``"function"``, or the service's name for a tool of its own.
    name, description : str
        Of a function.
    parameters : Mapping
        A function's arguments as a JSON schema; the settings of a tool of the service. In no
        repr, since a key may be among them.
    """

    kind: str = "function"
    name: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)


# --------------------------------------------------------------------------- client events
@dataclass(frozen=True, slots=True)
class Authenticate:
    """The first message of the `live` dialect. The key is in no repr and in no pickle."""

    api_key: str = field(repr=False)

    def __reduce__(self) -> tuple[type[Authenticate], tuple[str]]:
        return Authenticate, ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSession:
    """Ask for these settings; None leaves a setting unsaid."""

    model: str | None = None
    voice: str | None = None
    instructions: str | None = None
    turn_detection: TurnDetection | None = None
    tools: tuple[ToolOffer, ...] | None = None


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """The next stretch of the user's sound."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """The user's turn is over (push-to-talk)."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Forget the sound that was appended and not yet committed."""


@dataclass(frozen=True, slots=True)
class CreateItem:
    """Put an item into the conversation."""

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResponse:
    """Ask for a reply."""

    instructions: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop the reply that is running."""

    response_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateItem:
    """Tell the server how much of its reply was heard."""

    item_id: str
    audio_end_ms: int
    content_index: int = 0


ClientEvent = (
    Authenticate
    | UpdateSession
    | AppendAudio
    | CommitAudio
    | ClearAudio
    | CreateItem
    | CreateResponse
    | CancelResponse
    | TruncateItem
)


# --------------------------------------------------------------------------- server events
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCreated:
    session_id: str = ""
    model: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class ConversationCreated:
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class Pinged:
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """The server's echo of the settings, as it spells them."""

    session: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """The user began to speak.

    `audio_start_ms` counts from the first sample of the session and is already less the
    prefix padding; None where the dialect does not say.
    """

    item_id: str = ""
    audio_start_ms: int | None = None
    is_approximate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped:
    """The user's turn ended; `audio_end_ms` is where that was decided."""

    item_id: str = ""
    audio_end_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCommitted:
    item_id: str = ""
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class AudioCleared:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleTimeoutTriggered:
    """Nobody spoke for the configured time; the server takes a turn by itself."""

    item_id: str = ""
    previous_item_id: str | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ItemAdded:
    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTruncated:
    item_id: str = ""
    audio_end_ms: int = 0
    content_index: int = 0
    transcript: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTranscriptReplaced:
    """The whole of what the server understood so far; replaces what it said before."""

    item_id: str = ""
    transcript: str = ""
    is_final: bool = False
    content_index: int = 0


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    response_id: str = ""
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OutputItemAdded:
    response_id: str
    item: Item
    output_index: int = 0


@dataclass(frozen=True, slots=True)
class OutputItemDone:
    response_id: str
    item: Item
    output_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPartAdded:
    response_id: str = ""
    item_id: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPartDone:
    response_id: str = ""
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDelta:
    """A piece of the reply's sound, to append.

    `odd_byte_count` is 1 when the piece ended in half a sample, which was left out.
    """

    response_id: str = ""
    item_id: str = ""
    pcm: bytes = field(repr=False)
    odd_byte_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDone:
    response_id: str = ""
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDelta:
    """A piece of what the reply's voice says, to append."""

    response_id: str = ""
    item_id: str = ""
    delta: str = ""
    start_time_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDone:
    response_id: str = ""
    item_id: str = ""
    transcript: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of a reply that is text without a voice; told once for either wire name."""

    response_id: str = ""
    item_id: str = ""
    delta: str = ""
    is_legacy_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDone:
    response_id: str = ""
    item_id: str = ""
    text: str = ""
    is_legacy_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolArgumentsDelta:
    response_id: str = ""
    item_id: str = ""
    call_id: str = ""
    delta: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """The model asks for a function; `arguments` is JSON text."""

    response_id: str = ""
    item_id: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDone:
    """The reply has ended: ``completed``, ``cancelled``, ``incomplete`` or ``failed``.

    `output` lists the items it consists of, where the server does.
    """

    response_id: str = ""
    status: str = "completed"
    output: tuple[Item, ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReported:
    """The server says that something is wrong; the line usually stays open."""

    message: str = ""
    error_type: str = ""
    code: str = ""
    param: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognized:
    """A message without a place in this vocabulary, as it came."""

    message: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wire_type(self) -> str:
        """Its ``type``, empty if it has none."""
        return str(self.message.get("type", ""))


ServerEvent = (
    SessionCreated
    | ConversationCreated
    | Pinged
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | AudioCommitted
    | AudioCleared
    | IdleTimeoutTriggered
    | ItemAdded
    | ItemTruncated
    | UserTranscriptReplaced
    | ResponseCreated
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | AudioDelta
    | AudioDone
    | TranscriptDelta
    | TranscriptDone
    | TextDelta
    | TextDone
    | ToolArgumentsDelta
    | ToolCalled
    | ResponseDone
    | ErrorReported
    | Unrecognized
)


# --------------------------------------------------------------------------- local events
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The line is ready for sound and text."""

    dialect: str
    host: str
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The line is closed; 1000 means as asked."""

    close_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the person should read: one sentence.

    `level` is ``"info"``, ``"warning"`` or ``"error"``.
    """

    text: str
    level: Literal["info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """Barge-in: this reply must not be heard any further."""

    response_id: str = ""
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundAnnounced:
    """A clip is about to be sent on purpose; the user's turn begins with its first sample."""

    turn_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEnded:
    """Nothing more of an announced clip follows; without speech in it, its turn ends here."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class PlayerChanged:
    """Whether somebody listens: a reply's latency is then taken at its first sound heard."""

    has_player: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackReported:
    """How much of a reply has left the loudspeaker.

    `sample_count` counts 24 kHz samples of the reply from its start; `first_sound_s` is when
    the first of them was heard, on the session's clock [s], None where unknown.
    """

    item_id: str
    sample_count: int
    first_sound_s: float | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolApprovalAsked:
    """A call waits for somebody's consent; `arguments` is JSON text."""

    call_id: str
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswered:
    """Somebody has said whether a call may be made."""

    call_id: str
    is_allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A function of ours has begun to run; `arguments` is JSON text."""

    call_id: str
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    """A call is over.

    `output` is what the model is told, `error` what went wrong instead (empty: nothing), and
    `duration_s` how long the function ran [s]. `is_denied` when it was not allowed to.
    """

    call_id: str
    name: str = ""
    output: str = ""
    error: str = ""
    duration_s: float = 0.0
    is_denied: bool = False


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """The talk's line is ``"closed"``, ``"opening"``, ``"open"`` or ``"closing"``."""

    phase: Literal["closed", "opening", "open", "closing"]


LocalEvent = (
    SessionOpened
    | SessionEnded
    | PhaseChanged
    | Noted
    | Interrupted
    | SoundAnnounced
    | SoundEnded
    | PlayerChanged
    | PlaybackReported
    | ToolApprovalAsked
    | ToolAnswered
    | ToolStarted
    | ToolFinished
)

Event = ClientEvent | ServerEvent | LocalEvent
