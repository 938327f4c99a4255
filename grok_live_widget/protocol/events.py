"""The events of a session, as frozen values.

client events
    Messages to the server, in the imperative (`AppendAudio`).
server events
    Messages from the server, in the past tense (`SpeechStarted`).
local events
    Events of the session itself: notes, interruptions, playback.

They hold plain values only and are tagged with the names of their classes, so that they can be
sent to another process (``msgspec.msgpack``). Audio is ``bytes``: PCM16, little-endian, mono, at
the sample rate of its direction (`AudioFormat`), whatever the encoding on the wire. How an event
is written as a message is defined in `grok_live_widget.protocol.dialects`.

Client and server events have an `event_id`, the id of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import field
from msgspec.structs import force_setattr

from .._structs import Checked, Identified, Message, Tagged

Role = Literal["user", "assistant", "system", "tool", ""]
"""The role of an item; `Turn.role` is one of the first two."""


# --------------------------------------------------------------------------- turn detection
class ServerVad(Tagged, frozen=True, kw_only=True, metaclass=Checked):
    """The server decides when the user has begun and finished speaking.

    Parameters
    ----------
    threshold : float in [0.1, 0.9]
        How probable speech must be; higher is less sensitive.
    silence_duration_ms : int in [0, 10000]
        The length of a pause that ends the user's turn [ms].
    prefix_padding_ms : int in [0, 10000]
        How much audio before the detected start belongs to the turn [ms].
    idle_timeout_ms : int > 0 or None
        After this long without speech the server replies by itself [ms]; None: never.
    create_response : bool
        Whether the server replies to each turn; if False, only to `Session.respond`.
    interrupt_response : bool
        Whether speech cancels the running response.

    Notes
    -----
    Source: the seed document sends 0.5 and 500; ranges and the padding's default of 333 are
    from the service's schema (https://docs.x.ai/voice-realtime.ws.json). The last two are not
    in it, but the service accepts and confirms them (recorded).

    Examples
    --------
    >>> from grok_live_widget import ServerVad, Talk
    >>> talk = Talk(partner="parrot", turn_detection=ServerVad(threshold=0.7))
    >>> talk.settings.turn_detection.threshold
    0.7
    """

    threshold: float = 0.5
    silence_duration_ms: int = 500
    prefix_padding_ms: int = 333
    idle_timeout_ms: int | None = None
    create_response: bool = True
    interrupt_response: bool = True


class PushToTalk(Tagged, frozen=True, metaclass=Checked):
    """The user's turn ends when `Talk.commit` is called; nothing is detected.

    Examples
    --------
    >>> from grok_live_widget import PushToTalk, Talk
    >>> Talk(partner="parrot", turn_detection=PushToTalk()).settings.turn_detection
    PushToTalk()
    """


TurnDetection = ServerVad | PushToTalk


# --------------------------------------------------------------------------- audio on the wire
PCM_RATE_HZ = 24_000
G711_RATE_HZ = 8_000


class AudioFormat(Tagged, frozen=True, kw_only=True, metaclass=Checked):
    """The format of the audio in one direction.

    Parameters
    ----------
    encoding : {"pcm", "pcmu", "pcma"}
        16-bit samples, or the 8-bit samples of telephony (G.711, mu-law or A-law).
    sample_rate : int [Hz]
        For "pcm" 8000, 11025, 16000, 22050, 24000, 32000, 44100 or 48000, by default 24000;
        for G.711 8000.
    transport : {"json", "binary"}
        As base64 in JSON messages, or as binary messages, a third smaller.

    Examples
    --------
    >>> from grok_live_widget import AudioFormat
    >>> AudioFormat(encoding="pcmu")
    AudioFormat(encoding='pcmu', sample_rate=8000, transport='json')
    """

    encoding: str = "pcm"
    sample_rate: int = 0
    transport: str = "json"

    def __post_init__(self) -> None:
        if not self.sample_rate:
            default = G711_RATE_HZ if self.encoding in ("pcmu", "pcma") else PCM_RATE_HZ
            force_setattr(self, "sample_rate", default)


class Transcription(Tagged, frozen=True, kw_only=True, metaclass=Checked):
    """How the user's speech is transcribed.

    Parameters
    ----------
    model : str
    language_hint : str or None
        BCP-47, such as ``"en"`` or ``"es-MX"``; None: the server detects the language.
    keyterms : sequence of str
        Words to expect, up to 100 of up to 50 characters.

    Notes
    -----
    Without a transcription model the service sends no partial transcripts (its schema).

    Examples
    --------
    >>> from grok_live_widget import Transcription
    >>> Transcription(language_hint="es-MX", keyterms=("Fourier",)).model
    'grok-transcribe'
    """

    model: str = "grok-transcribe"
    language_hint: str | None = None
    keyterms: tuple[str, ...] = ()


# --------------------------------------------------------------------------- items
class Part(Tagged, frozen=True, kw_only=True):
    """One content part of an item.

    Parameters
    ----------
    kind : str
        ``"input_text"``, ``"input_audio"``, ``"output_text"``, ``"text"`` or ``"audio"``.
    text : str
        Its text, or the transcript of its audio.
    sound : bytes
        Audio of ``"input_audio"``, in the encoding of the wire.
    """

    kind: str
    text: str = ""
    sound: bytes = b""


class Item(Tagged, frozen=True, kw_only=True):
    """One entry of the server's conversation.

    Parameters
    ----------
    kind : str
        ``"message"``, ``"function_call"``, ``"function_call_output"`` or ``"force_message"``.
    part : str
        The kind of its first `Part`; empty when it has none.
    text : str
        The text or transcript of that part; the arguments of a function call as JSON; the
        output of a function call.
    sound : bytes
        The audio of that part.
    further : tuple of Part
        The parts after the first.
    is_interruptible : bool
        Whether the user may interrupt a ``"force_message"``.
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
class ToolOffer(Tagged, frozen=True, kw_only=True):
    """A tool that the model may call.

    Parameters
    ----------
    kind : str
        ``"function"``, or the service's name for a tool of its own.
    name, description : str
        Of a function.
    parameters : Mapping
        A function's arguments as a JSON schema, or the settings of a tool of the service. Not
        in the repr, since they may contain a key.
    """

    kind: str = "function"
    name: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


