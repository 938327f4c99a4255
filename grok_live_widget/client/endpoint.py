"""The server of a session: chosen, with its dialects and key, before any I/O."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from msgspec.structs import replace

from .._structs import Value, did_you_mean
from ..exceptions import (
    AuthenticationError,
    ConfigurationError,
    RehearsalWarning,
    UnsupportedByServer,
)
from ..protocol import (
    DIALECTS,
    REALTIME,
    Dialect,
    Noted,
    ServerVad,
    UpdateSession,
    dialect_from_url,
)
from ..settings import UNSET, Settings, is_loopback, is_script
from .credentials import (
    ENVIRONMENT_NAME,
    Secret,
    find_key,
    missing_libraries,
    unanswered,
    wrap_secret,
)
from .timeouts import Timeouts
from .transport import host_of

if TYPE_CHECKING:
    from .surroundings import Server

SERVICE_URL = "wss://api.x.ai"
# The service's hosts: this domain and those below it, such as the regional ones.
_SERVICE_DOMAIN = "x.ai"

# The dialect that each host accepted, for this process.
_remembered: dict[str, Dialect] = {}


class Endpoint(Value, frozen=True, kw_only=True):
    """The server of a session.

    Parameters
    ----------
    dialects : tuple of (Dialect, str)
        To try in this order, each with its URL; the URL is empty for the rehearsal, which has
        none before it runs.
    key : Secret
        Empty where there is none.
    is_chosen : bool
        False when the rehearsal was not asked for and only the key is missing.
    """

    is_rehearsal: bool
    dialects: tuple[tuple[Dialect, str], ...]
    key: Secret = Secret("")
    is_chosen: bool = True

    @property
    def name(self) -> str:
        """``"rehearsal"``, ``"Grok"``, or as `name_of_server` says."""
        return "rehearsal" if self.is_rehearsal else name_of_server(self.dialects[0][1])

    def served_by(self, rehearsal: Server) -> Endpoint:
        """The same, with the addresses and the key of the rehearsal that now runs."""
        urls = tuple((dialect, rehearsal.url(dialect.name)) for dialect, _ in self.dialects)
        return replace(self, dialects=urls, key=Secret(rehearsal.api_key or ""))


class ConnectRequest(Value, frozen=True, kw_only=True):
    """What it takes to open a session, resolved and validated."""

    endpoint: Endpoint
    settings: Settings
    timeouts: Timeouts = Timeouts()


def name_of_server(url: str, server_header: str = "") -> str:
    """``"Grok"`` for the service, ``"rehearsal"`` or ``"replay"`` for a server of this package, and
    the host, with its port, for any other server.

    Parameters
    ----------
    server_header : str
        The ``Server`` header of its handshake; empty where none was received yet.
    """
    from ..rehearsal import kind_of_header, running_kind

    if is_service(url):
        return "Grok"
    running = running_kind(urlsplit(url).port) if is_loopback(url) else None
    return kind_of_header(server_header) or running or host_of(url)


def is_service(url: str) -> bool:
    """Whether a URL leads to a host of the service."""
    host = urlsplit(url).hostname or ""
    return host == _SERVICE_DOMAIN or host.endswith(f".{_SERVICE_DOMAIN}")


def resolve_endpoint(
    settings: Settings,
    api_key: str | Secret | None = None,
    *,
    service_url: str = SERVICE_URL,
    find: Callable[[Secret | None], Secret | None] = find_key,
) -> Endpoint:
    """Choose the server, before any I/O to it. Looking for the key may take some seconds.

    Parameters
    ----------
    settings : Settings
    api_key : str, Secret or None
        As it was given.
    service_url : str
    find : callable
        As `find_key`.

    Raises
    ------
    AuthenticationError
        Where a key is needed and none is found.
    ConfigurationError
        Where a key would travel unprotected.
    UnsupportedByServer
        Where there are tools and the dialect has none.
    """
    endpoint = _endpoint_for(settings, wrap_secret(api_key), service_url, find)
    for dialect, _ in endpoint.dialects:
        refuse_unsupported(settings, dialect)
    return endpoint


def _unsupported_names(settings: Settings, dialect: Dialect) -> list[str]:
    """The settings, by name, that were given and that a dialect does not support."""
    usual = Settings()
    return [
        name
        for name in sorted(dialect.unsupported)
        if _value(settings, name) != _value(usual, name)
    ]


def _value(settings: Settings, name: str) -> Any:
    """A setting, or one of `ServerVad`: as it usually is where push-to-talk leaves it open."""
    within, _, inner = name.rpartition(".")
    if not within:
        return getattr(settings, name)
    return getattr(getattr(settings, within), inner, getattr(ServerVad(), inner))


def refuse_unsupported(settings: Settings, dialect: Dialect) -> None:
    """Raise UnsupportedByServer for settings that a dialect does not support."""
    beyond = [f"{name}={_shown(settings, name)}" for name in _unsupported_names(settings, dialect)]
    if beyond:
        raise UnsupportedByServer(", ".join(beyond), dialect.name)


def _shown(settings: Settings, name: str) -> Any:
    if name == "tools":
        return " and ".join(each.name or each.kind for each in settings.tools)
    return _value(settings, name)


def _endpoint_for(
    settings: Settings,
    api_key: Secret | None,
    service_url: str,
    find: Callable[[Secret | None], Secret | None],
) -> Endpoint:
    if settings.partner is not UNSET and settings.partner is not None:
        if settings.url is not None:
            raise ConfigurationError(
                "partner and url exclude each other: one is the rehearsal, the other a server.",
                cure="RehearsalServer(partner) is a rehearsal with a url.",
            )
        if is_script(settings.partner):
            # The rehearsal takes time to import.
            from ..rehearsal import check_script

            check_script(settings.partner)
        return _rehearsal(settings)
    key = find(api_key)
    if api_key is not None and not key:
        raise _no_key("api_key is empty.")
    if settings.url is not None:
        return _at_url(settings, settings.url, key)
    if key:
        return _service(settings, key, service_url)
    if settings.partner is None:
        raise _no_key("partner=None rules out the rehearsal, and no API key was found.")
    return _rehearsal(settings, is_chosen=False)


def _no_key(what: str) -> AuthenticationError:
    cure = (
        f"Set the environment variable {ENVIRONMENT_NAME} or pass api_key=, "
        f"or leave both out for the rehearsal. {missing_libraries()}"
    )
    return AuthenticationError(f"{what} {unanswered()}".strip(), cure=cure.strip())


def _rehearsal(settings: Settings, *, is_chosen: bool = True) -> Endpoint:
    dialect = DIALECTS.get(settings.dialect, REALTIME)  # "auto" is none of them.
    return Endpoint(is_rehearsal=True, dialects=((dialect, ""),), is_chosen=is_chosen)


def _at_url(settings: Settings, url: str, key: Secret | None) -> Endpoint:
    if not key and not is_loopback(url):
        raise _no_key(f"{host_of(url)} needs an API key, and none was found.")
    if key and url.startswith("ws://") and not is_loopback(url):
        raise ConfigurationError(
            f"ws:// to {host_of(url)} would send the API key without encryption.",
            cure="Use wss://.",
        )
    is_auto = settings.dialect == "auto"
    dialect = dialect_from_url(url) if is_auto else DIALECTS[settings.dialect]
    return Endpoint(is_rehearsal=False, dialects=((dialect, url),), key=key or Secret(""))


def _service(settings: Settings, key: Secret, service_url: str) -> Endpoint:
    if settings.dialect != "auto":
        chosen = [DIALECTS[settings.dialect]]
    else:
        fitting = [each for each in DIALECTS.values() if not _unsupported_names(settings, each)]
        remembered = _remembered.get(service_url)
        chosen = [remembered] if remembered in fitting else fitting
    urls = tuple((dialect, service_url + dialect.path) for dialect in chosen)
    return Endpoint(is_rehearsal=False, dialects=urls, key=key)


def remember(url: str, dialect: Dialect) -> None:
    """Keep the dialect that a host accepted at this URL, where there was a choice."""
    _remembered[url.removesuffix(dialect.path)] = dialect


def remembered_dialects() -> dict[str, str]:
    """The name of the dialect that each host accepted, by the beginning of its URL."""
    return {url: dialect.name for url, dialect in _remembered.items()}


# --------------------------------------------------------------------------- what is requested
def update_for(endpoint: Endpoint, settings: Settings, dialect: Dialect) -> UpdateSession:
    """The settings as they are sent to a server; what a dialect does not support is left out."""
    names = ("input_format", "output_format", "transcription", "speed", "replace", "reasoning")
    optional: dict[str, Any] = {name: getattr(settings, name) for name in names}
    optional["tools"] = settings.tool_offers or None
    optional["resumption"] = settings.resumption or None
    return UpdateSession(
        model=settings.model or _default_model(settings, dialect),
        voice=_substitute(endpoint, settings, dialect) or settings.voice or dialect.default_voice,
        instructions=settings.instructions or None,
        turn_detection=settings.turn_detection,
        **{name: value for name, value in optional.items() if name not in dialect.unsupported},
    )


def _default_model(settings: Settings, dialect: Dialect) -> str | None:
    """None where the URL names one already."""
    is_named = "model" in parse_qs(urlsplit(settings.url or "").query)
    return None if is_named else dialect.default_model


def _substitute(endpoint: Endpoint, settings: Settings, dialect: Dialect) -> str | None:
    """The service's nearest voice to the requested one; None where it has that voice itself."""
    # Another server than the service may have the voices of the seed document.
    is_other = settings.url is not None and not is_service(settings.url)
    if endpoint.is_rehearsal or is_other or settings.voice is None:
        return None
    return dialect.voice_substitutes.get(settings.voice.lower())


