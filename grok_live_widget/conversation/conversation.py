"""The conversation: a fold of events into turns.

`Conversation.apply` takes one event at a time, sent or received, with its time, and updates
`Turns`. One thread applies events; any thread may read.
"""

from __future__ import annotations

import itertools
import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ..audio import SAMPLE_RATE_HZ, AudioBuffer, Span, pcm_from_bytes
from ..protocol import DIALECTS, MIN_COMMIT_MS, events
from ..settings import Prices, Settings
from .call_times import CallTimes
from .calls_by_turn import CallsByTurn
from .turn import Turn
from .turns import Turns
from .usage import UsageMeter

_AUDIO_TYPES = frozenset().union(*(each.audio_delta_types for each in DIALECTS.values()))
_IGNORED_TYPES = frozenset().union(*(each.ignored_types for each in DIALECTS.values()))

# How many of the newest turns may be items that came after the end of their response.
_LATE_TURNS = 8

# A server that makes up types is not told about without end.
_MOST_TYPES, _MOST_LETTERS_OF_TYPE = 20, 80

# Reserved; memory that is not written to costs nothing, except on Windows.
TAPE_S = 60 if sys.platform == "win32" else 2 * 3600

# Events about the connection only, or that are not recorded. Seconds count from the first other
# event, so that a recording gives the same turns.
_NOT_COUNTED = (events.Authenticate, events.Noted, events.PhaseChanged)


