"""The seed's dialect: ``wss://api.x.ai/v1/live``.

It knows four client words and five server words. Three more are said by analogy
(`CreateItem`, `CreateResponse`, `ClearAudio`) though the seed does not describe them.
Source: the "Live Voice API" page, in beta when it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exceptions import UnsupportedByServer
from ..events import (
    AppendAudio,
    AudioCleared,
    AudioCommitted,
    AudioDelta,
    AudioDone,
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
    ItemAdded,
    ItemDeleted,
    ItemTruncated,
    McpArgumentsDelta,
    McpArgumentsDone,
    McpCallFollowed,
    McpToolsListed,
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
    TranscriptDelta,
    TranscriptDone,
    TruncateItem,
    TurnDetection,
    Unrecognized,
    UpdateSession,
    UserTranscriptReplaced,
)
from .base import Dialect, Opening
from .lenient_json import mapping, present, string, string_or_none
from .shared import (
    APPEND,
    CLEAR,
    COMMIT,
    CREATE_ITEM,
    CREATE_RESPONSE,
    ERROR,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    MessageType,
    create_response_fields,
    transcript_delta_fields,
    transcript_delta_from,
    turn_detection_from,
)

__all__ = ["LIVE", "is_about_the_key"]


def _detection_fields(detection: TurnDetection) -> dict[str, Any] | None:
    match detection:
        case PushToTalk():
            return None
        case ServerVad():
            return {
                "type": "server_vad",
                # JSON knows no numbers of numpy's.
                "threshold": float(detection.threshold),
                "silence_duration_ms": int(detection.silence_duration_ms),
            }


_LACKS = frozenset(
    {"tools", "input_format", "output_format", "transcription", "speed", "replace", "reasoning"}
    | {"resumption", "metadata", "conversation_id"}
)
# The padding has no word either, but it is of use on this side.
_LACKS_OF_DETECTION = ("idle_timeout_ms", "create_response", "interrupt_response")


def _update_fields(event: UpdateSession) -> dict[str, Any]:
    _refuse_what_it_lacks(event)
    session = present(model=event.model, voice=event.voice)
    if event.instructions is not None:
        session["instructions"] = event.instructions
    if event.turn_detection is not None:
        session["turn_detection"] = _detection_fields(event.turn_detection)
    return {"session": session}


def _refuse_what_it_lacks(event: UpdateSession) -> None:
    """Nothing is dropped silently: the talk would go on without it."""
    usual, detection = ServerVad(), event.turn_detection
    lacking = [name for name in sorted(_LACKS) if getattr(event, name, None)]
    if isinstance(detection, ServerVad):
        lacking += [
            f"turn_detection.{name}"
            for name in _LACKS_OF_DETECTION
            if getattr(detection, name) != getattr(usual, name)
        ]
    if lacking:
        raise UnsupportedByServer(", ".join(lacking), "live")


def _request_fields(event: CreateResponse) -> Mapping[str, Any]:
    if event.metadata:
        raise UnsupportedByServer("metadata", "live")
    return create_response_fields(event)


def _settings_from(session: Mapping[str, Any]) -> UpdateSession:
    return UpdateSession(
        model=string_or_none(session, "model"),
        voice=string_or_none(session, "voice"),
        instructions=string_or_none(session, "instructions"),
        turn_detection=turn_detection_from(session),
    )


def _opening(url: str, api_key: str, wanted: UpdateSession, conversation_id: str) -> Opening:
    """The key goes into the first message, so the handshake shows none; nothing is resumed."""
    return Opening(url=url, headers={}, first=(Authenticate(api_key), wanted), ready=None)


def is_about_the_key(error: ErrorReported) -> bool:
    """Whether an error says that the key is the trouble; the seed names no codes."""
    said = f"{error.message} {error.code} {error.error_type}".lower()
    return any(word in said for word in ("api key", "api_key", "apikey", "auth", "credential"))


_AUTHENTICATE = MessageType(
    Authenticate,
    "auth",
    lambda e: {"api_key": e.api_key},
    lambda m: Authenticate(string(m, "api_key")),
)
_UPDATE = MessageType(
    UpdateSession,
    "session.update",
    _update_fields,
    lambda m: _settings_from(mapping(m, "session")),
)
_CREATE_RESPONSE = CREATE_RESPONSE._replace(fields=_request_fields)
_TRANSCRIPT_DELTA = MessageType(
    TranscriptDelta,
    "response.audio_transcript.delta",
    transcript_delta_fields,
    transcript_delta_from,
)


def _word_for(event: ClientEvent | ServerEvent) -> MessageType | None:
    """Every event is named here, so that none is forgotten: mypy sees to it."""
    match event:
        case Authenticate():
            return _AUTHENTICATE
        case UpdateSession():
            return _UPDATE
        case AppendAudio():
            return APPEND
        case CommitAudio():
            return COMMIT
        case ClearAudio():
            return CLEAR
        case CreateItem():
            return None if event.item.kind != "message" else CREATE_ITEM
        case CreateResponse():
            return _CREATE_RESPONSE
        case TranscriptDelta():
            return _TRANSCRIPT_DELTA
        case SpeechStarted():
            return SPEECH_STARTED
        case SpeechStopped():
            return SPEECH_STOPPED
        case ErrorReported():
            return ERROR
        case DeleteItem() | CancelResponse() | TruncateItem():
            return None
        case SessionCreated() | SessionUpdated() | ConversationCreated() | Pinged():
            return None
        case AudioCommitted() | AudioCleared() | IdleTimeoutTriggered() | DtmfReceived():
            return None
        case ItemAdded() | ItemDeleted() | ItemTruncated() | UserTranscriptReplaced():
            return None
        case ResponseCreated() | ResponseDone() | OutputItemAdded() | OutputItemDone():
            return None
        case ContentPartAdded() | ContentPartDone() | TextDelta() | TextDone():
            return None
        case AudioDone() | TranscriptDone() | ToolArgumentsDelta() | ToolCalled():
            return None
        case McpToolsListed() | McpArgumentsDelta() | McpArgumentsDone() | McpCallFollowed():
            return None
        case OutputBufferFollowed() | AudioDelta() | Unrecognized():
            return None  # The last two are spelled by `Dialect` itself.


LIVE = Dialect(
    name="live",
    path="/v1/live",
    default_model="grok-3-live",
    default_voice="alloy",
    has_responses=False,
    commit_requests_response=True,
    early_close_is_auth_failure=True,
    is_auth_error=is_about_the_key,
    audio_delta_types=("response.audio.delta", "response.output_audio.delta"),
    client_words=(_AUTHENTICATE, _UPDATE, APPEND, COMMIT, CLEAR, CREATE_ITEM, _CREATE_RESPONSE),
    server_words=(_TRANSCRIPT_DELTA, SPEECH_STARTED, SPEECH_STOPPED, ERROR),
    word_for=_word_for,
    opening=_opening,
    settings_from=_settings_from,
    unsupported=_LACKS | {f"turn_detection.{name}" for name in _LACKS_OF_DETECTION},
)
