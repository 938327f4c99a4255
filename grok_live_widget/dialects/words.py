"""What both dialects spell alike: the seed's words, which the service kept.

Each word is a pair of functions, event to message and message to event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..events import (
    AppendAudio,
    AudioDelta,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    PushToTalk,
    Role,
    ServerVad,
    SpeechStarted,
    SpeechStopped,
    TranscriptDelta,
    TurnDetection,
    Unrecognized,
)
from .frames import base64_from_bytes, bytes_from_base64
from .reading import (
    integer_or_none,
    mapping,
    mapping_or_none,
    number_or_none,
    present,
    string,
    string_or_none,
)

__all__ = ["Word", "audio_delta_from", "item_from", "message_from_item"]

Message = Mapping[str, Any]


class Word(NamedTuple):
    """One event class, its wire type, and the two ways between them."""

    event: type[Any]
    wire_type: str
    fields: Callable[[Any], Message]
    read: Callable[[Message], Any]


def nothing(_: Any) -> Message:
    """The fields of a word that is only its type."""
    return {}


def append_fields(event: AppendAudio) -> Message:
    return {"audio": base64_from_bytes(event.pcm)}


def append_from(message: Message) -> AppendAudio | Unrecognized:
    """An append whose base64 is broken is not sound."""
    pcm = bytes_from_base64(string(message, "audio"))
    return Unrecognized(message) if pcm is None else AppendAudio(pcm)


def audio_delta_from(message: Message, audio: bytes) -> AudioDelta:
    """Drop and count a trailing half sample; it is never carried over to the next delta."""
    odd = len(audio) % 2
    return AudioDelta(
        response_id=string(message, "response_id"),
        item_id=string(message, "item_id"),
        pcm=audio[:-1] if odd else audio,
        odd_byte_count=odd,
    )


def parsed_audio_delta_from(message: Message) -> AudioDelta | Unrecognized:
    """The slow way, for frames that `frames.cut_audio` did not take."""
    audio = bytes_from_base64(string(message, "delta"))
    return Unrecognized(message) if audio is None else audio_delta_from(message, audio)


def transcript_delta_from(message: Message) -> TranscriptDelta:
    return TranscriptDelta(
        response_id=string(message, "response_id"),
        item_id=string(message, "item_id"),
        delta=string(message, "delta"),
        start_time_s=number_or_none(message, "start_time"),
    )


def transcript_delta_fields(event: TranscriptDelta) -> Message:
    return {
        **present(response_id=event.response_id, item_id=event.item_id),
        "delta": event.delta,
        **present(start_time=event.start_time_s),
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
        event_id=string(inner, "event_id"),
    )


def error_fields(event: ErrorReported) -> Message:
    error = present(
        type=event.error_type, code=event.code, param=event.param, event_id=event.event_id
    )
    return {"error": {**error, "message": event.message}}


def _part_from(item: Message) -> Message:
    content = item.get("content")
    part = content[0] if isinstance(content, list) and content else {}
    return part if isinstance(part, dict) else {}


def item_from(message: Message) -> Item:
    """Read an item; of several content parts the first counts."""
    part = _part_from(message)
    text = (
        string(part, "text")
        or string(part, "transcript")
        or string(message, "output")
        or string(message, "arguments")
    )
    return Item(
        kind=string(message, "type"),
        role=_role_from(message),
        item_id=string(message, "id"),
        status=string(message, "status"),
        part=string(part, "type"),
        text=text,
        name=string(message, "name"),
        call_id=string(message, "call_id"),
        is_replayed=message.get("replayed") is True,
    )


def _role_from(message: Message) -> Role:
    match string(message, "role"):
        case "user" | "assistant" | "system" | "tool" as role:
            return role
    return ""


def message_from_item(item: Item) -> dict[str, Any]:
    """Spell an item."""
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
    if item.part:
        key = "transcript" if item.part in ("audio", "input_audio") else "text"
        message["content"] = [{"type": item.part, key: item.text}]
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
    return {"item": message_from_item(event.item), **previous}


def turn_detection_from(session: Message) -> TurnDetection | None:
    """Who decides about turns; None where the settings do not say."""
    if "turn_detection" not in session:
        return None
    found = mapping(session, "turn_detection")
    if string(found, "type") != "server_vad":
        return PushToTalk()
    default = ServerVad()
    threshold = number_or_none(found, "threshold")
    silence_ms = integer_or_none(found, "silence_duration_ms")
    padding_ms = integer_or_none(found, "prefix_padding_ms")
    return ServerVad(
        threshold=default.threshold if threshold is None else threshold,
        silence_duration_ms=default.silence_duration_ms if silence_ms is None else silence_ms,
        prefix_padding_ms=default.prefix_padding_ms if padding_ms is None else padding_ms,
    )


def create_response_from(message: Message) -> CreateResponse:
    response = mapping(message, "response")
    return CreateResponse(
        instructions=string_or_none(response, "instructions"),
        metadata=mapping_or_none(response, "metadata"),
    )


def create_response_fields(event: CreateResponse) -> Message:
    response = present(instructions=event.instructions, metadata=event.metadata)
    return {"response": response} if response else {}


APPEND = Word(AppendAudio, "input_audio_buffer.append", append_fields, append_from)
COMMIT = Word(CommitAudio, "input_audio_buffer.commit", nothing, lambda _: CommitAudio())
CLEAR = Word(ClearAudio, "input_audio_buffer.clear", nothing, lambda _: ClearAudio())
CREATE_ITEM = Word(CreateItem, "conversation.item.create", create_item_fields, create_item_from)
CREATE_RESPONSE = Word(
    CreateResponse, "response.create", create_response_fields, create_response_from
)
SPEECH_STARTED = Word(
    SpeechStarted,
    "input_audio_buffer.speech_started",
    lambda e: present(item_id=e.item_id, audio_start_ms=e.audio_start_ms),
    speech_started_from,
)
SPEECH_STOPPED = Word(
    SpeechStopped,
    "input_audio_buffer.speech_stopped",
    lambda e: present(item_id=e.item_id, audio_end_ms=e.audio_end_ms),
    speech_stopped_from,
)
ERROR = Word(ErrorReported, "error", error_fields, error_from)
