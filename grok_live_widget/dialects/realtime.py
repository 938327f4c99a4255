"""The service's dialect as it runs today: ``wss://api.x.ai/v1/realtime``.

Source of shapes: https://docs.x.ai/voice-realtime.ws.json, and recorded frames where the
two differ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..events import (
    AudioCleared,
    AudioCommitted,
    AudioDone,
    CancelResponse,
    ContentPartAdded,
    ContentPartDone,
    ConversationCreated,
    IdleTimeoutTriggered,
    Item,
    ItemAdded,
    ItemTruncated,
    OutputItemAdded,
    OutputItemDone,
    Pinged,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    TextDone,
    ToolArgumentsDelta,
    ToolCalled,
    ToolOffer,
    TranscriptDelta,
    TranscriptDone,
    TruncateItem,
    TurnDetection,
    UpdateSession,
    UserTranscriptReplaced,
)
from .dialect import Dialect, Opening
from .reading import (
    integer,
    integer_or_none,
    mapping,
    mapping_or_none,
    present,
    string,
    string_or_none,
)
from .words import (
    APPEND,
    CLEAR,
    COMMIT,
    CREATE_ITEM,
    CREATE_RESPONSE,
    ERROR,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    Message,
    Word,
    item_from,
    message_from_item,
    nothing,
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

_PCM = {"format": {"type": "audio/pcm", "rate": 24_000}}
# Without a transcription model no partial user transcripts are sent.
_AUDIO = {"input": {**_PCM, "transcription": {"model": "grok-transcribe"}}, "output": _PCM}


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
                "create_response": True,
                "interrupt_response": True,
            }


def _update_fields(event: UpdateSession) -> Message:
    session = present(model=event.model, voice=event.voice, instructions=event.instructions)
    if event.turn_detection is not None:
        session["turn_detection"] = _detection_fields(event.turn_detection)
    if event.tools is not None:
        session["tools"] = [_offer_fields(offer) for offer in event.tools]
    return {"session": {**session, "audio": _AUDIO}}


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


def _update_from(message: Message) -> UpdateSession:
    session = mapping(message, "session")
    return UpdateSession(
        model=string_or_none(session, "model"),
        voice=string_or_none(session, "voice"),
        instructions=string_or_none(session, "instructions"),
        turn_detection=turn_detection_from(session),
        tools=_offers_from(session),
    )


def _opening(url: str, api_key: str, wanted: UpdateSession) -> Opening:
    """The key goes into a header and the model into the URL, where alone it counts."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if wanted.model:
        query["model"] = wanted.model
    settings = UpdateSession(
        voice=wanted.voice,
        instructions=wanted.instructions,
        turn_detection=wanted.turn_detection,
        tools=wanted.tools,
    )
    return Opening(
        url=urlunsplit(parts._replace(query=urlencode(query))),
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        first=(settings,),
        ready=SessionUpdated,
    )


# --------------------------------------------------------------------------- server words
def _names(event: Any) -> dict[str, Any]:
    return {
        "response_id": event.response_id,
        "item_id": event.item_id,
        "output_index": 0,
        "content_index": 0,
    }


def _named(event: type[Any], wire_type: str, *texts: str) -> Word:
    """A word of a reply: its two names and some text fields."""

    def fields(e: Any) -> Message:
        return {**_names(e), **{text: getattr(e, text) for text in texts}}

    def read(m: Message) -> Any:
        values = {text: string(m, text) for text in ("response_id", "item_id", *texts)}
        return event(**values)

    return Word(event, wire_type, fields, read)


def _twins(event: type[Any], text: str, name: str) -> tuple[Word, Word]:
    """Text of a reply comes under two wire names with the same content; which one it was is
    kept, so that nobody adds both.
    """
    types = {False: f"response.output_text.{name}", True: f"response.text.{name}"}

    def fields(e: Any) -> Message:
        return {"type": types[e.is_legacy_name], **_names(e), text: getattr(e, text)}

    def word(is_legacy_name: bool) -> Word:
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
    )


def _session_created_fields(event: SessionCreated) -> Message:
    session = {
        "id": event.session_id,
        "object": "realtime.session",
        "instructions": "",
        "voice": event.voice,
        "modalities": ["audio"],
        "turn_detection": {"type": None},
        "tools": [],
        "model": event.model,
    }
    return {"session": session}


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
    return {"response": response, "response_id": event.response_id, "usage": event.usage}