class Conversation:
    """The turns of a talk, made from its events.

    Parameters
    ----------
    turn_detection : events.ServerVad or events.PushToTalk
    input_sample_rate, output_sample_rate : int [Hz]
        Of the user's audio and of the replies.
    prices : Prices or None
        None: the known prices of the model.
    tapes : tuple of two AudioBuffer or None
        What stores the audio of the user and of the replies; None: new ones.

    Attributes
    ----------
    turns : Turns
        In conversation order. Each keeps its identity.
    has_player : bool
        Whether something plays the replies that are received.
    may_be_played : bool
        Whether something plays them, has played them, or may yet do so, as a panel does that is
        not shown yet.
    odd_byte_count : int
        Half samples that were dropped from the ends of deltas.
    unread_piece_count : int
        Audio deltas that could not be decoded.
    unrecognized_types : list of str
        Types of other messages that could not be read, up to 20, in the order of their first.
    kept : Span or None
        Where the audio of the event applied last is kept; None if it had none.
    user_tape, assistant_tape : AudioBuffer
        All audio of the user and of the replies, in the order in which it was sent and received.
    meter : UsageMeter
        Of the same events.
    """

    def __init__(
        self,
        turn_detection: events.TurnDetection | None = None,
        *,
        input_sample_rate: int = SAMPLE_RATE_HZ,
        output_sample_rate: int = SAMPLE_RATE_HZ,
        prices: Prices | None = None,
        tapes: tuple[AudioBuffer, AudioBuffer] | None = None,
    ) -> None:
        self.turns = Turns()
        self.has_player = self.may_be_played = False
        self.odd_byte_count = self.unread_piece_count = 0
        self.unrecognized_types: list[str] = []
        self.input_sample_rate = input_sample_rate
        self.output_sample_rate = output_sample_rate
        self.user_tape, self.assistant_tape = tapes or (
            AudioBuffer(TAPE_S * input_sample_rate),
            AudioBuffer(TAPE_S * output_sample_rate),
        )
        self.kept: Span | None = None
        self.meter = UsageMeter(
            turn_detection or events.ServerVad(),
            input_sample_rate=input_sample_rate,
            output_sample_rate=output_sample_rate,
            prices=prices,
        )
        # The time of the event that is applied, on the clock of `apply`.
        self._now_s = 0.0
        # What turns have cost in all, up to the beginning of the newest one [US$]; None: unknown.
        self._settled_dollars: float | None = 0.0
        self._min_commit = self._user_samples(MIN_COMMIT_MS)
        self._set_turn_detection(turn_detection)
        # The time of the first counted event, from which turns count their seconds.
        self._origin_s: float | None = None
        # Positions in `user_tape`: where the session began, and where the next turn may begin.
        self._session_start = 0
        self._commit_start = 0
        self._silence = _AnnouncedSilence()
        # Turns by the server's ids, in this session and in those before.
        self._by_item: dict[str, Turn] = {}
        self._by_past_item: dict[str, Turn] = {}
        self._by_response: dict[str, list[Turn]] = {}
        self._by_past_response: dict[str, list[Turn]] = {}
        # Replies that are being played or are to be played, oldest first.
        self._to_be_heard: dict[Turn, None] = {}
        # The running response; empty if there is none.
        self._response_id = ""
        # Responses that were interrupted in this session.
        self._cut_responses: set[str] = set()
        # The turn of an announced array or file, until speech or a commit is matched to it.
        self._clip: Turn | None = None
        # The turn that the user is speaking.
        self._spoken: Turn | None = None
        # Committed and typed turns that have no id of the server yet, oldest first.
        self._committed: deque[Turn] = deque()
        self._typed: deque[Turn] = deque()
        # Texts of assistant items that were created here, which are not replies.
        self._created_texts: deque[str] = deque()
        # When which sample was sent.
        self._sent = _SentTimes()
        # The text of a reconnection, for the turn that begins next.
        self._seam = ""
        # When the user's last speech, commit or text ended; None once a reply has begun. After
        # speech also how long the server took to decide that.
        self._user_done_s: float | None = None
        self._decided_ms: float | None = None
        self._call_times = CallTimes()
        self._calls = CallsByTurn()
        # Turns that `apply` is about to return, by identity.
        self._changed: dict[int, Turn] = {}

    @property
    def origin_s(self) -> float | None:
        """The time of the first counted event, on the clock of `apply` [s]; None before it."""
        return self._origin_s

    @classmethod
    def under(
        cls, settings: Settings, tapes: tuple[AudioBuffer, AudioBuffer] | None = None
    ) -> Conversation:
        """A conversation under these settings, without turns yet."""
        return cls(
            settings.turn_detection,
            input_sample_rate=settings.input_format.sample_rate,
            output_sample_rate=settings.output_format.sample_rate,
            prices=settings.prices,
            tapes=tapes,
        )

    def _set_turn_detection(self, detection: events.TurnDetection | None) -> None:
        silence_ms = detection.silence_duration_ms if isinstance(detection, events.ServerVad) else 0
        self._silence_samples = self._user_samples(int(silence_ms))
        self._padding_samples = (
            self._user_samples(int(detection.prefix_padding_ms))
            if isinstance(detection, events.ServerVad)
            else 0
        )
        self._is_push_to_talk = isinstance(detection, events.PushToTalk)

    def _user_samples(self, duration_ms: int) -> int:
        return duration_ms * self.input_sample_rate // 1000

    def apply(self, event: events.Event, now_s: float) -> list[Turn]:
        """Apply one event.

        Parameters
        ----------
        now_s : float [s]
            When it was sent or received, on any clock that only grows. It is rounded to
            microseconds, so that a recording can store it exactly.

        Returns
        -------
        list of Turn
            The turns that began or changed.
        """
        now_s = round(now_s, 6)
        if self._origin_s is None and not isinstance(event, _NOT_COUNTED):
            self._origin_s = now_s
        self.kept = None
        self._now_s = now_s
        if isinstance(event, events.CreateItem):
            # Its price is that of the turn that begins with it.
            self._settle_known_cost()
        self.meter.apply(event, now_s)
        update = _UPDATES.get(type(event))
        if update is not None:
            update(self, event, now_s)
        newest = self.turns[-1] if self._changed else None
        if newest is not None and newest.is_complete and id(newest) in self._changed:
            self._settle_known_cost()
        changed = list(self._changed.values())
        self._changed.clear()
        for turn in changed:
            turn._notify()
        return changed

    def reply(self, response_id: str) -> Turn | None:
        """The newest turn of a response in this session or an earlier one; None: it has none."""
        turns = self._by_response.get(response_id) or self._by_past_response.get(response_id)
        return turns[-1] if turns else None

    def add_past(self, turn: Turn, *, is_unheard: bool) -> None:
        """Add a turn of this talk that another process has made.

        Parameters
        ----------
        is_unheard : bool
            Whether it is a reply that sounds, or waits for the loudspeaker.
        """
        self.turns._add(turn)
        if is_unheard:
            self._by_past_item[turn.item_id] = turn
            self._by_past_response.setdefault(turn._response_id, []).append(turn)
            self._to_be_heard[turn] = None

    @property
    def unheard(self) -> list[Turn]:
        """Replies that sound or wait for the loudspeaker, oldest first; a copy."""
        return [turn for turn in list(self._to_be_heard) if not turn._is_heard]

    def limit_audio(self, keep_s: float, written: Sequence[int] | None = None) -> float:
        """Drop the audio that is older than this from memory; returns how much was dropped [s].

        Replies that are still to be heard, and turns that grow, are kept. So that little is
        copied, audio is dropped only when there is a quarter more than is to be kept.

        Parameters
        ----------
        keep_s : float > 0 [s]
        written : two int or None
            How many samples of the user's audio and of the replies are in files; only these are
            dropped. None: there are no files.
        """
        open_turns = [turn for turn in self.turns if not turn.is_complete]
        dropped_s = 0.0
        tapes = (self.user_tape, self.assistant_tape)
        rates_hz = (self.input_sample_rate, self.output_sample_rate)
        ends = written or tuple(map(len, tapes))
        for tape, rate_hz, end in zip(tapes, rates_hz, ends, strict=True):
            kept_count = len(tape) - tape.dropped_count
            if kept_count < keep_s * rate_hz * 1.25:
                continue
            needed = [turn for turn in (*self.unheard, *open_turns) if turn._tape is tape]
            first = min((turn._start_sample for turn in needed), default=end)
            until = min(first, end, len(tape) - round(keep_s * rate_hz))
            dropped_s += tape.drop_before(until) / rate_hz
        return dropped_s

    # ----------------------------------------------------------------- turns
    def _begin(self, turn: Turn, now_s: float) -> Turn:
        turn.started_s = now_s - (self._origin_s or 0.0)
        turn.seam, self._seam = self._seam, ""
        if turn.text_source != "typed":  # Settled before the price of the text was added.
            self._settle_cost()
        if turn.role == "user":
            self._give_calls_to_newest()
        self.turns._add(turn)
        return self._mark(turn)

    def _settle_cost(self) -> None:
        """The newest turn has cost what was spent until now, since the one before it."""
        if not self.turns:
            return
        newest, dollars = self.turns[-1], self.meter.total(self._now_s).dollars
        if dollars is None or self._settled_dollars is None:
            newest.cost_dollars = self._settled_dollars = None
            return
        newest.cost_dollars = (newest.cost_dollars or 0.0) + dollars - self._settled_dollars
        self._settled_dollars = dollars

    def _settle_known_cost(self) -> None:
        """Do the same, unless prices are not known yet: they may be when the next turn begins."""
        if self.meter.total(self._now_s).dollars is not None:
            self._settle_cost()

    def _mark(self, turn: Turn) -> Turn:
        self._changed[id(turn)] = turn
        return turn

    def _spoken_turn(self, start: int, now_s: float, item_id: str = "") -> Turn:
        rate_hz = self.input_sample_rate
        turn = Turn("user", tape=self.user_tape, sample_rate=rate_hz, start=start, item_id=item_id)
        return self._begin(turn, self._sent.time_of(start, now_s))

    def _reply_turn(self, item_id: str, response_id: str, now_s: float) -> Turn:
        """The turn of a response's item, which begins with the first event about it."""
        turn = self._by_item.get(item_id)
        if not item_id:
            # An item without an id is looked for among those of its own response only.
            turn = next(reversed(self._by_response.get(response_id, [])), None)
        if turn is None or turn.role != "assistant":
            rate_hz = self.output_sample_rate
            tape = self.assistant_tape
            turn = Turn(
                "assistant", tape=tape, sample_rate=rate_hz, start=len(tape), item_id=item_id
            )
            turn._bound(len(tape))
            turn._may_be_played = self.may_be_played
            self._begin(turn, now_s)
            turn._asked_s, self._user_done_s = self._user_done_s, None
            turn._decided_ms, self._decided_ms = self._decided_ms, None
            self._calls.give_to(turn)
            self._by_item[item_id] = turn
            self._by_response.setdefault(response_id, []).append(turn)
            turn._response_id = response_id
            turn.was_interrupted = response_id in self._cut_responses
        return self._mark(turn)

    def end_playback(self) -> None:
        """Note that nothing plays the replies from now on, whatever was to play them."""
        self.may_be_played = False
        for turn in self.turns:
            turn._may_be_played = False
            turn._notify()

    # ----------------------------------------------------------------- the session
    def _session_opened(self, event: events.SessionOpened, now_s: float) -> None:
        """Positions start from 0 in each session; the turns go on."""
        self._session_start = self._commit_start = len(self.user_tape)

    def _session_ended(self, event: events.SessionEnded, now_s: float) -> None:
        for turn in self.turns:
            if not turn.is_complete:
                self._end_spoken(turn) if turn.role == "user" else self._mark(turn)._end(None)
                turn.was_interrupted |= turn.role == "assistant"
        # Ids may be used again, but replies of this session may still be played, for longer
        # than it takes to try in vain to connect again.
        self._by_past_item |= self._by_item
        self._by_past_response |= self._by_response
        self._by_item, self._by_response = {}, {}
        self._cut_responses.clear()
        self._committed.clear()
        self._typed.clear()
        self._created_texts.clear()
        self._response_id = ""
        self._spoken = self._clip = self._user_done_s = None
        self._give_calls_to_newest()
        self._settle_cost()

    def _reopened(self, event: events.LineReopened, now_s: float) -> None:
        self._seam = event.text

    def _session_updated_by_us(self, event: events.UpdateSession, now_s: float) -> None:
        if event.turn_detection is not None:
            self._set_turn_detection(event.turn_detection)

    # ----------------------------------------------------------------- the user's audio
    def _end_spoken(self, turn: Turn, end: int | None = None) -> None:
        """End a user's turn at a position in `user_tape`; None: with the last sample sent."""
        position = len(self.user_tape) if end is None else end
        self._mark(turn)._end(max(turn._start_sample, self._silence.before(position)))

    def _silence_announced(self, event: events.SilenceAnnounced, now_s: float) -> None:
        self._silence.note(len(self.user_tape), event.sample_count)

    def _audio_appended(self, event: events.AppendAudio, now_s: float) -> None:
        self.kept = self.user_tape.append(pcm_from_bytes(event.pcm))
        end = len(self.user_tape)
        self._sent.note(end, now_s)
        has_turn = self._spoken is not None or self._clip is not None
        # Less than a server accepts may still be discarded, and then was no turn.
        if self._is_push_to_talk and not has_turn and end - self._commit_start >= self._min_commit:
            self._spoken = self._spoken_turn(self._commit_start, now_s)
        bound = self._silence.before(end)
        for turn in (self._spoken, self._clip):
            if turn is not None:
                self._mark(turn)._bound(None if bound == end else max(turn._start_sample, bound))

    def _sound_announced(self, event: events.SoundAnnounced, now_s: float) -> None:
        if self._is_push_to_talk and self._spoken is not None:
            self._end_spoken(self._spoken)
            self._spoken = None
        self._clip = self._spoken_turn(len(self.user_tape), now_s)
        self._clip.turn_id = event.turn_id

    def _sound_ended(self, event: events.SoundEnded, now_s: float) -> None:
        """The turn of an announced clip in which no speech was found ends here."""
        if self._clip is not None and self._clip.turn_id == event.turn_id:
            self._end_spoken(self._clip)
            self._clip = None

    def _take_clip(self, item_id: str) -> Turn | None:
        """The turn of the announced clip, for the first speech or commit that follows."""
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.item_id = item_id
        return clip

    def _speech_started(self, event: events.SpeechStarted, now_s: float) -> None:
        if self._spoken is not None and self._spoken.item_id == event.item_id:
            return
        if self._spoken is not None:
            self._end_spoken(self._spoken)
        self._spoken = self._mark(self._started_turn(event, now_s))
        if event.item_id:
            self._by_item[event.item_id] = self._spoken

    def _started_turn(self, event: events.SpeechStarted, now_s: float) -> Turn:
        known = self._by_item.get(event.item_id) if event.item_id else None
        if known is not None and known.role == "user":
            # Speech goes on in the same turn.
            known._reopen()
            return known
        start = len(self.user_tape)
        if event.audio_start_ms is not None:
            offset = self._user_samples(max(0, event.audio_start_ms))
            start = min(self._session_start + offset, start)
        turn = self._take_clip(event.item_id) if self._may_be_clip(start) else None
        if turn is None:
            start = self._without_silence(
                start, is_estimated=event.audio_start_ms is None or event.is_approximate
            )
            turn = self._spoken_turn(start, now_s, event.item_id)
        turn.is_approximate = event.is_approximate or event.audio_start_ms is None
        return turn

    def _may_be_clip(self, start: int) -> bool:
        """Whether speech that begins here, with its padding, may be that of the announced clip."""
        clip = self._clip
        return clip is not None and start + self._padding_samples >= clip._start_sample

    def _without_silence(self, start: int, *, is_estimated: bool) -> int:
        """Where speech begins whose beginning, with its padding, is in announced silence."""
        silence_start, silence_end = self._silence.around(start)
        if silence_start == silence_end:
            return start
        silence_end = min(silence_end, len(self.user_tape))
        if not is_estimated:
            return silence_end
        # An estimate counts from the newest sample, and what was heard is the sound before.
        return max(self._commit_start, start - silence_end + silence_start)

    def _speech_stopped(self, event: events.SpeechStopped, now_s: float) -> None:
        known = self._by_item.get(event.item_id)
        turn = known if known is not None and known.role == "user" else self._spoken
        end = len(self.user_tape)
        if event.audio_end_ms is not None:
            end = min(self._session_start + self._user_samples(event.audio_end_ms), end)
        if turn is not None:
            self._end_spoken(turn, end)
        # The server decides the end after a silence; speech ended before that.
        done_s = self._sent.time_of(end - self._silence_samples - 1, now_s)
        self._note_question(done_s, now_s)
        self._decided_ms = max(0.0, (now_s - done_s) * 1000)
        self._commit_start = len(self.user_tape)
        self._spoken = None

    def _audio_committed_by_us(self, event: events.CommitAudio, now_s: float) -> None:
        """The turn is the audio since the last commit; without any there is none."""
        turn = self._take_clip("") or self._spoken
        if turn is None and self._commit_start < len(self.user_tape):
            turn = self._spoken_turn(self._commit_start, now_s)
        if turn is not None:
            self._end_spoken(turn)
            self._committed.append(turn)
        self._commit_start = len(self.user_tape)
        self._spoken = None
        self._note_question(now_s, now_s)

    def _note_question(self, done_s: float, now_s: float) -> None:
        """The user's turn ended at `done_s`; delays of the reply count from there."""
        self._user_done_s, self._decided_ms = done_s, None
        self._call_times.take(now_s)

    def _audio_committed(self, event: events.AudioCommitted, now_s: float) -> None:
        """Give the committed turn its id; with `ServerVad` it has one already."""
        known = self._by_item.get(event.item_id)
        if known is not None:
            if known in self._committed:
                self._committed.remove(known)
            return
        if self._committed:
            turn = self._committed.popleft()
            turn.item_id = event.item_id
            self._by_item[event.item_id] = self._mark(turn)

    def _audio_cleared_by_us(self, event: events.ClearAudio, now_s: float) -> None:
        for turn in (self._spoken, self._clip):
            if turn is not None:
                self._end_spoken(turn)
                turn.was_discarded = True
        self._spoken = self._clip = None
        self._commit_start = len(self.user_tape)

    def _user_transcript(self, event: events.UserTranscriptReplaced, now_s: float) -> None:
        turn = self._by_item.get(event.item_id)
        if turn is not None and turn.role == "user":
            self._mark(turn)._replace_text(event.transcript, "transcript")

    def _idle_timeout(self, event: events.IdleTimeoutTriggered, now_s: float) -> None:
        self._user_done_s = None

    # ----------------------------------------------------------------- typed text
    def _item_created(self, event: events.CreateItem, now_s: float) -> None:
        item = event.item
        if item.kind == "message" and item.role == "assistant":
            self._created_texts.append(item.text)
        if item.kind != "message" or item.role != "user" or item.is_replayed:
            return
        rate_hz, text = self.input_sample_rate, event.item.text
        turn = Turn(
            "user", tape=AudioBuffer(1), sample_rate=rate_hz, text=text, text_source="typed"
        )
        turn._end(0)
        self._typed.append(self._begin(turn, now_s))
        self._note_question(now_s, now_s)

    def _item_added(self, event: events.ItemAdded, now_s: float) -> None:
        item = event.item
        if item.is_replayed:
            return
        if item.role == "assistant" and item.text in self._created_texts:
            # Created by this client, possibly during a reply.
            self._created_texts.remove(item.text)
            return
        # Without a running response the server created it.
        is_of_reply = item.role == "assistant" and self._response_id
        if is_of_reply and item.kind == "message":
            self._reply_turn(item.item_id, self._response_id, now_s)
        if item.role != "user" or item.item_id in self._by_item:
            return
        match = next((t for t in self._typed if t.text == item.text), None)
        if match is not None and item.part == "input_text":
            self._typed.remove(match)
            match.item_id = item.item_id
            self._by_item[item.item_id] = match

    # ----------------------------------------------------------------- the reply
    def _response_created(self, event: events.ResponseCreated, now_s: float) -> None:
        if event.response_id != self._response_id:
            # The service may abandon a response without sending its end.
            self._end_reply(self._response_id)
        self._response_id = event.response_id
        for turn in self._by_response.get(event.response_id, ()):
            self._mark(turn)._reopen()

    def _output_item_added(self, event: events.OutputItemAdded, now_s: float) -> None:
        if event.item.kind == "message":
            self._reply_turn(event.item.item_id, event.response_id, now_s)

    def _audio_delta(self, event: events.AudioDelta, now_s: float) -> None:
        turn = self._reply_turn(event.item_id, event.response_id, now_s)
        self.kept = self.assistant_tape.append(pcm_from_bytes(event.pcm))
        turn._extend(self.kept)
        self.odd_byte_count += event.odd_byte_count
        if self.has_player and not turn.was_interrupted:
            self._to_be_heard.setdefault(turn)
        self._measure_latency(turn, now_s)

    def _unrecognized(self, event: events.Unrecognized, now_s: float) -> None:
        name = event.wire_type[:_MOST_LETTERS_OF_TYPE]
        if name in _AUDIO_TYPES:
            self.unread_piece_count += 1
            return
        # One without a type is noise of a connection rather than a message of another server.
        is_new = name not in _IGNORED_TYPES and name not in self.unrecognized_types
        if name and is_new and len(self.unrecognized_types) < _MOST_TYPES:
            self.unrecognized_types.append(name)

    def _measure_latency(self, turn: Turn, now_s: float) -> None:
        """Divide the delay until the first delta of a reply among its causes."""
        if turn._first_delta_s is not None:
            return
        turn._first_delta_s = now_s
        tool_s, approval_s = self._call_times.take(now_s)
        if turn._asked_s is not None:
            server_s = now_s - turn._asked_s - tool_s - approval_s
            turn.latency_ms = max(0.0, server_s * 1000)
        if turn._asked_s is not None or tool_s or approval_s:
            turn.tool_ms, turn.approval_ms = tool_s * 1000, approval_s * 1000

    # ----------------------------------------------------------------- calls of functions
    def _tool_call(self, event: events.Event, now_s: float) -> None:
        call = self._call_times.apply(event, now_s)
        if call is None:
            return
        if call.started_s is not None:
            call = replace(call, started_s=call.started_s - (self._origin_s or 0.0))
        turn = self._calls.set(call)
        if turn is not None:
            self._mark(turn)

    def _give_calls_to_newest(self) -> None:
        """No reply has followed the calls that wait for one."""
        if self.turns and self._calls.give_to(self.turns[-1]):
            self._mark(self.turns[-1])

    def _transcript_delta(
        self, event: events.TranscriptDelta | events.TextDelta, now_s: float
    ) -> None:
        turn = self._reply_turn(event.item_id, event.response_id, now_s)
        if isinstance(event, events.TextDelta):
            turn._append_text(event.delta)
            self._measure_latency(turn, now_s)
        else:
            turn._append_text(event.delta, event.start_time_s)

    def _transcript_done(
        self, event: events.TranscriptDone | events.TextDone, now_s: float
    ) -> None:
        text = event.transcript if isinstance(event, events.TranscriptDone) else event.text
        if text:
            turn = self._reply_turn(event.item_id, event.response_id, now_s)
            turn._replace_text(text, "transcript")

    def _response_done(self, event: events.ResponseDone, now_s: float) -> None:
        for turn in self._by_response.get(event.response_id, ()):
            turn.was_interrupted |= event.status == "cancelled" and not turn._is_heard
            turn.usage = event.usage
        self._end_reply(event.response_id)
        for turn in self.turns[-_LATE_TURNS:]:
            # An item that came late belongs to a response that has ended.
            if turn.role == "assistant" and turn._response_id != self._response_id:
                self._end_reply(turn._response_id)
        if event.response_id == self._response_id:
            self._response_id = ""

    def _end_reply(self, response_id: str) -> None:
        for turn in self._by_response.get(response_id, ()):
            if turn.is_complete:
                continue
            self._mark(turn)._end(None)
            if not turn.text and not turn.sample_count and self._user_done_s is None:
                # The reply was empty, so that latency is that of the next one.
                self._user_done_s, self._decided_ms = turn._asked_s, turn._decided_ms

    def _interrupted(self, event: events.Interrupted, now_s: float) -> None:
        self._cut_responses.add(event.response_id)
        turns = self._by_response.get(event.response_id)
        if turns is None:
            turns = self._by_past_response.get(event.response_id, [])
        for turn in turns:
            if not event.item_id or turn.item_id == event.item_id:
                self._mark(turn).was_interrupted = True
                self._to_be_heard.pop(turn, None)

    def _player_changed(self, event: events.PlayerChanged, now_s: float) -> None:
        self.has_player = event.has_player
        self.may_be_played |= event.has_player

    def _playback_reported(self, event: events.PlaybackReported, now_s: float) -> None:
        turn = self._by_item.get(event.item_id) or self._by_past_item.get(event.item_id)
        if turn is None or turn.role != "assistant":
            return
        turn._hear(event.sample_count)
        self._follow_loudspeaker(turn, event)
        if event.first_sound_s is not None and turn.played_at_s is None:
            turn.played_at_s = event.first_sound_s - (self._origin_s or 0.0)
            if turn._first_delta_s is not None:
                turn.queue_ms = max(0.0, (event.first_sound_s - turn._first_delta_s) * 1000)
        self._mark(turn)

    def _follow_loudspeaker(self, turn: Turn, event: events.PlaybackReported) -> None:
        """Note that `turn` sounds, is over, or is to be played although nothing played it."""
        if turn.was_interrupted:
            return
        if event.sample_count > 0:
            # Replies sound in order, so that an earlier one is over, whatever was reported last.
            past = itertools.takewhile(lambda each: each is not turn, list(self._to_be_heard))
            for earlier in past if turn in self._to_be_heard else ():
                del self._to_be_heard[earlier]
        self._to_be_heard.setdefault(turn)
        if turn.is_complete and turn._is_heard:
            del self._to_be_heard[turn]


