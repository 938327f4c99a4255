"""Where the connection of a talk is: in a process of its own, or in a thread of this one."""

from __future__ import annotations

import os
from typing import Literal

from .._processes.parent import can_start_processes
from .._structs import Value
from ..exceptions import ConfigurationError
from ..settings import Settings

ISOLATION_VARIABLE = "GROK_LIVE_ISOLATION"
_KINDS = ("process", "thread")


class IsolationStatus(Value, frozen=True):
    """Where the connection of a talk is; `Talk.isolation`.

    Parameters
    ----------
    kind : {"process", "thread"}
        ``"process"``: in a process of its own, which a busy cell does not hold up. ``"thread"``:
        in a thread of this one.
    reason : str
        Why it is in a thread; empty where it is not.
    """

    kind: Literal["process", "thread"]
    reason: str = ""


def isolation_of(settings: Settings) -> IsolationStatus:
    """Where the connection of a talk with these settings is.

    Raises
    ------
    ConfigurationError
        Where it is to be in a process and cannot.
    """
    chosen = settings.isolation or _allowed()
    if chosen == "thread":
        text = 'isolation="thread"' if settings.isolation else f"{ISOLATION_VARIABLE}=thread"
        return IsolationStatus("thread", f"{text} was chosen.")
    obstacle = ""
    if not can_start_processes():
        obstacle = "This Python cannot start processes."
    elif settings.ssl is not None:
        obstacle = "ssl= cannot be given to another process."
    if obstacle and settings.isolation == "process":
        raise ConfigurationError(
            f'isolation="process" is not possible: {obstacle[0].lower()}{obstacle[1:]}',
            cure="Leave isolation= out.",
        )
    return IsolationStatus("thread", obstacle) if obstacle else IsolationStatus("process")


def _allowed() -> str:
    """What the environment says of talks for which nothing was chosen."""
    allowed = os.environ.get(ISOLATION_VARIABLE, "").strip() or "process"
    if allowed not in _KINDS:
        raise ConfigurationError(
            f"{ISOLATION_VARIABLE} is {allowed!r}.", cure=f"It may be: {', '.join(_KINDS)}."
        )
    return allowed
