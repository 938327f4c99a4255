"""Every word that can be said or heard, as frozen values.

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
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import field
from msgspec.structs import force_setattr

from .._structs import Identified, Value

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


class AudioFormat(Value, frozen=True, kw_only=True):
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
            force_setattr(self, "sample_rate", usual)


class Transcription(Value, frozen=True, kw_only=True):
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
class Part(Value, frozen=True, kw_only=True):
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
    sound: bytes = b""


class Item(Value, frozen=True, kw_only=True):
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
    sound: bytes = b""
    further: tuple[Part, ...] = ()
    name: str = ""
    call_id: str = ""
    is_replayed: bool = False
    is_interruptible: bool = True


# --------------------------------------------------------------------------- tools
class ToolOffer(Value, frozen=True, kw_only=True):
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
    parameters: Mapping[str, Any] = field(default_factory=dict)


# --------------------------------------------------------------------------- client events
class Authenticate(Identified, frozen=True):
    """The first message of the `live` dialect. The key is in no repr and in no pickle."""

    api_key: str

    def __reduce__(self) -> tuple[type[Authenticate], tuple[str]]:
        return Authenticate, ("",)


class UpdateSession(Identified, frozen=True, kw_only=True):
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


class AppendAudio(Identified, frozen=True):
    """The next stretch of the user's sound."""

    pcm: bytes


class CommitAudio(Identified, frozen=True):
    """The user's turn is over (push-to-talk)."""


class ClearAudio(Identified, frozen=True):
    """Forget the sound that was appended and not yet committed."""


class CreateItem(Identified, frozen=True):
    """Put an item into the conversation, behind the one that is named or at its end."""

    item: Item
    previous_item_id: str | None = None


class DeleteItem(Identified, frozen=True):
    """Take an item out of the conversation."""

    item_id: str


class CreateResponse(Identified, frozen=True, kw_only=True):
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


class CancelResponse(Identified, frozen=True):
    """Stop the reply that is running."""

    response_id: str | None = None


class TruncateItem(Identified, frozen=True, kw_only=True):
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
class OfReply(Identified, frozen=True, kw_only=True):
    """What is about one item of a reply."""

    response_id: str = ""
    item_id: str = ""
    output_index: int = 0


class OfPart(OfReply, frozen=True, kw_only=True):
    """What is about one content part of a reply's item."""

    content_index: int = 0


class SessionCreated(Identified, frozen=True, kw_only=True):
    """The session with the server's own settings, of which `session` has all that it tells."""

    session_id: str = ""
    model: str = ""
    voice: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)


class ConversationCreated(Identified, frozen=True):
    conversation_id: str = ""


class Pinged(Identified, frozen=True):
    timestamp_ms: int = 0


class SessionUpdated(Identified, frozen=True):
    """The server's echo of the settings, as it spells them."""

    session: Mapping[str, Any] = field(default_factory=dict)


class SpeechStarted(Identified, frozen=True, kw_only=True):
    """The user began to speak.

    `audio_start_ms` counts from the first sample of the session and is already less the
    prefix padding; None where the dialect does not say.
    """

    item_id: str = ""
    audio_start_ms: int | None = None
    is_approximate: bool = False


class SpeechStopped(Identified, frozen=True, kw_only=True):
    """The user's turn ended; `audio_end_ms` is where that was decided."""

    item_id: str = ""
    audio_end_ms: int | None = None


class AudioCommitted(Identified, frozen=True, kw_only=True):
    item_id: str = ""
    previous_item_id: str | None = None


class AudioCleared(Identified, frozen=True):
    pass


class IdleTimeoutTriggered(Identified, frozen=True, kw_only=True):
    """Nobody spoke for the configured time; the server takes a turn by itself."""

    item_id: str = ""
    previous_item_id: str | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None


class DtmfReceived(Identified, frozen=True, kw_only=True):
    """A key of a telephone was pressed (calls by SIP only); `digit` is what it says."""

    digit: str = ""
    received_at: float | None = None


class ItemAdded(Identified, frozen=True):
    item: Item
    previous_item_id: str | None = None


class ItemDeleted(Identified, frozen=True):
    """An item is gone; some servers do not name it (seen by LiveKit)."""

    item_id: str = ""


class ItemTruncated(Identified, frozen=True, kw_only=True):
    item_id: str = ""
    audio_end_ms: int = 0
    content_index: int = 0
    transcript: str = ""


class UserTranscriptReplaced(Identified, frozen=True, kw_only=True):
    """The whole of what the server understood so far; replaces what it said before."""

    item_id: str = ""
    transcript: str = ""
    is_final: bool = False
    content_index: int = 0


class ResponseCreated(Identified, frozen=True):
    """A reply begins."""

    response_id: str = ""
    metadata: Mapping[str, str] | None = None


class OutputItemAdded(Identified, frozen=True):
    response_id: str
    item: Item
    output_index: int = 0


class OutputItemDone(Identified, frozen=True):
    response_id: str
    item: Item
    output_index: int = 0


class ContentPartAdded(OfPart, frozen=True, kw_only=True):
    part: str = ""
    text: str = ""


class ContentPartDone(OfPart, frozen=True, kw_only=True):
    pass


