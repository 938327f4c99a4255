"""Ids, beginnings and ends for a dialect whose server sends none.

The server of the seed's dialect has five message types, none with an id. Here each turn gets an
id and each reply a beginning and an end, so that all other code sees one kind of conversation.
"""

from __future__ import annotations

from msgspec.structs import replace

from .events import (
    AudioDelta,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TranscriptDelta,
)

ReplyDelta = AudioDelta | TranscriptDelta | TextDelta


class SyntheticIds:
    """The ids of a session's turns and replies.

    A reply ends when speech starts or when none of it was received for a while; a later delta,
    with no speech and no request in between, belongs to the same reply.

    Parameters
    ----------
    quiet_s : float [s]
        How long without a delta ends a reply.
    session_name : str
        The prefix of each id, so that ids of several sessions differ.

    Attributes
    ----------
    quiet_at_s : float or None [s]
        When the running reply ends unless a delta comes before; None: none is running.
    """

    def __init__(self, quiet_s: float, session_name: str = "") -> None:
        self.quiet_s = quiet_s
        self._session_name = session_name
        self._reply_count = 0
        self._user_count = 0
        # Whether the reply has begun and not ended.
        self._is_running = False
        # Whether the next delta begins another reply.
        self._next_is_new = True
        # Whether the user is speaking.
        self._is_speaking = False
        self.quiet_at_s: float | None = None

    @property
    def _reply_id(self) -> str:
        return f"{self._session_name}reply_{self._reply_count}"

    @property
    def _user_id(self) -> str:
        return f"{self._session_name}user_{self._user_count}"

    def id_of_commit(self) -> str:
        """A new id, for the turn that a commit ends."""
        self._user_count += 1
        self._is_speaking = False
        return self._user_id

    def expect_new_reply(self) -> None:
        """The next delta belongs to a new reply."""
        self._next_is_new = True

    def is_quiet(self, now_s: float) -> bool:
        """Whether the reply has been quiet for long enough to have ended."""
        return self.quiet_at_s is not None and now_s >= self.quiet_at_s

    def end(self) -> str:
        """The reply has ended; returns its id."""
        self._is_running = False
        self.quiet_at_s = None
        return self._reply_id

    def identify_delta(self, delta: ReplyDelta, now_s: float) -> list[ServerEvent]:
        """The delta with ids, after the end and the beginning of replies that it implies."""
        implied: list[ServerEvent] = []
        if self._next_is_new:
            if self._is_running:
                implied.append(ResponseDone(response_id=self.end()))
            self._reply_count += 1
            self._next_is_new = False
        if not self._is_running:
            implied.append(ResponseCreated(self._reply_id))
        self._is_running = True
        self.quiet_at_s = now_s + self.quiet_s
        identified = replace(delta, response_id=self._reply_id, item_id=self._reply_id)
        return [*implied, identified]

    def identify_speech_start(self, event: SpeechStarted, start_ms: int) -> list[ServerEvent]:
        """The start with an id. It ends the reply, of which deltas may still follow until speech
        stops; a repeated start is of the same turn.
        """
        if not self._is_speaking:
            self._is_speaking = True
            self._user_count += 1
        identified = replace(
            event,
            item_id=event.item_id or self._user_id,
            audio_start_ms=start_ms if event.audio_start_ms is None else event.audio_start_ms,
            is_approximate=event.audio_start_ms is None,
        )
        if not self._is_running:
            return [identified]
        return [identified, ResponseDone(response_id=self.end(), status="cancelled")]

    def identify_speech_stop(self, event: SpeechStopped, end_ms: int) -> SpeechStopped:
        """The stop with an id; the next delta belongs to a new reply."""
        self._is_speaking = False
        self.expect_new_reply()
        return replace(
            event,
            item_id=event.item_id or self._user_id,
            audio_end_ms=end_ms if event.audio_end_ms is None else event.audio_end_ms,
        )
