"""The outline of a design: its labels, and enough to tell it from another one, as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np

from ..recording import plain
from ..settings import settings_from
from .design import Design, Prompt
from .stimuli import Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What an experiment asks, without the sounds.

    Parameters
    ----------
    prompts : dict of str to dict
        By label: the text, or the digest, rate and duration of a sound.
    voices : list of (str or None)
    settings : dict of str to dict
        What differs between the settings, by label. Functions are named only, and what may be a
        secret is left out.
    common : dict
        The settings of all talks.
    repeats : int
    pace : str
    """

    prompts: dict[str, Any]
    voices: list[str | None]
    settings: dict[str, Any]
    common: dict[str, Any]
    repeats: int
    pace: str

    @classmethod
    def of(cls, design: Design) -> Self:
        """The outline of a design."""
        return cls(
            prompts={label: _prompt(each) for label, each in design.prompts.items()},
            voices=list(design.voices),
            settings={label: _shown(each) for label, each in design.settings.items()},
            common=_shown(design.common),
            repeats=design.repeats,
            pace=design.pace,
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; KeyError where something is missing."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def changes(self, other: Outline) -> list[str]:
        """The names of the parts in which another outline differs."""
        # The order of prompts, voices and settings is part of the design.
        mine, theirs = self.to_json(), other.to_json()
        return [name for name in mine if _ordered(mine[name]) != _ordered(theirs[name])]

    def __len__(self) -> int:
        return len(self.prompts) * len(self.voices) * len(self.settings) * self.repeats

    def __str__(self) -> str:
        sizes = {
            "prompt": len(self.prompts),
            "voice": len(self.voices),
            "setting": len(self.settings),
            "repeat": self.repeats,
        }
        return " × ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in sizes.items())


def _ordered(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value


def _prompt(prompt: Prompt) -> dict[str, Any]:
    if isinstance(prompt, str):
        return {"text": prompt}
    if isinstance(prompt, Sound):
        return _sound(prompt)
    return {
        "question": _prompt(prompt.question),
        "by": _sound(prompt.by),
        "at_ms": float(prompt.at_ms),
    }


def _sound(sound: Sound) -> dict[str, Any]:
    digest = hashlib.sha256(np.ascontiguousarray(sound.samples).tobytes()).hexdigest()
    return {
        "sha256": digest,
        "dtype": sound.samples.dtype.name,
        "sample_rate": sound.sample_rate,
        "duration_s": sound.duration_s,
    }


def _shown(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in one form, however they were given."""
    settings = settings_from(given)
    values = {name: getattr(settings, name) for name in given if name != "ssl"}
    if values.get("url") is not None:
        # A query or the user name may contain a key.
        parts = urlsplit(values["url"])
        bare = parts._replace(query="", fragment="", netloc=parts.netloc.rpartition("@")[2])
        values["url"] = bare.geturl()
    return {name: plain(value) for name, value in values.items()}
