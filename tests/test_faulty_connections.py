"""What a user who asks a spoken question sees of a fault, and that the talk goes on.

Each row is a fault of the rehearsal and what comes of it: a turn or an error with its sentence,
the notes, what is kept of the reply; and for every row the next question on the same talk is
answered in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer, ServerVad, Talk
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.turn import Turn
from grok_live_widget.events import (
    AudioCommitted,
    AudioDelta,
    OutputItemAdded,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TranscriptDelta,
    TranscriptDone,
    UserTranscriptReplaced,
)
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConnectError,
    GrokLiveError,
    ReplyTimeout,
    ServerError,
    SessionClosedError,
    SessionClosedOK,
)
from grok_live_widget.rehearsal.faults import (
    Abandon,
    Burst,
    Close,
    Drop,
    Duplicate,
    Fault,
    Garbage,
    Late,
    Omit,
    OtherModel,
    Refuse,
    Reorder,
    Report,
    Stall,
    StallHandshake,
    Tail,
    Trickle,
    Withhold,
)
from grok_live_widget.rehearsal.tts import Spoken

from .support.sound import RATE_HZ
from .support.talks import TimedTalk, reconnecting_session_of
from .support.waiting import wait_for_talk

ALWAYS = float("inf")
BOTH = ("realtime", "live")
REALTIME, LIVE = ("realtime",), ("live",)
# A reply of four words, each of which is one piece of sound.
WORDS = ("one ", "two ", "three ", "four")
WHOLE = (1, 2, 3, 4)
IMPATIENT_S = 3.0


def piece(number: int) -> np.ndarray:
    return np.full(3_600, 1000 * number, np.int16)


def counting(turn: Any) -> Any:
    for number in WHOLE:
        yield Spoken(piece(number), WORDS[number - 1])


def text_of(numbers: tuple[int, ...]) -> str:
    return "".join(WORDS[number - 1] for number in numbers)


def sound_of(numbers: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int16), *map(piece, numbers)])


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault, and what is seen of it.

    `pieces` and `text` are what is kept of the reply, None where not even a turn is; `raises`
    whose message begins with `sentence` is what `ask` raises instead of that turn; `notes` are
    those before the one that repeats the error, `after` those behind it. With `needs_stop` the
    next question is answered only after `talk.stop()`; with `is_silent` the next question detects
    that the server is silent, and the one after it is answered.
    """

    fault: Fault
    dialects: tuple[str, ...] = BOTH
    raises: type[GrokLiveError] | None = None
    sentence: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    is_noted: bool = False
    pieces: tuple[int, ...] | None = WHOLE
    text: str | None = None
    timeout_s: float = 30
    needs_stop: bool = False
    is_silent: bool = False

    def __str__(self) -> str:
        at = getattr(self.fault, "at", None)
        where = f"-{at.__name__}-{self.fault.nth}" if isinstance(at, type) else ""
        return f"{self.fault}{where}".replace(f":{getattr(at, '__name__', '')}-", "-")


# --------------------------------------------------------------------------- connections that break
# A connection that broke is opened again, after the waiting question has failed.
def broken(fault: Fault, how: str, pieces: tuple[int, ...] | None, dialects: Any = BOTH) -> Row:
    return Row(
        fault=fault,
        dialects=dialects,
        raises=SessionClosedError,
        sentence=f"the connection to HOST was {how} before the reply had been received. What was "
        "received is kept, and the connection is being opened again: ask again then.",
        notes=(("warning", f"The connection to HOST was {how}. Opening the connection again."),),
        pieces=pieces,
    )


# One that breaks before it was open, or for a permanent reason, is not.
def ended(fault: Fault, how: str, pieces: tuple[int, ...] | None, dialects: Any = BOTH) -> Row:
    return Row(
        fault=fault,
        dialects=dialects,
        raises=SessionClosedError,
        sentence=f"the connection to HOST was {how}. What was received is kept, and the next "
        "question opens the connection again.",
        after=(
            (
                "error",
                f"The connection to HOST was {how}. Start, or the next question, opens it again.",
            ),
        ),
        pieces=pieces,
    )


