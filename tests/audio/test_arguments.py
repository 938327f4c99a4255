"""An error names the argument, its value and what is allowed."""

from __future__ import annotations

import numpy as np
import pytest

from grok_live_widget.audio.arguments import check_between, check_range, check_whole
from grok_live_widget.exceptions import ConfigurationError


def test_numbers_of_numpy_are_numbers() -> None:
    check_whole("hop", np.int64(3), 1)
    check_between("hop_s", np.float32(0.5), 0, 1)
    check_range(np.float64(50), 400, 0, 12_000)


@pytest.mark.parametrize("value", [0, 2.0, "3", None, True, float("nan")])
def test_what_is_no_whole_number_from_the_least_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_whole("hop", value, 1)
    assert str(caught.value) == f"hop must be a whole number from 1, not {value!r}."


@pytest.mark.parametrize("value", [-0.1, 10.5, "3", None, False, float("nan")])
def test_what_is_no_number_within_the_limits_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_between("hop_s", value, 0.1, 10)
    assert str(caught.value) == f"hop_s must be a number from 0.1 to 10, not {value!r}."


@pytest.mark.parametrize("limits", [(400, 50), (50, 50), (50, 20_000), (-1, 50), (50, None)])
def test_limits_that_do_not_rise_are_refused(limits: tuple[object, object]) -> None:
    with pytest.raises(ConfigurationError, match="fmin_hz and fmax_hz must rise from 0 to 12000"):
        check_range(*limits, 0, 12_000)
