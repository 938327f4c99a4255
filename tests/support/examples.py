"""How many examples Hypothesis tries: all of them in `make test-all`, a third in `make test`."""

from __future__ import annotations

import os

from hypothesis import settings

_TRIES_ALL = "GLW_ALL_EXAMPLES" in os.environ


def examples(count: int) -> settings:
    """The decorator of a test that tries so many examples, where all are tried."""
    return settings(max_examples=count if _TRIES_ALL else max(10, count // 3))
