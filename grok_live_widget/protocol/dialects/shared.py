"""Message types that both dialects share: those of the seed, which the service kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from ...audio import PCM, Codec
from .. import events
from .frames import AudioFrame, base64_from_bytes, bytes_from_base64
from .lenient_json import (
    bool_or_none,
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

Message = Mapping[str, Any]
Reader = Callable[[Message, str], Any]


class MessageType(NamedTuple):
    """One event class, its wire type, and the two ways between them."""

    event: type[Any]
    wire_type: str
    fields: Callable[[Any], Message]
    read: Callable[[Message], Any]


class Fields:
    """Pairs the fields of a value with the keys of a message.

    Parameters
    ----------
    **readers : callable, or tuple of str and callable
        How each field is read, of `lenient_json`, after its key if that has another name.
    """

    def __init__(self, **readers: Reader | tuple[str, Reader]) -> None:
        self._pairs = [
            (name, *(reader if isinstance(reader, tuple) else (name, reader)))
            for name, reader in readers.items()
        ]

    def write(self, value: Any) -> dict[str, Any]:
        """The fields by their keys; those that are None, and empty ids, are left out."""
        written = {key: getattr(value, name) for name, key, _ in self._pairs}
        return {
            key: each
            for key, each in written.items()
            if each is not None and (each != "" or not key.endswith("id"))
        }

    def read(self, message: Message) -> dict[str, Any]:
        """The fields by their names."""
        return {name: reader(message, key) for name, key, reader in self._pairs}


def flat(event: type[Any], wire_type: str, **readers: Reader | tuple[str, Reader]) -> MessageType:
    """The type of a message whose keys are the fields of its event; see `Fields`."""
    fields = Fields(**readers)
    return MessageType(event, wire_type, fields.write, lambda m: event(**fields.read(m)))


OF_REPLY: dict[str, Reader] = {"response_id": string, "item_id": string, "output_index": integer}
OF_PART: dict[str, Reader] = {**OF_REPLY, "content_index": integer}

_PART_IDS = Fields(**OF_PART)


def _append_fields(event: events.AppendAudio) -> Message:
    return {"audio": base64_from_bytes(event.pcm)}


def _append_from(message: Message) -> events.AppendAudio | events.Unrecognized:
    """Read audio; with broken base64 the message is not audio."""
    pcm = bytes_from_base64(string(message, "audio"))
    return events.Unrecognized(message) if pcm is None else events.AppendAudio(pcm)


def part_ids(event: Any) -> dict[str, Any]:
    """The ids of a part as fields; an index of 0 and empty ids are left out."""
    return present(
        response_id=event.response_id,
        item_id=event.item_id,
        output_index=event.output_index or None,
        content_index=event.content_index or None,
    )


def audio_delta_from_frame(
    frame: AudioFrame, audio: bytes, codec: Codec = PCM
) -> events.AudioDelta:
    """Make the event of what `read_audio_frame` has read."""
    pcm, odd_byte_count = codec.decode(audio)
    return events.AudioDelta(
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


def audio_delta_from(
    message: Message, codec: Codec = PCM
) -> events.AudioDelta | events.Unrecognized:
    """Read a message of any other form; without audio it is not a delta."""
    delta = message.get("delta")
    audio = bytes_from_base64(delta) if isinstance(delta, str) else None
    if audio is None:
        return events.Unrecognized(message)
    pcm, odd_byte_count = codec.decode(audio)
    # The service sends the latency as a text (recorded).
    latency = message.get("latency")
    return events.AudioDelta(
        event_id=string(message, "event_id"),
        **_PART_IDS.read(message),
        pcm=pcm,
        odd_byte_count=odd_byte_count,
        rid=string(message, "rid"),
        latency_s=None if latency is None else number_from(latency),
        duration_ms=integer_or_none(message, "audio_duration_ms"),
        timestamp_ms=integer_or_none(message, "ts"),
    )


def audio_delta_fields(event: events.AudioDelta) -> Message:
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


_TRANSCRIPT_DELTA = Fields(
    **OF_PART, delta=string, start_time_s=("start_time", number_or_none), rid=string
)


def transcript_delta_from(message: Message) -> events.TranscriptDelta:
    """Read a piece of a reply's transcript."""
    return events.TranscriptDelta(**_TRANSCRIPT_DELTA.read(message))


def transcript_delta_fields(event: events.TranscriptDelta) -> Message:
    """All fields, of which empty ids and an index of 0 are left out."""
    return {
        **part_ids(event),
        "delta": event.delta,
        **present(start_time=event.start_time_s, rid=event.rid),
    }