# --------------------------------------------------------------------------- client events
class Authenticate(Identified, frozen=True):
    """The first message of the `live` dialect; its repr and its pickle do not contain the key."""

    api_key: str

    def __reduce__(self) -> tuple[type[Authenticate], tuple[str]]:
        return Authenticate, ("",)


class UpdateSession(Identified, frozen=True, kw_only=True):
    """Request these settings; None leaves a setting as it is.

    Parameters
    ----------
    speed : float in [0.7, 1.5]
        The speed of the reply's voice.
    replace : Mapping
        Written words and how to pronounce them instead; an empty one removes all.
    reasoning : {"high", "none"}
        Whether the model reasons before it replies; "none" is quicker.
    resumption : bool
        Whether the server keeps the conversation for a while after the connection is lost.
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
    """The next chunk of the user's audio."""

    pcm: bytes = b""


class CommitAudio(Identified, frozen=True):
    """End the user's turn (push-to-talk)."""


class ClearAudio(Identified, frozen=True):
    """Discard the audio that was appended and not yet committed."""


class CreateItem(Identified, frozen=True):
    """Add an item to the conversation, after the given one or at the end."""

    item: Item
    previous_item_id: str | None = None


class DeleteItem(Identified, frozen=True):
    """Remove an item from the conversation."""

    item_id: str


class CreateResponse(Identified, frozen=True, kw_only=True):
    """Request a response.

    Parameters
    ----------
    instructions : str or None
        Instead of the session's, for this response only.
    metadata : Mapping or None
        Returned with the response: up to 16 pairs, names of up to 64 characters, values of up
        to 512.
    modalities : tuple of str or None
        As in the schema; the service sends audio whatever the value (recorded).
    """

    instructions: str | None = None
    metadata: Mapping[str, str] | None = None
    modalities: tuple[str, ...] | None = None


class CancelResponse(Identified, frozen=True):
    """Stop the running response."""

    response_id: str | None = None


class TruncateItem(Identified, frozen=True, kw_only=True):
    """Tell the server how much of the reply the user heard."""

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
    """An event about one item of a response."""

    response_id: str = ""
    item_id: str = ""
    output_index: int = 0


class OfPart(OfReply, frozen=True, kw_only=True):
    """An event about one content part of a response's item."""

    content_index: int = 0


class SessionCreated(Identified, frozen=True, kw_only=True):
    """The session with the server's own settings; `session` has all that the server sends."""

    session_id: str = ""
    model: str = ""
    voice: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)


class ConversationCreated(Identified, frozen=True):
    conversation_id: str = ""


class Pinged(Identified, frozen=True):
    timestamp_ms: int = 0


class SessionUpdated(Identified, frozen=True):
    """The settings as the server confirms them, in its own form."""

    session: Mapping[str, Any] = field(default_factory=dict)


