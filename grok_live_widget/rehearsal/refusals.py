"""The answers that refuse a handshake, as the service writes them."""

from __future__ import annotations

import msgspec


def refusal_from(code: str, error: str) -> str:
    """The body of a refusal."""
    return msgspec.json.encode({"code": code, "error": error}).decode()


WRONG_KEY = (
    400,
    refusal_from(
        "Client specified an invalid argument",
        "incorrect API key provided to the rehearsal server",
    ),
)
"""The status and the body for a key that is not accepted, as measured at the service."""
