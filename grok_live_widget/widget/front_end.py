"""The built front end: its folder, and what is said where it is missing."""

from __future__ import annotations

import pathlib
from functools import lru_cache

from ..exceptions import ConfigurationError

FURTHER = frozenset(
    {
        *("axis", "transcript", "direct"),
        *("settings", "inspector", "spectrogram", "doctor", "shortcuts"),
    }
)
"""Bundles that a page is sent when it first needs them: a turn is shown, a drawer is opened."""

BUNDLES = ("widget", "explorer", *sorted(FURTHER))
"""All bundles: of each there are a module and a style sheet."""

STATIC = pathlib.Path(__file__).parent / "static"


def check_built(name: str) -> None:
    """Raise `ConfigurationError` unless `name` is among the built files."""
    if not (STATIC / name).exists():
        raise ConfigurationError(
            "the panel's front end is missing, since this copy was not built.",
            cure="In a checkout run `make build`; otherwise reinstall grok-live-widget.",
        )


@lru_cache
def further_bundle(name: str) -> tuple[bytes, str]:
    """The module and the style sheet of a further bundle; both empty where there is none."""
    if name not in FURTHER or not (STATIC / f"{name}.js").exists():
        return b"", ""
    return (STATIC / f"{name}.js").read_bytes(), (STATIC / f"{name}.css").read_text("utf-8")
