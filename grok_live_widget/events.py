"""Every word that can be said or heard, as frozen dataclasses.

Three vocabularies:

client events
    what we say to the server, in the imperative (`AppendAudio`);
server events
    what the server says, in the past tense (`SpeechStarted`);
local events
    what the session itself has to tell: notes, interruptions, what the listener has heard.

They carry plain values only, so they could cross a pipe. Audio inside is ``bytes``: PCM16,
little-endian, mono, at the sample rate of its direction (`AudioFormat`), however it travels.
How a word is spelled on the wire is the affair of `grok_live_widget.dialects`.

Every event of the wire has an `event_id`, a name for the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
    idle_timeout_ms : int > 0 or None
        After this long without speech the server takes a turn by itself [ms]; None: never.
    create_response : bool
        Whether a turn is answered by itself; False waits for `Session.respond`.
    interrupt_response : bool
        Whether speech ends the server's running reply.

    Notes
    -----
    Source: the seed document sends 0.5 and 500; ranges and the padding's default of 333 are
    from the service's schema (https://docs.x.ai/voice-realtime.ws.json). The last two are not
    in it, but the service takes and echoes them (recorded).
    """

    threshold: float = 0.5
    silence_duration_ms: int = 500
    prefix_padding_ms: int = 333
    idle_timeout_ms: int | None = None
    create_response: bool = True
    interrupt_response: bool = True


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """The user's turn ends when `commit` is called; nothing is detected."""


TurnDetection = ServerVad | PushToTalk


