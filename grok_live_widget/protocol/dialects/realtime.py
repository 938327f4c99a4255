"""The service's dialect as it runs today: ``wss://api.x.ai/v1/realtime``.

Source of shapes: https://docs.x.ai/voice-realtime.ws.json, and recorded frames where the
two differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from ..events import (
    AppendAudio,
    AudioCleared,
    AudioCommitted,
    AudioDelta,
    AudioDone,
    AudioFormat,
    Authenticate,
    CancelResponse,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    ContentPartAdded,
    ContentPartDone,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    DeleteItem,
    DtmfReceived,
    ErrorReported,
    IdleTimeoutTriggered,
    Item,
    ItemAdded,
    ItemDeleted,
    ItemTruncated,
    McpArgumentsDelta,
    McpArgumentsDone,
    McpCallFollowed,
    McpToolsListed,
    OfPart,
    OutputBufferFollowed,
    OutputItemAdded,
    OutputItemDone,
    Pinged,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    ServerVad,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    ToolArgumentsDelta,
    ToolCalled,
    ToolOffer,
    TranscriptDelta,
    TranscriptDone,
    Transcription,
    TruncateItem,
    TurnDetection,
    Unrecognized,
    UpdateSession,
    UserTranscriptReplaced,
)
from .base import Dialect, Opening
from .lenient_json import (
    bool_or_none,
    integer,
    integer_or_none,
    mapping,
    mapping_or_none,
    number_or_none,
    present,
    string,
    string_or_none,
    texts_or_none,
)
from .live import is_about_the_key
from .shared import (
    APPEND,
    CLEAR,
    COMMIT,
    CREATE_ITEM,
    CREATE_RESPONSE,
    ERROR,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    Message,
    MessageType,
    item_from,
    message_from_item,
    nothing,
    part_names_from,
    transcript_delta_fields,
    transcript_delta_from,
    turn_detection_from,
)

__all__ = ["NEAREST_VOICE", "REALTIME"]

NEAREST_VOICE = {
    "alloy": "sal",
    "echo": "ara",
    "fable": "luna",
    "onyx": "leo",
    "nova": "eve",
    "shimmer": "rex",
}
"""The seed's six voices, which the service does not have, and six of its own in their place,
by what each is said to be like (neutral, warm, expressive, deep, bright, clear)."""


# --------------------------------------------------------------------------- settings
def _detection_fields(detection: TurnDetection) -> dict[str, Any]:
    match detection:
        case PushToTalk():
            return {"type": None}
        case ServerVad():
            return {
                "type": "server_vad",
                # JSON knows no numbers of numpy's.
                "threshold": float(detection.threshold),
                "silence_duration_ms": int(detection.silence_duration_ms),
                "prefix_padding_ms": int(detection.prefix_padding_ms),
                # Undocumented but echoed; without them some saw no automatic reply.
                "create_response": detection.create_response,
                "interrupt_response": detection.interrupt_response,
                **present(idle_timeout_ms=detection.idle_timeout_ms),
            }


def _format_fields(form: AudioFormat | None) -> dict[str, Any]:
    if form is None:
        return {}
    # G.711 has one rate, which is not said.
    rate = {"rate": int(form.sample_rate)} if form.encoding == "pcm" else {}
    return {
        "format": {"type": f"audio/{form.encoding}", **rate},
        "transport": form.transport,
    }


def _format_from(direction: Message) -> AudioFormat | None:
    found = mapping(direction, "format")
    encoding = string(found, "type").removeprefix("audio/")
    if not encoding:
        return None
    return AudioFormat(
        encoding=encoding,
        sample_rate=integer(found, "rate"),
        transport=string(direction, "transport") or AudioFormat().transport,
    )


def _transcription_fields(transcription: Transcription | None) -> dict[str, Any]:
    if transcription is None:
        return {}
    said = present(
        model=transcription.model,
        language_hint=transcription.language_hint,
        keyterms=list(transcription.keyterms),
    )
    return {"transcription": said}


def _transcription_from(direction: Message) -> Transcription | None:
    found = mapping_or_none(direction, "transcription")
    if found is None:
        return None
    return Transcription(
        model=string(found, "model"),
        language_hint=string_or_none(found, "language_hint"),
        keyterms=texts_or_none(found, "keyterms") or (),
    )


def _update_fields(event: UpdateSession) -> Message:
    session = present(model=event.model, voice=event.voice)
    if event.instructions is not None:
        session["instructions"] = event.instructions
    if event.turn_detection is not None:
        session["turn_detection"] = _detection_fields(event.turn_detection)
    if event.tools is not None:
        session["tools"] = [_offer_fields(offer) for offer in event.tools]
    if event.replace is not None:
        # Null takes all replacements back (the service's schema).
        session["replace"] = dict(event.replace) or None
    if event.reasoning is not None:
        session["reasoning"] = {"effort": event.reasoning}
    if event.resumption is not None:
        session["resumption"] = {"enabled": event.resumption}
    sound = _sound_fields(event)
    return {"session": {**session, "audio": sound} if sound else session}


def _sound_fields(event: UpdateSession) -> dict[str, Any]:
    speed = None if event.speed is None else float(event.speed)
    directions = {
        "input": {
            **_format_fields(event.input_format),
            **_transcription_fields(event.transcription),
        },
        "output": {**_format_fields(event.output_format), **present(speed=speed)},
    }
    return {name: said for name, said in directions.items() if said}


def _offer_fields(offer: ToolOffer) -> dict[str, Any]:
    """A function lies flat in its message; the schema nests it, the service takes both."""
    if offer.kind != "function":
        return {"type": offer.kind, **offer.parameters}
    return {
        "type": offer.kind,
        "name": offer.name,
        "description": offer.description,
        "parameters": offer.parameters,
    }


def _offer_from(message: Message) -> ToolOffer:
    """Flat as it is sent, or nested as it is echoed (recorded)."""
    kind = string(message, "type")
    if kind != "function":
        settings = {name: value for name, value in message.items() if name != "type"}
        return ToolOffer(kind=kind, parameters=settings)
    function = mapping_or_none(message, "function") or message
    return ToolOffer(
        name=string(function, "name"),
        description=string(function, "description"),
        parameters=mapping(function, "parameters"),
    )


def _offers_from(session: Message) -> tuple[ToolOffer, ...] | None:
    found = session.get("tools")
    if not isinstance(found, list):
        return None
    return tuple(_offer_from(each) for each in found if isinstance(each, dict))


def _settings_from(session: Message) -> UpdateSession:
    sound = mapping(session, "audio")
    heard, spoken = mapping(sound, "input"), mapping(sound, "output")
    return UpdateSession(
        model=string_or_none(session, "model"),
        voice=string_or_none(session, "voice"),
        instructions=string_or_none(session, "instructions"),
        turn_detection=turn_detection_from(session),
        tools=_offers_from(session),
        input_format=_format_from(heard),
        output_format=_format_from(spoken),
        transcription=_transcription_from(heard),
        speed=number_or_none(spoken, "speed"),
        replace=_replacements_from(session),
        reasoning=string_or_none(mapping(session, "reasoning"), "effort"),
        resumption=bool_or_none(mapping(session, "resumption"), "enabled"),
    )


def _replacements_from(session: Message) -> Mapping[str, str] | None:
    return mapping(session, "replace") if "replace" in session else None


def _opening(url: str, api_key: str, wanted: UpdateSession, conversation_id: str) -> Opening:
    """The key goes into a header and the model into the URL, where alone it counts.

    Formats and transcription are always said: the service's own defaults have changed.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query |= present(model=wanted.model, conversation_id=conversation_id)
    settings = replace(
        wanted,
        model=None,
        input_format=wanted.input_format or AudioFormat(),
        output_format=wanted.output_format or AudioFormat(),
    )
    return Opening(
        url=urlunsplit(parts._replace(query=urlencode(query))),
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        first=(settings,),
        ready=SessionUpdated,
    )


