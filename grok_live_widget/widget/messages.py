"""The messages between page and kernel, one struct for each type.

docs/channel.md describes both directions. A page sends some fields that the kernel does not read;
they are not declared here and are ignored.

Numbers from a page are at most 2**53 in magnitude, the largest integers that a page counts
exactly; this also rejects NaN and infinities.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from .._structs import Value

_LARGEST = 2**53
Integer = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
Number = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]


# --------------------------------------------------------------------------- page to kernel
class PageMessage(Value, frozen=True, kw_only=True, tag_field="type"):
    """What all messages of a page have.

    Parameters
    ----------
    page : str
        The page's id for itself.
    clock_ms : float or None [ms]
        The page's clock when it sent the message.
    """

    page: str
    clock_ms: Number | None = None


class Hello(PageMessage, frozen=True, tag="hello"):
    """The page shows this widget; it is answered by `Snapshot`.

    Parameters
    ----------
    version : str
        Of the page's front end.
    microphone : str
        Whether the page can use one; see `MicrophoneStatus`.
    device_rate_hz : float or None [Hz]
    origin : str
        Of the page, for the direct channel.
    """

    version: str = ""
    microphone: str = ""
    device_rate_hz: Number | None = None
    origin: str = ""


class Bye(PageMessage, frozen=True, tag="bye"):
    """The page goes away."""


class TakeOver(PageMessage, frozen=True, tag="take_over"):
    """The page asks to own the sound."""


class Pong(PageMessage, frozen=True, tag="pong"):
    """The answer to `Ping`, with its `id` and its buffer."""

    id: Integer


class Alive(PageMessage, frozen=True, tag="alive"):
    """A sign of life from a page that had nothing else to send."""


class Start(PageMessage, frozen=True, tag="start"):
    """The Start button; the page becomes owner."""


class Stop(PageMessage, frozen=True, tag="stop"):
    """The Stop button."""


class Text(PageMessage, frozen=True, tag="text"):
    """A typed turn, to be answered; the page repeats it until it has its `TextAnswer`.

    Parameters
    ----------
    id : int or None
        Of the text in this page, growing. None: no `TextAnswer` is wanted.
    """

    text: str
    id: Integer | None = None


class Interrupt(PageMessage, frozen=True, tag="interrupt"):
    """The interrupt button; the page has flushed its playback and begun `epoch`."""

    epoch: Integer


class Play(PageMessage, frozen=True, tag="play"):
    """Play the replies that were received while no page could play them; the page becomes
    owner.
    """


class Skip(PageMessage, frozen=True, tag="skip"):
    """Cut off the replies that sound or wait for the loudspeaker, but for the newest."""


class Replay(PageMessage, frozen=True, tag="replay"):
    """Play a turn once more, unless a reply sounds."""

    turn_id: str


class ReplayFrom(PageMessage, frozen=True, tag="replay_from"):
    """Play the talk once more from a place on, unless a reply sounds.

    Parameters
    ----------
    at_s : float [s]
        On the talk's clock.
    """

    at_s: Number


class StopReplay(PageMessage, frozen=True, tag="stop_replay"):
    """Play nothing once more; the page has flushed its playback and begun `epoch`."""

    epoch: Integer


class Save(PageMessage, frozen=True, tag="save"):
    """Send the sound of a turn as a file; answered by `Sound`."""

    turn_id: str


class Commit(PageMessage, frozen=True, tag="commit"):
    """Push-to-talk: the button was released."""


class Discard(PageMessage, frozen=True, tag="discard"):
    """Push-to-talk: what was said since the button was pressed is to be forgotten."""


class ToolAnswer(PageMessage, frozen=True, tag="tool_answer"):
    """Consent to a waiting call, or its refusal."""

    call_id: str
    is_allowed: bool


class ChangeSettings(PageMessage, frozen=True, tag="change_settings"):
    """Change settings of the talk; those that are refused come back in the next `State`.

    Parameters
    ----------
    settings : dict
        Of the names in `TalkSettings`, but for ``voices``.
    """

    settings: dict[str, Any]


class BundleWanted(PageMessage, frozen=True, tag="bundle_wanted"):
    """The page needs a further bundle of its code; it is answered by `Bundle`."""

    name: str


class DrawerRequest(PageMessage, frozen=True, tag="drawer"):
    """A request of an open drawer, answered by `DrawerAnswer`.

    Parameters
    ----------
    name : str
    content : dict
        What the part of the kernel of this name reads.
    """

    name: str
    content: dict[str, Any]


class Microphone(PageMessage, frozen=True, tag="microphone"):
    """A chunk of the microphone; its buffer is PCM16 mono at 24 kHz.

    Parameters
    ----------
    session, seq : int
        Number of the session, and of the message in it.
    sample_index : int
        Samples captured before this chunk since the microphone was switched on, dropped and
        muted ones included.
    captured_at_ms : float [ms]
        The page's clock when the chunk was full.
    dropped_sample_count : int
        Running total of what the page dropped since it was loaded.
    stream : int
        Grows each time the microphone is switched on, from 1. A chunk of the same stream that is
        there already was sent twice, since another channel carries the sound. 0: not told.
    """

    session: Integer
    seq: Integer
    sample_index: Integer
    captured_at_ms: Number
    dropped_sample_count: Integer
    stream: Integer = 0


class SoundFile(PageMessage, frozen=True, tag="sound_file"):
    """A piece of a sound file that was dropped on the panel, to be asked; its buffer has the bytes.

    Parameters
    ----------
    id : int
        Of the file in this page, growing.
    name : str
    piece, piece_count : int
        The pieces of a file come in order, from 0.
    """

    id: Integer
    name: str
    piece: Integer
    piece_count: Integer


class MicrophoneState(PageMessage, frozen=True, tag="microphone_state"):
    """The page's microphone has changed; see `MicrophoneStatus` for the fields."""

    state: str
    reason: str | None = None
    device: str | None = None
    echo_cancellation: bool | None = None
    noise_suppression: bool | None = None
    auto_gain: bool | None = None
    device_rate_hz: Number | None = None


