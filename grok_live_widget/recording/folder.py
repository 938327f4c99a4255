"""The folder of a recording: its files, its settings, and whether it may be written to.

A recording is a folder with four files, of which `talk.json` has the format and its version.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import asdict

from .. import __version__
from ..exceptions import ConfigurationError
from ..protocol import AudioFormat, PushToTalk, ServerVad, Transcription
from ..settings import UNSET, Budget, Prices, Settings
from .event_json import is_complete, plain

FORMAT, VERSION = "grok-live-talk", 1
TALK_FILE, EVENTS_FILE = "talk.json", "events.jsonl"
USER_WAV, ASSISTANT_WAV = "user.wav", "assistant.wav"
FILES = (TALK_FILE, EVENTS_FILE, USER_WAV, ASSISTANT_WAV)
# Not in each recording, and not needed to read it.
FRAMES_FILE = "frames.jsonl"

_VALUE_TYPES = {
    kind.__name__: kind
    for kind in (AudioFormat, Budget, Prices, PushToTalk, ServerVad, Transcription)
}
"""Classes of values in settings, by the name that is written as their ``type``."""


def sample_rates(settings: Settings) -> dict[str, int]:
    """Name and sample rate [Hz] of each WAV file."""
    return {
        USER_WAV: settings.input_format.sample_rate,
        ASSISTANT_WAV: settings.output_format.sample_rate,
    }


# --------------------------------------------------------------------------- checks
def is_recording(folder: Path) -> bool:
    """Whether a folder holds a recording of any version."""
    return bool(_talk_file(folder))


def _talk_file(folder: Path) -> dict[str, Any]:
    """The content of `talk.json`; empty where there is no recording."""
    try:
        found = json.loads((folder / TALK_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def check_new_folder(path: str | PathLike[str] | None) -> None:
    """Check a folder to record into; it must be empty or not exist.

    Raises
    ------
    ConfigurationError
    """
    if path is not None and _holds_recording("record", Path(path)):
        raise ConfigurationError(
            f"record={str(Path(path))!r} holds a recording already.",
            cure="Name a new folder, so that nothing is lost; or delete that one.",
        )


def folder_from(path: object) -> Path:
    """The path of a folder from an argument.

    Raises
    ------
    ConfigurationError
    """
    if not isinstance(path, str | PathLike) or not str(path):
        raise ConfigurationError(f"path must be the path of a folder, not {path!r}.")
    return Path(path)


def check_save_folder(folder: Path) -> None:
    """Check a folder to save into; a recording in it will be replaced.

    Raises
    ------
    ConfigurationError
    """
    _holds_recording("path", folder)


def _holds_recording(name: str, folder: Path) -> bool:
    """Whether there is a recording in a folder, which must otherwise be empty or creatable."""
    shown = f"{name}={str(folder)!r}"
    try:
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(f"{shown} is a file, not a folder.", cure="Name a new folder.")
        nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        is_writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
        if not is_writable or _is_of_kernel(nearest):
            raise ConfigurationError(
                f"{shown} cannot be created: {str(nearest)!r} is not writable.",
                cure="Name a folder that can be created.",
            )
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise unusable(folder, error) from None
    is_found = is_recording(folder)
    if not (is_found or is_empty):
        raise ConfigurationError(
            f"{shown} is not empty and not a recording.", cure="Name a new folder."
        )
    return is_found


def _is_of_kernel(folder: Path) -> bool:
    """Whether a folder is in a file system that shows the kernel, in which root may write by its
    mode and no folder can be made. Source: proc(5), sysfs(5).
    """
    real = folder.resolve()
    return any(real.is_relative_to(each) and os.path.ismount(each) for each in ("/proc", "/sys"))


def missing_files(folder: Path) -> list[str]:
    """The names of the files of a recording that are not in its folder."""
    return [name for name in FILES if not (folder / name).exists()]


def unusable(folder: Path, error: OSError) -> ConfigurationError:
    """The error for a folder that the system does not let us write to."""
    return ConfigurationError(
        f"{str(folder)!r} cannot be written to ({error.strerror or error}).",
        cure="Name a folder that can be created.",
    )


# --------------------------------------------------------------------------- talk.json
def talk_text(
    settings: Settings,
    redact: Callable[[str], str],
    *,
    dropped_sample_counts: Mapping[str, int] | None = None,
) -> str:
    """The text of `talk.json`, with the samples of each file that are silence because they had
    been dropped from memory.
    """
    talk: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": f"grok_live_widget {__version__}",
        "settings": _settings_fields(settings, redact),
    }
    if dropped_sample_counts:
        talk["dropped_sample_counts"] = dict(dropped_sample_counts)
    return json.dumps(talk, indent=2, ensure_ascii=False) + "\n"


def _settings_fields(settings: Settings, redact: Callable[[str], str]) -> dict[str, Any]:
    given = asdict(settings)
    del given["record"], given["ssl"]
    if settings.url is not None:
        # A query or the user name may contain a key.
        parts = urlsplit(settings.url)
        bare = parts._replace(query="", fragment="", netloc=parts.netloc.rpartition("@")[2])
        given["url"] = bare.geturl()
    return {name: plain(value, redact) for name, value in given.items() if value is not UNSET}


def read_talk_file(folder: Path) -> tuple[Settings, list[str]]:
    """The settings, and a sentence for each that could not be read.

    Raises
    ------
    ConfigurationError
        When there is no recording, or one of a newer version.
    """
    found = _talk_file(folder)
    if not found and (folder / TALK_FILE).exists():
        raise ConfigurationError(
            f"{TALK_FILE} in {str(folder)!r} is damaged, or of another program.",
            cure=f"Copy {TALK_FILE} of a recording with the same settings into the folder; the "
            "other files hold the sound and the events.",
        )
    if not found:
        raise ConfigurationError(
            f"there is no recording at {str(folder)!r}.",
            cure=f"Name a folder with {TALK_FILE} in it, as talk.save(path) or record=path create.",
        )
    version = found.get("version")
    if version != VERSION:
        raise ConfigurationError(
            f"the recording at {str(folder)!r} is of version {version!r}; "
            f"this package reads version {VERSION}.",
            cure="A newer grok_live_widget may read it.",
        )
    written = found.get("settings")
    settings, notes = _settings_from(written if isinstance(written, dict) else {})
    return settings, notes + _notes_on_silence(found.get("dropped_sample_counts"), settings)


def _notes_on_silence(counts: object, settings: Settings) -> list[str]:
    rates = sample_rates(settings)
    return [
        f"{count / rates[name]:.2f} s at the start of {name} had been dropped from memory "
        "(max_audio_minutes) when the talk was saved; silence is in their place."
        for name, count in (counts.items() if isinstance(counts, dict) else ())
        if name in rates and isinstance(count, int)
    ]


def _settings_from(written: dict[str, Any]) -> tuple[Settings, list[str]]:
    known: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in written.items():
        try:
            if not is_complete(value):
                raise ValueError
            read = {name: _value_from(value)}
            Settings(**read)
        except (TypeError, ValueError, ConfigurationError, msgspec.ValidationError):
            notes.append(f"The setting {name!r} could not be taken from the recording.")
        else:
            known |= read
    return Settings(**known), notes


def _value_from(value: Any) -> Any:
    kind = _VALUE_TYPES.get(str(value.get("type"))) if isinstance(value, dict) else None
    return value if kind is None else msgspec.convert(value, kind)
