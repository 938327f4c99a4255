"""What lies on the way to a server, one step after another: its name, TCP, TLS.

A connection that cannot be opened has one error; this tells which step it is. Nothing is sent to
the server but the handshake of TLS, and no key.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .._structs import Value
from ..exceptions import ConfigurationError, GrokLiveError
from .transport import host_of, proxy_for, translated

_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}
_SOCKS_PORT = 1080


class Step(Value, frozen=True, kw_only=True):
    """One step of the way.

    Parameters
    ----------
    name : {"host name", "TCP", "TLS"}
    found : str
        One sentence.
    failure : GrokLiveError or None
        Why it fails; None where it does not.
    is_needed : bool
        False where this way does not have this step.
    """

    name: str
    found: str
    failure: Any = None
    is_needed: bool = True


async def steps_to(url: str, timeout_s: float, tls: ssl.SSLContext | None = None) -> list[Step]:
    """The steps to a server, as far as they could be taken.

    Parameters
    ----------
    url : str
    timeout_s : number > 0 [s]
        For each step.
    tls : SSLContext or None
        As of the connection.

    Returns
    -------
    list of Step
        The last one is that which fails, if one does.
    """
    proxy = proxy_for(url)
    way = _Way(url, proxy, timeout_s)
    steps = [await way.step("host name", way.find)]
    if steps[-1].failure is None:
        steps.append(await way.step("TCP", way.connect))
    if steps[-1].failure is None:
        steps.append(await way.tls_step(tls))
    return steps


class _Way:
    """The way to a server, or to the proxy on it."""

    def __init__(self, url: str, proxy: str | None, timeout_s: float) -> None:
        self._url, self._proxy, self._timeout_s = url, proxy, timeout_s
        first = urlsplit(proxy or url)
        self._first_name = host_of(proxy or url)
        self._host, self._port = first.hostname or "", _port_of(first)
        self._is_secure = urlsplit(url).scheme == "wss"

    async def step(self, name: str, work: Callable[[], Awaitable[str]]) -> Step:
        begun_s = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await work()
        except ConfigurationError as error:
            return Step(name=name, found="", failure=error)
        except (OSError, UnicodeError) as error:  # A name may be too long to be encoded.
            return Step(name=name, found="", failure=self._translated(error))
        took_ms = (time.monotonic() - begun_s) * 1000
        return Step(name=name, found=f"{found} ({took_ms:.0f} ms).")

    async def tls_step(self, tls: ssl.SSLContext | None) -> Step:
        if not self._is_secure:
            return Step(name="TLS", found="ws:// uses none.", is_needed=False)
        if self._proxy is not None:
            found = f"It is tried with the WebSocket, through the proxy {self._first_name}."
            return Step(name="TLS", found=found, is_needed=False)
        return await self.step("TLS", lambda: self._shake_hands(tls))

    async def find(self) -> str:
        if self._port is None:
            raise ConfigurationError(
                f"the address of the proxy, {self._first_name}, has no valid port.",
                cure="Check HTTPS_PROXY and ALL_PROXY.",
            )
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        what = f"The proxy {self._host}" if self._proxy else self._host
        if addresses == [self._host]:
            return f"{what} is an address"
        more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        return f"{what} is {addresses[0]}{more}"

    async def connect(self) -> str:
        await self._open_and_close()
        what = "The proxy at " if self._proxy else ""
        return f"{what}{self._host}:{self._port} takes connections"

    async def _shake_hands(self, tls: ssl.SSLContext | None) -> str:
        context = tls or await asyncio.to_thread(ssl.create_default_context)
        version = await self._open_and_close(ssl=context, server_hostname=self._host)
        return f"{self._host} has a certificate that is trusted, {version}"

    async def _open_and_close(self, **options: Any) -> str:
        """Returns the version of TLS; empty without it."""
        _, writer = await asyncio.open_connection(self._host, self._port, **options)
        try:
            secure = writer.get_extra_info("ssl_object")
            return str(secure.version()) if secure is not None else ""
        finally:
            writer.transport.abort()

    def _translated(self, error: BaseException) -> GrokLiveError:
        proxy = self._first_name if self._proxy else ""
        return translated(error, host_of(self._url), proxy)


def _port_of(parts: SplitResult) -> int | None:
    """The port of an address, or the usual one of its scheme; None where it is invalid."""
    try:
        return parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT)
    except ValueError:
        return None
