"""What goes wrong at the handshake, before there is a line."""

from __future__ import annotations

import http
from dataclasses import dataclass, field
from typing import ClassVar

import orjson

from .fault import AtDoor, check

__all__ = ["Refuse", "StallHandshake"]

WRONG_KEY = "incorrect API key provided to the rehearsal server"


@dataclass(frozen=True, kw_only=True)
class StallHandshake(AtDoor):
    """The handshake is never answered."""

    name: ClassVar[str] = "stall-handshake"


@dataclass(frozen=True, kw_only=True)
class Refuse(AtDoor):
    """The handshake is refused with a status.

    Parameters
    ----------
    status : int
        An HTTP status of an error. 400 comes with the text that the service sends for a wrong
        key, 401 is its answer to no key (both measured by OxyHQ/Kaana, whose client also
        expects 402 no funds, 429 too many requests and 503 an outage).
    body : str or None
        None: for 400 as above, otherwise of the same form with words of our own.
    """

    name: ClassVar[str] = "refuse"
    argument: ClassVar[str] = "status"
    status: int = field(default=503, kw_only=False)
    body: str | None = field(default=None, kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = {status.value for status in http.HTTPStatus if status.value >= 400}
        check(self.status in known, "status", self.status, "a status of HTTP from 400 on")

    @property
    def text(self) -> str:
        """The body that is sent."""
        if self.body is not None:
            return self.body
        status = http.HTTPStatus(self.status)
        code, error = status.phrase, f"{status.phrase.lower()}: a fault that was asked for"
        if status == http.HTTPStatus.BAD_REQUEST:
            code, error = "Client specified an invalid argument", WRONG_KEY
        return orjson.dumps({"code": code, "error": error}).decode()
