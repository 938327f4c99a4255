"""The channel of the page that owns the sound: it is invited to the direct one, and Python is told
which one it has, and why.
"""

from __future__ import annotations

from collections.abc import Callable

from . import messages
from .direct import NO_LOOPBACK, Carrier, ChannelChoice, ChannelStatus, carrier_of
from .remote_sound import AnyPageSound

_CLOSED = "The direct one was closed."
_NOT_OPENED = "The page has not opened the direct one."
_NO_PROXY = "The notebook server has no jupyter-server-proxy, or the page could not use it."


class OwnerChannel:
    """Invites pages to the direct channel of one talk; used on the talk's loop.

    Parameters
    ----------
    choice : {"auto", "direct", "proxy", "comm"}
        Which channels may carry the sound.
    sound : PageSound
    send : callable
        ``(invitation)``: sends it to its page.
    """

    def __init__(
        self,
        choice: ChannelChoice,
        sound: AnyPageSound,
        send: Callable[[messages.DirectInvitation], object],
    ) -> None:
        self._choice, self._sound, self._send = choice, sound, send
        # Which channel a page was invited to last, and why it is not the direct one, or why the
        # sound goes through the comm.
        self._carrier: Carrier = "direct"
        self._obstacle = ""

    @property
    def status(self) -> ChannelStatus:
        """What carries the sound; may be read by any thread."""
        if not self._sound.owner:
            return ChannelStatus("none", "No page shows the panel.")
        if self._sound.is_direct:
            return ChannelStatus(self._carrier, self._obstacle)
        is_proxied = self._carrier == "proxy" and self._obstacle == NO_LOOPBACK
        return ChannelStatus("comm", _NO_PROXY if is_proxied else self._obstacle or _NOT_OPENED)

    async def invite(self, page: str, origin: str) -> None:
        """Invite the owner, unless it is there; another page would take the channel from it."""
        carrier, self._obstacle = carrier_of(self._choice, origin)
        if carrier is None:
            return
        self._carrier = carrier
        found = await self._sound.invite(page, origin, carrier)
        if isinstance(found, str):
            self._obstacle = found or self._obstacle
        else:
            self._send(found)

    def follow(self, page: str) -> None:
        """A page exchanges its sound through the direct channel; empty: none does any more."""
        if not page:
            self._obstacle = _CLOSED
