"""The service's dialect as it runs today: ``wss://api.x.ai/v1/realtime``.

Source of shapes: https://docs.x.ai/voice-realtime.ws.json, and recorded frames where the
two differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from .. import events
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
from .shared import (
    APPEND,
    CLEAR,
    COMMIT,
    CREATE_ITEM,
    CREATE_RESPONSE,
    ERROR,
    OF_PART,
    OF_REPLY,
    SETTINGS,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    VAD,
    Fields,
    Message,
    MessageType,
    Reader,
    flat,
    item_from,
    message_from_item,
    transcript_delta_fields,
    transcript_delta_from,
    turn_detection_from,
)

NEAREST_VOICE = {
    "alloy": "sal",
    "echo": "ara",
    "fable": "luna",
    "onyx": "leo",
    "nova": "eve",
    "shimmer": "rex",
}
"""For each of the seed's six voices, which the service does not have, one of its own with a
similar description (neutral, warm, expressive, deep, bright, clear)."""

_NAMES = (
    *("eve", "ara", "leo", "rex", "sal", "carina", "zagan", "helix", "orion", "luna", "iris"),
    *("altair", "zenith", "perseus", "helios", "lux", "kepler", "rigel", "cosmo", "celeste"),
    *("ursa", "sirius", "lumen", "castor", "naksh", "atlas"),
)
VOICES = dict.fromkeys(_NAMES, "")
"""The voices of the service; it takes ids of custom voices too.
Source: https://docs.x.ai/developers/rest-api-reference/inference/voice."""


# --------------------------------------------------------------------------- settings
def _detection_fields(detection: events.TurnDetection) -> dict[str, Any]:
    is_vad = isinstance(detection, events.ServerVad)
    return {"type": "server_vad", **VAD.write(detection)} if is_vad else {"type": None}


def _format_fields(form: events.AudioFormat | None) -> dict[str, Any]:
    if form is None:
        return {}
    # G.711 has one rate, which is not sent.
    rate = {"rate": form.sample_rate} if form.encoding == "pcm" else {}
    return {
        "format": {"type": f"audio/{form.encoding}", **rate},
        "transport": form.transport,
    }


def _format_from(direction: Message) -> events.AudioFormat | None:
    found = mapping(direction, "format")
    encoding = string(found, "type").removeprefix("audio/")
    if not encoding:
        return None
    return events.AudioFormat(
        encoding=encoding,
        sample_rate=integer(found, "rate"),
        transport=string(direction, "transport") or events.AudioFormat().transport,
    )


_TRANSCRIPTION = Fields(
    model=string, language_hint=string_or_none, keyterms=lambda m, key: texts_or_none(m, key) or ()
)


def _transcription_from(direction: Message) -> events.Transcription | None:
    found = mapping_or_none(direction, "transcription")
    return None if found is None else events.Transcription(**_TRANSCRIPTION.read(found))


def _update_fields(event: events.UpdateSession) -> Message:
    session = SETTINGS.write(event)
    if event.turn_detection is not None:
        session["turn_detection"] = _detection_fields(event.turn_detection)
    if event.tools is not None:
        session["tools"] = [_offer_fields(offer) for offer in event.tools]
    if event.replace is not None:
        # Null removes all replacements (the service's schema).
        session["replace"] = dict(event.replace) or None
    if event.reasoning is not None:
        session["reasoning"] = {"effort": event.reasoning}
    if event.resumption is not None:
        session["resumption"] = {"enabled": event.resumption}
    heard, spoken = _format_fields(event.input_format), _format_fields(event.output_format)
    if event.transcription is not None:
        heard["transcription"] = _TRANSCRIPTION.write(event.transcription)
    if event.speed is not None:
        spoken["speed"] = event.speed
    audio = present(input=heard or None, output=spoken or None)
    return {"session": {**session, **present(audio=audio or None)}}


_FUNCTION = Fields(name=string, description=string, parameters=mapping)


def _offer_fields(offer: events.ToolOffer) -> dict[str, Any]:
    """A function's fields are not nested; the schema nests them, the service takes both."""
    if offer.kind != "function":
        return {"type": offer.kind, **offer.parameters}
    return {"type": offer.kind, **_FUNCTION.write(offer)}