DROPPED = "closed without a close frame"
BROKEN_CONNECTIONS = [
    ended(Drop(at=SessionCreated, nth=1), DROPPED, None, REALTIME),
    ended(Drop(at=SessionUpdated, nth=1), DROPPED, None, REALTIME),
    broken(Drop(at=SpeechStarted, nth=1), DROPPED, None),
    broken(Drop(at=SpeechStopped, nth=1), DROPPED, None),
    broken(Drop(at=ResponseCreated, nth=1), DROPPED, None, REALTIME),
    broken(Drop(at=AudioDelta, nth=2), DROPPED, (1,)),
    broken(Drop(at=ResponseDone, nth=1), DROPPED, WHOLE, REALTIME),
    ended(Close(1011, at=SessionUpdated, nth=1), "closed with code 1011", None, REALTIME),
    broken(Close(1001), "closed with code 1001", (1,), REALTIME),
    broken(Close(1011), "closed with code 1011", (1,)),
    broken(Close(1012, "restart"), "closed with code 1012 (restart)", (1,)),
    broken(Close(1013, "try later"), "closed with code 1013 (try later)", (1,), REALTIME),
    broken(Close(1014), "closed with code 1014", (1,), REALTIME),
    # `live` sends no key in the handshake, and yet this close does not mean that it was refused.
    broken(Close(1012, at=SpeechStarted, nth=1), "closed with code 1012", None, LIVE),
    ended(Close(4001, "enough"), "closed with code 4001 (enough)", (1,)),
]

# --------------------------------------------------------------------------- ends as planned
ENDS = [
    Row(
        fault=Close(1000, "bye"),
        raises=SessionClosedOK,
        sentence="the session is closed: bye.",
        pieces=(1,),
    ),
    Row(
        fault=Report("max_duration"),
        dialects=REALTIME,
        raises=ServerError,
        sentence="the server reported: the session has reached its longest duration",
        after=(("warning", "The server ended the session. Opening a new one."),),
        pieces=None,
    ),
    Row(
        fault=Report("timeout", at=AudioDelta, nth=3),
        raises=ServerError,
        sentence="the server reported: the session was inactive for too long",
        after=(
            (
                "error",
                "The server closed the connection, since nothing was said. Start, or the next "
                "question, opens it again.",
            ),
        ),
        pieces=(1, 2),
    ),
]

# --------------------------------------------------------------------------- the handshake
WRONG_KEY = (
    "HOST does not accept the API key. Set XAI_API_KEY (or api_key=) to a valid key; if you gave "
    "a url or a dialect, check that they belong together."
)


def refused(fault: Fault, kind: type[GrokLiveError], sentence: str) -> Row:
    # One of each kind suffices for `live`, whose handshake is the same.
    is_for_both = isinstance(fault, StallHandshake) or fault in (Refuse(400), Refuse(503))
    dialects = BOTH if is_for_both else REALTIME
    return Row(
        fault=fault, dialects=dialects, raises=kind, sentence=sentence, is_noted=True, pieces=None
    )


REFUSALS = [
    refused(Refuse(400), AuthenticationError, WRONG_KEY),
    refused(Refuse(401), AuthenticationError, WRONG_KEY),
    refused(Refuse(403), AuthenticationError, WRONG_KEY),
    refused(
        Refuse(402),
        ConnectError,
        "HOST has no funds left for this key. Add credit in the provider's console.",
    ),
    refused(Refuse(404), ConnectError, "HOST has no such address. Check url=."),
    refused(
        Refuse(429),
        ConnectError,
        "HOST has too many requests or sessions of this key. Try again in a while.",
    ),
    refused(
        Refuse(500),
        ConnectError,
        "HOST refused the connection (HTTP 500). Try again in a while, or check url=.",
    ),
    refused(
        Refuse(503),
        ConnectError,
        "HOST refused the connection (HTTP 503). Try again in a while, or check url=.",
    ),
    refused(
        StallHandshake(),
        ConnectError,
        "HOST did not answer in time. Check the network, or allow more with open_timeout_s.",
    ),
]

# --------------------------------------------------------------------------- replies that fail
UNCONFIRMED = ("warning", "The server did not confirm the settings; the session goes on.")
KEPT = f"no complete reply in {IMPATIENT_S:g} s; what was received of it is kept."
NOTHING = f"no complete reply in {IMPATIENT_S:g} s; none was received."
AGAIN = " Ask again, or allow more with timeout_s=."
NO_SPEECH = "the server detected no speech in the sound"
NEW_CONNECTION = " Ask again: that opens a new connection."
SILENT = "the server has sent nothing for N s." + NEW_CONNECTION
GONE = ("warning", "The server has sent nothing for N s. Opening the connection again.")


def late(
    fault: Fault, sentence: str, pieces: tuple[int, ...] | None, dialects: Any, **more: Any
) -> Row:
    return Row(
        fault=fault,
        dialects=dialects,
        raises=ReplyTimeout,
        sentence=sentence,
        pieces=pieces,
        timeout_s=IMPATIENT_S,
        **more,
    )


