"""Items of a conversation, and conversations that are resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioFormat,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ErrorReported,
    Item,
    ItemAdded,
    ItemDeleted,
    Part,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    TruncateItem,
    UpdateSession,
)
from grok_live_widget.rehearsal import CallTool
from grok_live_widget.rehearsal.history import (
    ConversationStore,
    History,
    announced,
    input_from,
    whole_text,
)


def message(text: str, item_id: str, role: Any = "user") -> Item:
    return Item(role=role, item_id=item_id, text=text)


def history_of(*items: Item) -> History:
    history = History()
    for item in items:
        history.put(item)
    return history


# --------------------------------------------------------------------------- what was said
def test_items_stand_in_order_and_may_be_put_between() -> None:
    history = history_of(message("one", "a"), message("three", "c"))
    history.put(message("two", "b"), "a")
    history.put(message("four", "d"), "c")
    history.put(message("five", "e"), "nobody")
    texts = [line.text for line in history.lines_before("")]
    assert texts == ["one", "two", "three", "four", "five"]
    assert history.last_item_id == "e"


def test_only_what_is_there_is_amended_or_removed() -> None:
    history = history_of(message("one", "a"), message("two", "b"))
    assert history.remove("a")
    assert not history.remove("a")
    history.set_text("a", "back again")
    history.set_text("b", "2")
    assert [line.text for line in history.lines_before("")] == ["2"]
    assert "a" not in history


def test_the_last_input_is_the_user_s_or_a_tool_s() -> None:
    history = history_of(message("one", "a"), message("yes?", "b", "assistant"))
    assert history.last_input == message("one", "a")
    call = Item(kind="function_call", role="tool", item_id="c", name="look", text="{}")
    output = Item(kind="function_call_output", role="tool", item_id="d", text="fog")
    history.put(call)
    assert history.last_input == message("one", "a")
    history.put(output)
    assert history.last_input == output


def test_it_is_replayed_as_text_with_new_ids() -> None:
    items = [
        message("hello", "a"),
        message("Hi!", "b", "assistant"),
        Item(kind="function_call", role="tool", item_id="c", call_id="k", name="f", text="{}"),
        Item(kind="function_call_output", role="tool", item_id="d", call_id="k", text="fog"),
    ]
    sent = list(history_of(*items).replayed_items())
    assert [item.part for item in sent] == ["input_text", "text", "", ""]
    assert [item.text for item in sent] == [item.text for item in items]
    assert [item.call_id for item in sent] == ["", "", "k", "k"]
    assert all(item.is_replayed and item.status == "completed" for item in sent)
    assert not {item.item_id for item in sent} & {"a", "b", "c", "d"}


# --------------------------------------------------------------------------- what is remembered
def test_a_conversation_is_kept_for_half_an_hour_after_its_connection() -> None:
    conversations, history = ConversationStore(), History()
    conversations.retain(history)
    assert conversations.find(history.conversation_id, 1e6) is history
    conversations.release(history, 1e6)
    assert conversations.find(history.conversation_id, 1e6 + 1_799) is history
    assert conversations.find(history.conversation_id, 1e6 + 1_801) is None
    assert conversations.find(history.conversation_id, 1e6) is None


def test_a_resumed_conversation_belongs_to_its_new_connection() -> None:
    conversations, first = ConversationStore(), History()
    conversations.retain(first)
    second = History(first.conversation_id)
    conversations.retain(second)
    conversations.release(first, 0)
    conversations.drop(first)
    assert conversations.find(first.conversation_id, 1e6) is second


def test_the_oldest_closed_conversation_is_dropped_first() -> None:
    conversations, histories = (
        ConversationStore(),
        [History() for _ in range(ConversationStore.MAX_COUNT)],
    )
    for history in histories:
        conversations.retain(history)
    conversations.release(histories[5], 1.0)
    conversations.release(histories[3], 2.0)
    for _ in range(2):
        conversations.retain(History())
    known = [conversations.find(each.conversation_id, 3.0) is each for each in histories]
    assert [at for at, is_known in enumerate(known) if not is_known] == [3, 5]


def test_a_dropped_conversation_is_not_found() -> None:
    conversations, history = ConversationStore(), History()
    conversations.retain(history)
    conversations.drop(history)
    assert conversations.find(history.conversation_id, 0) is None


# --------------------------------------------------------------------------- through a line
def conversation_id(client: Any) -> str:
    """The last conversation announced at the opening."""
    sent = [event for event in client.opening if isinstance(event, ConversationCreated)]
    return sent[-1].conversation_id


def query(client: Any) -> str:
    return f"?conversation_id={conversation_id(client)}"


def kinds(client: Any) -> list[str]:
    return [type(event).__name__ for event in client.opening]


def replayed(client: Any) -> list[Item]:
    return [event.item for event in client.opening if isinstance(event, ItemAdded)]


class Partner:
    """Says the same to everything, and keeps what it was asked."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.turns: list[Any] = []
        self._answer = answer

    def __call__(self, turn: Any) -> Any:
        self.turns.append(turn)
        return self._answer(turn)


