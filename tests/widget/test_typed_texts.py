"""Typed texts reach the server once, and each repetition is answered."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from grok_live_widget.rehearsal.partner import CallTool, PartnerTurn, Unvoiced


async def test_a_typed_text_is_sent_once_and_each_repetition_is_answered(page_of: Any) -> None:
    page = page_of()
    page.hello()
    page.say("text", text="say this", id=7)
    page.say("text", text="say this", id=7)
    answer = await page.wait("text_answer")
    assert answer == {"type": "text_answer", "page": "page-1", "id": 7, "is_sent": True}
    page.say("text", text="say this", id=7)
    assert page.all("text_answer") == [answer, answer]
    page.say("text", text="and this", id=8)
    await page.wait("text_answer", lambda answer: answer["id"] == 8)
    texts = [turn.text for turn in page.talk.conversation.turns if turn.role == "user"]
    assert texts == ["say this", "and this"]


async def test_a_typed_text_that_cannot_be_sent_is_refused_with_a_note(page_of: Any) -> None:
    page = page_of(None, url="ws://127.0.0.1:9/v1/realtime", api_key="any")
    page.hello()
    page.say("text", text="say this", id=1)
    assert not (await page.wait("text_answer"))["is_sent"]
    assert "Nothing answers" in (await page.wait("note"))["note"]["text"]
    assert not page.talk.conversation.turns


async def test_a_typed_text_is_asked_in_the_context_of_the_code_that_made_the_panel(
    page_of: Any,
) -> None:
    who: ContextVar[str] = ContextVar("who")

    def caller() -> str:
        """Name the caller."""
        return who.get()

    def partner(turn: PartnerTurn) -> Any:
        return Unvoiced(turn.text) if turn.role == "tool" else CallTool("caller")

    who.set("maker")
    page = page_of(partner, tools=[caller])
    page.hello()
    who.set("another cell")
    page.say("text", text="please", id=1)
    reply = await page.wait(
        "turn", lambda m: m["turn"]["role"] == "assistant" and m["turn"]["text"]
    )
    assert reply["turn"]["text"] == "maker"


async def test_a_text_of_blanks_and_one_without_an_id_are_no_questions(page_of: Any) -> None:
    page = page_of()
    page.hello()
    page.say("text", text=" ", id=1)
    assert (await page.wait("text_answer"))["is_sent"]
    page.say("text", text="say this")
    page.say("text", text="say this")
    await page.wait("turn", lambda m: m["turn"]["order"] == 3)
    texts = [turn.text for turn in page.talk.conversation.turns if turn.role == "user"]
    assert texts == ["say this", "say this"]
    assert len(page.all("text_answer")) == 1