FAILED_REPLIES = [
    late(
        Stall(at=AudioDelta, nth=2),
        KEPT + " The server has sent nothing for N s." + NEW_CONNECTION,
        (1,),
        REALTIME,
        notes=(GONE,),
    ),
    late(
        Stall(at=ResponseCreated, nth=1),
        NOTHING + " The server has sent nothing for N s." + NEW_CONNECTION,
        None,
        REALTIME,
        notes=(GONE,),
    ),
    late(Stall(at=SpeechStarted, nth=1), SILENT, None, REALTIME, notes=(GONE,)),
    # A server of `live` that never sent anything may have had no reason to.
    late(Stall(at=SpeechStarted, nth=1), NO_SPEECH, None, LIVE, needs_stop=True),
    late(Abandon(at=ResponseCreated, nth=1), NOTHING + AGAIN, None, REALTIME),
    late(Abandon(at=OutputItemAdded, nth=1), NOTHING + AGAIN, None, REALTIME),
    late(Abandon(at=AudioDelta, nth=3), KEPT + AGAIN, (1, 2), REALTIME),
    late(Withhold(at=ResponseDone), KEPT + AGAIN, WHOLE, REALTIME),
    late(Withhold(at=SpeechStarted), NO_SPEECH, WHOLE, BOTH),
    late(Abandon(at=AudioDelta, nth=1), NOTHING + AGAIN, None, LIVE),
    # A reply of `live` has ended when nothing more comes.
    Row(fault=Abandon(at=AudioDelta, nth=2), dialects=LIVE, pieces=(1,)),
    Row(fault=Stall(at=AudioDelta, nth=2), dialects=LIVE, pieces=(1,), is_silent=True),
    Row(
        fault=Report("internal_error"),
        dialects=REALTIME,
        raises=ServerError,
        sentence="the server reported: the server had an error",
        is_noted=True,
        pieces=None,
    ),
    Row(
        fault=Report("rate_limit_exceeded", "slow down", at=AudioDelta),
        dialects=LIVE,
        raises=ServerError,
        sentence="the server reported: slow down",
        is_noted=True,
        pieces=None,
    ),
    Row(
        fault=Report("internal_error", at=SessionUpdated),
        dialects=REALTIME,
        raises=ConnectError,
        sentence="HOST refused the session: the server had an error. "
        "Change the setting that it names, or try again.",
        is_noted=True,
        pieces=None,
    ),
    late(
        Report("internal_error", at=AudioDelta, nth=2),
        KEPT + " The server had reported: the server had an error." + AGAIN,
        (1,),
        REALTIME,
        notes=(("warning", "The server reported: the server had an error"),),
    ),
]

# --------------------------------------------------------------------------- harmless, or nearly
ALL_TEXT = text_of(WHOLE)


def unread(fault: Fault, dialects: tuple[str, ...] = BOTH) -> Row:
    note = ("warning", "A piece of the reply's sound could not be read (1 so far).")
    return Row(fault=fault, dialects=dialects, notes=(note,), pieces=(1, 3, 4), text=ALL_TEXT)


