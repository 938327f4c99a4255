"""Keeps the API key out of recordings."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import json

__all__ = ["Redactor"]

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
        # What `secret` returned last, the key if it is long enough, and its JSON encoding.
        self._last = self._key = ""
        self._encoded = b""

    def __call__(self, text: str) -> str:
        """The text without the secret."""
        self._update()
        return text.replace(self._key, "(key)") if self._key else text

    def is_in(self, written: bytes) -> bool:
        """Whether a line of JSON contains the secret."""
        self._update()
        return bool(self._key) and self._encoded in written

    def _update(self) -> None:
        key = self._secret()
        if key != self._last:
            self._last = key
            self._key = key if len(key) >= _SHORTEST_SECRET else ""
            self._encoded = json.encode(self._key)[1:-1]