# --------------------------------------------------------------------------- server words
def _named(event: type[Any], wire_type: str, *texts: str) -> MessageType:
    """A word of a reply: which item and part of it, and some text fields."""
    has_part = issubclass(event, OfPart)

    def fields(e: Any) -> Message:
        return {
            **_synthetic_ids(e, has_part=has_part),
            **{text: getattr(e, text) for text in texts},
        }

    def read(m: Message) -> Any:
        names = part_names_from(m)
        if not has_part:
            del names["content_index"]
        return event(**names, **{text: string(m, text) for text in texts})

    return MessageType(event, wire_type, fields, read)


def _synthetic_ids(event: Any, *, has_part: bool = True) -> dict[str, Any]:
    names = {
        "response_id": event.response_id,
        "item_id": event.item_id,
        "output_index": event.output_index,
    }
    return {**names, "content_index": event.content_index} if has_part else names


def _stages(
    event: type[Any], stem: str, stages: tuple[str, ...], names: tuple[str, ...]
) -> tuple[MessageType, ...]:
    """One event under several wire types, one for each of its stages."""
    has_error = "error_type" in event.__struct_fields__

    def fields(e: Any) -> Message:
        said = {name: getattr(e, name) for name in names}
        # A stage that is not known here reads as the first.
        stage = e.status if e.status in stages else stages[0]
        error = present(type=getattr(e, "error_type", ""), message=getattr(e, "message", ""))
        return {"type": f"{stem}.{stage}", **said, **present(error=error or None)}

    def word(stage: str) -> MessageType:
        return MessageType(event, f"{stem}.{stage}", fields, lambda m: read(m, stage))

    def read(m: Message, stage: str) -> Any:
        said = {n: integer(m, n) if n == "output_index" else string(m, n) for n in names}
        error = mapping(m, "error")
        if error and has_error:
            said |= {"error_type": string(error, "type"), "message": string(error, "message")}
        return event(status=stage, **said)

    return tuple(word(stage) for stage in stages)