def _offer_from(message: Message) -> events.ToolOffer:
    """Read a function with its fields as they are sent, or nested as confirmed (recorded)."""
    kind = string(message, "type")
    if kind != "function":
        settings = {name: value for name, value in message.items() if name != "type"}
        return events.ToolOffer(kind=kind, parameters=settings)
    function = mapping_or_none(message, "function") or message
    return events.ToolOffer(**_FUNCTION.read(function))


def _offers_from(session: Message) -> tuple[events.ToolOffer, ...] | None:
    found = session.get("tools")
    if not isinstance(found, list):
        return None
    return tuple(_offer_from(each) for each in found if isinstance(each, dict))


def _settings_from(session: Message) -> events.UpdateSession:
    audio = mapping(session, "audio")
    input_audio, output_audio = mapping(audio, "input"), mapping(audio, "output")
    return events.UpdateSession(
        **SETTINGS.read(session),
        turn_detection=turn_detection_from(session),
        tools=_offers_from(session),
        input_format=_format_from(input_audio),
        output_format=_format_from(output_audio),
        transcription=_transcription_from(input_audio),
        speed=number_or_none(output_audio, "speed"),
        replace=_replacements_from(session),
        reasoning=string_or_none(mapping(session, "reasoning"), "effort"),
        resumption=bool_or_none(mapping(session, "resumption"), "enabled"),
    )


def _replacements_from(session: Message) -> Mapping[str, str] | None:
    return mapping(session, "replace") if "replace" in session else None


