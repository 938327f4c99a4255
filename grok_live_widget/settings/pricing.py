"""Budgets of talks and prices of models."""

from __future__ import annotations

from math import inf
from typing import Any

from .._structs import Checked, Value
from ..exceptions import ConfigurationError
from .validation import is_number, require


class Budget(Value, frozen=True, kw_only=True, metaclass=Checked):
    """Limit of what a talk may use, all its sessions together.

    The user is warned at the share `warn_at` of it. When it is spent, the connection is closed and
    not reopened.

    Parameters
    ----------
    minutes : float > 0 or None [min]
        As the service counts them, see `Usage`.
    dollars : float > 0 or None [US$]
    warn_at : float in (0, 1]

    Examples
    --------
    >>> from grok_live_widget import Budget
    >>> Budget(minutes=10)
    Budget(minutes=10, dollars=None, warn_at=0.8)
    """

    minutes: float | None = None
    dollars: float | None = None
    warn_at: float = 0.8

    def __post_init__(self) -> None:
        for name in ("minutes", "dollars"):
            value = getattr(self, name)
            require(value is None or _is_positive(value), name, "a number above 0", value)
        if self.minutes is None and self.dollars is None:
            raise ConfigurationError("a budget needs a limit.", cure="Budget(minutes=10)")
        is_share = _is_positive(self.warn_at) and self.warn_at <= 1
        require(is_share, "warn_at", "above 0 and up to 1", self.warn_at)


class Prices(Value, frozen=True, kw_only=True, metaclass=Checked):
    """Prices of the provider, in US$.

    Parameters
    ----------
    per_minute : float >= 0
    per_text : float >= 0
        For each text that is added to the conversation; the output of a tool is free.

    Examples
    --------
    >>> from grok_live_widget import Prices
    >>> Prices(per_minute=0.08, per_text=0.004)
    Prices(per_minute=0.08, per_text=0.004)
    """

    per_minute: float
    per_text: float = 0.0

    def __post_init__(self) -> None:
        for name in ("per_minute", "per_text"):
            value = getattr(self, name)
            require(is_number(value) and 0 <= value < inf, name, "a number from 0", value)


def _is_positive(value: Any) -> bool:
    return is_number(value) and 0 < value < inf


PRICES = {
    "grok-voice-think-fast-2.0": Prices(per_minute=0.08, per_text=0.004),
    "grok-voice-think-fast-1.0": Prices(per_minute=0.05),
}
"""By model. Source: https://docs.x.ai/developers/pricing, as of September 2026."""

_CURRENT = PRICES["grok-voice-think-fast-2.0"]


def prices_of(model: str) -> Prices | None:
    """Prices of a model where they are known; an alias has those of the current flagship."""
    if model in PRICES:
        return PRICES[model]
    return _CURRENT if model.endswith("-latest") else None
