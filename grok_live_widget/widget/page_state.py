"""What a page is told of a talk as a whole: names, banner, voice, settings, cost and notes."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from ..audio import SAMPLE_RATE_HZ
from ..client import CALL_TOPIC, ENVIRONMENT_NAME, Endpoint, TalkSession, voices
from ..protocol import Noted, PushToTalk, ServerVad
from ..settings import Settings
from . import messages

_BANNERS = {
    "rehearsal": "Rehearsal: a program answers, not Grok.",
    "replay": "Replay: a recorded talk answers, not Grok.",
}
_BANNER_WITHOUT_KEY = (
    f"Rehearsal: no API key was found ({ENVIRONMENT_NAME}), so a program on this computer "
    "answers, not Grok."
)


def state_of(talk: TalkSession) -> dict[str, Any]:
    """The fields of `messages.State` that the talk alone decides."""
    settings, usage = talk.settings, talk.usage
    is_push_to_talk = isinstance(settings.turn_detection, PushToTalk)
    return {
        "phase": talk.phase,
        "is_reopening": talk.is_reopening,
        "is_rehearsal": talk.endpoint.is_rehearsal,
        "server_name": shown_name(talk.server_name),
        "banner": _banner(talk.server_name, talk.endpoint),
        "dialect": talk.dialect,
        "voice": settings.voice or "",
        "voice_help": _voice_help(settings.voice),
        "partner": _name_of_partner(settings.partner),
        "turn_detection": "push_to_talk" if is_push_to_talk else "server_vad",
        "settings": _page_settings(settings, is_rehearsal=talk.endpoint.is_rehearsal),
        "processing": settings.processing,
        "sample_rate": SAMPLE_RATE_HZ,
        "used_minutes": round(usage.minutes, 1),
        "cost_dollars": _shown_cost(talk.server_name, usage.dollars),
    }


def notes_of(talk: TalkSession) -> list[messages.Note]:
    """The notes that a page which begins to show the talk is told."""
    # Notes on a topic are about a connection that was not open, or a call that may be over.
    is_closed = talk.phase != "open"
    return [
        note_of(note)
        for note in _latest(talk.notes)
        if not note.topic or (is_closed and not note.topic.startswith(CALL_TOPIC))
    ]


def _shown_cost(server_name: str, dollars: float | None) -> float | None:
    """The cost of a talk, to the cent; a rehearsal costs nothing, whatever key it was given."""
    if server_name in _BANNERS:
        return 0.0
    return None if dollars is None else round(dollars, 2)


def _page_settings(settings: Settings, *, is_rehearsal: bool) -> messages.TalkSettings:
    """The settings that a page can change."""
    detection = settings.turn_detection
    vad = detection if isinstance(detection, ServerVad) else None
    return messages.TalkSettings(
        voice=settings.voice or "",
        voices=[name for name, voice in voices().items() if voice.rehearsal or not is_rehearsal],
        instructions=settings.instructions,
        speed=settings.speed,
        threshold=vad.threshold if vad else None,
        silence_duration_ms=vad.silence_duration_ms if vad else None,
    )


def _voice_help(name: str | None) -> str:
    """What a voice sounds like, and which others there are, for the panel."""
    known = voices()
    listed = ", ".join(
        f"{each} ({known[each].character})" for each in known if known[each].character
    )
    others = f"Voices: {listed}, and those that voices() lists in Python."
    voice = known.get(name or "")
    if voice is None:
        return others
    instead = (
        f"In the realtime dialect {voice.instead} replies in its place." if voice.instead else ""
    )
    rehearsal = f"In the rehearsal: {voice.rehearsal}." if voice.rehearsal else ""
    character = f"{name}: {voice.character}." if voice.character else ""
    parts = (character, rehearsal, instead, others)
    return " ".join(filter(None, parts))


def shown_name(server_name: str) -> str:
    """What the panel calls the server and its voice."""
    return server_name.capitalize() if server_name in _BANNERS else server_name


def _banner(server_name: str, endpoint: Endpoint) -> str:
    """What the panel says above a talk with another server than Grok's; empty for others."""
    if endpoint.is_rehearsal and not endpoint.is_chosen:
        return _BANNER_WITHOUT_KEY
    return _BANNERS.get(server_name, "")


def note_of(note: Noted) -> messages.Note:
    """A note as pages are told it."""
    return msgspec.convert(note, messages.Note, from_attributes=True)


def _name_of_partner(partner: object) -> str:
    """The name of a partner as the panel shows it; empty for a function or a list."""
    if isinstance(partner, str | PathLike):
        return Path(partner).name
    title = getattr(partner, "title", "")
    return title if isinstance(title, str) else ""


def _latest(notes: Sequence[Noted]) -> list[Noted]:
    """The notes that no later one of the same topic replaces."""
    newest = {note.topic: note for note in notes if note.topic}
    return [note for note in notes if newest.get(note.topic, note) is note]