class AudioDelta(OfPart, frozen=True, kw_only=True):
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

    pcm: bytes
    odd_byte_count: int = 0
    rid: str = ""
    latency_s: float | None = None
    duration_ms: int | None = None
    timestamp_ms: int | None = None


class AudioDone(OfPart, frozen=True, kw_only=True):
    pass


class TranscriptDelta(OfPart, frozen=True, kw_only=True):
    """A piece of what the reply's voice says, to append.

    `start_time_s` counts from the start of the item's sound [s]; `rid` is that of the
    `AudioDelta` pieces that speak it.
    """

    delta: str = ""
    start_time_s: float | None = None
    rid: str = ""


class TranscriptDone(OfPart, frozen=True, kw_only=True):
    transcript: str = ""


class TextDelta(OfPart, frozen=True, kw_only=True):
    """A piece of a reply that is text without a voice; told once for either wire name."""

    delta: str = ""
    is_legacy_name: bool = False


class TextDone(OfPart, frozen=True, kw_only=True):
    text: str = ""
    is_legacy_name: bool = False


class ToolArgumentsDelta(OfReply, frozen=True, kw_only=True):
    call_id: str = ""
    delta: str = ""


class ToolCalled(OfReply, frozen=True, kw_only=True):
    """The model asks for a function; `arguments` is JSON text."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""


class McpToolsListed(Identified, frozen=True, kw_only=True):
    """How far the server is in asking an MCP server for its tools.

    `status` is ``"in_progress"``, ``"completed"`` or ``"failed"``, then with what went wrong.
    """

    item_id: str = ""
    status: str = "in_progress"
    error_type: str = ""
    message: str = ""


class McpArgumentsDelta(OfReply, frozen=True, kw_only=True):
    """A piece of the arguments of a call that the server makes itself."""

    delta: str = ""


class McpArgumentsDone(OfReply, frozen=True, kw_only=True):
    """The arguments, as JSON text, of a call that the server makes itself."""

    arguments: str = ""


class McpCallFollowed(OfReply, frozen=True, kw_only=True):
    """How far a call is that the server makes itself.

    `status` is ``"in_progress"``, ``"completed"`` or ``"failed"``, then with what went wrong.
    """

    status: str = "in_progress"
    error_type: str = ""
    message: str = ""


class OutputBufferFollowed(Identified, frozen=True, kw_only=True):
    """What the server's own loudspeaker does (calls by SIP or WebRTC only).

    `status` is ``"started"``, ``"stopped"`` or ``"cleared"``.
    """

    response_id: str = ""
    status: str = "started"


class ResponseDone(Identified, frozen=True, kw_only=True):
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


class ErrorReported(Identified, frozen=True, kw_only=True):
    """The server says that something is wrong; the line usually stays open.

    `about` is the id of the message of ours that it is about, where the server says.
    """

    message: str = ""
    error_type: str = ""
    code: str = ""
    param: str = ""
    about: str = ""


class Unrecognized(Identified, frozen=True):
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
class SessionOpened(Value, frozen=True, kw_only=True):
    """The line is ready for sound and text."""

    dialect: str
    host: str
    is_rehearsal: bool = False


class LineReopened(Value, frozen=True, kw_only=True):
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


class SettingsChanged(Value, frozen=True):
    """Other settings hold from now on."""


class SessionEnded(Value, frozen=True, kw_only=True):
    """The line is closed; 1000 means as asked."""

    close_code: int | None = None
    reason: str = ""


class Noted(Value, frozen=True):
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


class Interrupted(Value, frozen=True, kw_only=True):
    """Barge-in: this reply must not be heard any further."""

    response_id: str = ""
    item_id: str = ""


class SoundAnnounced(Value, frozen=True, kw_only=True):
    """A clip is about to be sent on purpose; the user's turn begins with its first sample."""

    turn_id: str


class SoundEnded(Value, frozen=True, kw_only=True):
    """Nothing more of an announced clip follows; without speech in it, its turn ends here."""

    turn_id: str


class PlayerChanged(Value, frozen=True):
    """Whether somebody listens: a reply's latency is then taken at its first sound heard."""

    has_player: bool


class PlaybackReported(Value, frozen=True, kw_only=True):
    """How much of a reply has left the loudspeaker.

    `sample_count` counts samples of the reply, at its own rate, from its start;
    `first_sound_s` is when the first of them was heard, on the session's clock [s], None where
    unknown.
    """

    item_id: str
    sample_count: int
    first_sound_s: float | None = None
    is_final: bool = False


class ToolApprovalAsked(Value, frozen=True, kw_only=True):
    """A call waits for somebody's consent; `arguments` is JSON text."""

    call_id: str
    name: str = ""
    arguments: str = ""


class ToolAnswered(Value, frozen=True, kw_only=True):
    """Somebody has said whether a call may be made."""

    call_id: str
    is_allowed: bool


class ToolStarted(Value, frozen=True, kw_only=True):
    """A function of ours has begun to run; `arguments` is JSON text."""

    call_id: str
    name: str = ""
    arguments: str = ""


class ToolFinished(Value, frozen=True, kw_only=True):
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


class PhaseChanged(Value, frozen=True):
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