class _AnnouncedSilence:
    """Stretches of the user's sound that are part of no turn, by their positions."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def note(self, start: int, sample_count: int) -> None:
        if self._ends and self._ends[-1] == start:
            self._ends[-1] += sample_count
        else:
            self._starts.append(start)
            self._ends.append(start + sample_count)

    def around(self, position: int) -> tuple[int, int]:
        """Start and end of the stretch at a position, its end included; twice the position if
        there is none.
        """
        at = bisect_right(self._starts, position) - 1
        if at < 0 or position > self._ends[at]:
            return position, position
        return self._starts[at], self._ends[at]

    def before(self, end: int) -> int:
        """Where sound that ends here ends without the silence after it."""
        return self.around(end)[0]


class _SentTimes:
    """When which sample was sent, for the last 1200 chunks (two minutes at 100 ms)."""

    def __init__(self) -> None:
        self._ends: deque[int] = deque(maxlen=1200)
        self._times_s: deque[float] = deque(maxlen=1200)

    def note(self, end: int, now_s: float) -> None:
        self._ends.append(end)
        self._times_s.append(now_s)

    def time_of(self, sample: int, default_s: float) -> float:
        """When the chunk with `sample` was sent; `default_s` if unknown."""
        at = bisect_right(self._ends, sample)
        return self._times_s[at] if at < len(self._ends) else default_s


_UPDATES: dict[type, Callable[[Any, Any, float], None]] = {
    events.UpdateSession: Conversation._session_updated_by_us,
    events.LineReopened: Conversation._reopened,
    events.SessionOpened: Conversation._session_opened,
    events.SessionEnded: Conversation._session_ended,
    events.AppendAudio: Conversation._audio_appended,
    events.SoundAnnounced: Conversation._sound_announced,
    events.SoundEnded: Conversation._sound_ended,
    events.SilenceAnnounced: Conversation._silence_announced,
    events.SpeechStarted: Conversation._speech_started,
    events.SpeechStopped: Conversation._speech_stopped,
    events.CommitAudio: Conversation._audio_committed_by_us,
    events.AudioCommitted: Conversation._audio_committed,
    events.ClearAudio: Conversation._audio_cleared_by_us,
    events.UserTranscriptReplaced: Conversation._user_transcript,
    events.IdleTimeoutTriggered: Conversation._idle_timeout,
    events.CreateItem: Conversation._item_created,
    events.ItemAdded: Conversation._item_added,
    events.ResponseCreated: Conversation._response_created,
    events.OutputItemAdded: Conversation._output_item_added,
    events.AudioDelta: Conversation._audio_delta,
    events.TranscriptDelta: Conversation._transcript_delta,
    events.TextDelta: Conversation._transcript_delta,
    events.TranscriptDone: Conversation._transcript_done,
    events.TextDone: Conversation._transcript_done,
    events.ResponseDone: Conversation._response_done,
    events.Unrecognized: Conversation._unrecognized,
    events.Interrupted: Conversation._interrupted,
    events.PlayerChanged: Conversation._player_changed,
    events.PlaybackReported: Conversation._playback_reported,
    events.ToolApprovalAsked: Conversation._tool_call,
    events.ToolAnswered: Conversation._tool_call,
    events.ToolStarted: Conversation._tool_call,
    events.ToolFinished: Conversation._tool_call,
}
"""The method for each event; other events change no turn."""
