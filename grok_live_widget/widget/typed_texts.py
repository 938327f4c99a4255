"""Texts that are typed into a panel: each is sent once, however often its page repeats it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from . import messages


class TypedTexts:
    """Used on the talk's loop.

    Parameters
    ----------
    say : callable
        ``(text)``: sends it to the server; whether that has worked.
    answer : callable
        ``(answer)``: sends it to its page.
    spawn : callable
        Runs a coroutine.
    """

    def __init__(
        self,
        say: Callable[[str], Awaitable[bool]],
        *,
        answer: Callable[[messages.TextAnswer], object],
        spawn: Callable[[Coroutine[Any, Any, object]], object],
    ) -> None:
        self._say, self._answer, self._spawn = say, answer, spawn
        # By page and id: the answer to each text, once there is one.
        self._answers: dict[tuple[str, int], messages.TextAnswer | None] = {}

    def receive(self, message: messages.Text) -> None:
        """Send a text, or answer once more: the answer may have been lost."""
        if message.id is None:
            self._spawn(self._send(message.text))
            return
        key = message.page, message.id
        if key not in self._answers:
            self._answers[key] = None
            self._spawn(self._send_and_answer(key, message.text))
        elif (known := self._answers[key]) is not None:
            self._answer(known)

    async def _send(self, text: str) -> bool:
        return not text.strip() or await self._say(text)

    async def _send_and_answer(self, key: tuple[str, int], text: str) -> None:
        page, text_id = key
        answer = messages.TextAnswer(page=page, id=text_id, is_sent=await self._send(text))
        self._answers[key] = answer
        self._answer(answer)