# --------------------------------------------------------------------------- sound on the wire
PCM_RATE_HZ = 24_000
G711_RATE_HZ = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """How sound travels in one direction.

    Parameters
    ----------
    encoding : {"pcm", "pcmu", "pcma"}
        16-bit samples, or the 8-bit ones of telephony (G.711, mu-law or A-law).
    sample_rate : int [Hz]
        Of "pcm": 8000, 11025, 16000, 22050, 24000, 32000, 44100 or 48000, left out 24000.
        G.711 has 8000.
    transport : {"json", "binary"}
        As base64 in JSON messages, or as binary messages, a third smaller.
    """

    encoding: str = "pcm"
    sample_rate: int = 0
    transport: str = "json"

    def __post_init__(self) -> None:
        if not self.sample_rate:
            usual = G711_RATE_HZ if self.encoding in ("pcmu", "pcma") else PCM_RATE_HZ
            object.__setattr__(self, "sample_rate", usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """How the user's words are written down.

    Parameters
    ----------
    model : str
    language_hint : str or None
        BCP-47, such as ``"en"`` or ``"es-MX"``; None: the server finds out.
    keyterms : sequence of str
        Words to expect, up to 100 of up to 50 characters.

    Notes
    -----
    Without a transcription model the service sends no partial transcripts (its schema).
    """

    model: str = "grok-transcribe"
    language_hint: str | None = None
    keyterms: tuple[str, ...] = ()


# --------------------------------------------------------------------------- items
@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of an item's content.

    Parameters
    ----------
    kind : str
        ``"input_text"``, ``"input_audio"``, ``"output_text"``, ``"text"`` or ``"audio"``.
    text : str
        Its text, or the transcript of its sound.
    sound : bytes
        Of ``"input_audio"``: in the wire's encoding, as it is sent.
    """

    kind: str
    text: str = ""
    sound: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of the server's conversation.

    Parameters
    ----------
    kind : str
        ``"message"``, ``"function_call"``, ``"function_call_output"`` or ``"force_message"``.
    part : str
        Kind of its first `Part`; empty when it has none.
    text : str
        Text or transcript of that part; for a function call its arguments as JSON, for a
        function call's output that output.
    sound : bytes
        Sound of that part.
    further : tuple of Part
        The parts after the first.
    is_interruptible : bool
        Of a ``"force_message"``: whether the user may cut in.
    """

    kind: str = "message"
    role: Role = ""
    item_id: str = ""
    status: str = ""
    part: str = ""
    text: str = ""
    sound: bytes = field(default=b"", repr=False)
    further: tuple[Part, ...] = ()
    name: str = ""
    call_id: str = ""
    is_replayed: bool = False
    is_interruptible: bool = True


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
class Identified:
    """What every message may have: a name of its own, which is no part of what it says.

    Two events are equal whatever their ids.
    """

    event_id: str = field(default="", kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class Authenticate(Identified):
    """The first message of the `live` dialect. The key is in no repr and in no pickle."""

    api_key: str = field(repr=False)

    def __reduce__(self) -> tuple[type[Authenticate], tuple[str]]:
        return Authenticate, ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSession(Identified):
    """Ask for these settings; None leaves a setting unsaid.

    Parameters
    ----------
    speed : float in [0.7, 1.5]
        How fast replies are spoken.
    replace : Mapping
        What is written, and how it is spoken instead; an empty one takes all back.
    reasoning : {"high", "none"}
        Whether the model thinks before it answers; "none" is quicker.
    resumption : bool
        Whether the server keeps the conversation for a while after the line breaks.
    """

    model: str | None = None
    voice: str | None = None
    instructions: str | None = None
    turn_detection: TurnDetection | None = None
    tools: tuple[ToolOffer, ...] | None = None
    input_format: AudioFormat | None = None
    output_format: AudioFormat | None = None
    transcription: Transcription | None = None
    speed: float | None = None
    replace: Mapping[str, str] | None = None
    reasoning: str | None = None
    resumption: bool | None = None


@dataclass(frozen=True, slots=True)
class AppendAudio(Identified):
    """The next stretch of the user's sound."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommitAudio(Identified):
    """The user's turn is over (push-to-talk)."""


@dataclass(frozen=True, slots=True)
class ClearAudio(Identified):
    """Forget the sound that was appended and not yet committed."""


@dataclass(frozen=True, slots=True)
class CreateItem(Identified):
    """Put an item into the conversation, behind the one that is named or at its end."""

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteItem(Identified):
    """Take an item out of the conversation."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResponse(Identified):
    """Ask for a reply.

    Parameters
    ----------
    instructions : str or None
        In place of the session's, for this reply only.
    metadata : Mapping or None
        Told again with the reply: up to 16 pairs, names of up to 64 characters, values of up
        to 512.
    modalities : tuple of str or None
        As the schema has it; the service speaks whatever this says (recorded).
    """

    instructions: str | None = None
    metadata: Mapping[str, str] | None = None
    modalities: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CancelResponse(Identified):
    """Stop the reply that is running."""

    response_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateItem(Identified):
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
    | DeleteItem
    | CreateResponse
    | CancelResponse
    | TruncateItem
)


# --------------------------------------------------------------------------- server events
@dataclass(frozen=True, slots=True, kw_only=True)
class OfReply(Identified):
    """What is about one item of a reply."""

    response_id: str = ""
    item_id: str = ""
    output_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPart(OfReply):
    """What is about one content part of a reply's item."""

    content_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCreated(Identified):
    """The session with the server's own settings, of which `session` has all that it tells."""

    session_id: str = ""
    model: str = ""
    voice: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConversationCreated(Identified):
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class Pinged(Identified):
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class SessionUpdated(Identified):
    """The server's echo of the settings, as it spells them."""

    session: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Identified):
    """The user began to speak.

    `audio_start_ms` counts from the first sample of the session and is already less the
    prefix padding; None where the dialect does not say.
    """

    item_id: str = ""
    audio_start_ms: int | None = None
    is_approximate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped(Identified):
    """The user's turn ended; `audio_end_ms` is where that was decided."""

    item_id: str = ""
    audio_end_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCommitted(Identified):
    item_id: str = ""
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class AudioCleared(Identified):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleTimeoutTriggered(Identified):
    """Nobody spoke for the configured time; the server takes a turn by itself."""

    item_id: str = ""
    previous_item_id: str | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfReceived(Identified):
    """A key of a telephone was pressed (calls by SIP only); `digit` is what it says."""

    digit: str = ""
    received_at: float | None = None


@dataclass(frozen=True, slots=True)
class ItemAdded(Identified):
    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemDeleted(Identified):
    """An item is gone; some servers do not name it (seen by LiveKit)."""

    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTruncated(Identified):
    item_id: str = ""
    audio_end_ms: int = 0
    content_index: int = 0
    transcript: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTranscriptReplaced(Identified):
    """The whole of what the server understood so far; replaces what it said before."""

    item_id: str = ""
    transcript: str = ""
    is_final: bool = False
    content_index: int = 0


@dataclass(frozen=True, slots=True)
class ResponseCreated(Identified):
    """A reply begins."""

    response_id: str = ""
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OutputItemAdded(Identified):
    response_id: str
    item: Item
    output_index: int = 0


@dataclass(frozen=True, slots=True)
class OutputItemDone(Identified):
    response_id: str
    item: Item
    output_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPartAdded(OfPart):
    part: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPartDone(OfPart):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDelta(OfPart):
    """A piece of the reply's sound, to append.

    Parameters
    ----------
    odd_byte_count : int
        1 when the piece ended in half a sample, which was left out.
    rid : str
        The same as of the `TranscriptDelta` that this sound speaks (recorded).
    latency_s : float or None
        How long the model took, by its own account; with a reply's first piece only [s].
    duration_ms, timestamp_ms : int or None
        How long this piece is [ms], and when it was made, on the server's clock.
    """

    pcm: bytes = field(repr=False)
    odd_byte_count: int = 0
    rid: str = ""
    latency_s: float | None = None
    duration_ms: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDone(OfPart):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDelta(OfPart):
    """A piece of what the reply's voice says, to append.

    `start_time_s` counts from the start of the item's sound [s]; `rid` is that of the
    `AudioDelta` pieces that speak it.
    """

    delta: str = ""
    start_time_s: float | None = None
    rid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDone(OfPart):
    transcript: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta(OfPart):
    """A piece of a reply that is text without a voice; told once for either wire name."""

    delta: str = ""
    is_legacy_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDone(OfPart):
    text: str = ""
    is_legacy_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolArgumentsDelta(OfReply):
    call_id: str = ""
    delta: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(OfReply):
    """The model asks for a function; `arguments` is JSON text."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpToolsListed(Identified):
    """How far the server is in asking an MCP server for its tools.

    `status` is ``"in_progress"``, ``"completed"`` or ``"failed"``, then with what went wrong.
    """

    item_id: str = ""
    status: str = "in_progress"
    error_type: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpArgumentsDelta(OfReply):
    """A piece of the arguments of a call that the server makes itself."""

    delta: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpArgumentsDone(OfReply):
    """The arguments, as JSON text, of a call that the server makes itself."""

    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpCallFollowed(OfReply):
    """How far a call is that the server makes itself.

    `status` is ``"in_progress"``, ``"completed"`` or ``"failed"``, then with what went wrong.
    """

    status: str = "in_progress"
    error_type: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBufferFollowed(Identified):
    """What the server's own loudspeaker does (calls by SIP or WebRTC only).

    `status` is ``"started"``, ``"stopped"`` or ``"cleared"``.
    """

    response_id: str = ""
    status: str = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDone(Identified):
    """The reply has ended: ``completed``, ``cancelled``, ``incomplete`` or ``failed``.

    Parameters
    ----------
    reason : str
        Why, where the server says.
    output : tuple of Item
        The items it consists of, where the server lists them.
    usage : Mapping
        As the server counts; see `grok_live_widget.usage`.
    """

    response_id: str = ""
    status: str = "completed"
    reason: str = ""
    output: tuple[Item, ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReported(Identified):
    """The server says that something is wrong; the line usually stays open.

    `about` is the id of the message of ours that it is about, where the server says.
    """

    message: str = ""
    error_type: str = ""
    code: str = ""
    param: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognized(Identified):
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
    | DtmfReceived
    | ItemAdded
    | ItemDeleted
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
    | McpToolsListed
    | McpArgumentsDelta
    | McpArgumentsDone
    | McpCallFollowed
    | OutputBufferFollowed
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
class LineReopened:
    """A line that ended before its conversation is open again: a seam in the transcript.

    Parameters
    ----------
    memory : {"resumed", "retold", "none"}
        Whether the server kept what was said before, was told it anew as texts, or knows
        nothing of it.
    text : str
        The same for a person, as one sentence.
    """

    memory: Literal["resumed", "retold", "none"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Other settings hold from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The line is closed; 1000 means as asked."""

    close_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the person should read: one sentence.

    Parameters
    ----------
    level : {"info", "warning", "error"}
    topic : str
        A newer one of the same topic takes its place in the panel, and one without a text
        withdraws it; empty for what stands by itself.
    """

    text: str
    level: Literal["info", "warning", "error"] = "info"
    topic: str = ""


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

    `sample_count` counts samples of the reply, at its own rate, from its start;
    `first_sound_s` is when the first of them was heard, on the session's clock [s], None where
    unknown.
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
    | LineReopened
    | SettingsChanged
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