def _twins(event: type[Any], text: str, name: str) -> tuple[MessageType, MessageType]:
    """Text of a reply comes under two wire names with the same content; which one it was is
    kept, so that nobody adds both.
    """
    types = {False: f"response.output_text.{name}", True: f"response.text.{name}"}

    def fields(e: Any) -> Message:
        return {"type": types[e.is_legacy_name], **_synthetic_ids(e), text: getattr(e, text)}

    def word(is_legacy_name: bool) -> MessageType:
        named = _named(event, types[is_legacy_name], text)
        return named._replace(
            fields=fields, read=lambda m: replace(named.read(m), is_legacy_name=is_legacy_name)
        )

    return word(False), word(True)


def _session_created_from(message: Message) -> SessionCreated:
    session = mapping(message, "session")
    return SessionCreated(
        session_id=string(session, "id"),
        model=string(session, "model"),
        # The id is echoed with a prefix in newer sessions.
        voice=string(session, "voice").removeprefix("xai_"),
        session=session,
    )


def _session_created_fields(event: SessionCreated) -> Message:
    named = {"id": event.session_id, "model": event.model, "voice": event.voice}
    return {"session": {**named, **event.session}}


def _conversation_fields(event: ConversationCreated) -> Message:
    return {"conversation": {"id": event.conversation_id, "object": "realtime.conversation"}}


_PARTIAL = "conversation.item.input_audio_transcription.updated"
_FINAL = "conversation.item.input_audio_transcription.completed"


def _transcript_from(message: Message, *, is_final: bool) -> UserTranscriptReplaced:
    return UserTranscriptReplaced(
        item_id=string(message, "item_id"),
        transcript=string(message, "transcript"),
        is_final=is_final,
        content_index=integer(message, "content_index"),
    )


