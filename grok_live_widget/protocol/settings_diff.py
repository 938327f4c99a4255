"""Which of the requested settings a server did not accept, by the settings it confirms.

Servers accept the settings they know and do not mention the others, so the confirmed settings
are the only evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

from msgspec.json import decode

from .dialects import Dialect
from .events import UpdateSession

# Functions are sent flat and confirmed nested (recorded), and an alias may be resolved.
_NOT_COMPARED = ("tools", "model")
# For these an empty object means "none" (recorded); for others it means nothing.
_NONE_IF_EMPTY = ("turn_detection",)
# Its keys are chosen by the user, so that a missing one was rejected.
_COMPARED_AS_A_WHOLE = ("replace",)


def rejected_settings(
    dialect: Dialect, wanted: UpdateSession, confirmed: Mapping[str, Any]
) -> list[str]:
    """The confirmed settings that differ from `wanted`, each as ``"speed is 1.0, not 1.2"``.

    Settings that are not confirmed are left out: the service never confirms the voice
    (recorded).
    """
    sent: dict[str, Any] = decode(dialect.encode(wanted))["session"]
    compared = {name: value for name, value in sent.items() if name not in _NOT_COMPARED}
    return [
        f"{name} is {is_now!r}, not {value!r}"
        for name, value, is_now in _differences(compared, confirmed)
    ]


def _differences(
    wanted: Mapping[str, Any], confirmed: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for name, value in wanted.items():
        if name not in confirmed:
            continue
        path, is_now = f"{prefix}{name}", confirmed[name]
        is_whole = path in _COMPARED_AS_A_WHOLE or (path in _NONE_IF_EMPTY and not is_now)
        if isinstance(value, dict) and isinstance(is_now, dict) and not is_whole:
            yield from _differences(value, is_now, f"{path}.")
        elif not _is_same(value, is_now):
            yield path, value, is_now


def _is_same(wanted: Any, confirmed: Any) -> bool:
    match wanted, confirmed:
        case bool(), _:
            return wanted is confirmed
        case ((int() | float()), (int() | float())):
            return _is_close(wanted, confirmed)
        case str(), str():
            # Newer sessions confirm the voice with a prefix.
            return wanted.lower() in (confirmed.lower(), confirmed.lower().removeprefix("xai_"))
    return wanted == confirmed or (_is_empty(wanted) and _is_empty(confirmed))


def _is_close(wanted: float, confirmed: float) -> bool:
    """Equal to the precision of 32 bits, in which the server may keep it."""
    try:
        return isclose(wanted, confirmed, rel_tol=1e-6)
    except OverflowError:  # An integer beyond the range of float.
        return False


def _is_empty(value: Any) -> bool:
    """Whether a value means "none", as an empty object does (recorded), at any depth."""
    if isinstance(value, dict):
        return all(_is_empty(each) for each in value.values())
    return value is None or value in ("", [])


def is_replaced_model(wanted: str | None, found: str) -> bool:
    """Whether the server answers with another model than the one requested.

    It does so silently when it does not know the name (measured by OxyHQ/Kaana). An alias such
    as ``"…-latest"`` is meant to be resolved.
    """
    if not wanted or not found or wanted.endswith("-latest"):
        return False
    return wanted.lower() != found.lower()
