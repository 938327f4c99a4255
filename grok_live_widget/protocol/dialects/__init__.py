"""Vocabulary to events and back: how each server spells what `events` can say.

A dialect is data: two tables of words, one for each direction, and how a line is opened.
It holds no state. ``decode(encode(event)) == event`` for every event a dialect has a word
for; what has no word raises `UnsupportedByServer` when said and becomes an `Unrecognized`
when heard.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from . import live, realtime
from .base import Dialect, Opening

__all__ = ["DIALECTS", "LIVE", "REALTIME", "Dialect", "Opening", "dialect_from_url"]

LIVE = live.LIVE
REALTIME = realtime.REALTIME
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (LIVE, REALTIME)}


def dialect_from_url(url: str) -> Dialect:
    """The dialect that a URL's path speaks: ending in ``/live`` or anything else."""
    path = urlsplit(url).path.rstrip("/")
    return LIVE if path.endswith("/live") else REALTIME
