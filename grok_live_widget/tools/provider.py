"""Tools that the provider runs: described here, executed there.

Source of the fields and their limits: https://docs.x.ai/voice-realtime.ws.json, and the
service's guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, ClassVar

from msgspec.structs import asdict, force_setattr

from .._structs import Checked, Value
from ..exceptions import ConfigurationError


class ProviderTool(Value, frozen=True, kw_only=True):
    """A tool that the provider runs, and bills for each call."""

    kind: ClassVar[str]
    name: ClassVar[str] = ""
    description: ClassVar[str] = ""

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings that were given."""
        given = asdict(self).items()
        return {name: _plain(value) for name, value in given if value not in (None, ())}

    def _texts(self, name: str, most: int | None = None) -> None:
        """Check a list of texts and keep it as a tuple."""
        values = getattr(self, name)
        is_list = isinstance(values, list | tuple)
        if not is_list or not all(isinstance(each, str) and each for each in values):
            raise ConfigurationError(f"{name} must be a list of texts, not {values!r}.")
        if most is not None and len(values) > most:
            raise ConfigurationError(f"{name} may have up to {most} entries, not {len(values)}.")
        force_setattr(self, name, tuple(values))

    def _text(self, name: str, pattern: str, requirement: str) -> None:
        """Check a text; the error does not repeat it, since a URL may contain a key."""
        value = getattr(self, name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ConfigurationError(f"{name} must {requirement}.")

    def _date(self, name: str) -> None:
        """Check a text that begins with a day of the calendar."""
        requirement = "look like 2026-01-31"
        self._text(name, r"\d{4}-\d\d-\d\d.*", requirement)
        try:
            date.fromisoformat(getattr(self, name)[:10])
        except ValueError:
            raise ConfigurationError(
                f"{name} must be a day that exists, and {requirement}."
            ) from None

    def _is_set(self, *names: str) -> None:
        """Check settings that are True, False or None."""
        for name in names:
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool):
                raise ConfigurationError(f"{name} must be True, False or None, not {value!r}.")

    def _mapping(self, name: str, *, of_texts: bool = False) -> None:
        """Check a dict with texts as keys; the error does not repeat it, as it may hold a key."""
        value = getattr(self, name)
        if value is None:
            return
        texts = (
            [*value, *(value.values() if of_texts else ())] if isinstance(value, Mapping) else [0]
        )
        if not all(isinstance(each, str) for each in texts):
            requirement = "a dict of texts" if of_texts else "a dict with texts as keys"
            raise ConfigurationError(f"{name} must be {requirement} or None.")

    def _one_list(self, first: str, second: str, most: int) -> None:
        """Check two lists of texts of which only one may be given."""
        self._texts(first, most)
        self._texts(second, most)
        if getattr(self, first) and getattr(self, second):
            raise ConfigurationError(
                f"{first} and {second} cannot be given together.", cure="Pass only one of them."
            )


def _plain(value: Any) -> Any:
    """A value of a setting as JSON."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


class WebSearch(ProviderTool, frozen=True, kw_only=True, metaclass=Checked):
    """The provider searches the web.

    Parameters
    ----------
    allowed_domains, excluded_domains : list of str
        Up to 5; only one of the two settings.
    enable_image_understanding : bool or None
        None: as the service does by default.
    user_location : Mapping or None
        With the keys of the service.

    Examples
    --------
    >>> from grok_live_widget import Talk, WebSearch
    >>> talk = Talk(partner="parrot", tools=[WebSearch(allowed_domains=["wikipedia.org"])])
    """

    kind: ClassVar[str] = "web_search"
    allowed_domains: tuple[str, ...] = ()
    excluded_domains: tuple[str, ...] = ()
    enable_image_understanding: bool | None = None
    user_location: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self._one_list("allowed_domains", "excluded_domains", 5)
        self._is_set("enable_image_understanding")
        self._mapping("user_location")


class XSearch(ProviderTool, frozen=True, kw_only=True, metaclass=Checked):
    """The provider searches X.

    Parameters
    ----------
    allowed_x_handles, excluded_x_handles : list of str
        Up to 20; only one of the two settings.
    from_date, to_date : str or None
        As ``"2026-01-31"``.
    enable_image_understanding, enable_video_understanding : bool or None
        None: as the service does by default.

    Examples
    --------
    >>> from grok_live_widget import XSearch
    >>> XSearch(allowed_x_handles=["xai"], from_date="2026-01-31").from_date
    '2026-01-31'
    """

    kind: ClassVar[str] = "x_search"
    allowed_x_handles: tuple[str, ...] = ()
    excluded_x_handles: tuple[str, ...] = ()
    from_date: str | None = None
    to_date: str | None = None
    enable_image_understanding: bool | None = None
    enable_video_understanding: bool | None = None

    def __post_init__(self) -> None:
        self._one_list("allowed_x_handles", "excluded_x_handles", 20)
        self._is_set("enable_image_understanding", "enable_video_understanding")
        for name in ("from_date", "to_date"):
            if getattr(self, name) is not None:
                self._date(name)


class FileSearch(ProviderTool, frozen=True, kw_only=True, metaclass=Checked):
    """The provider searches collections of files that were uploaded there.

    Parameters
    ----------
    vector_store_ids : list of str
        At least one.
    max_num_results : int > 0 or None

    Examples
    --------
    >>> from grok_live_widget import FileSearch
    >>> FileSearch(vector_store_ids=["collection_1"], max_num_results=5).max_num_results
    5
    """

    kind: ClassVar[str] = "file_search"
    vector_store_ids: tuple[str, ...]
    max_num_results: int | None = None

    def __post_init__(self) -> None:
        self._texts("vector_store_ids")
        if not self.vector_store_ids:
            raise ConfigurationError("vector_store_ids is empty.", cure="Give at least one id.")
        count: Any = self.max_num_results
        is_whole = isinstance(count, int) and not isinstance(count, bool)
        if count is not None and (not is_whole or count < 1):
            raise ConfigurationError(
                f"max_num_results must be a whole number above 0, not {count!r}."
            )


class Mcp(ProviderTool, frozen=True, kw_only=True, metaclass=Checked):
    """The provider calls the tools of an MCP server, which it must be able to reach.

    Parameters
    ----------
    server_url : str
        ``https://…``
    server_label : str
        Without dots.
    server_description : str or None
    allowed_tools : list of str
        Empty: all.
    authorization : str or None
        Not shown in the repr.
    headers : Mapping or None
        Not shown in the repr.

    Examples
    --------
    >>> from grok_live_widget import Mcp
    >>> Mcp(server_url="https://example.org/mcp", server_label="example").server_label
    'example'
    """

    kind: ClassVar[str] = "mcp"
    server_url: str
    server_label: str
    server_description: str | None = None
    allowed_tools: tuple[str, ...] = ()
    authorization: str | None = None
    headers: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        self._texts("allowed_tools")
        self._text("server_url", r"https?://[^/\s].*", "begin with https:// and name a host")
        self._text("server_label", r"[^.]+", "be a name without dots")
        for name in ("server_description", "authorization"):
            if getattr(self, name) is not None:
                self._text(name, r"(?s).+", "be a text that is not empty")
        self._mapping("headers", of_texts=True)


def secrets_of(tools: Iterable[object]) -> tuple[str, ...]:
    """What gives access to the servers of these tools: texts that are not to be shown."""
    secrets: list[str] = []
    for tool in tools:
        if isinstance(tool, Mcp):
            secrets += [tool.authorization or "", *(tool.headers or {}).values()]
    return tuple(filter(None, secrets))
