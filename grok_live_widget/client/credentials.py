"""The API key: where it is looked for, and a wrapper that does not show it."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..exceptions import ConfigurationError

ENVIRONMENT_NAME = "XAI_API_KEY"


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


def find_key(given: str | Secret | None = None) -> Secret | None:
    """The key to use, or None.

    The first that has one: the argument, the environment's ``XAI_API_KEY``, Colab's secrets,
    the keyring (service ``grok_live_widget``), a ``.env`` file. An argument of ``""`` counts
    as given.

    Raises
    ------
    ConfigurationError
        When the key is malformed; the message does not show it.
    """
    given = wrap_secret(given)
    if given is not None:
        return _checked(given)
    for source in (_environment, _colab, _keyring, _dotenv):
        key = _checked(_key_from(source))
        if key:
            return key
    return None


def _checked(secret: Secret) -> Secret:
    """Without the white space around it. The error does not contain the key."""
    if not isinstance(secret.reveal(), str):
        kind = type(secret.reveal()).__name__
        raise ConfigurationError(f"api_key must be text, not of type {kind}.")
    if not secret.is_header_safe:
        raise ConfigurationError(
            "api_key contains a space, a line break or another character that no key has.",
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