def lines(turn: Any) -> list[tuple[str, str]]:
    return [(line.role, line.text) for line in turn.history]


async def test_a_conversation_is_resumed_after_its_connection_was_lost(
    serving: Any, connected: Any
) -> None:
    pytest.importorskip("espeakng_loader")
    partner = Partner(lambda turn: "Very well.")
    server = serving(partner)
    async with connected(server, resumption=True, instructions="Be kind.") as first:
        await first.ask("I am Ada.")
        old_ids = {event.item.item_id for event in first.all(ItemAdded)}
        first.socket.transport.abort()
    async with connected(server, query=query(first), resumption=True) as second:
        assert conversation_id(second) == conversation_id(first)
        assert kinds(second) == [
            "SessionCreated",
            "ConversationCreated",
            "Pinged",
            "ItemAdded",
            "ItemAdded",
            "SessionUpdated",
        ]
        items = replayed(second)
        assert [(item.role, item.part, item.text) for item in items] == [
            ("user", "input_text", "I am Ada."),
            ("assistant", "text", "Very well."),
        ]
        assert all(item.is_replayed for item in items)
        assert not old_ids & {item.item_id for item in items}
        # Settings are not restored.
        assert second.opening[-1].session["instructions"] == ""
        await second.ask("Who am I?")
    assert lines(partner.turns[-1]) == [("user", "I am Ada."), ("assistant", "Very well.")]
    async with connected(server, query=query(second), resumption=True) as third:
        assert [item.text for item in replayed(third)][2:] == ["Who am I?", "Very well."]


async def test_tool_calls_and_their_outputs_are_replayed(serving: Any, connected: Any) -> None:
    partner = Partner(lambda turn: CallTool("look", {"at": 1}) if turn.role == "user" else None)
    server = serving(partner)
    async with connected(server, resumption=True) as first:
        done = await first.ask("look")
        call_id = done.output[-1].call_id
        output = Item(kind="function_call_output", call_id=call_id, text="fog")
        await first.send(CreateItem(output))
        await first.until(ItemAdded)
    async with connected(server, query=query(first), resumption=True) as second:
        _, call, sent = replayed(second)
        assert (call.kind, call.role, call.name, call.text) == (
            "function_call",
            "tool",
            "look",
            '{"at":1}',
        )
        assert (sent.kind, sent.text) == ("function_call_output", "fog")
        assert call.call_id == sent.call_id == call_id
        # Its answer was not given yet.
        await second.send(CreateResponse())
        await second.until(ResponseDone)
    assert (partner.turns[-1].role, partner.turns[-1].text) == ("tool", "fog")


