"""Checks of the numbers with which figures of sound are computed."""

from __future__ import annotations

from numbers import Integral, Real

from ..exceptions import ConfigurationError


def check_whole(name: str, value: object, least: int) -> None:
    """Raise ConfigurationError unless a value is a whole number from `least`."""
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not (is_whole and value >= least):  # type: ignore[operator]
        raise ConfigurationError(f"{name} must be a whole number from {least}, not {value!r}.")


def check_between(name: str, value: object, low: float, high: float) -> None:
    """Raise ConfigurationError unless a value is a number from `low` to `high`."""
    if not (_is_number(value) and low <= value <= high):  # type: ignore[operator]
        raise ConfigurationError(
            f"{name} must be a number from {low:g} to {high:g}, not {value!r}."
        )


def check_range(low_hz: object, high_hz: object, least_hz: float, greatest_hz: float) -> None:
    """Raise ConfigurationError unless ``fmin_hz`` and ``fmax_hz`` rise within these limits."""
    are_numbers = _is_number(low_hz) and _is_number(high_hz)
    if not (are_numbers and least_hz <= low_hz < high_hz <= greatest_hz):  # type: ignore[operator]
        raise ConfigurationError(
            f"fmin_hz and fmax_hz must rise from {least_hz:g} to {greatest_hz:g}, "
            f"not {low_hz!r}, {high_hz!r}."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
