"""Tools of the provider are named with checked fields, and only what was given is said."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget import FileSearch, Mcp, WebSearch, XSearch
from grok_live_widget.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("tool", "kind", "parameters"),
    [
        (WebSearch(), "web_search", {}),
        (
            WebSearch(allowed_domains=["x.ai"], enable_image_understanding=False),  # type: ignore[arg-type]
            "web_search",
            {"allowed_domains": ["x.ai"], "enable_image_understanding": False},
        ),
        (
            XSearch(excluded_x_handles=("a",), from_date="2026-01-31"),
            "x_search",
            {"excluded_x_handles": ["a"], "from_date": "2026-01-31"},
        ),
        (
            FileSearch(vector_store_ids=("c1",), max_num_results=3),
            "file_search",
            {"vector_store_ids": ["c1"], "max_num_results": 3},
        ),
        (
            Mcp(server_url="https://host/mcp", server_label="notes", headers={"a": "b"}),
            "mcp",
            {"server_url": "https://host/mcp", "server_label": "notes", "headers": {"a": "b"}},
        ),
    ],
)
def test_what_was_given_is_what_is_said(tool: Any, kind: str, parameters: Any) -> None:
    assert (tool.kind, tool.name, tool.parameters) == (kind, "", parameters)
    with pytest.raises(AttributeError):
        setattr(tool, tool.__struct_fields__[0], ())


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (WebSearch, {"allowed_domains": ("a",) * 6}, "5 entries, not 6"),
        (WebSearch, {"allowed_domains": "x.ai"}, "list of texts, not 'x.ai'"),
        (WebSearch, {"allowed_domains": ["a"], "excluded_domains": ["b"]}, "together"),
        (XSearch, {"allowed_x_handles": ["a"] * 21}, "20 entries, not 21"),
        (XSearch, {"to_date": "yesterday"}, "to_date must look like 2026-01-31"),
        (XSearch, {"to_date": "2026-02-30"}, "to_date must be a day that exists"),
        (FileSearch, {"vector_store_ids": []}, "empty"),
        (FileSearch, {"vector_store_ids": ["a"], "max_num_results": 0}, "not 0"),
        (WebSearch, {"enable_image_understanding": "yes"}, "must be True, False or None"),
        (WebSearch, {"user_location": "Paris"}, "user_location must be a dict"),
        (FileSearch, {"vector_store_ids": ["a"], "max_num_results": True}, "not True"),
        (
            Mcp,
            {"server_url": "https://h", "server_label": "a", "headers": {"a": 1}},
            "dict of texts",
        ),
        (Mcp, {"server_url": "https://h", "server_label": "a", "authorization": 5}, "be a text"),
        (Mcp, {"server_url": "host", "server_label": "a"}, "https://"),
        (Mcp, {"server_url": "https://host", "server_label": "a.b"}, "without dots"),
    ],
)
def test_what_the_provider_would_refuse_is_refused_here(kind: Any, given: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        kind(**given)


def test_secrets_are_in_no_repr() -> None:
    tool = Mcp(
        server_url="https://host", server_label="a", authorization="s3cret", headers={"k": "s3cret"}
    )
    assert "s3cret" not in repr(tool)
