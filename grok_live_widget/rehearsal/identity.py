"""How a server of this package says that it is a rehearsal or a replay, and not another server.

Each says so in its handshake, in the ``Server`` header. Those that run in this process are known
before a connection is opened, by their port.
"""

from __future__ import annotations

from typing import Literal, get_args

ServerKind = Literal["rehearsal", "replay"]

_PRODUCT = "grok-live-widget"

# By port on loopback; written by the threads of the servers.
_running: dict[int, ServerKind] = {}


def server_header(kind: ServerKind) -> str:
    """The ``Server`` header of a server of this kind."""
    return f"{_PRODUCT} {kind}"


def kind_of_header(header: str) -> ServerKind | None:
    """The kind that a ``Server`` header states; None for any other server."""
    kinds: dict[str, ServerKind] = {server_header(kind): kind for kind in get_args(ServerKind)}
    return kinds.get(header)


def set_running(port: int, kind: ServerKind | None) -> None:
    """Note that a server of this process listens on this port; None: that it no longer does."""
    if kind is None:
        _running.pop(port, None)
    else:
        _running[port] = kind


def running_kind(port: int | None) -> ServerKind | None:
    """The kind of this process's server on this port; None where there is none."""
    return None if port is None else _running.get(port)
