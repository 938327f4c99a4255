"""The transport: a WebSocket, opened so that the key goes to its server only.

This is the one place where errors of `websockets`, of TLS and of the network are translated.
"""

from __future__ import annotations

import logging
import socket
import ssl
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from websockets import exceptions as ws_errors
from websockets.asyncio.client import connect

from ..exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    GrokLiveError,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
)
from ..protocol import Opening
from ..settings import is_loopback
from .credentials import ENVIRONMENT_NAME
from .message_socket import MessageSocket

_MAX_FRAME_BYTES = 16 * 2**20

# Not from the registry of loggers, so that no logging configuration can make it print
# the handshake's headers or the frames, where the key is.
_SILENT = logging.Logger("grok_live_widget.transport", logging.CRITICAL + 1)


class _Connect(connect):
    """`websockets.connect` that follows no redirect: it would take the key elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def connected(
    opening: Opening, timeout_s: float, tls: ssl.SSLContext | None = None
) -> MessageSocket:
    """Open the socket.

    Parameters
    ----------
    tls : SSLContext or None
        For a ``wss://`` URL; None: Python's default.

    Raises
    ------
    AuthenticationError, ConnectError, ConfigurationError
    """
    host = host_of(opening.url)
    proxy = None
    try:
        proxy = proxy_for(opening.url)
        socket_ = await _Connect(
            opening.url,
            create_connection=MessageSocket,
            additional_headers=dict(opening.headers),
            compression=None,
            max_size=_MAX_FRAME_BYTES,
            open_timeout=timeout_s,
            close_timeout=2,
            proxy=proxy,
            logger=_SILENT,
            **_tls_options(opening.url, proxy, tls),
        )
        assert isinstance(socket_, MessageSocket)
        return socket_
    except Exception as error:  # noqa: BLE001 - what proxies and TLS raise is of any class
        failure = translated(error, host, host_of(proxy or ""), has_key=opening.has_key)
    # Raised here, outside of the handler, so that the foreign error with its stack frames, which
    # hold the headers, is not kept in the new one's context.
    raise failure


def _tls_options(url: str, proxy: str | None, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """What `websockets.connect` is given where a context is set."""
    if tls is None:
        return {}
    is_tls_proxy = proxy is not None and proxy.startswith("https://")
    options = {"ssl": tls} if url.startswith("wss://") else {}
    return {**options, "proxy_ssl": tls} if is_tls_proxy else options


def proxy_for(url: str) -> str | None:
    """The proxy of the environment or the system for this URL; None where there is none.

    The rules are those of `websockets`, whose own function has moved between its versions, and
    ``ALL_PROXY`` after them, as with curl and httpx.
    Source: https://websockets.readthedocs.io/en/stable/topics/proxies.html.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    if is_loopback(url) or urllib.request.proxy_bypass(f"{parts.hostname}:{port}"):
        return None
    proxies = urllib.request.getproxies()
    is_secure = parts.scheme == "wss"
    names = ("wss", "socks", "https") if is_secure else ("ws", "socks", "https", "http")
    for name in (*names, "all"):
        proxy = proxies.get(name)
        if proxy is not None:
            is_socks = name == "socks" and proxy.startswith("http://")
            return f"socks5h://{proxy.removeprefix('http://')}" if is_socks else proxy
    return None


def host_of(url: str) -> str:
    """Host and port, for messages: no user, no password, no query."""
    return urlsplit(url).netloc.rsplit("@", 1)[-1]


# --------------------------------------------------------------------------- translation
_PROXY_CURE = (
    "Check HTTPS_PROXY and ALL_PROXY, or name the host in NO_PROXY to connect without the proxy."
)


_SCHEME_CURE = "Check url=: wss:// is for servers with TLS, ws:// for those without it."


def translated(
    error: BaseException, host: str, proxy: str = "", *, has_key: bool = True
) -> GrokLiveError:
    """Translate an error of a library; the result never quotes a header or the key.

    Parameters
    ----------
    error : BaseException
    host : str
        Host and port of the server.
    proxy : str
        Host and port of the proxy on the way; empty where there is none.
    has_key : bool
        Whether a key was sent.
    """
    if proxy:
        failure = _proxy_failure(error, host, proxy)
        if failure is not None:
            return failure
    match error:
        case ws_errors.ConnectionClosed():
            return closed_error(*close_code_and_reason(error), host)
        case ws_errors.InvalidStatus():
            return _refused(error, host, has_key)
        case ws_errors.InvalidURI() | ws_errors.InvalidProxy():
            return ConfigurationError(
                "the URL of the server or of the proxy cannot be used.",
                cure="Check url= and the environment's HTTPS_PROXY and ALL_PROXY.",
            )
        case ws_errors.ProxyError():
            return ConnectError(
                f"the proxy on the way to {host} refused.", host=host, cure=_PROXY_CURE
            )
        case ws_errors.InvalidHandshake():
            return ConnectError(
                f"{host} did not answer as a WebSocket server does.",
                host=host,
                has_answered=True,
                # A server with TLS closes the connection of a client without it.
                cure=f"{_SCHEME_CURE} For example wss://api.x.ai/v1/realtime.",
            )
        case ws_errors.WebSocketException():
            return ConnectError(
                f"the connection to {host} broke ({type(error).__name__}).",
                host=host,
                cure="Try again; if it breaks again, check the network and its proxies.",
            )
    return _network_failure(error, host)