async def test_a_spoken_turn_is_replayed_as_its_transcript(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    server = serving("parrot")
    async with connected(server, detection=ServerVad(), resumption=True) as first:
        await first.send_audio(utterance)
        await first.until(ResponseDone)
    async with connected(server, query=query(first), resumption=True) as second:
        user, assistant = replayed(second)
    assert (user.role, user.part) == ("user", "input_text")
    assert user.text.startswith("(speech, ")
    assert (assistant.role, assistant.text) == ("assistant", "")


async def test_a_truncated_item_is_replayed_as_it_was_played(serving: Any, connected: Any) -> None:
    pytest.importorskip("espeakng_loader")
    server = serving(lambda turn: "One, two, three, four.")
    async with connected(server, resumption=True) as first:
        done = await first.ask("count")
        await first.send(TruncateItem(item_id=done.output[0].item_id, audio_end_ms=1))
        while not hasattr(await first.receive(), "audio_end_ms"):
            pass
    async with connected(server, query=query(first), resumption=True) as second:
        assert replayed(second)[-1].text == "One,"


@pytest.mark.parametrize("wanted", [None, False])
async def test_without_resumption_the_first_time_a_new_conversation_begins(
    serving: Any, connected: Any, wanted: bool | None
) -> None:
    server = serving("parrot")
    async with connected(server, resumption=wanted) as first:
        await first.ask("hello")
    async with connected(server, query=query(first), resumption=True) as second:
        assert conversation_id(second) != conversation_id(first)
        assert replayed(second) == []


async def test_without_resumption_the_second_time_a_new_conversation_begins(
    serving: Any, connected: Any
) -> None:
    partner = Partner(lambda turn: None)
    server = serving(partner)
    async with connected(server, resumption=True) as first:
        await first.ask("hello")
    async with connected(server, query=query(first)) as second:
        assert conversation_id(second) != conversation_id(first)
        assert replayed(second) == []
        await second.ask("again")
    assert lines(partner.turns[-1]) == []
    # It is still there for a valid request.
    async with connected(server, query=query(first), resumption=True) as third:
        assert [item.text for item in replayed(third)] == ["hello"]


async def test_an_unknown_conversation_is_a_new_one(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot"), query="?conversation_id=x", resumption=True) as client:
        assert conversation_id(client) not in ("", "x")
        assert kinds(client)[:3] == ["SessionCreated", "ConversationCreated", "Pinged"]


async def test_resumption_that_is_taken_back_is_forgotten(serving: Any, connected: Any) -> None:
    server = serving("parrot")
    async with connected(server, resumption=True) as first:
        await first.ask("hello")
        await first.send(UpdateSession(resumption=False))
        await first.until(SessionUpdated)
    async with connected(server, query=query(first), resumption=True) as second:
        assert replayed(second) == []


async def test_a_wrong_setting_does_not_cost_the_conversation(serving: Any, connected: Any) -> None:
    server = serving("parrot")
    async with connected(server, resumption=True) as first:
        await first.ask("hello")
    async with connected(server, query=query(first), resumption=True, speed=1.0) as second:
        await second.send(UpdateSession(speed=99.0))
        await second.until(ErrorReported)
    async with connected(server, query=query(first), resumption=True) as third:
        assert [item.text for item in replayed(third)] == ["hello", "hello"]


# --------------------------------------------------------------------------- items
def typed(text: str, item_id: str = "", role: Any = "user") -> Item:
    part = "output_text" if role == "assistant" else "input_text"
    return Item(role=role, item_id=item_id, part=part, text=text)


def test_an_item_is_announced_with_a_name_and_without_its_audio() -> None:
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
def test_items_without_a_question_are_not_answered(item: Item) -> None:
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
    received = input_from(item, announced(item), AudioFormat())
    assert received is not None
    np.testing.assert_array_equal(received.pcm, pieces)
    assert received.text == "hello there"


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
    await client.send(CreateResponse())
    await client.until(ResponseDone)


async def test_a_deleted_item_is_not_in_the_partner_s_history(serving: Any, connected: Any) -> None:
    partner = Listener()
    async with connected(serving(partner)) as client:
        await client.send(
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
        await client.send(CreateItem(typed("this", "a")), CreateItem(typed("not this", "b")))
        await client.send(DeleteItem("b"))
        await answer(client)
        assert partner.turns[-1].text == "this"
        await client.send(DeleteItem("a"))
        await answer(client)
    assert (partner.turns[-1].text, partner.lines) == ("", [])


async def test_an_item_that_is_not_there_cannot_be_deleted(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        await client.send(DeleteItem("nobody", event_id="mine"))
        error = await client.until(ErrorReported)
        assert (error.error_type, error.param, error.about) == (
            "invalid_request_error",
            "item_id",
            "mine",
        )
        assert "nobody" in error.message


async def test_a_response_can_be_deleted(serving: Any, connected: Any) -> None:
    turns = []

    def partner(turn: Any) -> Any:
        turns.append(turn)
        return np.ones(10, np.int16)

    async with connected(serving(partner)) as client:
        done = await client.ask("one")
        await client.send(DeleteItem(done.output[0].item_id))
        await client.until(ItemDeleted)
        await client.ask("two")
    assert [line.role for line in turns[-1].history] == ["user"]


async def test_an_item_is_put_behind_the_one_that_is_named(serving: Any, connected: Any) -> None:
    partner = Listener()
    async with connected(serving(partner)) as client:
        await client.send(CreateItem(typed("one", "a")), CreateItem(typed("three", "c")))
        await client.send(CreateItem(typed("two", "b"), "a"))
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
        await client.send(CreateItem(typed("look up")), CreateItem(call), CreateItem(output))
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
        await client.send(CreateItem(item))
        added = await client.until(ItemAdded)
        assert (added.item.text, added.item.further) == ("one", further)
        await answer(client)
    assert partner.turns[-1].text == "one and two"
