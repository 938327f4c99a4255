"""One of many pages owns the sound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.widget.lease import Lease

from ..support.examples import examples


def lease_of(*pages: str) -> Lease:
    lease = Lease()
    for at_s, page in enumerate(pages):
        lease.arrive(page, at_s)
    return lease


def test_the_first_page_is_owner_and_a_second_hello_changes_nothing() -> None:
    lease = Lease()
    assert lease.owner == ""
    assert lease.arrive("a", 1) is None
    assert lease.arrive("a", 2) is None
    assert lease.owner == "a"


def test_a_new_page_becomes_owner_if_the_owner_does_not_answer() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert lease.owner == "a"
    assert ping is not None
    assert lease.expire(ping)
    assert lease.owner == "b"
    assert not lease.expire(ping), "a ping expires once"
    assert lease.leave("b"), "the silent page is forgotten"
    assert lease.owner == ""


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


def test_when_the_owner_leaves_the_page_seen_last_becomes_owner() -> None:
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


def test_an_old_ping_does_not_remove_the_page_that_became_owner() -> None:
    lease = lease_of("a")
    ping = lease.arrive("b", 1)
    assert ping is not None
    lease.leave("a")
    assert not lease.expire(ping)
    assert lease.owner == "b"
    assert not lease.leave("a")


@pytest.mark.parametrize(("page", "unseen_s"), [("a", 7.0), ("", float("inf"))])
def test_the_lease_knows_how_long_the_owner_has_been_silent(page: str, unseen_s: float) -> None:
    lease = lease_of(page) if page else Lease()
    assert lease.owner_unseen_s(7.0) == unseen_s


@given(
    st.lists(
        st.tuples(st.sampled_from(["arrive", "see", "take", "leave", "answer", "expire"]),
                  st.sampled_from("abc"), st.integers(1, 2)),
        max_size=30,
    )
)  # fmt: skip
@examples(150)
def test_the_owner_is_always_one_of_the_pages(steps: list[tuple[str, str, int]]) -> None:
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
