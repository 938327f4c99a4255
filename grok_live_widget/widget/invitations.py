"""Who may open the direct channel: invitations, and what is checked of who comes. Knows no sockets.

A page is invited over the comm, which only pages of the notebook server reach. The port can be
found by every program on the computer and by pages of the browser; they have no invitation.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence

from .._structs import Value

PATH = "/grok-live"
LIFE_S = 15.0
"""How long an invitation is good for."""
MOST_PENDING = 4
"""How many connections may be open that have shown no token yet."""
MOST_FAILURES = 5
"""After so many wrong tokens no connection is admitted any more."""


class Invitation(Value, frozen=True, kw_only=True):
    """One page may open the direct channel once.

    Parameters
    ----------
    page : str
    origin : str
        Of the page, as its browser sends it: ``"http://localhost:8888"``.
    token : str
        What the page shows.
    proof : str
        What the server answers: another server at this port does not know it.
    until_s : float [s]
        By the monotonic clock.
    is_proxied : bool
        Whether the page comes through the notebook server, which passes its own host on.
    """

    page: str
    origin: str
    token: str
    proof: str
    until_s: float
    is_proxied: bool = False

    def __repr__(self) -> str:
        return f"Invitation(page={self.page!r}, origin={self.origin!r})"


class Invitations:
    """The invitations that are open; time is an argument.

    Attributes
    ----------
    is_locked : bool
        Whether wrong tokens were shown so often that no connection is admitted any more.
    """

    def __init__(self) -> None:
        self._open: list[Invitation] = []
        self._pending_count = 0
        self._failure_count = 0

    @property
    def is_locked(self) -> bool:
        """See `Invitations`."""
        return self._failure_count >= MOST_FAILURES

    def invite(
        self, page: str, origin: str, now_s: float, *, is_proxied: bool = False
    ) -> Invitation:
        """Invite a page; an earlier invitation of it is void."""
        self._open = [each for each in self._valid(now_s) if each.page != page]
        invitation = Invitation(
            page=page,
            origin=origin,
            token=secrets.token_urlsafe(32),
            proof=secrets.token_urlsafe(32),
            until_s=now_s + LIFE_S,
            is_proxied=is_proxied,
        )
        self._open.append(invitation)
        return invitation

    def admits(
        self,
        path: str,
        hosts: Sequence[str],
        origins: Sequence[str],
        port: int,
        now_s: float,
    ) -> bool:
        """Whether the handshake of a connection may go on.

        Parameters
        ----------
        path : str
            With the query.
        hosts, origins : sequence of str
            All headers of these names: of two that contradict each other, none can be trusted.
        """
        if self.is_locked or path != PATH or len(hosts) != 1 or len(origins) != 1:
            return False
        # The name of a stranger that resolves to this computer (DNS rebinding) is no host of it.
        known = {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
        if self._pending_count >= MOST_PENDING:
            return False
        return any(
            each.origin == origins[0] and (each.is_proxied or hosts[0] in known)
            for each in self._valid(now_s)
        )

    def begin(self) -> None:
        """A connection has been admitted, and has shown no token yet."""
        self._pending_count += 1

    def end(self) -> None:
        """It has shown a token, or is gone."""
        self._pending_count -= 1

    def redeem(self, token: object, origin: str, now_s: float) -> Invitation | None:
        """The invitation with this token, which is used up by it; None for a wrong token."""
        found = None
        for each in self._valid(now_s):
            # All are compared, so that the time tells nothing.
            is_same = hmac.compare_digest(
                each.token.encode(), token.encode() if isinstance(token, str) else b""
            )
            if is_same and each.origin == origin:
                found = each
        if found is None:
            self._failure_count += 1
            return None
        self._open = [each for each in self._open if each is not found]
        return found

    def _valid(self, now_s: float) -> list[Invitation]:
        return [each for each in self._open if now_s < each.until_s]
