"""Message types that both dialects share: those of the seed, which the service kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from ...audio import PCM, Codec
from ..events import (
    AppendAudio,
    AudioDelta,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    Part,
    PushToTalk,
    Role,
    ServerVad,
    SpeechStarted,
    SpeechStopped,
    TranscriptDelta,
    TurnDetection,
    Unrecognized,
)
from .frames import AudioFrame, base64_from_bytes, bytes_from_base64
from .lenient_json import (
    integer,
    integer_or_none,
    mapping,
    mapping_or_none,
    number_from,
    number_or_none,
    present,
    string,
    string_or_none,
    texts_or_none,
)

__all__ = [
    "MessageType",
    "audio_delta_from",
    "audio_delta_from_frame",
    "item_from",
    "message_from_item",
]

Message = Mapping[str, Any]


class MessageType(NamedTuple):
    """One event class, its wire type, and the two ways between them."""

    event: type[Any]
    wire_type: str
    fields: Callable[[Any], Message]
    read: Callable[[Message], Any]


def nothing(_: Any) -> Message:
    """The fields of a message that consists of its type alone."""
    return {}


def append_fields(event: AppendAudio) -> Message:
    return {"audio": base64_from_bytes(event.pcm)}


def append_from(message: Message) -> AppendAudio | Unrecognized:
    """Read audio; with broken base64 the message is not audio."""
    pcm = bytes_from_base64(string(message, "audio"))
    return Unrecognized(message) if pcm is None else AppendAudio(pcm)


def part_ids_from(message: Message) -> dict[str, Any]:
    """The ids of the part of a reply that a message is about."""
    return {
        "response_id": string(message, "response_id"),
        "item_id": string(message, "item_id"),
        "output_index": integer(message, "output_index"),
        "content_index": integer(message, "content_index"),
    }


def part_ids(event: Any) -> dict[str, Any]:
    """The ids of a part as fields; an index of 0 and empty ids are left out."""
    return present(
        response_id=event.response_id,
        item_id=event.item_id,
        output_index=event.output_index or None,
        content_index=event.content_index or None,
    )


def audio_delta_from_frame(frame: AudioFrame, audio: bytes, codec: Codec = PCM) -> AudioDelta:
    """Make the event of what `read_audio_frame` has read."""
    pcm, odd_byte_count = codec.decode(audio)
    return AudioDelta(
        event_id=frame.event_id,
        response_id=frame.response_id,
        item_id=frame.item_id,
        output_index=frame.output_index,
        content_index=frame.content_index,
        pcm=pcm,
        odd_byte_count=odd_byte_count,
        rid=frame.rid,
        latency_s=None if frame.latency is None else number_from(frame.latency),
        duration_ms=frame.audio_duration_ms,
        timestamp_ms=frame.ts,
    )


def audio_delta_from(message: Message, codec: Codec = PCM) -> AudioDelta | Unrecognized:
    """Read a message of any other form; without audio it is not a delta."""
    delta = message.get("delta")
    audio = bytes_from_base64(delta) if isinstance(delta, str) else None
    if audio is None:
        return Unrecognized(message)
    pcm, odd_byte_count = codec.decode(audio)
    # The service sends the latency as a text (recorded).
    latency = message.get("latency")
    return AudioDelta(
        event_id=string(message, "event_id"),
        **part_ids_from(message),
        pcm=pcm,
        odd_byte_count=odd_byte_count,
        rid=string(message, "rid"),
        latency_s=None if latency is None else number_from(latency),
        duration_ms=integer_or_none(message, "audio_duration_ms"),
        timestamp_ms=integer_or_none(message, "ts"),
    )


def audio_delta_fields(event: AudioDelta) -> Message:
    """All fields but the audio."""
    return {
        **part_ids(event),
        **present(
            rid=event.rid,
            latency=None if event.latency_s is None else str(event.latency_s),
            audio_duration_ms=event.duration_ms,
            ts=event.timestamp_ms,
        ),
    }


def transcript_delta_from(message: Message) -> TranscriptDelta:
    return TranscriptDelta(
        response_id=string(message, "response_id"),
        item_id=string(message, "item_id"),
        output_index=integer_or_none(message, "output_index") or 0,
        content_index=integer_or_none(message, "content_index") or 0,
        delta=string(message, "delta"),
        start_time_s=number_or_none(message, "start_time"),
        rid=string(message, "rid"),
    )


def transcript_delta_fields(event: TranscriptDelta) -> Message:
    return {
        **part_ids(event),
        "delta": event.delta,
        **present(start_time=event.start_time_s, rid=event.rid),
    }


def speech_started_from(message: Message) -> SpeechStarted:
    return SpeechStarted(
        item_id=string(message, "item_id"),
        audio_start_ms=integer_or_none(message, "audio_start_ms"),
    )


def speech_stopped_from(message: Message) -> SpeechStopped:
    return SpeechStopped(
        item_id=string(message, "item_id"), audio_end_ms=integer_or_none(message, "audio_end_ms")
    )


def error_from(message: Message) -> ErrorReported:
    """Read an error whose inner shape the seed leaves open: an object, a text, or flat."""
    error = message.get("error")
    if isinstance(error, str):
        return ErrorReported(message=error)
    inner = error if isinstance(error, dict) else message
    return ErrorReported(
        message=string(inner, "message"),
        error_type=string(inner, "type") if inner is error else "",
        code=string(inner, "code"),
        param=string(inner, "param"),
        about=string(inner, "event_id") if inner is error else "",
    )


def error_fields(event: ErrorReported) -> Message:
    error = present(type=event.error_type, code=event.code, param=event.param, event_id=event.about)
    return {"error": {**error, "message": event.message}}


def _parts_from(item: Message) -> tuple[Part, ...]:
    content = item.get("content")
    found = content if isinstance(content, list) else []
    return tuple(_part_from(part) for part in found if isinstance(part, dict))


def _part_from(part: Message) -> Part:
    return Part(
        kind=string(part, "type"),
        text=string(part, "text") or string(part, "transcript"),
        sound=bytes_from_base64(string(part, "audio")) or b"",
    )


def _part_fields(part: Part) -> Message:
    key = "transcript" if part.kind in _OF_SOUND else "text"
    sound = base64_from_bytes(part.sound) if part.sound else None
    return {"type": part.kind, key: part.text, **present(audio=sound)}


_OF_SOUND = ("audio", "input_audio", "output_audio")
_NO_PART = Part(kind="")


def item_from(message: Message) -> Item:
    """Read an item of the server's conversation."""
    first, *further = _parts_from(message) or (_NO_PART,)
    return Item(
        kind=string(message, "type"),
        role=_role_from(message),
        item_id=string(message, "id"),
        status=string(message, "status"),
        part=first.kind,
        text=first.text or string(message, "output") or string(message, "arguments"),
        sound=first.sound,
        further=tuple(further),
        name=string(message, "name"),
        call_id=string(message, "call_id"),
        is_replayed=message.get("replayed") is True,
        is_interruptible=message.get("interruptible") is not False,
    )


