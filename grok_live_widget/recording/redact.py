"""Keeps the API key and the secrets of tools out of recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import json

SHORTEST_SECRET = 8
"""How many characters a text must have to be looked for and replaced as a secret."""


class Redactor:
    """Replaces secrets in texts by ``(key)``.

    Parameters
    ----------
    secrets : callable
        Returns those in use; ones of fewer than 8 characters are not replaced.
    """

    def __init__(self, secrets: Callable[[], Sequence[str]] = tuple) -> None:
        self._secrets = secrets

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        for secret in self._long:
            text = text.replace(secret, "(key)")
        return text

    def is_in(self, written: bytes) -> bool:
        """Whether a line of JSON contains a secret."""
        return any(json.encode(secret)[1:-1] in written for secret in self._long)

    @property
    def _long(self) -> list[str]:
        return [each for each in self._secrets() if len(each) >= SHORTEST_SECRET]
