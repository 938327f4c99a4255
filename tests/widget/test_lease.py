"""Of many pages one has the sound."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_live_widget.widget.lease import Lease


def lease_of(*pages: str) -> Lease:
    lease = Lease()
    for at_s, page in enumerate(pages):
        lease.arrive(page, at_s)
    return lease


def test_the_first_page_is_owner_and_saying_hello_again_changes_nothing() -> None:
    lease = Lease()
    assert not lease.has_pages
    assert lease.arrive("a", 1) is None
    assert lease.arrive("a", 2) is None
    assert (lease.owner, lease.has_pages) == ("a", True)


def test_a_newcomer_becomes_owner_when_the_owner_does_not_answer() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert lease.owner == "a"
    assert ping is not None
    assert lease.expire(ping)
    assert lease.owner == "b"
    assert not lease.expire(ping), "a ping expires once"
    assert lease.leave("b"), "the silent page is forgotten"
    assert (lease.owner, lease.has_pages) == ("", False)


def test_the_owners_answer_keeps_the_lease() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert ping is not None
    lease.answer("b", ping)
    lease.answer("a", ping + 1)
    lease.answer("a", ping)
    assert not lease.expire(ping)
    assert lease.owner == "a"


def test_only_the_newest_ping_counts() -> None:
    lease = lease_of("a")
    first, second = lease.arrive("b", 1), lease.arrive("c", 2)
    assert first is not None
    assert second is not None
    assert not lease.expire(first)
    assert lease.expire(second)
    assert lease.owner == "c"


def test_taking_over_needs_no_ping_and_ends_one() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert lease.take("c", 2)
    assert not lease.take("c", 3)
    assert ping is not None
    assert not lease.expire(ping)
    assert lease.owner == "c"


def test_when_the_owner_leaves_the_page_last_heard_of_follows() -> None:
    lease = lease_of("a", "b", "c")
    lease.see("b", 10)
    assert not lease.leave("c")
    assert lease.leave("a")
    assert lease.owner == "b"


def test_a_page_that_left_is_not_made_owner_by_an_old_ping() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert ping is not None
    lease.leave("b")
    assert not lease.expire(ping)
    assert lease.owner == "a"


def test_an_old_ping_does_not_forget_the_page_that_followed() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert ping is not None
    lease.leave("a")
    assert not lease.expire(ping)
    assert (lease.owner, lease.has_pages) == ("b", True)


@pytest.mark.parametrize(("page", "unseen_s"), [("a", 7.0), ("", float("inf"))])
def test_how_long_the_owner_was_silent_is_told(page: str, unseen_s: float) -> None:
    lease = lease_of(page) if page else Lease()
    assert lease.owner_unseen_s(7.0) == unseen_s


@given(
    st.lists(
        st.tuples(st.sampled_from(["arrive", "see", "take", "leave", "answer", "expire"]),
                  st.sampled_from("abc"), st.integers(1, 2)),
        max_size=30,
    )
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_the_owner_is_always_a_page_that_is_there(steps: list[tuple[str, str, int]]) -> None:
    lease, there = Lease(), set()
    for now_s, (step, page, ping) in enumerate(steps):
        before = lease.owner
        match step:
            case "arrive" | "take":
                getattr(lease, step)(page, now_s)
                there.add(page)
            case "see" if page in there:
                lease.see(page, now_s)
            case "leave":
                lease.leave(page)
                there.discard(page)
            case "answer":
                lease.answer(page, ping)
            case "expire" if lease.expire(ping):
                there.discard(before)
        assert lease.owner in there if there else lease.owner == ""
        assert lease.has_pages is bool(there)
