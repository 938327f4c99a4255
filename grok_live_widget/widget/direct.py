"""Which channel carries the sound of a talk's page: the direct one, or the comm, and why."""

from __future__ import annotations

import os
from typing import Literal, cast
from urllib.parse import urlsplit

from .._structs import Value
from ..exceptions import ConfigurationError
from ..settings import one_of

ChannelChoice = Literal["auto", "direct", "proxy", "comm"]
Carrier = Literal["direct", "proxy"]
_CHOICES = ("auto", "direct", "proxy", "comm")
CHANNEL_VARIABLE = "GROK_LIVE_CHANNEL"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ChannelStatus(Value, frozen=True):
    """How the sound travels between the page and Python; `GrokLive.channel`.

    Parameters
    ----------
    kind : {"direct", "proxy", "comm", "none"}
        ``"direct"``: a WebSocket of its own on this computer. ``"proxy"``: one through the notebook
        server, where that has jupyter-server-proxy. ``"comm"``: Jupyter's messages. ``"none"``: no
        page shows the panel.
    reason : str
        Why it is not the direct one; empty where it is.
    """

    kind: Literal["direct", "proxy", "comm", "none"]
    reason: str = ""


def chosen_channel(given: object) -> ChannelChoice:
    """The value of ``channel=``, unless the environment does not allow that.

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
    if allowed in ("auto", given):
        return cast("ChannelChoice", given)
    return cast("ChannelChoice", allowed) if given == "auto" else "comm"


NO_LOOPBACK = "The page is not at an address of this computer, such as http://localhost:8888."


def carrier_of(choice: ChannelChoice, origin: str) -> tuple[Carrier | None, str]:
    """Which channel a page of this origin is invited to, if any, and why not the direct one."""
    if choice == "comm":
        return None, f'channel="comm" or {CHANNEL_VARIABLE}=comm was chosen.'
    host = host_of_origin(origin)
    is_here = host in _LOOPBACK
    if is_here and choice != "proxy":
        return "direct", ""
    # A browser would ask its user for "access to other apps and services on this device", and that
    # device is not the kernel's.
    if choice == "direct" or not (host and origin.startswith(("http://", "https://"))):
        return None, NO_LOOPBACK
    return (
        "proxy",
        f'channel="proxy" or {CHANNEL_VARIABLE}=proxy was chosen.' if is_here else NO_LOOPBACK,
    )


def host_of_origin(origin: str) -> str:
    """The host of an origin; empty where it has none."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:  # Such as "http://[".
        return ""
