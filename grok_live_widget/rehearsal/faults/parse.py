"""Faults from their names, as given on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._structs import did_you_mean
from ...exceptions import ConfigurationError
from . import catalogue
from .base import Fault, Faults

FAULTS: dict[str, type[Fault]] = {
    kind.name: kind
    for kind in vars(catalogue).values()
    if isinstance(kind, type) and issubclass(kind, Fault) and kind.name
}
"""All faults of the catalogue, by the names that `fault_from` accepts."""


def fault_from(wanted: Fault | str) -> Fault:
    """A fault itself, or one by its name: ``"drop"``, ``"close:1012"``, ``"refuse:429"``.

    Raises
    ------
    ConfigurationError
        For an unknown name, or an invalid value.
    """
    if isinstance(wanted, Fault):
        return wanted
    name, _, value = str(wanted).partition(":")
    if name not in FAULTS:
        known = f"{did_you_mean(name, tuple(FAULTS))}Known: {', '.join(FAULTS)}."
        raise ConfigurationError(f"there is no fault {name!r}.", cure=known)
    kind = FAULTS[name]
    return kind(**{kind.argument: _value(kind, value)}) if value else kind()


def faults_from(wanted: Sequence[Fault | str]) -> Faults:
    """The faults of a server, from faults and their names.

    Raises
    ------
    ConfigurationError
        For a single name instead of a sequence, and as `fault_from`.
    """
    if isinstance(wanted, str):
        raise ConfigurationError(
            f"faults must be a sequence, not {wanted!r}.", cure=f"Pass [{wanted!r}]."
        )
    return Faults([fault_from(each) for each in wanted])


def _value(kind: type[Fault], text: str) -> Any:
    """A fault's argument from a text: a number where the default is one."""
    if not kind.argument:
        raise ConfigurationError(
            f"the fault {kind.name!r} takes no value, not {text!r}.",
            cure=f"Write {kind.name!r} alone.",
        )
    default = getattr(kind, kind.argument)
    try:
        return type(default)(text) if isinstance(default, int | float) else text
    except ValueError:
        problem = f"{kind.argument} of {kind.name!r} must be a number, not {text!r}."
        raise ConfigurationError(problem) from None


def listing() -> str:
    """One line for each fault: its name and what it does."""
    return "\n".join(
        f"  {_usage(kind):<22} {(kind.__doc__ or '').splitlines()[0]}" for kind in FAULTS.values()
    )


def _usage(kind: type[Fault]) -> str:
    value = "EVENT" if kind.argument == "at" else kind.argument.upper()
    return f"{kind.name}[:{value}]" if value else kind.name