SURVIVED = [
    Row(fault=Garbage("no-json")),
    Row(fault=Garbage("no-object")),
    Row(fault=Garbage("no-utf8")),
    Row(fault=Garbage("binary")),
    Row(fault=Garbage("odd-bytes", times=ALWAYS)),
    unread(Garbage("no-base64", nth=2)),
    unread(Garbage("wrong-types", nth=2), REALTIME),
    Row(fault=Garbage("wrong-types", at=SessionUpdated), dialects=REALTIME),
    Row(fault=Garbage("wrong-types", at=SpeechStarted), dialects=REALTIME),
    Row(fault=Garbage("wrong-types", at=UserTranscriptReplaced), dialects=REALTIME),
    Row(fault=Garbage("wrong-types", at=ResponseDone), dialects=REALTIME),
    Row(fault=Trickle(0.001, 1000)),
    Row(fault=Burst(), dialects=REALTIME),
    Row(fault=OtherModel(), dialects=REALTIME),
    Row(fault=Late(0.5), dialects=REALTIME, notes=(UNCONFIRMED,)),
    Row(fault=Withhold(at=SessionUpdated), dialects=REALTIME, notes=(UNCONFIRMED,)),
    Row(fault=Withhold(at=SessionCreated), dialects=REALTIME),
    Row(fault=Withhold(at=AudioCommitted), dialects=REALTIME),
    Row(fault=Withhold(at=SpeechStopped)),
    Row(fault=Withhold(at=ResponseCreated), dialects=REALTIME),
    Row(fault=Withhold(at=OutputItemAdded), dialects=REALTIME),
    Row(fault=Withhold(at=TranscriptDone), dialects=REALTIME),
    Row(fault=Duplicate(at=SessionCreated), dialects=REALTIME),
    Row(fault=Duplicate(at=SessionUpdated), dialects=REALTIME),
    Row(fault=Duplicate(at=SpeechStarted)),
    Row(fault=Duplicate(at=SpeechStopped)),
    Row(fault=Duplicate(at=ResponseCreated), dialects=REALTIME),
    Row(fault=Duplicate(at=OutputItemAdded), dialects=REALTIME),
    # A duplicate cannot be told from two equal pieces.
    Row(fault=Duplicate(at=AudioDelta), pieces=(1, 1, 2, 3, 4), text=ALL_TEXT),
    Row(fault=Duplicate(at=TranscriptDelta), dialects=REALTIME),
    Row(fault=Duplicate(at=ResponseDone), dialects=REALTIME),
    Row(fault=Reorder(at=SpeechStarted), dialects=REALTIME),
    Row(fault=Reorder(at=SpeechStopped), dialects=REALTIME),
    Row(fault=Reorder(at=ResponseCreated), dialects=REALTIME),
    Row(fault=Reorder(2, at=AudioDelta), dialects=REALTIME, pieces=(2, 1, 3, 4), text=ALL_TEXT),
    Row(fault=Reorder(3, at=TranscriptDone), dialects=REALTIME),
    Row(fault=Reorder(at=OutputItemDone), dialects=REALTIME),
    Row(fault=Omit("response_id,response.id", at=ResponseDone), dialects=REALTIME),
    Row(fault=Omit("response.status,usage", at=ResponseDone), dialects=REALTIME),
    Row(fault=Omit("response_id,response.id", at=ResponseCreated), dialects=REALTIME),
    Row(fault=Omit("item_id", at=AudioDelta, times=ALWAYS), dialects=REALTIME),
    Row(fault=Omit("response_id", at=AudioDelta, times=ALWAYS), dialects=REALTIME),
    Row(fault=Omit("response_id,item_id", at=AudioDelta, times=ALWAYS), dialects=REALTIME),
    Row(fault=Omit("item_id,audio_start_ms", at=SpeechStarted), dialects=REALTIME),
    Row(fault=Omit("item_id,audio_end_ms", at=SpeechStopped), dialects=REALTIME),
    Row(fault=Omit("session", at=SessionCreated), dialects=REALTIME),
    unread(Omit("delta", at=AudioDelta, nth=2)),
    Row(fault=Omit("type", at=AudioDelta, nth=2), pieces=(1, 3, 4), text=ALL_TEXT),
]

TABLE = [*BROKEN_CONNECTIONS, *ENDS, *REFUSALS, *FAILED_REPLIES, *SURVIVED]


# --------------------------------------------------------------------------- the talk
@pytest.fixture
def clip(question: np.ndarray, silence: Any) -> np.ndarray:
    """A question with the pause that ends it, so that no silence has to be sent in real time."""
    return np.concatenate((question, silence(0.8)))


IN_HASTE = Timeouts(confirm_s=0.2, no_speech_s=1.0, response_check_s=0.3)


@contextmanager
def talking(partner: Any, dialect: str, fault: Fault, **server: Any) -> Iterator[Talk]:
    options = {"speed": float("inf"), "words": False, **server}
    with (
        RehearsalServer(partner, faults=[fault], **options) as rehearsal,
        TimedTalk(
            IN_HASTE,
            url=rehearsal.url(dialect),
            api_key="any",
            turn_detection=ServerVad(silence_duration_ms=300),
            # In the live dialect a pause of this length ends a reply, also one of the machine.
            reply_quiet_ms=1000,
            open_timeout_s=1,
        ) as talk,
    ):
        yield talk


def outcome(talk: Talk, clip: np.ndarray, timeout_s: float) -> Turn | GrokLiveError:
    try:
        return talk.ask(clip, RATE_HZ, timeout_s=timeout_s)
    except GrokLiveError as error:
        return error


def normalised(talk: Talk, text: str) -> str:
    """The sentence without the host and without the length of a silence."""
    assert talk.settings.url is not None
    text = re.sub(r"nothing for \d+ s", "nothing for N s", text)
    return text.replace(talk.settings.url.split("/")[2], "HOST")


def capitalised(text: str) -> str:
    return text if text.startswith("HOST") else text[0].upper() + text[1:]


