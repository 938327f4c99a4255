"""Questions to a talk whose connection is in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from ...conversation import Turn
from ...settings import between
from ..ask import text_or_clip
from ..clips import Clip, Pace, Question
from ..requests import reply_request, verbatim_message
from .remote_session import RemoteSession

# How much later than its time limit the process may say that it has passed [s].
_SPARE_S = 2.0


class RemoteAsker:
    """Does what `Asker` does, over a `RemoteSession`; see there."""

    def __init__(self, sessions: RemoteSession) -> None:
        self._sessions = sessions

    async def ask(
        self,
        question: Question,
        sample_rate: int | None,
        timeout_s: float,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
        pace: Pace = "fast",
    ) -> Turn:
        """See `Asker.ask`."""
        self._sessions.tool_threads.refuse_own_tool("ask")
        asked = await text_or_clip(self._sessions, question, sample_rate, pace)
        between("timeout_s", timeout_s, 0.001, 86_400)
        reply_request(instructions, metadata)  # It raises what is wrong with them.
        sending_s = asked.sending_s if isinstance(asked, Clip) else 0.0
        due_s, again = time.monotonic() + timeout_s, self._sessions.repetition_of(asked)

        def ask_again() -> dict[str, Any] | None:
            found, left_s = again(), due_s - time.monotonic()
            return None if found is None or left_s <= 0 else {**found, "timeout_s": left_s}

        turn_id = await self._sessions.supervisor.request(
            "ask",
            within_s=timeout_s + sending_s + _SPARE_S,
            again=ask_again,
            asked=_plain(asked),
            timeout_s=timeout_s,
            instructions=instructions,
            metadata=None if metadata is None else dict(metadata),
        )
        return self._sessions.turn_of(turn_id)

    async def say_verbatim(self, text: str, timeout_s: float, is_interruptible: bool) -> Turn:
        """See `Asker.say_verbatim`."""
        verbatim_message(text, is_interruptible=is_interruptible)
        between("timeout_s", timeout_s, 0.001, 86_400)
        turn_id = await self._sessions.supervisor.request(
            "say_verbatim",
            within_s=timeout_s + _SPARE_S,
            text=text,
            timeout_s=timeout_s,
            is_interruptible=is_interruptible,
        )
        return self._sessions.turn_of(turn_id)

    async def say(self, question: Question, sample_rate: int | None, pace: Pace = "fast") -> Turn:
        """See `Asker.say`."""
        said = await text_or_clip(self._sessions, question, sample_rate, pace)
        return self._sessions.turn_of(
            await self._sessions.supervisor.request(
                "say", again=self._sessions.saying_again(said), said=_plain(said)
            )
        )


def _plain(asked: str | Clip) -> str | dict[str, Any]:
    return asked if isinstance(asked, str) else asdict(asked)
