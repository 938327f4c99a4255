"""Who may open the direct channel."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget.widget.invitations import (
    LIFE_S,
    MOST_FAILURES,
    MOST_PENDING,
    PATH,
    Invitation,
    Invitations,
)

PORT = 40_000
ORIGIN = "http://localhost:8888"
HOST = f"127.0.0.1:{PORT}"


@pytest.fixture
def invitations() -> Invitations:
    return Invitations()


def admits(invitations: Invitations, now_s: float = 1.0, **changed: Any) -> bool:
    given: dict[str, Any] = {"path": PATH, "hosts": [HOST], "origins": [ORIGIN], "port": PORT}
    return invitations.admits(**(given | changed), now_s=now_s)


def test_an_invited_page_is_admitted_once(invitations: Invitations) -> None:
    assert not admits(invitations), "no page is invited"
    invitation = invitations.invite("a", ORIGIN, 0.0)
    assert admits(invitations)
    assert invitations.redeem(invitation.token, ORIGIN, 1.0) is invitation
    assert invitations.redeem(invitation.token, ORIGIN, 1.0) is None
    assert not admits(invitations), "no invitation is open"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_the_names_of_this_computer_are_hosts(invitations: Invitations, name: str) -> None:
    invitations.invite("a", ORIGIN, 0.0)
    assert admits(invitations, hosts=[f"{name}:{PORT}"])


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/"},
        {"path": f"{PATH}?token=x"},
        {"hosts": ["evil.example"]},
        {"hosts": [f"evil.example:{PORT}"]},
        {"hosts": ["127.0.0.1"]},
        {"hosts": []},
        {"hosts": [HOST, HOST]},
        {"origins": []},
        {"origins": ["null"]},
        {"origins": ["http://evil.example"]},
        {"origins": ["http://127.0.0.1:8888"]},
        {"origins": ["http://localhost"]},
        {"origins": [ORIGIN, "http://evil.example"]},
        {"origins": [ORIGIN, ORIGIN]},
    ],
)
def test_another_path_host_or_origin_is_refused(
    invitations: Invitations, changed: dict[str, Any]
) -> None:
    invitation = invitations.invite("a", ORIGIN, 0.0)
    assert not admits(invitations, **changed)
    assert invitations.redeem(invitation.token, ORIGIN, 1.0) is invitation, "it is not used up"


def test_behind_the_notebook_server_any_host_is_admitted_but_no_other_origin(
    invitations: Invitations,
) -> None:
    origin = "https://hub.example"
    invitations.invite("a", origin, 0.0, is_proxied=True)
    invitations.invite("b", ORIGIN, 0.0)
    assert admits(invitations, hosts=["hub.example"], origins=[origin])
    assert not admits(invitations, hosts=["hub.example"], origins=["https://evil.example"])
    assert not admits(invitations, hosts=["hub.example"])


def test_an_invitation_ends_after_a_time(invitations: Invitations) -> None:
    invitation = invitations.invite("a", ORIGIN, 0.0)
    assert admits(invitations, LIFE_S - 0.1)
    assert not admits(invitations, LIFE_S)
    assert invitations.redeem(invitation.token, ORIGIN, LIFE_S) is None


def test_a_new_invitation_of_a_page_replaces_its_last(invitations: Invitations) -> None:
    first = invitations.invite("a", ORIGIN, 0.0)
    other = invitations.invite("b", ORIGIN, 0.0)
    second = invitations.invite("a", ORIGIN, 0.0)
    assert invitations.redeem(first.token, ORIGIN, 1.0) is None
    assert invitations.redeem(second.token, ORIGIN, 1.0) is second
    assert invitations.redeem(other.token, ORIGIN, 1.0) is other


def test_a_token_is_good_for_its_own_origin_alone(invitations: Invitations) -> None:
    invitations.invite("b", "http://evil.example", 0.0)
    invitation = invitations.invite("a", ORIGIN, 0.0)
    assert invitations.redeem(invitation.token, "http://evil.example", 1.0) is None


@pytest.mark.parametrize("token", ["", "wrong", "é", b"bytes", None, 5])
def test_wrong_tokens_lock_it_for_all(invitations: Invitations, token: object) -> None:
    for number in range(MOST_FAILURES):
        invitation = invitations.invite("a", ORIGIN, 0.0)
        assert not invitations.is_locked
        assert invitations.redeem(token, ORIGIN, 1.0) is None, number
    assert invitations.is_locked
    assert not admits(invitations)
    assert invitation.token


def test_few_connections_may_be_open_that_have_shown_no_token(invitations: Invitations) -> None:
    invitations.invite("a", ORIGIN, 0.0)
    for _ in range(MOST_PENDING):
        assert admits(invitations)
        invitations.begin()
    assert not admits(invitations)
    invitations.end()
    assert admits(invitations)


def test_tokens_are_long_differ_and_are_shown_nowhere(invitations: Invitations) -> None:
    made: list[Invitation] = [invitations.invite(str(each), ORIGIN, 0.0) for each in range(50)]
    words = {text for each in made for text in (each.token, each.proof)}
    assert len(words) == 100
    assert min(map(len, words)) >= 43, "256 bits in base64"
    for each in made:
        assert each.token not in repr(each)
        assert each.proof not in f"{each} {each!r}"