def voice_notes(endpoint: Endpoint, settings: Settings, dialect: Dialect) -> list[Noted]:
    """A note where another voice than the requested one replies."""
    nearest = _substitute(endpoint, settings, dialect)
    if nearest is not None:
        text = f"The service has no voice {settings.voice!r}; {nearest!r} is the nearest it has."
        return [Noted(text, "info")]
    return _rehearsal_voice_notes(settings) if endpoint.is_rehearsal else []


def _rehearsal_voice_notes(settings: Settings) -> list[Noted]:
    from ..rehearsal import VOICES, has_voice

    # The parrot has no voice of its own.
    if settings.voice is None or settings.partner == "parrot" or has_voice(settings.voice):
        return []
    text = (
        f"The rehearsal has no voice {settings.voice!r} and speaks with another one. "
        f"{did_you_mean(settings.voice, tuple(VOICES))}Its voices are {', '.join(VOICES)}."
    )
    return [Noted(text, "info")]


_has_warned = False


def warn_of_rehearsal(endpoint: Endpoint, stacklevel: int = 4) -> None:
    """Warn once in a process that the rehearsal is the server, and not because of a setting."""
    global _has_warned
    if _has_warned or not endpoint.is_rehearsal or endpoint.is_chosen:
        return
    text = f"No API key was found ({ENVIRONMENT_NAME}), so the built-in rehearsal answers,"
    text = f"{text} not Grok. To reach Grok, set {ENVIRONMENT_NAME}, or pass api_key=."
    text = f"{text} {unanswered()} {missing_libraries()}"
    warnings.warn(" ".join(text.split()), RehearsalWarning, stacklevel=stacklevel)
    _has_warned = True
