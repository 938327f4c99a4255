"""Ids for turns that come without, and ends for replies that do not tell theirs.

The seed's dialect says five things and names none of them. This gives each turn a name and
each reply a beginning and an end, so that everything above sees one kind of conversation.
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

__all__ = ["ReplyPiece", "SyntheticIds"]

ReplyPiece = AudioDelta | TranscriptDelta | TextDelta


class SyntheticIds:
    """Ids for the nameless turns of the seed's dialect, and the ends it does not tell.

    A reply ends when speech starts or when nothing of it came for a while; a later piece,
    with no speech and no request between, belongs to the same reply.

    Parameters
    ----------
    quiet_s : float [s]
    session_name : str
        Put before each name, so that names of several sessions differ.
    """

    def __init__(self, quiet_s: float, session_name: str = "") -> None:
        self.quiet_s = quiet_s
        self._session_name = session_name
        self._reply_count = 0
        self._user_count = 0
        self._is_running = False
        self._next_is_new = True
        self._is_speaking = False
        self.quiet_at_s: float | None = None

    @property
    def _reply_name(self) -> str:
        return f"{self._session_name}reply_{self._reply_count}"

    @property
    def _user_name(self) -> str:
        return f"{self._session_name}user_{self._user_count}"

    def name_commit(self) -> str:
        """A new name for the turn that the user ended by hand."""
        self._user_count += 1
        self._is_speaking = False
        return self._user_name

    def expect_new_reply(self) -> None:
        """The next piece belongs to a new reply."""
        self._next_is_new = True

    def is_quiet(self, now_s: float) -> bool:
        """Whether the reply has gone quiet for long enough to be over."""
        return self.quiet_at_s is not None and now_s >= self.quiet_at_s

    def end(self) -> str:
        """The reply is over; returns its name."""
        self._is_running = False
        self.quiet_at_s = None
        return self._reply_name

    def name_piece(self, piece: ReplyPiece, now_s: float) -> list[ServerEvent]:
        """Name a piece of a reply, behind the beginning and the end that it implies."""
        began: list[ServerEvent] = []
        if self._next_is_new:
            if self._is_running:
                began.append(ResponseDone(response_id=self.end()))
            self._reply_count += 1
            self._next_is_new = False
        if not self._is_running:
            began.append(ResponseCreated(self._reply_name))
        self._is_running = True
        self.quiet_at_s = now_s + self.quiet_s
        named = replace(piece, response_id=self._reply_name, item_id=self._reply_name)
        return [*began, named]

    def name_speech_start(self, event: SpeechStarted, start_ms: int) -> list[ServerEvent]:
        """Speech ends the reply; pieces that still come until speech stops are its tail.

        A repeated start is the same turn again.
        """
        if not self._is_speaking:
            self._is_speaking = True
            self._user_count += 1
        named = replace(
            event,
            item_id=event.item_id or self._user_name,
            audio_start_ms=start_ms if event.audio_start_ms is None else event.audio_start_ms,
            is_approximate=event.audio_start_ms is None,
        )
        if not self._is_running:
            return [named]
        return [named, ResponseDone(response_id=self.end(), status="cancelled")]

    def name_speech_stop(self, event: SpeechStopped, end_ms: int) -> SpeechStopped:
        """Name the end of speech; what comes next is a new reply."""
        self._is_speaking = False
        self.expect_new_reply()
        return replace(
            event,
            item_id=event.item_id or self._user_name,
            audio_end_ms=end_ms if event.audio_end_ms is None else event.audio_end_ms,
        )
