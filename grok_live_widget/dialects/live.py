"""The seed's dialect: ``wss://api.x.ai/v1/live``.

It knows four client words and five server words. Three more are said by analogy
(`CreateItem`, `CreateResponse`, `ClearAudio`) though the seed does not describe them.
Source: the "Live Voice API" page, in beta when it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import (
    Authenticate,
    ErrorReported,
    PushToTalk,
    ServerVad,
    TranscriptDelta,
    TurnDetection,
    UpdateSession,
)
from ..exceptions import UnsupportedByServer
from .dialect import Dialect, Opening
from .reading import mapping, present, string, string_or_none
from .words import (
    APPEND,
    CLEAR,
    COMMIT,
    CREATE_ITEM,
    CREATE_RESPONSE,
    ERROR,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    Word,
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


def _update_fields(event: UpdateSession) -> dict[str, Any]:
    if event.tools:
        # Never dropped silently: the talk would go on without them.
        raise UnsupportedByServer("tools", "live")
    session = present(model=event.model, voice=event.voice, instructions=event.instructions)
    if event.turn_detection is not None:
        session["turn_detection"] = _detection_fields(event.turn_detection)
    return {"session": session}


def _update_from(message: Mapping[str, Any]) -> UpdateSession:
    session = mapping(message, "session")
    return UpdateSession(
        model=string_or_none(session, "model"),
        voice=string_or_none(session, "voice"),
        instructions=string_or_none(session, "instructions"),
        turn_detection=turn_detection_from(session),
    )


def _opening(url: str, api_key: str, wanted: UpdateSession) -> Opening:
    """The key goes into the first message, so the handshake shows none."""
    return Opening(url=url, headers={}, first=(Authenticate(api_key), wanted), ready=None)


def is_about_the_key(error: ErrorReported) -> bool:
    """Whether an error says that the key is the trouble; the seed names no codes."""
    said = f"{error.message} {error.code} {error.error_type}".lower()
    return any(word in said for word in ("api key", "api_key", "apikey", "auth", "credential"))


LIVE = Dialect(
    name="live",
    path="/v1/live",
    default_model="grok-3-live",
    default_voice="alloy",
    has_responses=False,
    audio_delta_types=("response.audio.delta", "response.output_audio.delta"),
    client_words=(
        Word(
            Authenticate,
            "auth",
            lambda e: {"api_key": e.api_key},
            lambda m: Authenticate(string(m, "api_key")),
        ),
        Word(UpdateSession, "session.update", _update_fields, _update_from),
        APPEND,
        COMMIT,
        CLEAR,
        CREATE_ITEM,
        CREATE_RESPONSE,
    ),
    server_words=(
        Word(
            TranscriptDelta,
            "response.audio_transcript.delta",
            transcript_delta_fields,
            transcript_delta_from,
        ),
        SPEECH_STARTED,
        SPEECH_STOPPED,
        ERROR,
    ),
    opening=_opening,
)