class LoudspeakerState(PageMessage, frozen=True, tag="loudspeaker_state"):
    """The page's loudspeaker has changed.

    Parameters
    ----------
    state : {"ok", "waiting", "failed"}
    reason : str
        Of ``"waiting"``: ``"click"`` or ``"paused"``; of ``"failed"``: what the browser says.
    """

    state: str
    reason: str = ""


class Playhead(PageMessage, frozen=True, tag="playhead"):
    """How far a reply has been played.

    Parameters
    ----------
    session, epoch, reply : int
        What is being played.
    sample_count : int
        Samples of this reply, at 24 kHz, that have left the playback worklet.
    is_final : bool
        Whether no more of this reply will be played.
    first_sound_at_ms : float or None [ms]
        The page's clock when the reply's first sample was heard.
    is_paused : bool
        Whether the browser has suspended the audio; the next report ends this.
    underrun_count, lost_sample_count : int
        Running totals of the session: how often the next sound came too late, and what was lost
        on the way to the page.
    """

    session: Integer
    epoch: Integer
    reply: Integer
    sample_count: Integer
    is_final: bool = False
    first_sound_at_ms: Number | None = None
    is_paused: bool = False
    underrun_count: Integer = 0
    lost_sample_count: Integer = 0


class Flushed(Playhead, frozen=True, tag="flushed"):
    """The playhead at the moment of a flush, which ends the reply."""


class Received(PageMessage, frozen=True, tag="received"):
    """The acknowledgement of `Audio`, and of all `Audio` before it."""

    session: Integer
    seq: Integer


# A page holds one of each type.
_MOST_EARLIER = 2

LeaseMessage = Hello | Bye | TakeOver | Pong | Alive
RequestMessage = (
    Start
    | Stop
    | Text
    | Interrupt
    | Play
    | Skip
    | Replay
    | ReplayFrom
    | StopReplay
    | Save
    | Commit
    | Discard
    | ToolAnswer
    | ChangeSettings
    | BundleWanted
    | DrawerRequest
)
SoundMessage = (
    SoundFile | Microphone | MicrophoneState | LoudspeakerState | Playhead | Flushed | Received
)


AnyPageMessage = LeaseMessage | RequestMessage | SoundMessage


class _Envelope(msgspec.Struct, frozen=True):
    # msgspec analyses the fields of a struct once, but a union that is passed to `convert` at
    # every call, which takes thirty times as long as the conversion (measured).
    message: AnyPageMessage


def decode(content: Any) -> AnyPageMessage | None:
    """A page's message; None if the type is unknown or a field has a wrong type."""
    try:
        return msgspec.convert({"message": content}, _Envelope).message
    except msgspec.ValidationError:
        return None


def decode_earlier(content: Any) -> list[Playhead | Received]:
    """What a page held back until it had this message to send; unknown ones are left out."""
    earlier = content.get("earlier") if isinstance(content, dict) else None
    if not isinstance(earlier, list):
        return []
    found = (decode(each) for each in earlier[:_MOST_EARLIER])
    return [each for each in found if isinstance(each, Playhead | Received)]


