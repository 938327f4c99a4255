"""The items of a conversation, and conversations that can be resumed on another connection."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ..protocol import AudioFormat, Item
from .formats import decode_input
from .partner import SpokenLine
from .response import UserInput, new_id


class History:
    """The items of one conversation, in order, with their texts.

    Parameters
    ----------
    conversation_id : str
        Empty for a new conversation.

    Attributes
    ----------
    closed_s : float or None
        When its connection closed; None while it is open.
    """

    def __init__(self, conversation_id: str = "") -> None:
        self.conversation_id = conversation_id or new_id()
        self.closed_s: float | None = None
        self._items: dict[str, Item] = {}

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    @property
    def last_item_id(self) -> str | None:
        """The id of the last item."""
        return next(reversed(self._items), None)

    @property
    def last_input(self) -> Item | None:
        """The last item that can be answered: a user message or the output of a tool."""
        return next(filter(_is_input, reversed(self._items.values())), None)

    def put(self, item: Item, after: str | None = None) -> None:
        """Add an item at the end, or after another item if that exists."""
        ids = list(self._items)
        followers = ids[ids.index(after) + 1 :] if after in ids else []
        self._items[item.item_id] = item
        for item_id in followers:
            self._items[item_id] = self._items.pop(item_id)

    def set_text(self, item_id: str, text: str) -> None:
        """Replace the text of an item, if the item exists."""
        if item_id in self._items:
            self._items[item_id] = replace(self._items[item_id], text=text)

    def remove(self, item_id: str) -> bool:
        """Remove an item; returns whether it existed."""
        return self._items.pop(item_id, None) is not None

    def lines_before(self, item_id: str) -> Iterator[SpokenLine]:
        """The lines before an item; all lines if there is no such item."""
        for each in self._items.values():
            if each.item_id == item_id:
                return
            is_call = each.kind == "function_call"
            role = "assistant" if is_call else each.role
            yield SpokenLine(role, each.text, each.name, each.call_id)

    def replayed_items(self) -> Iterator[Item]:
        """The items as the service replays them: with new ids, and as text."""
        for each in self._items.values():
            # The service does so for spoken items, too (recorded).
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


class ConversationStore:
    """Conversations whose clients have asked for resumption; time is an argument.

    The retention of half an hour is that of the service's guide, the number this server's own.
    """

    MAX_COUNT = 100
    RETENTION_S = 30 * 60.0

    def __init__(self) -> None:
        self._histories: dict[str, History] = {}

    def retain(self, history: History) -> None:
        """Keep a conversation while its connection is open."""
        self._put_last(history)
        if len(self._histories) > self.MAX_COUNT:
            ended = (name for name, each in self._histories.items() if each.closed_s is not None)
            del self._histories[next(ended, next(iter(self._histories)))]

    def release(self, history: History, now_s: float) -> None:
        """Keep a conversation whose connection has closed until its retention is over."""
        if self._is_current(history):
            history.closed_s = now_s
            self._put_last(history)
        self._drop_expired(now_s)

    def drop(self, history: History) -> None:
        """Remove a conversation."""
        if self._is_current(history):
            del self._histories[history.conversation_id]

    def find(self, conversation_id: str, now_s: float) -> History | None:
        """The conversation with this id, or None."""
        self._drop_expired(now_s)
        return self._histories.get(conversation_id)

    def _put_last(self, history: History) -> None:
        self._histories.pop(history.conversation_id, None)
        self._histories[history.conversation_id] = history

    def _is_current(self, history: History) -> bool:
        """Whether this is the stored history, not one of a connection that has resumed it."""
        return self._histories.get(history.conversation_id) is history

    def _drop_expired(self, now_s: float) -> None:
        self._histories = {
            name: each
            for name, each in self._histories.items()
            if each.closed_s is None or now_s - each.closed_s <= self.RETENTION_S
        }


# --------------------------------------------------------------------------- items from the client
def announced(item: Item) -> Item:
    """An item as the server announces it: with an id, a role and no audio."""
    is_of_tool = item.kind in ("function_call", "function_call_output")
    return replace(
        item,
        # Of a function call, too (recorded).
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


def input_from(item: Item, known: Item, audio_format: AudioFormat) -> UserInput | None:
    """The input to be answered; None for an item without an answer, such as a system message.

    Parameters
    ----------
    item, known : Item
        The item as received, and as `announced`.
    audio_format : AudioFormat
        The format of its audio.
    """
    text = whole_text(known)
    if item.kind == "function_call_output":
        return UserInput(item_id=known.item_id, role="tool", text=text, call_id=known.call_id)
    if item.kind != "message" or known.role != "user":
        return None
    audio = b"".join((item.sound, *(part.sound for part in item.further)))
    if not audio:
        return UserInput(item_id=known.item_id, text=text)
    pcm, received = decode_input(audio, audio_format)
    return UserInput(item_id=known.item_id, text=text, pcm=pcm, received=received)
