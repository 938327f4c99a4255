"""One spoken question, asked as a talk asks it: whether it is heard, and what comes back."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import asdict, replace

from ..audio import SAMPLE_RATE_HZ, level_dbfs
from ..client import Secret, TalkAPI
from ..conversation import Turn
from ..exceptions import GrokLiveError, RehearsalError
from ..protocol import Event, PushToTalk, SpeechStarted
from ..rehearsal import speak
from ..settings import Settings
from .report import Check, failed, not_reached, ok, skipped, warning

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPOKEN = ("question", "speech detected", "reply", "latency", "level", "recording")

_QUESTION = "Hello, can you hear me?"
_TIMEOUT_S = 30.0
# A reply below it can hardly be heard; speech has about -20 dBFS.
_QUIET_DBFS = -50.0


class _Talk(TalkAPI):
    """A talk that does not warn of the rehearsal, of which the report tells."""

    def __init__(self, api_key: Secret | None, settings: Settings) -> None:
        self._begin(api_key, asdict(settings))


def spoken_checks(settings: Settings, api_key: Secret | None, folder: Path) -> list[Check]:
    """Ask one question by sound; waits for the reply.

    Parameters
    ----------
    folder : Path
        A new folder for the recording of it.
    """
    try:
        question = _question()
    except RehearsalError as error:
        without = skipped("question", error.message, error.cure)
        return [without, *(skipped(name, "Nothing was asked.") for name in SPOKEN[1:])]
    asked = ok("question", f"{_QUESTION!r} was spoken, {len(question) / SAMPLE_RATE_HZ:.1f} s.")
    try:
        with _Talk(api_key, replace(settings, record=folder)) as talk:
            return [asked, *_ask(talk, question), _recording(folder)]
    except GrokLiveError as error:
        return [asked, failed("reply", error), _recording(folder)]


def _question() -> NDArray[np.int16]:
    # Silence before it: the first word of a sound that begins with speech may be missed.
    pieces = [np.zeros(SAMPLE_RATE_HZ // 2, np.int16), *(each.pcm for each in speak(_QUESTION))]
    return np.concatenate(pieces)


def _ask(talk: TalkAPI, question: NDArray[np.int16]) -> list[Check]:
    is_detected = False

    def watch(event: Event, _: Any, __: float) -> None:
        nonlocal is_detected
        is_detected = is_detected or isinstance(event, SpeechStarted)

    with talk.add_listener(watch):
        try:
            turn = talk.ask(question, SAMPLE_RATE_HZ, timeout_s=_TIMEOUT_S, pace="realtime")
        except GrokLiveError as error:
            detected = _detection(talk, is_detected)
            return [detected, failed("reply", error), *not_reached(("latency", "level"), "reply")]
    return [_detection(talk, is_detected), *_checks_of(turn)]


def _detection(talk: TalkAPI, is_detected: bool) -> Check:
    name = "speech detected"
    if isinstance(talk.settings.turn_detection, PushToTalk):
        return skipped(name, "With PushToTalk() the end of the question is sent, not detected.")
    if is_detected:
        return ok(name, "The server heard the question.")
    return Check(
        name=name,
        result="failed",
        found="The server detected no speech in the question.",
        cure="Lower ServerVad(threshold=…), or use turn_detection=PushToTalk().",
    )


def _checks_of(turn: Turn) -> list[Check]:
    if not turn.sample_count:
        silent = Check(
            name="reply",
            result="failed",
            found="A reply without sound came.",
            cure="Check model= and voice=.",
        )
        return [silent, *not_reached(("latency", "level"), "reply")]
    words = f": {turn.text!r}" if turn.text else ""
    reply = ok("reply", f"A reply of {turn.duration_s:.1f} s came{words}.")
    return [reply, _latency(turn), _level(turn)]


def _latency(turn: Turn) -> Check:
    name, latency = "latency", turn.latency
    parts = {
        "end of speech decided": latency.decided_ms,
        "first sound": latency.first_delta_ms,
        "functions of tools": latency.tool_ms or None,
        "consent": latency.approval_ms or None,
    }
    shown = ", ".join(f"{part} {ms:.0f} ms" for part, ms in parts.items() if ms is not None)
    if turn.latency_ms is None:
        return skipped(name, f"It was not measured. {shown}".strip())
    return ok(name, f"{turn.latency_ms:.0f} ms from the end of the question: {shown}.")


def _level(turn: Turn) -> Check:
    name, level = "level", level_dbfs(turn.pcm)
    if isfinite(level) and level >= _QUIET_DBFS:
        return ok(name, f"The reply has {level:.0f} dBFS.")
    shown = f"only {level:.0f} dBFS" if isfinite(level) else "no sound but silence"
    return warning(name, f"The reply has {shown}.", "Choose another voice, or report it.")


def _recording(folder: Path) -> Check:
    name = "recording"
    if not folder.is_dir():
        return skipped(name, "Nothing was recorded.")
    return ok(name, f"The talk is in {str(folder.parent)!r}, without the key.")