@pytest.mark.parametrize(
    ("dialect", "row"),
    [
        # A fault of both dialects is one of the client too, which is the same in both.
        pytest.param(
            name, row, id=f"{name}-{row}", marks=[pytest.mark.slow] * (name != row.dialects[0])
        )
        for row in TABLE
        for name in row.dialects
    ],
)
def test_a_fault_is_reported_and_the_next_question_is_answered(
    dialect: str, row: Row, clip: np.ndarray
) -> None:
    with talking(counting, dialect, row.fault) as talk:
        seen = outcome(talk, clip, row.timeout_s)
        notes = [(note.level, normalised(talk, note.text)) for note in talk.notes]
        kept, replies = list(talk.turns), list(talk.turns.assistant)

        # What `ask` returns or raises.
        if row.raises is None:
            assert isinstance(seen, Turn), seen
            assert replies == [seen]
            assert seen.is_complete
            assert not seen.was_interrupted
        else:
            assert type(seen) is row.raises, seen
            assert normalised(talk, str(seen)).startswith(row.sentence)
        if isinstance(seen, ReplyTimeout) and "kept" in str(seen):
            assert seen.turn is replies[0]

        # The notes.
        repeated = [("error", capitalised(row.sentence))] if row.is_noted else []
        if row.raises is ServerError:
            repeated = [("warning", capitalised(row.sentence))]
        assert notes == [*row.notes, *repeated, *row.after]

        # The next question.
        if row.needs_stop:
            talk.stop()
        if row.is_silent:
            found_out = outcome(talk, clip, row.timeout_s)
            assert normalised(talk, str(found_out)).startswith(SILENT)
            assert [normalised(talk, note.text) for note in talk.notes] == [GONE[1]]
        noted_count = len(talk.notes)
        answer = talk.ask(clip, RATE_HZ, timeout_s=30)
        assert answer.text == text_of(WHOLE)
        assert np.array_equal(answer.pcm, sound_of(WHOLE))
        assert answer is talk.turns[-1]
        assert answer.is_complete
        assert not answer.was_interrupted
        assert talk.phase == "open"

        # What was received before is kept.
        assert [turn for turn in talk.turns if any(turn is each for each in kept)] == kept
        *earlier, _ = talk.turns.assistant
        text = row.text if row.text is not None else text_of(row.pieces or ())
        assert [turn.text for turn in earlier] == ([] if row.pieces is None else [text])
        for turn in earlier:
            assert np.array_equal(turn.pcm, sound_of(row.pieces or ()))
        assert all(turn.is_complete for turn in talk.turns)
        assert len(talk.notes) == noted_count


def endless(turn: Any) -> Any:
    """An endless reply to typed text, and four words to speech."""
    if turn.pcm.size:
        yield from counting(turn)
        return
    for _ in range(10_000):
        yield Spoken(piece(7), "on ")


@pytest.mark.parametrize("dialect", BOTH)
def test_the_tail_of_an_interrupted_reply_is_kept_in_its_own_turn(
    dialect: str, clip: np.ndarray
) -> None:
    with talking(endless, dialect, Tail(3), speed=20) as talk:
        talk.say("go on")
        wait_for_talk(talk, lambda: bool(talk.turns.assistant) and talk.turns[-1].duration_s > 0.3)
        first = talk.turns[-1]
        answer = ask_during_reply(talk, clip)
        assert first.was_interrupted
        assert first.is_complete
        assert set(first.pcm.tolist()) == {7000}
        assert np.array_equal(answer.pcm, sound_of(WHOLE))
        assert not answer.was_interrupted
        assert talk.ask(clip, RATE_HZ).text == text_of(WHOLE)
        assert talk.notes == []


def test_unreadable_sound_is_noted_once_in_a_reply(clip: np.ndarray) -> None:
    with talking(counting, "realtime", Garbage("no-base64", times=6)) as talk:
        for _ in range(3):
            talk.ask(clip, RATE_HZ)
        assert [note.text for note in talk.notes] == [
            f"A piece of the reply's sound could not be read ({count} so far)." for count in (1, 5)
        ]
        assert reconnecting_session_of(talk).conversation.unread_piece_count == 6


def ask_during_reply(talk: Talk, clip: np.ndarray) -> Turn:
    """Speak while a reply is running, and wait for the reply to that."""
    talk.say(clip, RATE_HZ)
    wait_for_talk(talk, lambda: len(talk.turns.assistant) == 2 and talk.turns[-1].is_complete)
    return talk.turns[-1]
