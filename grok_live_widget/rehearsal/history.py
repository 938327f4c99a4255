"""The items of a conversation, and conversations that can be resumed on another connection."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from ..protocol import AudioFormat, Item
from .formats import heard_in
from .partner import SpokenLine
from .response import UserInput, new_id

__all__ = [
    "History",
    "Memories",
    "announced",
    "input_from",
    "whole_text",
]


# ------------------------------------------------------------------------------------------ history
class History:
    """The items of one conversation, in order, with their texts.

    Parameters
    ----------
    conversation_id : str
        Empty: a new one.
    """

    def __init__(self, conversation_id: str = "") -> None:
        self.conversation_id = conversation_id or new_id()
        self._items: dict[str, Item] = {}

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    @property
    def last_item_id(self) -> str | None:
        """The item at the end."""
        return next(reversed(self._items), None)

    @property
    def last_input(self) -> Item | None:
        """The last item that a reply may answer: a message of the user's, or a tool's output."""
        return next(filter(_is_input, reversed(self._items.values())), None)

    def put(self, item: Item, behind: str | None = None) -> None:
        """Add an item at the end, or behind another that is known."""
        if behind not in self._items or behind == self.last_item_id:
            self._items[item.item_id] = item
            return
        items, self._items = self._items, {}
        for item_id, each in items.items():
            self._items[item_id] = each
            if item_id == behind:
                self._items[item.item_id] = item

    def amend(self, item_id: str, text: str) -> None:
        """The text of an item is another, or more, if it is still there."""
        if item_id in self._items:
            self._items[item_id] = replace(self._items[item_id], text=text)

    def remove(self, item_id: str) -> bool:
        """Take an item out; whether it was there."""
        return self._items.pop(item_id, None) is not None

    def lines_before(self, item_id: str) -> Iterator[SpokenLine]:
        """What was said before an item; all, if it is not known."""
        for each in self._items.values():
            if each.item_id == item_id:
                return
            is_call = each.kind == "function_call"
            yield SpokenLine("assistant" if is_call else each.role, each.text, each.name)

    def retold(self) -> Iterator[Item]:
        """The items as the service tells them again: with new ids, and as text."""
        for each in self._items.values():
            # The service does so for what was spoken, too (recorded).
            part = "text" if each.role == "assistant" else "input_text"
            yield replace(
                each,
                item_id=new_id(),
                status="completed",
                part=part if each.kind == "message" else "",
                is_replayed=True,
            )


def _is_input(item: Item) -> bool:
    is_message = item.kind == "message" and item.role == "user"
    return is_message or item.kind == "function_call_output"


class Memories:
    """Conversations whose clients have asked for resumption; time is an argument.

    Source of the half hour: the service's guide. The number is this server's own.
    """

    MOST = 100
    KEPT_S = 30 * 60.0

    def __init__(self) -> None:
        # And when its line ended; None while it is open.
        self._known: dict[str, tuple[History, float | None]] = {}

    def keep(self, history: History) -> None:
        """Remember a conversation while its line is open."""
        self._known.pop(history.conversation_id, None)
        self._known[history.conversation_id] = (history, None)
        if len(self._known) > self.MOST:
            ended = (name for name, (_, ended_s) in self._known.items() if ended_s is not None)
            del self._known[next(ended, next(iter(self._known)))]

    def leave(self, history: History, now_s: float) -> None:
        """The line of a conversation has ended: from now on its half hour runs."""
        if self._holds(history):
            del self._known[history.conversation_id]
            self._known[history.conversation_id] = (history, now_s)
        self._drop_what_is_old(now_s)

    def drop(self, history: History) -> None:
        """Forget a conversation."""
        if self._holds(history):
            del self._known[history.conversation_id]

    def recall(self, conversation_id: str, now_s: float) -> History | None:
        """The conversation of that name, or None."""
        self._drop_what_is_old(now_s)
        found = self._known.get(conversation_id)
        return found[0] if found else None

    def _holds(self, history: History) -> bool:
        """Not if another line goes on with it already."""
        found = self._known.get(history.conversation_id)
        return found is not None and found[0] is history

    def _drop_what_is_old(self, now_s: float) -> None:
        self._known = {
            name: (history, ended_s)
            for name, (history, ended_s) in self._known.items()
            if ended_s is None or now_s - ended_s <= self.KEPT_S
        }


# -------------------------------------------------------------------------------------------- items
def announced(item: Item) -> Item:
    """An item as it is told again: with a name, a role and no sound."""
    is_of_tool = item.kind in ("function_call", "function_call_output")
    return replace(
        item,
        # Of a call, too, where it is told (recorded).
        role="tool" if is_of_tool else item.role or "user",
        item_id=item.item_id or new_id(),
        status="completed",
        sound=b"",
        further=tuple(replace(part, sound=b"") for part in item.further),
    )


def whole_text(item: Item) -> str:
    """The texts of all its parts, joined."""
    texts = (item.text, *(part.text for part in item.further))
    return " ".join(filter(None, texts))


def input_from(item: Item, known: Item, form: AudioFormat) -> UserInput | None:
    """What there is to answer; None for what nobody answers, such as a system's message.

    Parameters
    ----------
    item, known : Item
        As it came, and as it was `announced`.
    form : AudioFormat
        How sound travels.
    """
    text = whole_text(known)
    if item.kind == "function_call_output":
        return UserInput(item_id=known.item_id, role="tool", text=text)
    if item.kind != "message" or known.role != "user":
        return None
    sound = b"".join((item.sound, *(part.sound for part in item.further)))
    if not sound:
        return UserInput(item_id=known.item_id, text=text)
    pcm, received = heard_in(sound, form)
    return UserInput(
        item_id=known.item_id, text=text, pcm=np.array(pcm, np.int16), received=received
    )