def _completed_from(message: Message) -> UserTranscriptReplaced:
    """``completed`` comes several times an item; only the last is final, as is one with no
    status (recorded frames).
    """
    return _transcript_from(message, is_final=string(message, "status") in ("", "completed"))


def _transcript_fields(event: UserTranscriptReplaced) -> Message:
    transcript = {
        "item_id": event.item_id,
        "content_index": event.content_index,
        "transcript": event.transcript,
    }
    return {"type": _FINAL, **transcript, "status": "completed"} if event.is_final else transcript


def _response_fields(event: ResponseCreated | ResponseDone, status: str) -> dict[str, Any]:
    return {
        "id": event.response_id,
        "object": "realtime.response",
        "output": [],
        "status": status,
        "status_details": "unimplemented",
        "usage": {},
        **present(metadata=event.metadata),
    }


def _response_created_from(message: Message) -> ResponseCreated:
    response = mapping(message, "response")
    return ResponseCreated(string(response, "id"), mapping_or_none(response, "metadata"))


def _response_done_fields(event: ResponseDone) -> Message:
    output = [message_from_item(item) for item in event.output]
    response = {**_response_fields(event, event.status), "output": output}
    if event.reason:
        response["status_details"] = {"reason": event.reason}
    return {"response": response, "response_id": event.response_id, "usage": event.usage}


def _response_done_from(message: Message) -> ResponseDone:
    """Usage stands at the top level; the one inside the response is empty (recorded)."""
    response = mapping(message, "response")
    return ResponseDone(
        response_id=string(response, "id") or string(message, "response_id"),
        status=string(response, "status") or "completed",
        # A text that says nothing with the service, an object with others.
        reason=string(mapping(response, "status_details"), "reason"),
        output=_output_from(response),
        usage=mapping(message, "usage"),
        metadata=mapping_or_none(response, "metadata"),
    )


def _output_from(response: Message) -> tuple[Item, ...]:
    found = response.get("output")
    items = found if isinstance(found, list) else []
    return tuple(item_from(each) for each in items if isinstance(each, dict))


def _response_cancelled_from(message: Message) -> ResponseDone:
    return replace(_response_done_from(message), status="cancelled")


def _output_item_word(
    event: type[OutputItemAdded] | type[OutputItemDone], wire_type: str
) -> MessageType:
    return MessageType(
        event,
        wire_type,
        lambda e: {
            "response_id": e.response_id,
            "output_index": e.output_index,
            "item": {**message_from_item(e.item), "object": "realtime.item"},
        },
        lambda m: event(
            string(m, "response_id"),
            item_from(mapping(m, "item")),
            integer(m, "output_index"),
        ),
    )


def _item_added_from(message: Message) -> ItemAdded:
    return ItemAdded(
        item_from(mapping(message, "item")), string_or_none(message, "previous_item_id")
    )


def _item_added_fields(event: ItemAdded) -> Message:
    item = {**message_from_item(event.item), "object": "realtime.item"}
    if event.item.kind == "message":
        item.setdefault("content", [])
    return {"item": item, **present(previous_item_id=event.previous_item_id)}


def _part_added_from(message: Message) -> ContentPartAdded:
    part = mapping(message, "part")
    return ContentPartAdded(
        part=string(part, "type"),
        text=string(part, "text") or string(part, "transcript"),
        **part_names_from(message),
    )


def _part_added_fields(event: ContentPartAdded) -> Message:
    return {**_synthetic_ids(event), "part": {"type": event.part, "transcript": event.text}}


def _truncate_fields(event: TruncateItem) -> Message:
    return {
        "item_id": event.item_id,
        "content_index": event.content_index,
        "audio_end_ms": event.audio_end_ms,
    }


def _truncate_from(message: Message) -> TruncateItem:
    return TruncateItem(
        item_id=string(message, "item_id"),
        audio_end_ms=integer(message, "audio_end_ms"),
        content_index=integer(message, "content_index"),
    )