def _network_failure(error: BaseException, host: str) -> ConnectError:
    """The error of the operating system or of TLS."""
    match error:
        case TimeoutError():
            return ConnectError(
                f"{host} did not answer in time.",
                host=host,
                cure="Check the network, or allow more with open_timeout_s.",
            )
        case ssl.SSLCertVerificationError():
            reason = getattr(error, "verify_message", "") or "verification failed"
            return ConnectError(
                f"the certificate of {host} is not trusted: {reason}.",
                host=host,
                cure="Where a company's proxy inspects TLS, set the environment variable "
                "SSL_CERT_FILE to the file of its CA certificate (PEM), or give ssl=.",
            )
        case ssl.SSLError():
            reason = getattr(error, "reason", None) or "no reason was given"
            return ConnectError(
                f"the TLS handshake with {host} failed: {reason}.",
                host=host,
                cure=_SCHEME_CURE,
            )
        case socket.gaierror():
            return ConnectError(
                f"there is no host {host!r}.", host=host, cure="Check url= and the network."
            )
        case ConnectionRefusedError():
            return ConnectError(
                f"nothing answers at {host}.", host=host, cure="Is the server running?"
            )
        case ConnectionResetError():  # As a server without TLS does to a client with it.
            return ConnectError(
                f"{host} closed the connection while it was opened.",
                host=host,
                cure=f"{_SCHEME_CURE} If it is the right one, check the network.",
            )
    reason = getattr(error, "strerror", None) or type(error).__name__
    return ConnectError(
        f"the connection to {host} could not be opened: {reason}.",
        host=host,
        cure="Check url= and the network.",
    )


def _proxy_failure(error: BaseException, host: str, proxy: str) -> GrokLiveError | None:
    """The error of a proxy; None where it is the server's."""
    what, cure = "", _PROXY_CURE
    match error:
        case ImportError():
            what = "is a SOCKS proxy, for which python-socks is not installed"
            cure = "pip install python-socks"
        case ws_errors.InvalidProxyStatus():
            status = error.response.status_code
            what = f"refused the connection to {host} (HTTP {status})"
            if status == 407:
                cure = "It needs a name and a password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT."
        case ws_errors.ProxyError():
            what = f"did not open the connection to {host}"
        case TimeoutError():
            what = f"opened no connection to {host} in time"
        case socket.gaierror():
            what = "does not exist"
        case ssl.SSLCertVerificationError():
            return None
        case OSError() if not isinstance(error, ssl.SSLError):
            what = f"cannot be reached ({error.strerror or type(error).__name__})"
    return ConnectError(f"the proxy {proxy} {what}.", host=host, cure=cure) if what else None


# What servers with TLS answer to a client without it.
# Sources: net/http/server.go of Go; ngx_http_special_response.c of nginx; ssl_engine_kernel.c of
# Apache httpd.
_NEEDS_TLS = (
    "http request to an https server",
    "http request was sent to https port",
    "plain http to an ssl-enabled",
)


def _refused(error: ws_errors.InvalidStatus, host: str, has_key: bool) -> GrokLiveError:
    status = error.response.status_code
    body = (error.response.body or b"")[:2000].decode("utf-8", "replace").lower()
    # A wrong key is answered with 400 and a text, not with 401 (measured by OxyHQ/Kaana).
    if status in (401, 403) or (status == 400 and "key" in body):
        return wrong_key(host, status, has_key=has_key)
    if status == 400 and any(words in body for words in _NEEDS_TLS):
        return ConnectError(
            f"{host} needs TLS.",
            host=host,
            status_code=status,
            has_answered=True,
            cure="Use wss:// in url=.",
        )
    sentences = {
        402: ("has no funds left for this key.", "Add credit in the provider's console."),
        404: ("has no such address.", "Check url=."),
        429: ("has too many requests or sessions of this key.", "Try again in a while."),
    }
    if 300 <= status < 400:
        what = "answers with a redirect, which is not followed: it would send the key elsewhere."
        return ConnectError(
            f"{host} {what}",
            host=host,
            status_code=status,
            has_answered=True,
            cure="Give the address that it redirects to as url=, if you trust it.",
        )
    refused = f"refused the connection (HTTP {status}).", "Try again in a while, or check url=."
    what, cure = sentences.get(status, refused)
    return ConnectError(
        f"{host} {what}", host=host, status_code=status, has_answered=True, cure=cure
    )


def wrong_key(host: str, status: int | None = None, *, has_key: bool) -> AuthenticationError:
    """The key was refused, or none was sent."""
    message = f"{host} does not accept the API key."
    cure = (
        f"Set {ENVIRONMENT_NAME} (or api_key=) to a valid key; if you gave a url or a dialect, "
        "check that they belong together."
    )
    if not has_key:
        message = f"{host} needs an API key, and none was found."
        cure = f"Set {ENVIRONMENT_NAME} (or api_key=) to the key of this server."
    return AuthenticationError(message, host=host, status_code=status, has_answered=True, cure=cure)


def close_code_and_reason(closed: ws_errors.ConnectionClosed) -> tuple[int | None, str]:
    """Code and reason of the close frame that was received, else of the one that was sent."""
    frame = closed.rcvd if closed.rcvd is not None else closed.sent
    return (frame.code, frame.reason) if frame is not None else (None, "")


def has_closed_first(closed: ws_errors.ConnectionClosed) -> bool:
    """Whether this side has begun to close the connection."""
    return closed.sent is not None and not closed.rcvd_then_sent


def closed_error(code: int | None, reason: str, host: str) -> SessionClosed:
    """The error that a close code and its reason mean."""
    if code == 1000:
        why = f": {reason}" if reason else ""
        return SessionClosedOK(
            f"the session is closed{why}.",
            close_code=code,
            reason=reason,
            cure="What was received is kept in turns; open another session to go on.",
        )
    why = f" ({reason})" if reason else ""
    how = f"closed with code {code}{why}" if code else "closed without a close frame"
    return SessionClosedError(
        f"the connection to {host} was {how}.",
        close_code=code,
        reason=reason,
        cure="What was received is kept in turns; open another session to go on.",
    )
