"""The key is left out of all that is written."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import json

__all__ = ["Redactor"]

_SHORTEST_SECRET = 8


class Redactor:
    """Takes a secret out of texts.

    Parameters
    ----------
    secret : callable
        Gives the key in use, or ``""``. One of fewer than 8 characters is none.
    """

    def __init__(self, secret: Callable[[], str] = str) -> None:
        self._secret = secret
        self._seen = self._key = ""
        self._spelled = b""

    def __call__(self, text: str) -> str:
        """The text without it."""
        self._ask()
        return text.replace(self._key, "(key)") if self._key else text

    def is_in(self, written: bytes) -> bool:
        """Whether JSON that `orjson` has written has it in some text."""
        self._ask()
        return bool(self._key) and self._spelled in written

    def _ask(self) -> None:
        key = self._secret()
        if key != self._seen:
            self._seen = key
            self._key = key if len(key) >= _SHORTEST_SECRET else ""
            self._spelled = json.encode(self._key)[1:-1]