def _truncated_from(message: Message) -> ItemTruncated:
    return ItemTruncated(
        item_id=string(message, "item_id"),
        audio_end_ms=integer(message, "audio_end_ms"),
        content_index=integer(message, "content_index"),
        transcript=string(message, "transcript"),
    )


def _timeout_from(message: Message) -> IdleTimeoutTriggered:
    return IdleTimeoutTriggered(
        item_id=string(message, "item_id"),
        previous_item_id=string_or_none(message, "previous_item_id"),
        audio_start_ms=integer_or_none(message, "audio_start_ms"),
        audio_end_ms=integer_or_none(message, "audio_end_ms"),
    )


def _timeout_fields(event: IdleTimeoutTriggered) -> Message:
    return present(
        item_id=event.item_id,
        previous_item_id=event.previous_item_id,
        audio_start_ms=event.audio_start_ms,
        audio_end_ms=event.audio_end_ms,
    )


def _dtmf_from(message: Message) -> DtmfReceived:
    # The schema calls the key "event"; pipecat has it as "digit".
    return DtmfReceived(
        digit=string(message, "event") or string(message, "digit"),
        received_at=number_or_none(message, "received_at"),
    )


def _alias(word: MessageType, wire_type: str) -> MessageType:
    """An older name of the same word: heard, never said."""
    return word._replace(wire_type=wire_type)


# --------------------------------------------------------------------------- the tables
_UPDATE = MessageType(
    UpdateSession,
    "session.update",
    _update_fields,
    lambda m: _settings_from(mapping(m, "session")),
)
_DELETE = MessageType(
    DeleteItem,
    "conversation.item.delete",
    lambda e: {"item_id": e.item_id},
    lambda m: DeleteItem(string(m, "item_id")),
)
_CANCEL = MessageType(
    CancelResponse,
    "response.cancel",
    lambda e: present(response_id=e.response_id),
    lambda m: CancelResponse(string_or_none(m, "response_id")),
)
_TRUNCATE = MessageType(
    TruncateItem, "conversation.item.truncate", _truncate_fields, _truncate_from
)