class SpeechStarted(Identified, frozen=True, kw_only=True):
    """The user has begun to speak.

    `audio_start_ms` counts from the first sample of the session and is already less the
    prefix padding; None if the dialect does not send it.
    """

    item_id: str = ""
    audio_start_ms: int | None = None
    is_approximate: bool = False


class SpeechStopped(Identified, frozen=True, kw_only=True):
    """The user's turn has ended; `audio_end_ms` is where that was decided."""

    item_id: str = ""
    audio_end_ms: int | None = None


class AudioCommitted(Identified, frozen=True, kw_only=True):
    item_id: str = ""
    previous_item_id: str | None = None


class AudioCleared(Identified, frozen=True):
    pass


class IdleTimeoutTriggered(Identified, frozen=True, kw_only=True):
    """There was no speech for the configured time; the server replies by itself."""

    item_id: str = ""
    previous_item_id: str | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None


class DtmfReceived(Identified, frozen=True, kw_only=True):
    """A key of a telephone was pressed (calls by SIP only); `digit` is its label."""

    digit: str = ""
    received_at: float | None = None


class ItemAdded(Identified, frozen=True):
    item: Item
    previous_item_id: str | None = None


class ItemDeleted(Identified, frozen=True):
    """An item was removed; some servers do not send its id (seen by LiveKit)."""

    item_id: str = ""


class ItemTruncated(Identified, frozen=True, kw_only=True):
    item_id: str = ""
    audio_end_ms: int = 0
    content_index: int = 0
    transcript: str = ""


class UserTranscriptReplaced(Identified, frozen=True, kw_only=True):
    """The transcript of the item so far; replaces the previous one."""

    item_id: str = ""
    transcript: str = ""
    is_final: bool = False
    content_index: int = 0


class ResponseCreated(Identified, frozen=True):
    """A response has begun."""

    response_id: str = ""
    metadata: Mapping[str, Any] | None = None


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
    """A piece of the reply's audio, to append.

    Parameters
    ----------
    odd_byte_count : int
        1 when the piece ended in half a sample, which was dropped.
    rid : str
        That of the `TranscriptDelta` that this audio belongs to (recorded).
    latency_s : float or None
        The latency of the model as the server reports it, with the first piece only [s].
    duration_ms, timestamp_ms : int or None
        The length of this piece [ms], and when it was made, on the server's clock.
    """

    pcm: bytes = b""
    odd_byte_count: int = 0
    rid: str = ""
    latency_s: float | None = None
    duration_ms: int | None = None
    timestamp_ms: int | None = None


class AudioDone(OfPart, frozen=True, kw_only=True):
    pass


class TranscriptDelta(OfPart, frozen=True, kw_only=True):
    """A piece of the transcript of the reply's audio, to append.

    `start_time_s` counts from the start of the item's audio [s]; `rid` is that of the
    `AudioDelta` pieces that belong to it.
    """

    delta: str = ""
    start_time_s: float | None = None
    rid: str = ""


class TranscriptDone(OfPart, frozen=True, kw_only=True):
    transcript: str = ""


class TextDelta(OfPart, frozen=True, kw_only=True):
    """A piece of a reply that is text without audio; emitted once for either wire type."""

    delta: str = ""
    is_legacy_name: bool = False


class TextDone(OfPart, frozen=True, kw_only=True):
    text: str = ""
    is_legacy_name: bool = False


class ToolArgumentsDelta(OfReply, frozen=True, kw_only=True):
    call_id: str = ""
    delta: str = ""


