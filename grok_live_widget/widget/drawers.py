"""What the drawers of the panels ask of a talk: its messages, its sound, its checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..client import TalkSession
from . import inspector, look_back, messages
from .clocks import PageClocks
from .direct import ChannelStatus
from .doctor_drawer import DoctorDrawer, Examine
from .translations import translations_of_texts


class Drawers:
    """Answers requests of drawers; used on the talk's loop.

    Parameters
    ----------
    talk : TalkSession
    clocks : PageClocks
    channel : callable
        Gives the `ChannelStatus` of the owner.
    send : callable
        ``(answer)``: sends it to its page.
    examine : callable
        See `Examine`.
    language : str or None
        That of the texts; None: the pages choose.

    Attributes
    ----------
    doctor : DoctorDrawer
    """

    def __init__(
        self,
        talk: TalkSession,
        clocks: PageClocks,
        *,
        channel: Callable[[], ChannelStatus],
        send: Callable[[messages.DrawerAnswer], object],
        examine: Examine,
        language: str | None,
    ) -> None:
        self._talk, self._clocks = talk, clocks
        self._channel, self._send, self._language = channel, send, language
        self._speech = look_back.SpeechMarks()
        self.doctor = DoctorDrawer(examine, self._answer_doctor)

    def close(self) -> None:
        """Answer nothing more."""
        self.doctor.close()

    def mark_speech(self, is_active: bool, now_s: float) -> None:
        """The server hears the user speak, or does not any more; on the monotonic clock."""
        self._speech.mark(is_active, now_s - (self._talk.conversation.origin_s or now_s))

    async def answer(self, request: messages.DrawerRequest) -> None:
        """Answer a request, in another thread: of a long talk there is much to read, and replies go
        on. What is no request is ignored.
        """
        talk, content = self._talk, request.content
        turns = list(talk.conversation.turns)
        match request.name:
            case "doctor":
                self.doctor.receive(request.page, content)
                return
            case "inspector":
                found = await asyncio.to_thread(
                    lambda: inspector.answer(talk.frames, content, turns)
                )
                if found is not None:
                    found["channel"] = self._described_channel()
            case "axis":
                zero_at_ms = self._clocks.page_ms(request.page, talk.conversation.origin_s)
                found = await asyncio.to_thread(
                    look_back.answer, content, turns, self._speech, zero_at_ms
                )
            case _:
                return
        if found is not None:
            self._answer(request.name, request.page, found)

    def _described_channel(self) -> dict[str, Any]:
        """What carries the sound, for the inspector."""
        channel = self._channel()
        translations = translations_of_texts([channel.reason], self._language)
        return {"kind": channel.kind, "reason": channel.reason, "translations": translations}

    def _answer_doctor(self, page: str, content: dict[str, Any]) -> None:
        texts = [each[part] for each in content["checks"] for part in ("found", "cure")]
        translations = translations_of_texts(texts, self._language)
        self._answer("doctor", page, content | {"translations": translations})

    def _answer(self, name: str, page: str, content: dict[str, Any]) -> None:
        self._send(messages.DrawerAnswer(page=page, name=name, content=content))