_CREATED = MessageType(
    SessionCreated, "session.created", _session_created_fields, _session_created_from
)
_CONVERSATION = MessageType(
    ConversationCreated,
    "conversation.created",
    _conversation_fields,
    lambda m: ConversationCreated(string(mapping(m, "conversation"), "id")),
)
_PING = MessageType(
    Pinged,
    "ping",
    lambda e: {"timestamp": e.timestamp_ms},
    lambda m: Pinged(integer(m, "timestamp")),
)
_UPDATED = MessageType(
    SessionUpdated,
    "session.updated",
    lambda e: {"session": e.session},
    lambda m: SessionUpdated(mapping(m, "session")),
)
_COMMITTED = MessageType(
    AudioCommitted,
    "input_audio_buffer.committed",
    lambda e: {"item_id": e.item_id, **present(previous_item_id=e.previous_item_id)},
    lambda m: AudioCommitted(
        item_id=string(m, "item_id"), previous_item_id=string_or_none(m, "previous_item_id")
    ),
)
_CLEARED = MessageType(
    AudioCleared, "input_audio_buffer.cleared", nothing, lambda _: AudioCleared()
)
_TIMEOUT = MessageType(
    IdleTimeoutTriggered, "input_audio_buffer.timeout_triggered", _timeout_fields, _timeout_from
)
_DTMF = MessageType(
    DtmfReceived,
    "input_audio_buffer.dtmf_event_received",
    lambda e: {"event": e.digit, **present(received_at=e.received_at)},
    _dtmf_from,
)
_ITEM_ADDED = MessageType(
    ItemAdded, "conversation.item.added", _item_added_fields, _item_added_from
)
_DELETED = MessageType(
    ItemDeleted,
    "conversation.item.deleted",
    lambda e: {"item_id": e.item_id},
    lambda m: ItemDeleted(string(m, "item_id")),
)
_TRUNCATED = MessageType(
    ItemTruncated,
    "conversation.item.truncated",
    lambda e: {**_truncate_fields(e), "transcript": e.transcript},
    _truncated_from,
)
_USER_TRANSCRIPT = MessageType(
    UserTranscriptReplaced,
    _PARTIAL,
    _transcript_fields,
    lambda m: _transcript_from(m, is_final=False),
)
_RESPONSE_CREATED = MessageType(
    ResponseCreated,
    "response.created",
    lambda e: {"response": _response_fields(e, "in_progress")},
    _response_created_from,
)
_OUTPUT_ADDED = _output_item_word(OutputItemAdded, "response.output_item.added")
_OUTPUT_DONE = _output_item_word(OutputItemDone, "response.output_item.done")
_PART_ADDED = MessageType(
    ContentPartAdded, "response.content_part.added", _part_added_fields, _part_added_from
)
_PART_DONE = _named(ContentPartDone, "response.content_part.done")
_AUDIO_DONE = _named(AudioDone, "response.output_audio.done")
_TRANSCRIPT_DELTA = MessageType(
    TranscriptDelta,
    "response.output_audio_transcript.delta",
    lambda e: {"output_index": 0, "content_index": 0, **transcript_delta_fields(e)},
    transcript_delta_from,
)
_TRANSCRIPT_DONE = _named(TranscriptDone, "response.output_audio_transcript.done", "transcript")
_TEXT_DELTA, _OLD_TEXT_DELTA = _twins(TextDelta, "delta", "delta")
_TEXT_DONE, _OLD_TEXT_DONE = _twins(TextDone, "text", "done")
_TOOL_DELTA = _named(
    ToolArgumentsDelta, "response.function_call_arguments.delta", "call_id", "delta"
)
_TOOL_CALLED = _named(
    ToolCalled, "response.function_call_arguments.done", "call_id", "name", "arguments"
)
_STEPS = ("in_progress", "completed", "failed")
_MCP_LISTED = _stages(McpToolsListed, "mcp_list_tools", _STEPS, ("item_id",))
_MCP_FOLLOWED = _stages(
    McpCallFollowed, "response.mcp_call", _STEPS, ("response_id", "item_id", "output_index")
)
_MCP_DELTA = _named(McpArgumentsDelta, "response.mcp_call_arguments.delta", "delta")
_MCP_DONE = _named(McpArgumentsDone, "response.mcp_call_arguments.done", "arguments")
_BUFFER = _stages(
    OutputBufferFollowed,
    "output_audio_buffer",
    ("started", "stopped", "cleared"),
    ("response_id",),
)
_RESPONSE_DONE = MessageType(
    ResponseDone, "response.done", _response_done_fields, _response_done_from
)

_CLIENT_WORDS = (
    _UPDATE, APPEND, COMMIT, CLEAR, CREATE_ITEM, _DELETE, CREATE_RESPONSE, _CANCEL, _TRUNCATE
)  # fmt: skip
_SERVER_WORDS = (
    _CREATED, _CONVERSATION, _PING, _UPDATED, SPEECH_STARTED, SPEECH_STOPPED, _COMMITTED,
    _CLEARED, _TIMEOUT, _DTMF, _ITEM_ADDED, _DELETED, _TRUNCATED, _USER_TRANSCRIPT,
    MessageType(UserTranscriptReplaced, _FINAL, _transcript_fields, _completed_from),
    _RESPONSE_CREATED, _OUTPUT_ADDED, _OUTPUT_DONE, _PART_ADDED, _PART_DONE, _AUDIO_DONE,
    _TRANSCRIPT_DELTA, _TRANSCRIPT_DONE, _TEXT_DELTA, _OLD_TEXT_DELTA, _TEXT_DONE,
    _OLD_TEXT_DONE, _TOOL_DELTA, _TOOL_CALLED, *_MCP_LISTED, *_MCP_FOLLOWED, _MCP_DELTA,
    _MCP_DONE, *_BUFFER, _RESPONSE_DONE, ERROR,
    _alias(_ITEM_ADDED, "conversation.item.created"),
    _alias(_AUDIO_DONE, "response.audio.done"),
    _alias(_TRANSCRIPT_DELTA, "response.audio_transcript.delta"),
    _alias(_TRANSCRIPT_DONE, "response.audio_transcript.done"),
    MessageType(
        ResponseDone, "response.cancelled", _response_done_fields, _response_cancelled_from
    ),
)  # fmt: skip