# --------------------------------------------------------------------------- kernel to page
class Note(Value, frozen=True, kw_only=True):
    """One sentence for the person.

    Parameters
    ----------
    level : {"info", "warning", "error"}
    topic : str
        A newer note of the same topic replaces this one; empty for none.
    """

    text: str
    level: str
    topic: str


class TurnState(Value, frozen=True, kw_only=True):
    """A turn as the transcript shows it.

    Parameters
    ----------
    id, role, text, text_source, is_complete, was_interrupted, is_approximate, seam
        See `Turn`.
    interruption : str
        Why it was interrupted; see `Reason` in `interruptions`. Empty where that is not known.
    order : int
        Its place in the conversation, from 0.
    duration_s, started_s : float [s]
    reply : int or None
        Number of the reply that carries its sound; None if it was not sent to a page.
    heard_s : float or None [s]
        How much of it has been played; None if nothing played it.
    latency_ms, tool_ms, approval_ms : float or None [ms]
    reply_start_s : float [s]
        Where in the turn the reply of this number begins.
    word_times : list of float
        See `turn_states.word_times`; left out without caption timing.
    """

    id: str
    order: int
    role: str
    text: str
    text_source: str
    is_complete: bool
    was_interrupted: bool
    interruption: str
    is_approximate: bool
    has_audio: bool
    duration_s: float
    started_s: float
    reply: int | None
    heard_s: float | None
    latency_ms: float | None
    tool_ms: float | None
    approval_ms: float | None
    seam: str
    reply_start_s: float
    word_times: list[float] | msgspec.UnsetType


class CallState(Value, frozen=True, kw_only=True):
    """A tool call as the panel shows it; see `ToolCallState`.

    Parameters
    ----------
    output : str
        The beginning of what was sent to the model.
    turn_id : str
        Of the turn that it is part of; empty while it is part of none.
    """

    call_id: str
    name: str
    arguments: str
    state: str
    output: str
    error: str
    duration_s: float | None
    turn_id: str


class TalkSettings(Value, frozen=True, kw_only=True):
    """The settings that a page can change.

    Parameters
    ----------
    voice : str
        Empty for the server's own.
    voices : list of str
        Those that are known.
    instructions : str
    speed : float or None
    threshold : float or None
    silence_duration_ms : int or None [ms]
        As in `ServerVad`; None with push-to-talk.
    """

    voice: str
    voices: list[str]
    instructions: str
    speed: float | None
    threshold: float | None
    silence_duration_ms: int | None


class KernelMessage(Value, frozen=True, kw_only=True, tag_field="type"):
    """A message to all pages.

    Parameters
    ----------
    translations : dict
        By language, other sentences for those of the kernel in this message; left out where
        there are none.
    """

    translations: dict[str, dict[str, str]] | msgspec.UnsetType = msgspec.UNSET


class CountedMessage(KernelMessage, frozen=True):
    """A message whose loss a page must notice; see `Heartbeat`."""


class _TalkState(KernelMessage, frozen=True):
    """The fields that `State` and `Snapshot` share.

    Parameters
    ----------
    owner : str
        The page that captures and plays; empty for none.
    session, epoch : int
    phase : {"closed", "opening", "open", "closing"}
    server_name : str
        What the panel calls the server and its voice: Grok, Rehearsal, Replay, or a host.
    banner : str
        What the panel says above everything else; empty for nothing.
    voice_help : str
        What the voice sounds like, and how to find others; empty without a voice of that name.
    turn_detection : {"server_vad", "push_to_talk"}
    settings : TalkSettings
    sample_rate : int [Hz]
        Of the sound in `Microphone` and `Audio`.
    busy_cell : bool
        Whether a running cell holds up the page's messages.
    late_sample_count : int
        Microphone samples that were discarded because they arrived too late.
    replay : int or None
        Number of the reply that plays a turn, or a stretch of the talk, once more; None: none
        does.
    replayed_turn : str
        That turn, or the one that sounds in the stretch; empty for none.
    replay_start_s : float [s]
        Where that sound begins on the talk's clock.
    used_minutes : float [min]
    cost_dollars : float or None [US$]
        What the talk has used, rounded; see `Usage`.
    """

    owner: str
    session: int
    epoch: int
    phase: str
    is_reopening: bool
    is_rehearsal: bool
    server_name: str
    banner: str
    dialect: str
    voice: str
    voice_help: str
    partner: str
    turn_detection: str
    settings: TalkSettings
    processing: bool
    sample_rate: int
    busy_cell: bool
    late_sample_count: int
    replay: int | None
    replayed_turn: str
    replay_start_s: float
    used_minutes: float
    cost_dollars: float | None


class State(CountedMessage, _TalkState, frozen=True, tag="state"):
    """The talk's state has changed."""