def error_from(message: Message) -> events.ErrorReported:
    """Read an error whose inner shape the seed leaves open: an object, a text, or flat."""
    error = message.get("error")
    if isinstance(error, str):
        return events.ErrorReported(message=error)
    inner = error if isinstance(error, dict) else message
    return events.ErrorReported(
        message=string(inner, "message"),
        error_type=string(inner, "type") if inner is error else "",
        code=string(inner, "code"),
        param=string(inner, "param"),
        about=string(inner, "event_id") if inner is error else "",
    )


def _error_fields(event: events.ErrorReported) -> Message:
    error = present(type=event.error_type, code=event.code, param=event.param, event_id=event.about)
    return {"error": {**error, "message": event.message}}


def _parts_from(item: Message) -> tuple[events.Part, ...]:
    content = item.get("content")
    found = content if isinstance(content, list) else []
    return tuple(_part_from(part) for part in found if isinstance(part, dict))


def _part_from(part: Message) -> events.Part:
    return events.Part(
        kind=string(part, "type"),
        text=string(part, "text") or string(part, "transcript"),
        sound=bytes_from_base64(string(part, "audio")) or b"",
    )


def _part_fields(part: events.Part) -> Message:
    key = "transcript" if part.kind in _OF_SOUND else "text"
    sound = base64_from_bytes(part.sound) if part.sound else None
    return {"type": part.kind, key: part.text, **present(audio=sound)}


_OF_SOUND = ("audio", "input_audio", "output_audio")
_NO_PART = events.Part(kind="")


def item_from(message: Message) -> events.Item:
    """Read an item of the server's conversation."""
    first, *further = _parts_from(message) or (_NO_PART,)
    return events.Item(
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


def _role_from(message: Message) -> events.Role:
    match string(message, "role"):
        case "user" | "assistant" | "system" | "tool" as role:
            return role
    return ""


def message_from_item(item: events.Item) -> dict[str, Any]:
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
        first = events.Part(kind=item.part, text=item.text, sound=item.sound)
        message["content"] = [_part_fields(part) for part in (first, *item.further)]
    elif item.kind == "function_call_output":
        message["output"] = item.text
    elif item.kind == "function_call":
        message["arguments"] = item.text
    return message


def _create_item_from(message: Message) -> events.CreateItem:
    return events.CreateItem(
        item_from(mapping(message, "item")), string_or_none(message, "previous_item_id")
    )


def _create_item_fields(event: events.CreateItem) -> Message:
    previous = present(previous_item_id=event.previous_item_id)
    # Servers do not know this field; it only matters to this client.
    item = replace(event.item, is_replayed=False)
    return {"item": message_from_item(item), **previous}


VAD = Fields(
    threshold=number_or_none,
    silence_duration_ms=integer_or_none,
    prefix_padding_ms=integer_or_none,
    idle_timeout_ms=integer_or_none,
    # Undocumented but confirmed; without them some clients saw no automatic reply.
    create_response=bool_or_none,
    interrupt_response=bool_or_none,
)


def turn_detection_from(session: Message) -> events.TurnDetection | None:
    """How turns are detected; None if the settings do not include that."""
    if "turn_detection" not in session:
        return None
    found = mapping(session, "turn_detection")
    if string(found, "type") != "server_vad":
        return events.PushToTalk()
    return events.ServerVad(**present(**VAD.read(found)))


_RESPONSE = Fields(instructions=string_or_none, metadata=mapping_or_none, modalities=texts_or_none)


def _create_response_from(message: Message) -> events.CreateResponse:
    return events.CreateResponse(**_RESPONSE.read(mapping(message, "response")))


def create_response_fields(event: events.CreateResponse) -> Message:
    """The fields of the request, nested under ``response``."""
    response = present(**_RESPONSE.write(event))
    return {"response": response} if response else {}


SETTINGS = Fields(model=string_or_none, voice=string_or_none, instructions=string_or_none)
"""The settings that both dialects have under the same keys."""

APPEND = MessageType(events.AppendAudio, "input_audio_buffer.append", _append_fields, _append_from)
COMMIT = flat(events.CommitAudio, "input_audio_buffer.commit")
CLEAR = flat(events.ClearAudio, "input_audio_buffer.clear")
CREATE_ITEM = MessageType(
    events.CreateItem, "conversation.item.create", _create_item_fields, _create_item_from
)
CREATE_RESPONSE = MessageType(
    events.CreateResponse, "response.create", create_response_fields, _create_response_from
)
SPEECH_STARTED = flat(
    events.SpeechStarted,
    "input_audio_buffer.speech_started",
    item_id=string,
    audio_start_ms=integer_or_none,
)
SPEECH_STOPPED = flat(
    events.SpeechStopped,
    "input_audio_buffer.speech_stopped",
    item_id=string,
    audio_end_ms=integer_or_none,
)
ERROR = MessageType(events.ErrorReported, "error", _error_fields, error_from)