def _word_for(event: ClientEvent | ServerEvent) -> MessageType | None:
    """Every event is named here, so that none is forgotten: mypy sees to it."""
    match event:
        case Authenticate():
            return None  # The handshake has told the key.
        case UpdateSession():
            return _UPDATE
        case AppendAudio():
            return APPEND
        case CommitAudio():
            return COMMIT
        case ClearAudio():
            return CLEAR
        case CreateItem():
            return CREATE_ITEM
        case DeleteItem():
            return _DELETE
        case CreateResponse():
            return CREATE_RESPONSE
        case CancelResponse():
            return _CANCEL
        case TruncateItem():
            return _TRUNCATE
        case SessionCreated():
            return _CREATED
        case ConversationCreated():
            return _CONVERSATION
        case Pinged():
            return _PING
        case SessionUpdated():
            return _UPDATED
        case SpeechStarted():
            return SPEECH_STARTED
        case SpeechStopped():
            return SPEECH_STOPPED
        case AudioCommitted():
            return _COMMITTED
        case AudioCleared():
            return _CLEARED
        case IdleTimeoutTriggered():
            return _TIMEOUT
        case DtmfReceived():
            return _DTMF
        case ItemAdded():
            return _ITEM_ADDED
        case ItemDeleted():
            return _DELETED
        case ItemTruncated():
            return _TRUNCATED
        case UserTranscriptReplaced():
            return _USER_TRANSCRIPT
        case ResponseCreated():
            return _RESPONSE_CREATED
        case OutputItemAdded():
            return _OUTPUT_ADDED
        case OutputItemDone():
            return _OUTPUT_DONE
        case ContentPartAdded():
            return _PART_ADDED
        case ContentPartDone():
            return _PART_DONE
        case AudioDone():
            return _AUDIO_DONE
        case TranscriptDelta():
            return _TRANSCRIPT_DELTA
        case TranscriptDone():
            return _TRANSCRIPT_DONE
        case TextDelta():
            return _TEXT_DELTA
        case TextDone():
            return _TEXT_DONE
        case ToolArgumentsDelta():
            return _TOOL_DELTA
        case ToolCalled():
            return _TOOL_CALLED
        case McpToolsListed():
            return _MCP_LISTED[0]
        case McpCallFollowed():
            return _MCP_FOLLOWED[0]
        case McpArgumentsDelta():
            return _MCP_DELTA
        case McpArgumentsDone():
            return _MCP_DONE
        case OutputBufferFollowed():
            return _BUFFER[0]
        case ResponseDone():
            return _RESPONSE_DONE
        case ErrorReported():
            return ERROR
        case AudioDelta() | Unrecognized():
            return None  # Spelled by `Dialect` itself.


REALTIME = Dialect(
    name="realtime",
    path="/v1/realtime",
    default_model="grok-voice-latest",
    default_voice="eve",
    has_responses=True,
    commit_requests_response=False,
    early_close_is_auth_failure=False,
    is_auth_error=is_about_the_key,
    audio_delta_types=("response.output_audio.delta", "response.audio.delta"),
    client_words=_CLIENT_WORDS,
    server_words=_SERVER_WORDS,
    word_for=_word_for,
    opening=_opening,
    settings_from=_settings_from,
    unsupported=frozenset(),
)
