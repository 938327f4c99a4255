"""A partner that is in another process than the rehearsal: a function of a notebook, for instance.

The server's process has `RemotePartner`, which asks `PartnerCalls` in the process of the partner,
and takes its answers piece by piece. Speech is made where the server is. While the process of the
partner is busy, the server waits for the next piece, and sends what it has.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .._threads import BackgroundTasks, LoopThread
from ..exceptions import RehearsalError
from .faults.base import ConnectionFault
from .partner import (
    ANSWERS,
    CallTool,
    Partner,
    PartnerTurn,
    Unvoiced,
    failure_of_partner,
)
from .partner_runner import MAX_PIECES_AHEAD, STOP_TIMEOUT_S, PartnerHost, run_partner
from .tts import Spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of one message; ten seconds.
_MOST_SAMPLES = 240_000


class Ask(NamedTuple):
    """To the partner: answer a turn."""

    id: int
    turn: PartnerTurn


class Next(NamedTuple):
    """To the partner: one more piece may be sent."""

    id: int


class Stop(NamedTuple):
    """To the partner: the answer is over, or no longer wanted."""

    id: int


class Answer(NamedTuple):
    """From the partner: a piece of an answer, its end (None), or the sentence of a failure."""

    id: int
    kind: Literal["piece", "end", "failure"]
    value: bytes = b""
    """A pickled piece, or the sentence in UTF-8."""


Send = Callable[[Ask | Next | Stop], object]


class RemotePartner:
    """A `Partner` that asks another process.

    Parameters
    ----------
    send : callable
        Sends a message to `PartnerCalls.receive` of that process; may block.
    needs_words : bool
        Whether the partner uses the words of a spoken turn.
    """

    def __init__(self, send: Send, *, needs_words: bool) -> None:
        self.needs_words = needs_words
        self._send = send
        self._ids = itertools.count(1)
        self._answers: dict[int, Callable[[Answer], object]] = {}

    async def __call__(self, turn: PartnerTurn) -> AsyncGenerator[Any]:
        """Yields the pieces of the answer."""
        answers: asyncio.Queue[Answer] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        number = next(self._ids)
        self._answers[number] = lambda answer: loop.call_soon_threadsafe(answers.put_nowait, answer)
        try:
            await asyncio.to_thread(self._send, Ask(number, turn))
            while (answer := await answers.get()).kind == "piece":
                self._send(Next(number))
                yield pickle.loads(answer.value)
            if answer.kind == "failure":
                raise RehearsalError(answer.value.decode())
        finally:
            del self._answers[number]
            self._send(Stop(number))

    def receive(self, answer: Answer) -> None:
        """Take in what the other process has sent; by any thread."""
        if take := self._answers.get(answer.id):
            take(answer)


class PartnerCalls:
    """Calls a partner of this process for a server in another one.

    Its coroutines and context variables are as `PartnerHost` has them.

    Parameters
    ----------
    partner : callable
    send : callable
        Sends an `Answer` to the other process; may block.
    """

    def __init__(self, partner: Partner, send: Callable[[Answer], object]) -> None:
        self._partner, self._send = partner, send
        self._host = PartnerHost()
        self._loop_thread = LoopThread("rehearsal-partner-calls")
        self._tasks = BackgroundTasks()
        self._running: dict[int, _Running] = {}

    def receive(self, message: Ask | Next | Stop) -> None:
        """Act on a message of `RemotePartner`; by any thread."""
        self._loop_thread.loop.call_soon_threadsafe(self._receive, message)

    def _receive(self, message: Ask | Next | Stop) -> None:
        if isinstance(message, Ask):
            credit = asyncio.Semaphore(MAX_PIECES_AHEAD)
            work = self._tasks.spawn(self._answer(message.id, message.turn, credit))
            self._running[message.id] = _Running(work, credit)
        elif running := self._running.get(message.id):
            if isinstance(message, Next):
                running.credit.release()
            else:
                del self._running[message.id]
                running.work.cancel()

    async def _answer(self, number: int, turn: PartnerTurn, credit: asyncio.Semaphore) -> None:
        # What was sent from another process is writable.
        for each in (turn, turn.received):
            if each is not None:
                each.pcm.flags.writeable = False
        answer = Answer(number, "end")
        try:
            async with aclosing(run_partner(self._partner, turn, self._host, as_sent)) as pieces:
                async for piece in pieces:
                    await credit.acquire()
                    await asyncio.to_thread(
                        self._send, Answer(number, "piece", pickle.dumps(piece))
                    )
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  (told to the other process)
            answer = Answer(number, "failure", failure_of_partner(error).encode())
        await asyncio.to_thread(self._send, answer)

    def close(self) -> None:
        """Call nothing more."""
        self._host.close()
        self._loop_thread.close(STOP_TIMEOUT_S)


class _Running(NamedTuple):
    """One answer, and how many of its pieces may be sent."""

    work: asyncio.Task[None]
    credit: asyncio.Semaphore


def as_sent(output: Any, turn: PartnerTurn) -> Iterator[Any]:
    """What a partner returned or yielded, as another process can read it: of the types of this
    package and of numpy.

    Raises
    ------
    RehearsalError
        For a value that is no answer, or one of the user's own classes.
    """
    match output:
        case None:
            return
        case Unvoiced():
            yield Unvoiced(output)
        case str():
            yield str(output)
        case np.ndarray() if output.dtype != object:
            yield from _parts_of(np.asarray(output))
        case PathLike():
            yield Path(fspath(output)).absolute()
        case CallTool() | Spoken() | ConnectionFault() if _is_of_package(output):
            yield output
        case _:
            kind = type(output).__name__
            raise RehearsalError(f"the partner returned {kind}: {output!r:.60}.", cure=ANSWERS)


def _parts_of(sound: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """A long sound in parts, of which the first can be played before the last is there."""
    if sound.ndim == 0 or len(sound) == 0:
        yield sound
        return
    for start in range(0, len(sound), _MOST_SAMPLES):
        yield sound[start : start + _MOST_SAMPLES]


def _is_of_package(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == __name__.partition(".")[0]