class Snapshot(_TalkState, frozen=True, tag="snapshot"):
    """All that a new page needs.

    Parameters
    ----------
    page : str
        The page that said `Hello`.
    told_count : int
        See `Heartbeat`.
    """

    page: str
    notes: list[Note]
    turns: list[TurnState]
    tools: list[CallState]
    told_count: int


class OwnerChanged(CountedMessage, frozen=True, tag="owner"):
    """Another page captures and plays from now on; empty for none."""

    owner: str


class TurnChanged(CountedMessage, frozen=True, tag="turn"):
    """A turn has begun or changed."""

    turn: TurnState


class CallChanged(CountedMessage, frozen=True, tag="tool"):
    """A tool call has begun or changed."""

    call: CallState


class NoteAdded(CountedMessage, frozen=True, tag="note"):
    """A sentence for the person."""

    note: Note


class Audio(KernelMessage, frozen=True, tag="audio"):
    """A piece of a reply; its buffer is PCM16 mono at 24 kHz, and may be empty at the end.

    Parameters
    ----------
    session, epoch, seq : int
        `seq` numbers the messages of a session from 0.
    reply : int
    sample_offset : int
        Position of the first sample in the reply.
    is_last : bool
        Whether nothing more of the reply will come.
    """

    session: int
    epoch: int
    seq: int
    reply: int
    sample_offset: int
    is_last: bool


class Flush(KernelMessage, frozen=True, tag="flush"):
    """Stop playback at once and drop what is queued; `epoch` begins."""

    session: int
    epoch: int
    reply: int


class MicrophoneReceived(KernelMessage, frozen=True, tag="microphone_received"):
    """The acknowledgement of `Microphone`."""

    session: int
    seq: int


class DirectInvitation(KernelMessage, frozen=True, tag="invitation"):
    """A page may open the direct channel.

    Parameters
    ----------
    page : str
        The page that said `Hello`.
    url : str
        Where the channel is.
    token : str
        What the page shows there.
    proof : str
        What it is shown then, before it sends anything else.
    """

    page: str
    url: str
    token: str
    proof: str

    def __repr__(self) -> str:
        return f"DirectInvitation(page={self.page!r}, url={self.url!r})"


class Heartbeat(KernelMessage, frozen=True, tag="heartbeat"):
    """Sent once a second while the connection is open.

    Parameters
    ----------
    ends_in_s : int or None [s]
        How long the session may still last; None unless it ends soon.
    told_count : int
        How many of `CountedMessage` were sent before; a page that has received fewer says
        `Hello` again.
    """

    session: int
    ends_in_s: int | None
    told_count: int


class TextAnswer(KernelMessage, frozen=True, tag="text_answer"):
    """Whether the `Text` of this page and id was sent to the server; otherwise the page keeps it
    in its box.
    """

    page: str
    id: int
    is_sent: bool


class Bundle(KernelMessage, frozen=True, tag="bundle"):
    """A further bundle of the page's code; its buffer is a JavaScript module in UTF-8.

    Parameters
    ----------
    page : str
        The page that asked for it.
    style : str
        Its style sheet. The buffer and it are empty where there is no such bundle.
    texts : dict
        By language, the texts that only this bundle has.
    """

    page: str
    name: str
    style: str
    texts: dict[str, dict[str, Any]]


class DrawerAnswer(KernelMessage, frozen=True, tag="drawer"):
    """The answer to a `DrawerRequest`, for its page."""

    page: str
    name: str
    content: dict[str, Any]


class Sound(KernelMessage, frozen=True, tag="sound"):
    """A piece of the WAV file with the sound of a turn, in answer to `Save`; its buffer has the
    bytes.

    Parameters
    ----------
    page, turn_id : str
        As in `Save`.
    name : str
        Of the file.
    piece, piece_count : int
        Number of the piece, from 0, and how many there are.
    """

    page: str
    turn_id: str
    name: str
    piece: int
    piece_count: int


class Ping(KernelMessage, frozen=True, tag="ping"):
    """A question to the pages, to be answered at once by `Pong`. Those that measure the time of the
    answer have negative ids, and may have a buffer, which comes back.
    """

    id: int


class Speech(KernelMessage, frozen=True, tag="speech"):
    """The server has detected the beginning of the user's speech, or its end."""

    is_active: bool


class MicrophoneWanted(KernelMessage, frozen=True, tag="microphone_wanted"):
    """Python asks the owner to switch its microphone on or off."""

    wanted: bool


def encode(message: KernelMessage) -> dict[str, Any]:
    """The JSON object that is sent to the page."""
    content: dict[str, Any] = msgspec.to_builtins(message)
    return content
