"""A talk of six turns whose times are known: real speech, folded from events by the package.

It has an interruption with overlap, a function that runs, a typed text, and a reconnection.
"""

from __future__ import annotations

import numpy as np

from grok_live_widget.audio import pcm_from_samples
from grok_live_widget.conversation import Conversation, Turns
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    CreateItem,
    Event,
    Interrupted,
    Item,
    ItemAdded,
    LineReopened,
    OutputItemAdded,
    PlaybackReported,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionOpened,
    SpeechStarted,
    SpeechStopped,
    ToolFinished,
    ToolStarted,
    TranscriptDelta,
)

from .figure_sounds import VOICE_RATE_HZ, voices

LENGTH_S = 15.5
STEP_S = 0.1
# When the user begins to speak, and in which voice; each speaks for 1.25 s.
USER_S = {1.0: "rex", 4.9: "leo", 11.8: "fable"}
CLIP_S = 1.25
TEXTS = {
    "u1": "How high is the tower that you can see there?",
    "u2": "Wait. I meant the other one.",
    "u3": "Thank you.",
    "a1": "The tower is three hundred and thirty metres high, and it was finished in",
    "a2": "That one is ninety-six metres high.",
    "a3": "It is ninety-six metres.",
    "a4": "You are welcome.",
}


def scripted_turns() -> Turns:
    """The turns of the talk, at 16 kHz."""
    conversation = Conversation(
        ServerVad(), input_sample_rate=VOICE_RATE_HZ, output_sample_rate=VOICE_RATE_HZ
    )
    conversation.has_player = True
    for at_s, event in sorted((*_microphone(), *_messages()), key=lambda each: each[0]):
        conversation.apply(event, at_s)
    for turn in conversation.turns:
        if turn.item_id in TEXTS and turn.role == "user":
            turn._replace_text(TEXTS[turn.item_id], "transcript")
    return conversation.turns


def clip(name: str) -> np.ndarray:
    return pcm_from_samples(voices()[name])


def _microphone() -> list[tuple[float, Event]]:
    """Silence with the user's speech in it, in chunks that end at their time."""
    tape = np.zeros(round(LENGTH_S * VOICE_RATE_HZ), np.int16)
    for start_s, name in USER_S.items():
        start = round(start_s * VOICE_RATE_HZ)
        tape[start : start + len(clip(name))] = clip(name)
    size = round(STEP_S * VOICE_RATE_HZ)
    chunks = np.split(tape, range(size, len(tape), size))
    return [
        (round((place + 1) * STEP_S, 3) - 1e-6, AppendAudio(chunk.astype("<i2").tobytes()))
        for place, chunk in enumerate(chunks)
    ]


def _messages() -> list[tuple[float, Event]]:
    opened = SessionOpened(dialect="realtime", host="rehearsal")
    typed = Item(role="user", part="input_text", text="In metres, please.", item_id="u9")
    return [
        (0.0, opened),
        *_speech("u1", 1.0),
        (2.8, ToolStarted(call_id="c1", name="measure_height", arguments="{}")),
        (3.2, ToolFinished(call_id="c1", name="measure_height", output="330", duration_s=0.4)),
        *_reply(1, 3.3, 3.45, ("nova", "alloy"), heard_s=1.65),
        *_speech("u2", 4.9),
        (5.1001, Interrupted(response_id="r1", item_id="a1")),
        *_reply(2, 7.0, 7.12, ("shimmer",)),
        (9.0, CreateItem(typed)),
        (9.01, ItemAdded(typed)),
        *_reply(3, 9.4, 9.5, ("eve",)),
        (11.2, LineReopened(memory="resumed", text="The connection was opened again.")),
        (11.2001, opened),
        *_speech("u3", 11.8, session_s=11.2),
        *_reply(4, 13.9, 14.05, ("ara",)),
    ]


def _speech(item_id: str, start_s: float, session_s: float = 0.0) -> list[tuple[float, Event]]:
    """Detected after 0.2 s; its end is decided 0.5 s after it."""
    end_s = start_s + CLIP_S + 0.5
    start_ms, end_ms = (round((each - session_s) * 1000) for each in (start_s, end_s))
    return [
        (start_s + 0.2, SpeechStarted(item_id=item_id, audio_start_ms=start_ms)),
        (end_s + 0.05, SpeechStopped(item_id=item_id, audio_end_ms=end_ms)),
    ]


def _reply(
    number: int,
    received_s: float,
    played_s: float,
    names: tuple[str, ...],
    heard_s: float | None = None,
) -> list[tuple[float, Event]]:
    pcm = np.concatenate([clip(name) for name in names])
    count = len(pcm) if heard_s is None else round(heard_s * VOICE_RATE_HZ)
    ids = {"response_id": f"r{number}", "item_id": f"a{number}"}
    item = Item(role="assistant", item_id=f"a{number}")
    report = PlaybackReported(item_id=f"a{number}", sample_count=1, first_sound_s=played_s)
    heard = PlaybackReported(item_id=f"a{number}", sample_count=count)
    return [
        (received_s - 0.05, ResponseCreated(f"r{number}")),
        (received_s - 0.04, OutputItemAdded(f"r{number}", item)),
        (received_s - 0.03, ItemAdded(item)),
        (received_s, AudioDelta(pcm=pcm.astype("<i2").tobytes(), **ids)),
        (received_s + 0.001, TranscriptDelta(delta=TEXTS[f"a{number}"], **ids)),
        (received_s + 0.002, ResponseDone(response_id=f"r{number}", status="completed")),
        (played_s + 0.01, report),
        (played_s + count / VOICE_RATE_HZ, heard),
    ]
