"""One question of an experiment, asked in a talk of its own; runs in any thread or process."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import threading
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..client import ReconnectingSession, Secret, Talk
from ..conversation import Turn, Turns
from ..exceptions import GrokLiveError, ReplyTimeout, SessionClosedOK
from .design import Trial
from .loudspeaker import Loudspeaker, Overlap
from .results import Result
from .stimuli import Interruption, Sound


def run_trial(trial: Trial) -> Result:
    """Ask a question with the key, if any, that this process finds.

    Parameters and result are plain values, so that any executor can run it.
    """
    return ask_trial(trial, None, OpenTalks())


class OpenTalks:
    """The talks of one experiment that are open in this process, to be closed together."""

    def __init__(self) -> None:
        self._talks: set[Talk] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    def add(self, talk: Talk) -> None:
        """Add a talk; SessionClosedOK when they have been closed."""
        with self._lock:
            if self._is_closed:
                raise SessionClosedOK(
                    "the experiment was interrupted.", close_code=1000, cure="Call compare again."
                )
            self._talks.add(talk)

    def remove(self, talk: Talk) -> None:
        """Remove a talk that has ended."""
        with self._lock:
            self._talks.discard(talk)

    def close(self) -> None:
        """Close all, which ends the questions that wait in them, and take no more."""
        with self._lock:
            self._is_closed = True
            talks = list(self._talks)
        for talk in talks:
            talk.close()


class TrialTalk(Talk):
    """A talk for one question. It does not warn of the rehearsal: `compare` and each result say
    who answered.
    """

    def __init__(self, api_key: Secret | None, settings: Mapping[str, Any]) -> None:
        # Many run at once, and no cell holds them up.
        self._begin(api_key, {**settings, "isolation": "thread"})

    @property
    def server_name(self) -> str:
        """``"Grok"``, ``"rehearsal"``, or the host of another server."""
        return self._sessions.server_name

    def files(self) -> dict[str, bytes]:
        """The files of the talk's recording."""
        return self._sessions.recording.files()

    def ask_prompt(self, trial: Trial) -> tuple[Turn, Overlap | None]:
        """Ask the question of a trial; returns the reply and, of one that is spoken over, what
        was measured.
        """
        question = trial.question
        if isinstance(question, Interruption):
            return self._run(self._interrupt(question, trial))
        if isinstance(question, Sound):
            reply = self.ask(
                question.samples, question.sample_rate, timeout_s=trial.timeout_s, pace=trial.pace
            )
        else:
            reply = self.ask(question, timeout_s=trial.timeout_s)
        return reply, None

    async def _interrupt(self, step: Interruption, trial: Trial) -> tuple[Turn, Overlap]:
        """Ask, and speak over the reply; on the talk's loop."""
        sessions, asker = self._sessions, self._asker
        assert isinstance(sessions, ReconnectingSession)
        rate_hz = self.settings.output_format.sample_rate
        speaker = Loudspeaker(sessions, rate_hz, step.at_ms)
        sessions.set_player(True)
        with sessions.add_listener(speaker.observe):
            question, by = step.question, step.by
            async with _limited(
                trial.timeout_s, "the reply did not get so far as to be interrupted"
            ):
                if isinstance(question, Sound):
                    await asker.say(question.samples, question.sample_rate, trial.pace)
                else:
                    await asker.say(question, None)
                await speaker.reached()
            turn = await asker.say(by.samples, by.sample_rate, "realtime")
            limit_s = trial.timeout_s + by.duration_s
            async with _limited(limit_s, "the interruption was not answered"):
                await speaker.sound_ended(turn)
        replies = self.turns.assistant
        if not replies or self.turns[-1].role != "assistant":
            raise ReplyTimeout(
                "the server detected no speech in the interruption.",
                timeout_s=limit_s,
                cure="Use louder speech, or lower ServerVad(threshold=…).",
            )
        return replies[0], speaker.overlap()


@contextlib.asynccontextmanager
async def _limited(timeout_s: float, what: str) -> AsyncIterator[None]:
    """A time limit whose end is `ReplyTimeout`."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise ReplyTimeout(
            f"{what} within {timeout_s:g} s.",
            timeout_s=timeout_s,
            cure="Allow more with timeout_s=.",
        ) from None


def ask_trial(trial: Trial, api_key: Secret | None, open_talks: OpenTalks) -> Result:
    """Ask a question; what fails is in the result, and is not raised."""
    began_s, started_at = time.monotonic(), datetime.now(UTC)
    reply: Turn | None = None
    overlap: Overlap | None = None
    error: Exception | None = None
    talk: TrialTalk | None = None
    try:
        talk = TrialTalk(api_key, trial.given)
        with talk:
            open_talks.add(talk)
            reply, overlap = talk.ask_prompt(trial)
    except Exception as failure:  # noqa: BLE001  (one failure is a row and never the end)
        error = failure
    finally:
        if talk is not None:
            open_talks.remove(talk)
    turns, kept = _copies(talk, reply)
    return Result(
        index=trial.index,
        prompt=trial.prompt,
        voice=trial.voice,
        settings=trial.settings,
        repeat=trial.repeat,
        reply=kept if error is None else None,
        turns=turns,
        overlap=overlap,
        error=_sentence(error),
        error_type="" if error is None else type(error).__name__,
        server=talk.server_name if talk is not None else "",
        started_at=started_at,
        elapsed_s=time.monotonic() - began_s,
        cost_dollars=talk.usage.dollars if talk is not None else 0.0,
        notes=tuple(note.text for note in talk.notes) if talk is not None else (),
        files=talk.files() if talk is not None else {},
    )


def _copies(talk: TrialTalk | None, reply: Turn | None) -> tuple[Turns, Turn | None]:
    """The turns of a talk without its tapes, which reserve room for minutes, and the reply."""
    turns = list(talk.turns) if talk is not None else []
    copies = {id(turn): copy.copy(turn) for turn in turns}
    kept = copies.get(id(reply), reply) if reply is not None else None
    return Turns(list(copies.values())), kept


def _sentence(error: Exception | None) -> str:
    if error is None:
        return ""
    return str(error) if isinstance(error, GrokLiveError) else f"{type(error).__name__}: {error}"