def _opening(url: str, api_key: str, wanted: events.UpdateSession, conversation_id: str) -> Opening:
    """The key is in a header and the model in the URL, the only place where it has an effect.

    Formats are always sent, since the service's own defaults have changed.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query |= present(model=wanted.model, conversation_id=conversation_id)
    settings = replace(
        wanted,
        model=None,
        input_format=wanted.input_format or events.AudioFormat(),
        output_format=wanted.output_format or events.AudioFormat(),
    )
    return Opening(
        url=urlunsplit(parts._replace(query=urlencode(query))),
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        first=(settings,),
        ready=events.SessionUpdated,
    )


# --------------------------------------------------------------------------- message builders
def _stages(
    event: type[Any], stem: str, stages: tuple[str, ...], **readers: Reader
) -> list[MessageType]:
    """One event under several wire types, one for each of its stages."""
    keys = Fields(**readers)
    error_keys = _ERROR if "error_type" in event.__struct_fields__ else Fields()

    def fields(e: Any) -> Message:
        # An unknown stage is sent as the first.
        stage = e.status if e.status in stages else stages[0]
        error = present(**error_keys.write(e))
        return {"type": f"{stem}.{stage}", **keys.write(e), **present(error=error or None)}

    def of_stage(stage: str) -> MessageType:
        def read(m: Message) -> Any:
            return event(status=stage, **keys.read(m), **error_keys.read(mapping(m, "error")))

        return MessageType(event, f"{stem}.{stage}", fields, read)

    return [of_stage(stage) for stage in stages]


_ERROR = Fields(error_type=("type", string), message=string)


def _twins(event: type[Any], text: str, name: str) -> list[MessageType]:
    """Text of a reply comes under two wire types with the same content; the event has which,
    so that it is not added twice.
    """
    types = {False: f"response.output_text.{name}", True: f"response.text.{name}"}
    keys = Fields(**OF_PART, **{text: string})

    def fields(e: Any) -> Message:
        return {"type": types[e.is_legacy_name], **keys.write(e)}

    def of_name(is_legacy_name: bool) -> MessageType:
        def read(m: Message) -> Any:
            return event(**keys.read(m), is_legacy_name=is_legacy_name)

        return MessageType(event, types[is_legacy_name], fields, read)

    return [of_name(False), of_name(True)]


def _session_of(message: Message, key: str) -> dict[str, Any]:
    """The settings that a server confirms. What gives a tool access is left out: an event is
    shown, and written to recordings.
    """
    session = mapping(message, key)
    return {
        name: [_without_access(tool) for tool in value]
        if name == "tools" and isinstance(value, list)
        else value
        for name, value in session.items()
    }


def _without_access(tool: object) -> object:
    if not isinstance(tool, dict):
        return tool
    return {name: value for name, value in tool.items() if name not in ("authorization", "headers")}


def _session_created_from(message: Message) -> events.SessionCreated:
    session = _session_of(message, "session")
    return events.SessionCreated(
        session_id=string(session, "id"),
        model=string(session, "model"),
        # Newer sessions confirm the voice with a prefix.
        voice=string(session, "voice").removeprefix("xai_"),
        session=session,
    )


def _session_created_fields(event: events.SessionCreated) -> Message:
    session = {"id": event.session_id, "model": event.model, "voice": event.voice}
    return {"session": {**session, **event.session}}


def _conversation_fields(event: events.ConversationCreated) -> Message:
    return {"conversation": {"id": event.conversation_id, "object": "realtime.conversation"}}


_PARTIAL = "conversation.item.input_audio_transcription.updated"
_FINAL = "conversation.item.input_audio_transcription.completed"


_TRANSCRIPT = Fields(item_id=string, content_index=integer, transcript=string)


def _transcript_from(message: Message, *, is_final: bool) -> events.UserTranscriptReplaced:
    return events.UserTranscriptReplaced(**_TRANSCRIPT.read(message), is_final=is_final)


def _completed_from(message: Message) -> events.UserTranscriptReplaced:
    """``completed`` comes several times an item; only the last one is final, as is one without
    a status (recorded).
    """
    return _transcript_from(message, is_final=string(message, "status") in ("", "completed"))


def _transcript_fields(event: events.UserTranscriptReplaced) -> Message:
    transcript = _TRANSCRIPT.write(event)
    return {"type": _FINAL, **transcript, "status": "completed"} if event.is_final else transcript


def _response_fields(
    event: events.ResponseCreated | events.ResponseDone, status: str
) -> dict[str, Any]:
    return {
        "id": event.response_id,
        "object": "realtime.response",
        "output": [],
        "status": status,
        "status_details": "unimplemented",
        "usage": {},
        **present(metadata=event.metadata),
    }


def _response_created_from(message: Message) -> events.ResponseCreated:
    response = mapping(message, "response")
    return events.ResponseCreated(string(response, "id"), mapping_or_none(response, "metadata"))


def _response_done_fields(event: events.ResponseDone) -> Message:
    output = [message_from_item(item) for item in event.output]
    response = {**_response_fields(event, event.status), "output": output}
    if event.reason:
        response["status_details"] = {"reason": event.reason}
    return {"response": response, "response_id": event.response_id, "usage": event.usage}


def _response_done_from(message: Message) -> events.ResponseDone:
    """Usage is read from the top level; inside the response it is empty (recorded)."""
    response = mapping(message, "response")
    return events.ResponseDone(
        response_id=string(response, "id") or string(message, "response_id"),
        status=string(response, "status") or "completed",
        # The service has a fixed text here, other servers an object.
        reason=string(mapping(response, "status_details"), "reason"),
        output=_output_from(response),
        usage=mapping(message, "usage"),
        metadata=mapping_or_none(response, "metadata"),
    )


def _output_from(response: Message) -> tuple[events.Item, ...]:
    found = response.get("output")
    items = found if isinstance(found, list) else []
    return tuple(item_from(each) for each in items if isinstance(each, dict))


def _response_cancelled_from(message: Message) -> events.ResponseDone:
    return replace(_response_done_from(message), status="cancelled")


def _output_item(
    event: type[events.OutputItemAdded] | type[events.OutputItemDone], wire_type: str
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


def _item_added_from(message: Message) -> events.ItemAdded:
    return events.ItemAdded(
        item_from(mapping(message, "item")), string_or_none(message, "previous_item_id")
    )


def _item_added_fields(event: events.ItemAdded) -> Message:
    item = {**message_from_item(event.item), "object": "realtime.item"}
    if event.item.kind == "message":
        item.setdefault("content", [])
    return {"item": item, **present(previous_item_id=event.previous_item_id)}


_PART = Fields(**OF_PART)


def _part_added_from(message: Message) -> events.ContentPartAdded:
    part = mapping(message, "part")
    text = string(part, "text") or string(part, "transcript")
    return events.ContentPartAdded(part=string(part, "type"), text=text, **_PART.read(message))


def _part_added_fields(event: events.ContentPartAdded) -> Message:
    return {**_PART.write(event), "part": {"type": event.part, "transcript": event.text}}


def _digit(message: Message, key: str) -> str:
    # The schema calls the key "event"; pipecat has it as "digit".
    return string(message, key) or string(message, "digit")


def _alias(message_type: MessageType, wire_type: str) -> MessageType:
    """An older wire type of the same event: read, never sent."""
    return message_type._replace(wire_type=wire_type)


# --------------------------------------------------------------------------- the tables
_UPDATE = MessageType(
    events.UpdateSession,
    "session.update",
    _update_fields,
    lambda m: _settings_from(mapping(m, "session")),
)
_DELETE = flat(events.DeleteItem, "conversation.item.delete", item_id=string)
_CANCEL = flat(events.CancelResponse, "response.cancel", response_id=string_or_none)
_TRUNCATE = flat(
    events.TruncateItem,
    "conversation.item.truncate",
    item_id=string,
    content_index=integer,
    audio_end_ms=integer,
)

_CREATED = MessageType(
    events.SessionCreated, "session.created", _session_created_fields, _session_created_from
)
_CONVERSATION = MessageType(
    events.ConversationCreated,
    "conversation.created",
    _conversation_fields,
    lambda m: events.ConversationCreated(string(mapping(m, "conversation"), "id")),
)
_PING = flat(events.Pinged, "ping", timestamp_ms=("timestamp", integer))
_UPDATED = flat(events.SessionUpdated, "session.updated", session=_session_of)
_COMMITTED = flat(
    events.AudioCommitted,
    "input_audio_buffer.committed",
    item_id=string,
    previous_item_id=string_or_none,
)
_CLEARED = flat(events.AudioCleared, "input_audio_buffer.cleared")
_TIMEOUT = flat(
    events.IdleTimeoutTriggered,
    "input_audio_buffer.timeout_triggered",
    item_id=string,
    previous_item_id=string_or_none,
    audio_start_ms=integer_or_none,
    audio_end_ms=integer_or_none,
)
_DTMF = flat(
    events.DtmfReceived,
    "input_audio_buffer.dtmf_event_received",
    digit=("event", _digit),
    received_at=number_or_none,
)
_ITEM_ADDED = MessageType(
    events.ItemAdded, "conversation.item.added", _item_added_fields, _item_added_from
)
_DELETED = flat(events.ItemDeleted, "conversation.item.deleted", item_id=string)
_TRUNCATED = flat(
    events.ItemTruncated,
    "conversation.item.truncated",
    item_id=string,
    content_index=integer,
    audio_end_ms=integer,
    transcript=string,
)
_USER_TRANSCRIPT = MessageType(
    events.UserTranscriptReplaced,
    _PARTIAL,
    _transcript_fields,
    lambda m: _transcript_from(m, is_final=False),
)
_RESPONSE_CREATED = MessageType(
    events.ResponseCreated,
    "response.created",
    lambda e: {"response": _response_fields(e, "in_progress")},
    _response_created_from,
)
_OUTPUT_ADDED = _output_item(events.OutputItemAdded, "response.output_item.added")
_OUTPUT_DONE = _output_item(events.OutputItemDone, "response.output_item.done")
_PART_ADDED = MessageType(
    events.ContentPartAdded, "response.content_part.added", _part_added_fields, _part_added_from
)
_PART_DONE = flat(events.ContentPartDone, "response.content_part.done", **OF_PART)
_AUDIO_DONE = flat(events.AudioDone, "response.output_audio.done", **OF_PART)
_TRANSCRIPT_DELTA = MessageType(
    events.TranscriptDelta,
    "response.output_audio_transcript.delta",
    lambda e: {"output_index": 0, "content_index": 0, **transcript_delta_fields(e)},
    transcript_delta_from,
)
_TRANSCRIPT_DONE = flat(
    events.TranscriptDone, "response.output_audio_transcript.done", **OF_PART, transcript=string
)
_TOOL_DELTA = flat(
    events.ToolArgumentsDelta,
    "response.function_call_arguments.delta",
    **OF_REPLY,
    call_id=string,
    delta=string,
)
_TOOL_CALLED = flat(
    events.ToolCalled,
    "response.function_call_arguments.done",
    **OF_REPLY,
    call_id=string,
    name=string,
    arguments=string,
)
_STEPS = ("in_progress", "completed", "failed")
_MCP_DELTA = flat(
    events.McpArgumentsDelta, "response.mcp_call_arguments.delta", **OF_REPLY, delta=string
)
_MCP_DONE = flat(
    events.McpArgumentsDone, "response.mcp_call_arguments.done", **OF_REPLY, arguments=string
)
_RESPONSE_DONE = MessageType(
    events.ResponseDone, "response.done", _response_done_fields, _response_done_from
)

_CLIENT_MESSAGES = (
    _UPDATE, APPEND, COMMIT, CLEAR, CREATE_ITEM, _DELETE, CREATE_RESPONSE, _CANCEL, _TRUNCATE
)  # fmt: skip
_SERVER_MESSAGES = (
    _CREATED, _CONVERSATION, _PING, _UPDATED, SPEECH_STARTED, SPEECH_STOPPED, _COMMITTED,
    _CLEARED, _TIMEOUT, _DTMF, _ITEM_ADDED, _DELETED, _TRUNCATED, _USER_TRANSCRIPT,
    MessageType(events.UserTranscriptReplaced, _FINAL, _transcript_fields, _completed_from),
    _RESPONSE_CREATED, _OUTPUT_ADDED, _OUTPUT_DONE, _PART_ADDED, _PART_DONE, _AUDIO_DONE,
    _TRANSCRIPT_DELTA, _TRANSCRIPT_DONE, *_twins(events.TextDelta, "delta", "delta"),
    *_twins(events.TextDone, "text", "done"), _TOOL_DELTA, _TOOL_CALLED,
    *_stages(events.McpToolsListed, "mcp_list_tools", _STEPS, item_id=string),
    *_stages(events.McpCallFollowed, "response.mcp_call", _STEPS, **OF_REPLY),
    _MCP_DELTA, _MCP_DONE,
    *_stages(
        events.OutputBufferFollowed, "output_audio_buffer", ("started", "stopped", "cleared"),
        response_id=string,
    ),
    _RESPONSE_DONE, ERROR,
    _alias(_ITEM_ADDED, "conversation.item.created"),
    _alias(_AUDIO_DONE, "response.audio.done"),
    _alias(_TRANSCRIPT_DELTA, "response.audio_transcript.delta"),
    _alias(_TRANSCRIPT_DONE, "response.audio_transcript.done"),
    MessageType(
        events.ResponseDone, "response.cancelled", _response_done_fields, _response_cancelled_from
    ),
)  # fmt: skip


# Of servers that follow OpenAI: limits of rates, ends of items, and parts of transcripts, which are
# repeated by messages that are read. Source:
# https://platform.openai.com/docs/api-reference/realtime-server-events.
_IGNORED = frozenset(
    {
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "rate_limits.updated",
        "transcription_session.updated",
    }
)

REALTIME = Dialect(
    name="realtime",
    path="/v1/realtime",
    default_model="grok-voice-latest",
    default_voice="eve",
    has_responses=True,
    confirms_settings=True,
    commit_requests_response=False,
    early_close_is_auth_failure=False,
    audio_delta_types=("response.output_audio.delta", "response.audio.delta"),
    ignored_types=_IGNORED,
    client_messages=_CLIENT_MESSAGES,
    server_messages=_SERVER_MESSAGES,
    opening=_opening,
    settings_from=_settings_from,
    voices=VOICES,
    voice_substitutes=NEAREST_VOICE,
)
