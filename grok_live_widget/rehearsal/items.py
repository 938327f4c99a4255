"""Items that a client puts into the conversation: what is announced of them, and heard."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from ..protocol import AudioFormat, Item
from .formats import heard_in
from .reply import UserInput, new_id

__all__ = ["announced", "input_from", "whole_text"]


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