def _response_done_from(message: Message) -> ResponseDone:
    """Usage stands at the top level; the one inside the response is empty (recorded)."""
    response = mapping(message, "response")
    return ResponseDone(
        response_id=string(response, "id") or string(message, "response_id"),
        status=string(response, "status") or "completed",
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


def _output_item_word(event: type[OutputItemAdded] | type[OutputItemDone], wire_type: str) -> Word:
    return Word(
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
    return ContentPartAdded(
        response_id=string(message, "response_id"),
        item_id=string(message, "item_id"),
        part=string(mapping(message, "part"), "type"),
    )


def _part_added_fields(event: ContentPartAdded) -> Message:
    return {**_names(event), "part": {"type": event.part, "transcript": ""}}


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


def _alias(word: Word, wire_type: str) -> Word:
    """An older name of the same word: heard, never said."""
    return word._replace(wire_type=wire_type)


# --------------------------------------------------------------------------- the tables
_ITEM_ADDED = Word(ItemAdded, "conversation.item.added", _item_added_fields, _item_added_from)
_AUDIO_DONE = _named(AudioDone, "response.output_audio.done")
_TRANSCRIPT_DELTA = Word(
    TranscriptDelta,
    "response.output_audio_transcript.delta",
    lambda e: {"output_index": 0, "content_index": 0, **transcript_delta_fields(e)},
    transcript_delta_from,
)
_TRANSCRIPT_DONE = _named(TranscriptDone, "response.output_audio_transcript.done", "transcript")
_RESPONSE_DONE = Word(ResponseDone, "response.done", _response_done_fields, _response_done_from)
_CLIENT_WORDS = (
    Word(UpdateSession, "session.update", _update_fields, _update_from),
    APPEND,
    COMMIT,
    CLEAR,
    CREATE_ITEM,
    CREATE_RESPONSE,
    Word(
        CancelResponse,
        "response.cancel",
        lambda e: present(response_id=e.response_id),
        lambda m: CancelResponse(string_or_none(m, "response_id")),
    ),
    Word(TruncateItem, "conversation.item.truncate", _truncate_fields, _truncate_from),
)

_SERVER_WORDS = (
    Word(SessionCreated, "session.created", _session_created_fields, _session_created_from),
    Word(
        ConversationCreated,
        "conversation.created",
        _conversation_fields,
        lambda m: ConversationCreated(string(mapping(m, "conversation"), "id")),
    ),
    Word(
        Pinged,
        "ping",
        lambda e: {"timestamp": e.timestamp_ms},
        lambda m: Pinged(integer(m, "timestamp")),
    ),
    Word(
        SessionUpdated,
        "session.updated",
        lambda e: {"session": e.session},
        lambda m: SessionUpdated(mapping(m, "session")),
    ),
    SPEECH_STARTED,
    SPEECH_STOPPED,
    Word(
        AudioCommitted,
        "input_audio_buffer.committed",
        lambda e: {"item_id": e.item_id, **present(previous_item_id=e.previous_item_id)},
        lambda m: AudioCommitted(
            item_id=string(m, "item_id"), previous_item_id=string_or_none(m, "previous_item_id")
        ),
    ),
    Word(AudioCleared, "input_audio_buffer.cleared", nothing, lambda _: AudioCleared()),
    Word(
        IdleTimeoutTriggered,
        "input_audio_buffer.timeout_triggered",
        _timeout_fields,
        _timeout_from,
    ),
    _ITEM_ADDED,
    _alias(_ITEM_ADDED, "conversation.item.created"),
    Word(
        ItemTruncated,
        "conversation.item.truncated",
        lambda e: {**_truncate_fields(e), "transcript": e.transcript},
        _truncated_from,
    ),
    Word(
        UserTranscriptReplaced,
        _PARTIAL,
        _transcript_fields,
        lambda m: _transcript_from(m, is_final=False),
    ),
    Word(UserTranscriptReplaced, _FINAL, _transcript_fields, _completed_from),
    Word(
        ResponseCreated,
        "response.created",
        lambda e: {"response": _response_fields(e, "in_progress")},
        _response_created_from,
    ),
    _output_item_word(OutputItemAdded, "response.output_item.added"),
    _output_item_word(OutputItemDone, "response.output_item.done"),
    Word(
        ContentPartAdded,
        "response.content_part.added",
        _part_added_fields,
        _part_added_from,
    ),
    _named(ContentPartDone, "response.content_part.done"),
    _AUDIO_DONE,
    _alias(_AUDIO_DONE, "response.audio.done"),
    _TRANSCRIPT_DELTA,
    _alias(_TRANSCRIPT_DELTA, "response.audio_transcript.delta"),
    _TRANSCRIPT_DONE,
    _alias(_TRANSCRIPT_DONE, "response.audio_transcript.done"),
    *_twins(TextDelta, "delta", "delta"),
    *_twins(TextDone, "text", "done"),
    _named(ToolArgumentsDelta, "response.function_call_arguments.delta", "call_id", "delta"),
    _named(
        ToolCalled,
        "response.function_call_arguments.done",
        "call_id",
        "name",
        "arguments",
    ),
    _RESPONSE_DONE,
    Word(ResponseDone, "response.cancelled", _response_done_fields, _response_cancelled_from),
    ERROR,
)

REALTIME = Dialect(
    name="realtime",
    path="/v1/realtime",
    default_model="grok-voice-latest",
    default_voice="eve",
    has_responses=True,
    audio_delta_types=("response.output_audio.delta", "response.audio.delta"),
    client_words=_CLIENT_WORDS,
    server_words=_SERVER_WORDS,
    opening=_opening,
)
