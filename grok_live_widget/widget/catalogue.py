"""The texts of the panel in each language: `texts/*.json`, by sections, each of a bundle.

The section `kernel`, of other languages than English, has the kernel's sentences; see
`translations`.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from typing import Any

from ..settings import one_of

_FOLDER = pathlib.Path(__file__).parent / "texts"

ENGLISH = "en"

LANGUAGES = (ENGLISH, *sorted({path.stem for path in _FOLDER.glob("*.json")} - {ENGLISH}))
"""Codes of the languages that there are, as BCP 47 has them; English is the first."""


def check_language(value: object) -> None:
    """Raise `ConfigurationError` unless it is a value of ``language=``."""
    one_of("language", value, (None, *LANGUAGES))


def texts_of(section: str, language: str | None) -> dict[str, dict[str, Any]]:
    """The texts of a section by their languages.

    Parameters
    ----------
    section : str
        A bundle of the front end, or ``"panel"``; one without texts has an empty section.
    language : str or None
        The only language; None: all of them, of which the page chooses.
    """
    chosen = LANGUAGES if language is None else (language,)
    return {each: _catalogue(each).get(section, {}) for each in chosen}


_REASONS = (
    "insecure",
    "policy",
    "denied",
    "no_device",
    "busy",
    "lost",
    "taken",
    "waiting",
    "other",
)


# What the panel says of a microphone that is on and gives no sound, or is muted.
_SILENCES = {
    "paused": "sound_paused",
    "half_duplex": "listening_again",
    "silent": "silent_microphone",
    "system_muted": "system_muted",
}


def microphone_text(reason: str, *, speaker: str = "", device: str = "") -> str:
    """What an English panel says of a microphone; empty without a reason.

    Parameters
    ----------
    reason : str
        See `MicrophoneStatus`.
    speaker : str
        The name of the server's voice.
    device : str
        The name of the microphone; empty where it is not known.
    """
    if reason in _REASONS:
        return _english(f"microphone_{reason}", secure_page=_english("secure_page"))
    if reason not in _SILENCES:
        return ""
    kind = "microphone_named" if device else "microphone_unnamed"
    return _english(_SILENCES[reason], name=speaker, microphone=_english(kind, device=device))


def loudspeaker_text(state: str, reason: str, *, speaker: str, is_secure: bool) -> str:
    """What an English panel says of a loudspeaker; empty where it works.

    Parameters
    ----------
    state, reason : str
        See `LoudspeakerState`.
    speaker : str
        The name of the server's voice.
    is_secure : bool
        Whether the page is one in which a browser plays sound.
    """
    if state == "waiting":
        return _english("sound_paused" if reason == "paused" else "sound_waiting", name=speaker)
    if state != "failed":
        return ""
    failed = _english("playback_failed", name=speaker, reason=reason)
    return failed if is_secure else f"{failed} {_english('secure_page')}"


def _english(key: str, **values: str) -> str:
    text = str(_catalogue(ENGLISH)["panel"][key])
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], ""), text)


def kernel_texts(language: str) -> dict[str, str]:
    """The kernel's English sentences, each with the one of another language."""
    return _catalogue(language)["kernel"]


def device_texts(language: str) -> dict[str, str]:
    """What English panels, and so Python, say of a microphone and a loudspeaker, each with what it
    is in another language.
    """
    keys = [f"microphone_{reason}" for reason in _REASONS]
    keys += [*_SILENCES.values(), "microphone_named", "microphone_unnamed"]
    keys += ["sound_waiting", "playback_failed", "secure_page"]
    english, other = (_catalogue(each)["panel"] for each in (ENGLISH, language))
    return {english[key]: other[key] for key in keys}


@functools.cache
def _catalogue(language: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return found
