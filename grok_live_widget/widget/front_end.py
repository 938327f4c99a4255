"""The built front end: its folder, and what is said where it is missing."""

from __future__ import annotations

import pathlib

from ..exceptions import ConfigurationError

STATIC = pathlib.Path(__file__).parent / "static"


def check_built(name: str) -> None:
    """Raise `ConfigurationError` unless `name` is among the built files."""
    if not (STATIC / name).exists():
        raise ConfigurationError(
            "the panel's front end is missing, since this copy was not built.",
            cure="In a checkout run `make build`; otherwise reinstall grok-live-widget.",
        )
