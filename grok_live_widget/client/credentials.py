"""The API key: where it is looked for, and a wrapper that does not show it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec

from ..exceptions import ConfigurationError

ENVIRONMENT_NAME = "XAI_API_KEY"


_QUOTATION_MARKS = tuple("\"'`\u2018\u2019\u201c\u201d")


class Secret:
    """A text that is shown only by `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; only for the place that sends it."""
        return self._text

    @property
    def is_header_safe(self) -> bool:
        """Whether it can go into a header: anything else breaks the handshake."""
        return all("!" <= character <= "~" for character in self._text.strip())

    @property
    def is_quoted(self) -> bool:
        """Whether it begins or ends with a quotation mark, as environment files may hold it."""
        key = self._text.strip()
        return key.startswith(_QUOTATION_MARKS) or key.endswith(_QUOTATION_MARKS)

    def stripped(self) -> Secret:
        """Without the white space around it; itself where there is none."""
        key = self._text.strip()
        return self if key == self._text else Secret(key)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)" if self._text else "Secret()"

    def __reduce__(self) -> str | tuple[object, ...]:
        return (Secret, ("",))


def wrap_secret(api_key: str | Secret | None) -> Secret | None:
    """An argument as a `Secret`, not looked at yet.

    To be called first in each function that takes a key: a traceback with locals shows that
    function when another argument is refused, and every function that it calls.
    """
    return api_key if api_key is None or isinstance(api_key, Secret) else Secret(api_key)


def find_key(given: str | Secret | None = None, *, timeout_s: float = 3.0) -> Secret | None:
    """The key to use, or None. It may take `timeout_s`, so an event loop must not call it.

    The first that has one: the argument, the environment's ``XAI_API_KEY``, Colab's secrets,
    the keyring (service ``grok_live_widget``), a ``.env`` file. An argument of ``""`` counts
    as given.

    Parameters
    ----------
    given : str, Secret or None
    timeout_s : number > 0 [s]
        How long the keyring, and the ``.env`` file, may take. `unanswered` names those that took
        longer.

    Raises
    ------
    ConfigurationError
        When the key is malformed; the message does not show it.
    """
    given = wrap_secret(given)
    return locate_key(given, timeout_s=timeout_s)[0]


def locate_key(
    given: str | Secret | None = None, *, timeout_s: float = 3.0
) -> tuple[Secret | None, str]:
    """What `find_key` finds, and where it was found, in words; empty where it was not.

    Raises
    ------
    ConfigurationError
        As `find_key`.
    """
    given = wrap_secret(given)
    if given is not None:
        return _checked(given, "api_key"), "api_key="
    # Colab asks the user for permission, which may take its time.
    sources = (
        (f"the environment variable {ENVIRONMENT_NAME}", _environment),
        ("Colab's secrets", _colab),
    )
    for where, source in sources:
        key = _checked(_key_from(source), ENVIRONMENT_NAME)
        if key:
            return key, where
    for name, source in (("the keyring", _keyring), (".env", _dotenv)):
        key = _checked(_key_in_time(name, source, timeout_s), f"the key of {name}")
        if key:
            return key, name
    return None, ""


def unanswered() -> str:
    """A sentence about the sources of a key that have not answered in time; empty if all have."""
    names = [name for name, lookup in list(_lookups.items()) if not lookup.answer.done()]
    if not names:
        return ""
    return f"{' and '.join(names).capitalize()} did not answer in time: unlock it, and try again."


def missing_libraries() -> str:
    """A sentence about the sources of a key that cannot be asked, since their library is not
    installed; empty if both are.
    """
    libraries = {"the keyring": "keyring", ".env": "dotenv"}
    names = [name for name, library in libraries.items() if not find_spec(library)]
    if not names:
        return ""
    sources = " or ".join(names)
    return f'For a key in {sources}, run: pip install "grok-live-widget[keys]".'


def _checked(secret: Secret, name: str) -> Secret:
    """Without the white space around it. The error does not contain the key."""
    # No variable holds the text itself: a traceback with locals would show it.
    if not isinstance(secret.reveal(), str):
        kind = type(secret.reveal()).__name__
        raise ConfigurationError(f"{name} must be text, not of type {kind}.")
    if secret.is_quoted:
        raise ConfigurationError(
            f"{name} has quotation marks around it, which are no part of a key.",
            cure=f"Remove them: {ENVIRONMENT_NAME}=KEY (docker's env files keep quotation marks).",
        )
    if not secret.is_header_safe:
        raise ConfigurationError(
            f"{name} contains a space, a line break or another character that no key has.",
            cure="Copy the whole key again, and nothing else.",
        )
    return secret.stripped()


def _key_from(source: Callable[[], str | None]) -> Secret:
    """A source that fails (not installed, locked, denied, unreadable) has no key; its error is
    dropped, since it could quote what it read.
    """
    try:
        return Secret(source() or "")
    except Exception:  # noqa: BLE001  (these libraries raise errors of any class)
        return Secret("")


class _Lookup:
    """A source that is being asked, on a thread of its own: a locked keyring waits for its user.

    A daemon thread, since the process must be able to end meanwhile.
    """

    def __init__(self, source: Callable[[], str | None]) -> None:
        self.answer: Future[Secret] = Future()
        self.began_s = time.monotonic()
        threading.Thread(
            target=self._ask, args=(source,), name="grok-live-key", daemon=True
        ).start()

    def _ask(self, source: Callable[[], str | None]) -> None:
        self.answer.set_result(_key_from(source))


_lookups: dict[str, _Lookup] = {}
"""Lookups that have not been answered yet, by the name of the source."""
_lookups_lock = threading.Lock()


def _key_in_time(name: str, source: Callable[[], str | None], timeout_s: float) -> Secret:
    """The key of a source; empty if it does not answer in time. It is not asked again before it
    has answered.
    """
    with _lookups_lock:
        lookup = _lookups[name] = _lookups.get(name) or _Lookup(source)
    try:
        key = lookup.answer.result(max(0.0, lookup.began_s + timeout_s - time.monotonic()))
    except TimeoutError:
        return Secret("")
    with _lookups_lock:
        _lookups.pop(name, None)
    return key


def _environment() -> str | None:
    return os.environ.get(ENVIRONMENT_NAME)


def _colab() -> str | None:
    # Colab inside VS Code imports this module too, but its question is answered by a time-out;
    # the variable is set by the real one only. Source: googlecolab/colab-vscode#215.
    if "COLAB_RELEASE_TAG" not in os.environ:
        return None
    from google.colab import userdata  # type: ignore[import-not-found,unused-ignore]

    found: str | None = userdata.get(ENVIRONMENT_NAME)
    return found


def _keyring() -> str | None:
    import keyring  # type: ignore[import-not-found,unused-ignore]

    found: str | None = keyring.get_password("grok_live_widget", ENVIRONMENT_NAME)
    return found


def _dotenv() -> str | None:
    from dotenv import dotenv_values, find_dotenv  # type: ignore[import-not-found,unused-ignore]

    found: str | None = dotenv_values(find_dotenv(usecwd=True)).get(ENVIRONMENT_NAME)
    return found
