"""The seed's dialect: ``wss://api.x.ai/v1/live``.

It has four client messages and five server messages. Three more client messages are sent by
analogy (`CreateItem`, `CreateResponse`, `ClearAudio`) though the seed does not describe them.
Source: the "Live Voice API" page, in beta when it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exceptions import UnsupportedByServer
from ..events import (
    Authenticate,
    ClearAudio,
    CreateItem,
    CreateResponse,
    ServerVad,
    TranscriptDelta,
    TurnDetection,
    UpdateSession,
)
from .base import Dialect, Opening
from .lenient_json import integer_or_none, mapping, number_or_none, string
from .shared import (
    APPEND,
    CLEAR,
    COMMIT,
    CREATE_ITEM,
    CREATE_RESPONSE,
    ERROR,
    SETTINGS,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    Fields,
    MessageType,
    create_response_fields,
    flat,
    transcript_delta_fields,
    transcript_delta_from,
    turn_detection_from,
)

_VAD = Fields(threshold=number_or_none, silence_duration_ms=integer_or_none)


def _detection_fields(detection: TurnDetection) -> dict[str, Any] | None:
    is_vad = isinstance(detection, ServerVad)
    return {"type": "server_vad", **_VAD.write(detection)} if is_vad else None


_UNSUPPORTED = frozenset(
    {"tools", "input_format", "output_format", "transcription", "speed", "replace", "reasoning"}
    | {"resumption", "metadata", "conversation_id"}
)
# Neither is the prefix padding sent, but this client uses it to estimate where turns begin.
_UNSUPPORTED_DETECTION = ("idle_timeout_ms", "create_response", "interrupt_response")


def _update_fields(event: UpdateSession) -> dict[str, Any]:
    _check_supported(event)
    session = SETTINGS.write(event)
    if event.turn_detection is not None:
        session["turn_detection"] = _detection_fields(event.turn_detection)
    return {"session": session}


def _check_supported(event: UpdateSession) -> None:
    """Raise for a setting that would otherwise be dropped silently."""
    default, detection = ServerVad(), event.turn_detection
    unsupported = [name for name in sorted(_UNSUPPORTED) if getattr(event, name, None)]
    if isinstance(detection, ServerVad):
        unsupported += [
            f"turn_detection.{name}"
            for name in _UNSUPPORTED_DETECTION
            if getattr(detection, name) != getattr(default, name)
        ]
    if unsupported:
        raise UnsupportedByServer(", ".join(unsupported), "live")


def _create_response_fields(event: CreateResponse) -> Mapping[str, Any]:
    if event.metadata:
        raise UnsupportedByServer("metadata", "live")
    return create_response_fields(event)


def _settings_from(session: Mapping[str, Any]) -> UpdateSession:
    detection = turn_detection_from(session)
    return UpdateSession(**SETTINGS.read(session), turn_detection=detection)


def _opening(url: str, api_key: str, wanted: UpdateSession, conversation_id: str) -> Opening:
    """The key is in the first message, not in the handshake; nothing is resumed."""
    return Opening(url=url, headers={}, first=(Authenticate(api_key), wanted), ready=None)


_AUTHENTICATE = flat(Authenticate, "auth", api_key=string)
_UPDATE = MessageType(
    UpdateSession,
    "session.update",
    _update_fields,
    lambda m: _settings_from(mapping(m, "session")),
)
_CREATE_RESPONSE = CREATE_RESPONSE._replace(fields=_create_response_fields)
_TRANSCRIPT_DELTA = MessageType(
    TranscriptDelta,
    "response.audio_transcript.delta",
    transcript_delta_fields,
    transcript_delta_from,
)


VOICES = {
    "alloy": "neutral, balanced",
    "echo": "warm, conversational",
    "fable": "expressive, dynamic",
    "onyx": "deep, authoritative",
    "nova": "bright, energetic",
    "shimmer": "clear, professional",
}
"""The voices and their character, as the documentation of the beta API describes them."""

LIVE = Dialect(
    voices=VOICES,
    name="live",
    path="/v1/live",
    default_model="grok-3-live",
    default_voice="alloy",
    has_responses=False,
    confirms_settings=False,
    commit_requests_response=True,
    early_close_is_auth_failure=True,
    audio_delta_types=("response.audio.delta", "response.output_audio.delta"),
    client_messages=(_AUTHENTICATE, _UPDATE, APPEND, COMMIT, CLEAR, CREATE_ITEM, _CREATE_RESPONSE),
    server_messages=(_TRANSCRIPT_DELTA, SPEECH_STARTED, SPEECH_STOPPED, ERROR),
    opening=_opening,
    settings_from=_settings_from,
    unsupported=_UNSUPPORTED | {f"turn_detection.{name}" for name in _UNSUPPORTED_DETECTION},
    item_kinds=frozenset({"message"}),
    undocumented=frozenset({CreateItem, CreateResponse, ClearAudio}),
)
