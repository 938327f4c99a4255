"""Which channel carries the sound of a talk's page: the direct one, or the comm, and why."""

from __future__ import annotations

import os
from typing import Literal
from urllib.parse import urlsplit

from .._structs import Value
from ..exceptions import ConfigurationError
from ..settings import one_of

ChannelChoice = Literal["auto", "comm"]
_CHOICES = ("auto", "comm")
CHANNEL_VARIABLE = "GROK_LIVE_CHANNEL"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ChannelStatus(Value, frozen=True):
    """How the sound travels between the page and Python; `GrokLive.channel`.

    Parameters
    ----------
    kind : {"direct", "comm", "none"}
        ``"direct"``: a WebSocket of its own on this computer. ``"comm"``: Jupyter's messages.
        ``"none"``: no page shows the panel.
    reason : str
        Why it is not the direct one; empty where it is.
    """

    kind: Literal["direct", "comm", "none"]
    reason: str = ""


def chosen_channel(given: object) -> ChannelChoice:
    """The value of ``channel=``, unless the environment allows the comm alone.

    Raises
    ------
    ConfigurationError
    """
    one_of("channel", given, _CHOICES)
    allowed = os.environ.get(CHANNEL_VARIABLE, "").strip() or "auto"
    if allowed not in _CHOICES:
        raise ConfigurationError(
            f"{CHANNEL_VARIABLE} is {allowed!r}.", cure=f"It may be: {', '.join(_CHOICES)}."
        )
    return "comm" if "comm" in (given, allowed) else "auto"


def obstacle_of(choice: ChannelChoice, origin: str) -> str:
    """Why a page of this origin is not invited to the direct channel; empty where it is."""
    if choice == "comm":
        return f'channel="comm" or {CHANNEL_VARIABLE}=comm was chosen.'
    # A browser would ask its user for "access to other apps and services on this device", and that
    # device is not the kernel's.
    if host_of_origin(origin) not in _LOOPBACK:
        return "The page is not at an address of this computer, such as http://localhost:8888."
    return ""


def host_of_origin(origin: str) -> str:
    """The host of an origin; empty where it has none."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:  # Such as "http://[".
        return ""
