"""What a server made of the settings it was asked for, by its own echo of them.

Servers take over what they know and stay silent about the rest, so the echo is the only proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

import orjson

from .dialects import Dialect
from .events import UpdateSession

__all__ = ["is_replaced_model", "rejected_settings"]

# Functions are sent flat and echoed nested (recorded), and an alias may be resolved.
_NOT_COMPARED = ("tools", "model")
# Of this an empty object says "none" (recorded); of others it says nothing.
_NONE_IF_EMPTY = ("turn_detection",)
# Its names are the person's own, so that one which is missing was not taken.
_AS_A_WHOLE = ("replace",)


def rejected_settings(
    dialect: Dialect, wanted: UpdateSession, echo: Mapping[str, Any]
) -> list[str]:
    """What the echo says otherwise than was asked, each as ``"speed is 1.0, not 1.2"``.

    What the echo does not mention is left out: the service never tells the voice (recorded).
    """
    said: dict[str, Any] = orjson.loads(dialect.encode(wanted))["session"]
    asked = {name: value for name, value in said.items() if name not in _NOT_COMPARED}
    return [
        f"{name} is {is_now!r}, not {value!r}" for name, value, is_now in _differing(asked, echo)
    ]


def _differing(
    asked: Mapping[str, Any], echo: Mapping[str, Any], within: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for name, value in asked.items():
        if name not in echo:
            continue
        path, is_now = f"{within}{name}", echo[name]
        is_whole = path in _AS_A_WHOLE or (path in _NONE_IF_EMPTY and not is_now)
        if isinstance(value, dict) and isinstance(is_now, dict) and not is_whole:
            yield from _differing(value, is_now, f"{path}.")
        elif not _is_same(value, is_now):
            yield path, value, is_now


def _is_same(asked: Any, echoed: Any) -> bool:
    match asked, echoed:
        case bool(), _:
            return asked is echoed
        case ((int() | float()), (int() | float())):
            # The server may keep it in 32 bits.
            return isclose(asked, echoed, rel_tol=1e-6)
        case str(), str():
            # A voice is echoed with a prefix in newer sessions.
            return asked.lower() in (echoed.lower(), echoed.lower().removeprefix("xai_"))
    return asked == echoed or (_is_nothing(asked) and _is_nothing(echoed))


def _is_nothing(value: Any) -> bool:
    """An empty object stands for "none" (recorded), as does one that says so of all in it."""
    if isinstance(value, dict):
        return all(_is_nothing(each) for each in value.values())
    return value is None or value in ("", [])


def is_replaced_model(asked: str | None, found: str) -> bool:
    """Whether the server answers with another model than it was asked for, which it does
    silently where it does not know the name (measured by OxyHQ/Kaana). An alias such as
    ``"…-latest"`` is meant to be resolved.
    """
    if not asked or not found or asked.endswith("-latest"):
        return False
    return asked.lower() != found.lower()