class ToolCalled(OfReply, frozen=True, kw_only=True):
    """The model calls a function; `arguments` is JSON text."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""


class McpToolsListed(Identified, frozen=True, kw_only=True):
    """The state of the server's request for the tools of an MCP server.

    `status` is ``"in_progress"``, ``"completed"`` or ``"failed"``, with an error for the last.
    """

    item_id: str = ""
    status: str = "in_progress"
    error_type: str = ""
    message: str = ""


class McpArgumentsDelta(OfReply, frozen=True, kw_only=True):
    """A piece of the arguments of a call to an MCP server."""

    delta: str = ""


class McpArgumentsDone(OfReply, frozen=True, kw_only=True):
    """The arguments, as JSON text, of a call to an MCP server."""

    arguments: str = ""


class McpCallFollowed(OfReply, frozen=True, kw_only=True):
    """The state of a call to an MCP server.

    `status` is ``"in_progress"``, ``"completed"`` or ``"failed"``, with an error for the last.
    """

    status: str = "in_progress"
    error_type: str = ""
    message: str = ""


class OutputBufferFollowed(Identified, frozen=True, kw_only=True):
    """The state of the server's output buffer (calls by SIP or WebRTC only).

    `status` is ``"started"``, ``"stopped"`` or ``"cleared"``.
    """

    response_id: str = ""
    status: str = "started"


class ResponseDone(Identified, frozen=True, kw_only=True):
    """The response has ended: ``completed``, ``cancelled``, ``incomplete`` or ``failed``.

    Parameters
    ----------
    reason : str
        Why it ended, if the server sends that.
    output : tuple of Item
        Its items, if the server lists them.
    usage : Mapping
        As the server counts it; see `UsageMeter`.
    """

    response_id: str = ""
    status: str = "completed"
    reason: str = ""
    output: tuple[Item, ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None


class ErrorReported(Identified, frozen=True, kw_only=True):
    """The server reports an error; the connection usually stays open.

    `about` is the id of the client's message that caused it, if the server sends that.
    """

    message: str = ""
    error_type: str = ""
    code: str = ""
    param: str = ""
    about: str = ""


class Unrecognized(Identified, frozen=True):
    """A message of an unknown type, as it was received."""

    message: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wire_type(self) -> str:
        """Its ``type``; empty if it has none."""
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
class SessionOpened(Message, frozen=True, kw_only=True):
    """The session is ready for audio and text."""

    dialect: str
    host: str
    is_rehearsal: bool = False


class LineReopened(Message, frozen=True, kw_only=True):
    """The connection was lost and is open again: a seam in the transcript.

    Parameters
    ----------
    memory : {"resumed", "retold", "none"}
        Whether the server kept the conversation, was sent it again as texts, or has lost it.
    text : str
        The same as one sentence for the user.
    """

    memory: Literal["resumed", "retold", "none"]
    text: str = ""


class SettingsChanged(Message, frozen=True):
    """The settings have changed."""


class SessionEnded(Message, frozen=True, kw_only=True):
    """The connection is closed; code 1000 means as requested."""

    close_code: int | None = None
    reason: str = ""


class Noted(Message, frozen=True):
    """A sentence that the user should read.

    Parameters
    ----------
    level : {"info", "warning", "error"}
    topic : str
        A newer note of the same topic replaces this one in the panel, and one without a text
        removes it; empty: this note stays.
    """

    text: str
    level: Literal["info", "warning", "error"] = "info"
    topic: str = ""


class Interrupted(Message, frozen=True, kw_only=True):
    """Barge-in: the rest of this reply must not be played."""

    response_id: str = ""
    item_id: str = ""


class SoundAnnounced(Message, frozen=True, kw_only=True):
    """An array or file is about to be sent; the user's turn begins with its first sample."""

    turn_id: str


class SoundEnded(Message, frozen=True, kw_only=True):
    """An announced array or file has been sent; if it has no speech, its turn ends here."""

    turn_id: str


class SilenceAnnounced(Message, frozen=True, kw_only=True):
    """The next samples of the user's sound are silence that is sent only for the server to detect
    the end of the speech before it; they are part of no turn.
    """

    sample_count: int


class PlayerChanged(Message, frozen=True):
    """Whether something plays the replies that are received from now on."""

    has_player: bool


class PlaybackReported(Message, frozen=True, kw_only=True):
    """How much of a reply has left the loudspeaker.

    `sample_count` counts samples of the reply, at its own rate, from its start; `first_sound_s`
    is when the first of them was heard, on the session's clock [s], or None if unknown.
    """

    item_id: str
    sample_count: int
    first_sound_s: float | None = None
    is_final: bool = False


class ToolApprovalAsked(Message, frozen=True, kw_only=True):
    """A call waits for the user's consent; `arguments` is JSON text."""

    call_id: str
    name: str = ""
    arguments: str = ""


class ToolAnswered(Message, frozen=True, kw_only=True):
    """The user has allowed or denied a call."""

    call_id: str
    is_allowed: bool


class ToolStarted(Message, frozen=True, kw_only=True):
    """A function has begun to run; `arguments` is JSON text."""

    call_id: str
    name: str = ""
    arguments: str = ""


class ToolFinished(Message, frozen=True, kw_only=True):
    """A call has ended.

    `output` is what the model receives, `error` the error if there was one, and `duration_s` how
    long the function ran [s]. `is_denied` if the user denied it.
    """

    call_id: str
    name: str = ""
    output: str = ""
    error: str = ""
    duration_s: float = 0.0
    is_denied: bool = False


class PhaseChanged(Message, frozen=True):
    """The state of the talk's connection has changed."""

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
    | SilenceAnnounced
    | PlayerChanged
    | PlaybackReported
    | ToolApprovalAsked
    | ToolAnswered
    | ToolStarted
    | ToolFinished
)

Event = ClientEvent | ServerEvent | LocalEvent
