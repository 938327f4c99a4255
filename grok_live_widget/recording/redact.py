"""Keeps the API key out of recordings."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import json

_SHORTEST_SECRET = 8


class Redactor:
    """Replaces a secret in texts by ``(key)``.

    Parameters
    ----------
    secret : callable
        Returns the key in use, or ``""``. Keys of fewer than 8 characters are not replaced.
    """

    def __init__(self, secret: Callable[[], str] = str) -> None:
        self._secret = secret

    def __call__(self, text: str) -> str:
        """The text without the secret."""
        key = self._key
        return text.replace(key, "(key)") if key else text

    def is_in(self, written: bytes) -> bool:
        """Whether a line of JSON contains the secret."""
        key = self._key
        return bool(key) and json.encode(key)[1:-1] in written

    @property
    def _key(self) -> str:
        key = self._secret()
        return key if len(key) >= _SHORTEST_SECRET else ""
