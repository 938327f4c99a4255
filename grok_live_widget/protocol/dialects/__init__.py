"""Messages to events and back: how each server writes the events of `protocol.events`.

A dialect is data without state: its message types for each direction, how a connection is
opened, and the facts in which servers differ. ``decode(encode(event)) == event`` for every
event that it supports. Any other event raises `UnsupportedByServer` when it is encoded, and
any other message is read as `Unrecognized`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from .base import Dialect, Opening
from .live import LIVE
from .realtime import REALTIME

__all__ = ["DIALECTS", "LIVE", "REALTIME", "Dialect", "Opening", "dialect_from_url"]

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (LIVE, REALTIME)}


def dialect_from_url(url: str) -> Dialect:
    """The dialect by a URL's path: `LIVE` if it ends in ``/live``, otherwise `REALTIME`."""
    path = urlsplit(url).path.rstrip("/")
    return LIVE if path.endswith("/live") else REALTIME
