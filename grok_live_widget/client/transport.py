"""The transport: a WebSocket, opened so that the key goes to its server only.

This is the one place where errors of `websockets`, of TLS and of the network are translated.
"""

from __future__ import annotations

import logging
import socket
import ssl
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


async def connected(opening: Opening, timeout_s: float) -> MessageSocket:
    """Open the socket.

    Raises
    ------
    AuthenticationError, ConnectError, ConfigurationError
    """
    host = host_of(opening.url)
    on_loopback = is_loopback(opening.url)
    try:
        socket_ = await _Connect(
            opening.url,
            create_connection=MessageSocket,
            additional_headers=dict(opening.headers),
            compression=None,
            max_size=_MAX_FRAME_BYTES,
            open_timeout=timeout_s,
            close_timeout=2,
            proxy=None if on_loopback else True,
            logger=_SILENT,
        )
        assert isinstance(socket_, MessageSocket)
        return socket_
    except (ws_errors.WebSocketException, OSError, ssl.SSLError, ValueError) as error:
        failure = translated(error, host)
    # Raised here, outside of the handler, so that the foreign error with its stack frames, which
    # hold the headers, is not kept in the new one's context.
    raise failure


def host_of(url: str) -> str:
    """Host and port, for messages: no user, no password, no query."""
    return urlsplit(url).netloc.rsplit("@", 1)[-1]


# --------------------------------------------------------------------------- translation
def translated(error: BaseException, host: str) -> GrokLiveError:
    """Translate an error of a library; the result never quotes a header or the key."""
    match error:
        case ws_errors.ConnectionClosed():
            return closed_error(*close_code_and_reason(error), host)
        case ws_errors.InvalidStatus():
            return _refused(error, host)
        case ws_errors.InvalidURI() | ws_errors.InvalidProxy():
            return ConfigurationError(
                "the URL of the server or of the proxy cannot be used.",
                cure="Check url= and the environment's HTTPS_PROXY.",
            )
        case ws_errors.ProxyError():
            return ConnectError(f"the proxy on the way to {host} refused.", host=host)
        case ws_errors.InvalidHandshake():
            return ConnectError(
                f"{host} did not answer as a WebSocket server does.", host=host, has_answered=True
            )
        case ws_errors.WebSocketException():
            return ConnectError(
                f"the connection to {host} broke ({type(error).__name__}).", host=host
            )
        case TimeoutError():
            return ConnectError(
                f"{host} did not answer in time.",
                host=host,
                cure="Check the network, or allow more with open_timeout_s.",
            )
        case ssl.SSLError():
            reason = getattr(error, "reason", None) or "no reason was given"
            return ConnectError(f"the TLS handshake with {host} failed: {reason}.", host=host)
        case socket.gaierror():
            return ConnectError(
                f"there is no host {host!r}.", host=host, cure="Check url= and the network."
            )
        case ConnectionRefusedError():
            return ConnectError(
                f"nothing answers at {host}.", host=host, cure="Is the server running?"
            )
    return ConnectError(f"the connection to {host} could not be opened.", host=host)


def _refused(error: ws_errors.InvalidStatus, host: str) -> GrokLiveError:
    status = error.response.status_code
    body = (error.response.body or b"")[:2000].decode("utf-8", "replace").lower()
    # A wrong key is answered with 400 and a text, not with 401 (measured by OxyHQ/Kaana).
    if status in (401, 403) or (status == 400 and "key" in body):
        return wrong_key(host, status)
    sentences = {
        402: ("has no funds left for this key.", "Add credit in the provider's console."),
        404: ("has no such address.", "Check url=."),
        429: ("has too many requests or sessions of this key.", "Try again in a while."),
    }
    if 300 <= status < 400:
        what = "answers with a redirect, which is not followed: it would send the key elsewhere."
        return ConnectError(f"{host} {what}", host=host, status_code=status, has_answered=True)
    what, cure = sentences.get(status, (f"refused the connection (HTTP {status}).", ""))
    return ConnectError(
        f"{host} {what}", host=host, status_code=status, has_answered=True, cure=cure
    )


def wrong_key(host: str, status: int | None = None) -> AuthenticationError:
    """The key was refused."""
    return AuthenticationError(
        f"{host} does not accept the API key.",
        host=host,
        status_code=status,
        has_answered=True,
        cure=f"Set {ENVIRONMENT_NAME} (or api_key=) to a valid key; if you gave a url or a "
        "dialect, check that they belong together.",
    )


def close_code_and_reason(closed: ws_errors.ConnectionClosed) -> tuple[int | None, str]:
    """Code and reason of the close frame that was received, else of the one that was sent."""
    frame = closed.rcvd if closed.rcvd is not None else closed.sent
    return (frame.code, frame.reason) if frame is not None else (None, "")


def closed_error(code: int | None, reason: str, host: str) -> SessionClosed:
    """The error that a close code and its reason mean."""
    if code == 1000:
        why = f": {reason}" if reason else ""
        return SessionClosedOK(f"the session is closed{why}.", close_code=code, reason=reason)
    why = f" ({reason})" if reason else ""
    how = f"closed with code {code}{why}" if code else "closed without a close frame"
    return SessionClosedError(
        f"the connection to {host} was {how}.",
        close_code=code,
        reason=reason,
        cure="What was received is kept in turns; open another session to go on.",
    )
