"""A budget is a limit that can be reached, and a price is known or is not."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.settings.pricing import PRICES, Budget, Prices, prices_of


@pytest.mark.parametrize(
    "given",
    [
        {"minutes": 10},
        {"dollars": 0.01},
        {"minutes": 1, "dollars": 2, "warn_at": 1},
        {"minutes": 1e-9, "warn_at": 1e-9},
        {"minutes": Fraction(1, 3)},
        # What numpy hands out in a sweep.
        {"minutes": np.float32(0.5), "dollars": np.int64(3), "warn_at": np.float64(0.5)},
    ],
)
def test_a_budget_has_a_limit_or_two(given: dict[str, Any]) -> None:
    budget = Budget(**given)
    assert {name: getattr(budget, name) for name in given} == given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, r"needs a limit.*Budget\(minutes=10\)"),
        ({"warn_at": 0.5}, "needs a limit"),
        ({"minutes": 0}, "minutes must be a number above 0, not 0"),
        ({"minutes": -1}, "minutes .* not -1"),
        ({"minutes": float("nan")}, "minutes .* not nan"),
        ({"minutes": float("inf")}, "minutes .* not inf"),
        ({"minutes": True}, "minutes .* not True"),
        ({"minutes": "10"}, "minutes .* not '10'"),
        ({"minutes": 1j}, "minutes .* not 1j"),
        ({"minutes": np.ones(2)}, "minutes .* not array"),
        ({"minutes": 1, "dollars": 0}, "dollars must be a number above 0, not 0"),
        ({"minutes": 1, "warn_at": 0}, "warn_at must be above 0 and up to 1, not 0"),
        ({"minutes": 1, "warn_at": 1.01}, "warn_at .* not 1.01"),
        ({"minutes": 1, "warn_at": None}, "warn_at .* not None"),
        ({"minutes": 1, "warn_at": True}, "warn_at .* not True"),
    ],
)
def test_what_is_no_limit_is_refused_with_its_value(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Budget(**given)


@pytest.mark.parametrize("value", [0, 0.0, 0.08, np.float32(0.05), np.int8(0)])
def test_a_price_may_be_nothing(value: Any) -> None:
    assert Prices(per_minute=value, per_text=value).per_minute == value


@pytest.mark.parametrize("name", ["per_minute", "per_text"])
@pytest.mark.parametrize(
    "value", [-0.01, float("nan"), float("inf"), False, True, None, "0", 0j, np.zeros(2), []]
)
def test_what_is_no_price_is_refused_with_its_value(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a number from 0, not "):
        Prices(**{"per_minute": 1, name: value})


def test_limits_and_prices_stay_as_they_were_made() -> None:
    with pytest.raises(AttributeError):
        Budget(minutes=1).minutes = 2  # type: ignore[misc]
    assert Budget(minutes=1) == Budget(minutes=1.0)
    assert hash(Prices(per_minute=0.05)) == hash(Prices(per_minute=0.05, per_text=0))


def test_what_a_model_costs_is_known_by_its_name() -> None:
    assert all(prices_of(model) is prices for model, prices in PRICES.items())
    assert prices_of("grok-voice-latest") is PRICES["grok-voice-think-fast-2.0"]
    for unknown in ("", "grok-3-live", "latest", "grok-voice-think-fast"):
        assert prices_of(unknown) is None