def _role_from(message: Message) -> Role:
    match string(message, "role"):
        case "user" | "assistant" | "system" | "tool" as role:
            return role
    return ""


def message_from_item(item: Item) -> dict[str, Any]:
    """Encode an item of the server's conversation."""
    message: dict[str, Any] = present(
        type=item.kind,
        role=item.role,
        id=item.item_id,
        status=item.status,
        name=item.name,
        call_id=item.call_id,
    )
    if item.is_replayed:
        message["replayed"] = True
    if not item.is_interruptible:
        message["interruptible"] = False
    if item.part or item.further:
        first = Part(kind=item.part, text=item.text, sound=item.sound)
        message["content"] = [_part_fields(part) for part in (first, *item.further)]
    elif item.kind == "function_call_output":
        message["output"] = item.text
    elif item.kind == "function_call":
        message["arguments"] = item.text
    return message


def create_item_from(message: Message) -> CreateItem:
    return CreateItem(
        item_from(mapping(message, "item")), string_or_none(message, "previous_item_id")
    )


def create_item_fields(event: CreateItem) -> Message:
    previous = present(previous_item_id=event.previous_item_id)
    # Servers do not know this field; it only matters to this client.
    item = replace(event.item, is_replayed=False)
    return {"item": message_from_item(item), **previous}


def turn_detection_from(session: Message) -> TurnDetection | None:
    """How turns are detected; None if the settings do not include that."""
    if "turn_detection" not in session:
        return None
    found = mapping(session, "turn_detection")
    if string(found, "type") != "server_vad":
        return PushToTalk()
    default = ServerVad()
    return ServerVad(
        threshold=_or(number_or_none(found, "threshold"), default.threshold),
        silence_duration_ms=_integer_or(found, "silence_duration_ms", default.silence_duration_ms),
        prefix_padding_ms=_integer_or(found, "prefix_padding_ms", default.prefix_padding_ms),
        idle_timeout_ms=integer_or_none(found, "idle_timeout_ms"),
        create_response=found.get("create_response") is not False,
        interrupt_response=found.get("interrupt_response") is not False,
    )


def _integer_or(found: Message, key: str, default: int) -> int:
    value = integer_or_none(found, key)
    return default if value is None else value


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def create_response_from(message: Message) -> CreateResponse:
    response = mapping(message, "response")
    return CreateResponse(
        instructions=string_or_none(response, "instructions"),
        metadata=mapping_or_none(response, "metadata"),
        modalities=texts_or_none(response, "modalities"),
    )


def create_response_fields(event: CreateResponse) -> Message:
    response = present(
        instructions=event.instructions, metadata=event.metadata, modalities=event.modalities
    )
    return {"response": response} if response else {}


APPEND = MessageType(AppendAudio, "input_audio_buffer.append", append_fields, append_from)
COMMIT = MessageType(CommitAudio, "input_audio_buffer.commit", nothing, lambda _: CommitAudio())
CLEAR = MessageType(ClearAudio, "input_audio_buffer.clear", nothing, lambda _: ClearAudio())
CREATE_ITEM = MessageType(
    CreateItem, "conversation.item.create", create_item_fields, create_item_from
)
CREATE_RESPONSE = MessageType(
    CreateResponse, "response.create", create_response_fields, create_response_from
)
SPEECH_STARTED = MessageType(
    SpeechStarted,
    "input_audio_buffer.speech_started",
    lambda e: present(item_id=e.item_id, audio_start_ms=e.audio_start_ms),
    speech_started_from,
)
SPEECH_STOPPED = MessageType(
    SpeechStopped,
    "input_audio_buffer.speech_stopped",
    lambda e: present(item_id=e.item_id, audio_end_ms=e.audio_end_ms),
    speech_stopped_from,
)
ERROR = MessageType(ErrorReported, "error", error_fields, error_from)
