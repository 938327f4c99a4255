"""Requests to the other process that wait for their results; the same at both ends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from . import messages


class Calls:
    """The requests of one process that are not answered; used on one loop.

    Parameters
    ----------
    error_from : callable
        As `messages.error_from`.
    """

    def __init__(
        self, error_from: Callable[[messages.Failure], Exception] = messages.error_from
    ) -> None:
        self._error_from = error_from
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._on_told: dict[int, Callable[[str], object]] = {}

    def new_id(self) -> int:
        """An id for a request."""
        return next(self._ids)

    async def call(
        self,
        send: Callable[[messages.Message], object],
        request: messages.Request,
        on_told: Callable[[str], object] | None = None,
    ) -> Any:
        """Send a request, and wait for its result; `on_told` gets what `tell` passes on."""
        answer = self._waiting[request.id] = asyncio.get_running_loop().create_future()
        if on_told is not None:
            self._on_told[request.id] = on_told
        send(request)
        try:
            return await answer
        except asyncio.CancelledError:
            send(messages.Cancelled(request.id))
            raise
        finally:
            del self._waiting[request.id]
            self._on_told.pop(request.id, None)

    def settle(self, message: messages.Returned | messages.Raised) -> None:
        """Take in a result."""
        answer = self._waiting.get(message.id)
        if answer is None or answer.done():
            return
        if isinstance(message, messages.Returned):
            answer.set_result(message.value)
        else:
            answer.set_exception(self._error_from(message.failure))

    def fail(self, error: Exception) -> None:
        """The other process has ended: raise this where a result is awaited."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)

    def tell(self, call_id: int, text: str) -> None:
        """Pass on what the other process says of a request that goes on."""
        if on_told := self._on_told.get(call_id):
            on_told(text)
