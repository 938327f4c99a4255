"""The key is left out of all that is written."""

from __future__ import annotations

from collections.abc import Callable

import orjson

__all__ = ["Hiding"]

_SHORTEST_SECRET = 8


class Hiding:
    """Takes a secret out of texts.

    Parameters
    ----------
    secret : callable
        Gives the key in use, or ``""``. One of fewer than 8 characters is none.
    """

    def __init__(self, secret: Callable[[], str] = str) -> None:
        self._secret = secret

    def __call__(self, text: str) -> str:
        """The text without it."""
        key = self._key()
        return text.replace(key, "(key)") if key else text

    def is_in(self, written: bytes) -> bool:
        """Whether JSON that `orjson` has written has it in some text."""
        key = self._key()
        return bool(key) and orjson.dumps(key)[1:-1] in written

    def _key(self) -> str:
        key = self._secret()
        return key if len(key) >= _SHORTEST_SECRET else ""
