"""Items that a client puts into the conversation, on their own and through a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioFormat,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ErrorReported,
    Item,
    ItemAdded,
    ItemDeleted,
    Part,
    ResponseDone,
)
from grok_live_widget.rehearsal.items import announced, input_from, whole_text


def typed(text: str, item_id: str = "", role: Any = "user") -> Item:
    part = "output_text" if role == "assistant" else "input_text"
    return Item(role=role, item_id=item_id, part=part, text=text)


def test_an_item_is_announced_with_a_name_and_without_its_sound() -> None:
    further = (Part(kind="input_audio", text="b", sound=b"\1\0"),)
    item = Item(part="input_audio", text="a", sound=b"\1\0", further=further)
    known = announced(item)
    assert known.item_id
    assert (known.role, known.status, known.text) == ("user", "completed", "a")
    assert (known.sound, known.further) == (b"", (Part(kind="input_audio", text="b"),))


@pytest.mark.parametrize("kind", ["function_call", "function_call_output"])
def test_what_is_about_a_tool_is_announced_as_the_tool_s(kind: str) -> None:
    assert announced(Item(kind=kind, call_id="c")).role == "tool"


def test_further_parts_are_joined() -> None:
    item = Item(part="input_text", text="one", further=(Part(kind="text", text="two"),))
    assert whole_text(item) == "one two"


@pytest.mark.parametrize(
    "item", [typed("x", role="system"), typed("x", role="assistant"), Item(kind="function_call")]
)
def test_nobody_answers_what_nobody_asked(item: Item) -> None:
    assert input_from(item, announced(item), AudioFormat()) is None


def test_sounds_of_several_parts_are_one_turn() -> None:
    pieces = np.arange(6, dtype="<i2")
    further = (Part(kind="input_audio", text="there", sound=pieces[4:].tobytes()),)
    item = Item(
        role="user",
        part="input_audio",
        text="hello",
        sound=pieces[:4].tobytes(),
        further=further,
    )
    heard = input_from(item, announced(item), AudioFormat())
    assert heard is not None
    np.testing.assert_array_equal(heard.pcm, pieces)
    assert heard.text == "hello there"


# --------------------------------------------------------------------------- through a line
class Listener:
    """A partner that keeps what it was asked."""

    def __init__(self) -> None:
        self.turns: list[Any] = []

    def __call__(self, turn: Any) -> None:
        self.turns.append(turn)

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(line.role, line.text) for line in self.turns[-1].history]


async def answer(client: Any) -> None:
    await client.say(CreateResponse())
    await client.until(ResponseDone)


async def test_a_deleted_item_is_gone_from_what_the_partner_remembers(
    serving: Any, connected: Any
) -> None:
    partner = Listener()
    async with connected(serving(partner)) as client:
        await client.say(
            CreateItem(typed("forget this", "a")),
            CreateItem(typed("keep this", "b")),
            DeleteItem("a"),
        )
        assert (await client.until(ItemDeleted)).item_id == "a"
        await client.ask("go on")
    assert partner.lines == [("user", "keep this")]


async def test_the_question_that_was_deleted_is_not_answered(serving: Any, connected: Any) -> None:
    partner = Listener()
    async with connected(serving(partner)) as client:
        await client.say(CreateItem(typed("this", "a")), CreateItem(typed("not this", "b")))
        await client.say(DeleteItem("b"))
        await answer(client)
        assert partner.turns[-1].text == "this"
        await client.say(DeleteItem("a"))
        await answer(client)
    assert (partner.turns[-1].text, partner.lines) == ("", [])


async def test_an_item_that_is_not_there_cannot_be_deleted(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        await client.say(DeleteItem("nobody", event_id="mine"))
        error = await client.until(ErrorReported)
        assert (error.error_type, error.param, error.about) == (
            "invalid_request_error",
            "item_id",
            "mine",
        )
        assert "nobody" in error.message


async def test_a_reply_can_be_deleted(serving: Any, connected: Any) -> None:
    turns = []

    def partner(turn: Any) -> Any:
        turns.append(turn)
        return np.ones(10, np.int16)

    async with connected(serving(partner)) as client:
        done = await client.ask("one")
        await client.say(DeleteItem(done.output[0].item_id))
        await client.until(ItemDeleted)
        await client.ask("two")
    assert [line.role for line in turns[-1].history] == ["user"]


async def test_an_item_is_put_behind_the_one_that_is_named(serving: Any, connected: Any) -> None:
    partner = Listener()
    async with connected(serving(partner)) as client:
        await client.say(CreateItem(typed("one", "a")), CreateItem(typed("three", "c")))
        await client.say(CreateItem(typed("two", "b"), "a"))
        for _ in range(3):
            added = await client.until(ItemAdded)
        assert (added.item.item_id, added.previous_item_id) == ("b", "a")
        await answer(client)
    # What is answered is what stands last, not what came last.
    assert partner.turns[-1].text == "three"
    assert partner.lines == [("user", "one"), ("user", "two")]


async def test_earlier_calls_of_tools_are_history(serving: Any, connected: Any) -> None:
    partner = Listener()
    call = Item(kind="function_call", name="look", call_id="c", text='{"where": "up"}')
    output = Item(kind="function_call_output", call_id="c", text="fog")
    async with connected(serving(partner)) as client:
        await client.say(CreateItem(typed("look up")), CreateItem(call), CreateItem(output))
        await answer(client)
        kinds = [added.item.kind for added in client.all(ItemAdded)]
        roles = [added.item.role for added in client.all(ItemAdded)]
    assert kinds == ["message", "function_call", "function_call_output"]
    assert roles == ["user", "tool", "tool"]
    turn = partner.turns[-1]
    assert (turn.role, turn.text) == ("tool", "fog")
    assert partner.lines == [("user", "look up"), ("assistant", '{"where": "up"}')]
    assert turn.history[-1].name == "look"


async def test_all_parts_of_an_item_are_read(serving: Any, connected: Any) -> None:
    partner = Listener()
    further = (Part(kind="input_text", text="and two"),)
    item = Item(role="user", part="input_text", text="one", further=further)
    async with connected(serving(partner)) as client:
        await client.say(CreateItem(item))
        added = await client.until(ItemAdded)
        assert (added.item.text, added.item.further) == ("one", further)
        await answer(client)
    assert partner.turns[-1].text == "one and two"
