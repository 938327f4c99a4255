"""Ignorable errors are recognized by kind, and no other error is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from grok_live_widget.events import ErrorReported
from grok_live_widget.protocol.server_errors import (
    IGNORABLE,
    PARTNER_PARAM,
    is_already_active,
    is_auth_error,
    is_ignorable_error,
    is_not_active,
)

ERRORS = {
    "cancel": [
        ErrorReported(code="response_cancel_not_active"),
        ErrorReported(message="Cancellation failed: no active response found"),
        ErrorReported(message="The response is NOT ACTIVE any more"),
    ],
    "already active": [
        ErrorReported(code="conversation_already_has_active_response"),
        ErrorReported(message="Conversation already has an active response; wait."),
        ErrorReported(message="active response in progress: r9"),
    ],
    "truncate": [
        ErrorReported(message="Truncation is not supported"),
        ErrorReported(message="Only audio can be truncated", error_type="invalid_request_error"),
    ],
}
ONE_BY_ONE = [(name, error) for name, errors in ERRORS.items() for error in errors]


@pytest.mark.parametrize(
    ("name", "error"), ONE_BY_ONE, ids=[e.message or e.code for _, e in ONE_BY_ONE]
)
def test_an_ignorable_error_is_recognized_as_one_kind(name: str, error: ErrorReported) -> None:
    assert is_ignorable_error(error)
    assert [each for each, kind in IGNORABLE.items() if kind.matches(error)] == [name]
    assert is_not_active(error) == (name == "cancel")
    assert is_already_active(error) == (name == "already active")


def test_every_kind_is_tested() -> None:
    assert ERRORS.keys() == IGNORABLE.keys()


@pytest.mark.parametrize(
    "error",
    [
        ErrorReported(),
        ErrorReported(message="Session was closed due to inactivity", error_type="timeout"),
        ErrorReported(message="incorrect API key"),
        ErrorReported(error_type="internal_error", code="internal_error"),
        ErrorReported(message="Rate limit reached", code="rate_limit_exceeded"),
        ErrorReported(message="the partner raised: no active response", param=PARTNER_PARAM),
    ],
)
def test_other_errors_are_not_ignorable(error: ErrorReported) -> None:
    assert not is_ignorable_error(error)


def test_what_a_partner_raises_says_nothing_about_the_key() -> None:
    raised = ErrorReported(message="the partner raised KeyError: 'author'")
    assert is_auth_error(raised)
    assert not is_auth_error(replace(raised, param=PARTNER_PARAM))
