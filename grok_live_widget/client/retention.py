"""How much of a talk's sound is kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..conversation import Conversation
from ..protocol import AppendAudio, AudioDelta, Event
from ..recording import ASSISTANT_WAV, USER_WAV, Recording
from ..settings import Settings

# Of a talk that is recorded: the rest is read from its files.
_RECORDED_MINUTES = 5.0
# Sound after which the limit is checked: ten seconds at 24 kHz.
_CHECK_BYTES = 480_000


def minutes_kept(settings: Settings, *, is_recorded: bool) -> float | None:
    """How much sound of each side stays in memory [min]; None: all."""
    if settings.max_audio_minutes is None and is_recorded:
        return _RECORDED_MINUTES
    return settings.max_audio_minutes


class Retention:
    """Drops old sound of a talk from memory, as `max_audio_minutes` allows.

    With a recording it drops only what is in the files, and has the turns read it from there.

    Parameters
    ----------
    conversation : Conversation
    recording : Recording
    note : callable
        Called with a sentence for the user, when sound is lost for the first time.

    Attributes
    ----------
    dropped_s : float [s]
        Sound of both sides that is neither in memory nor in files.
    """

    def __init__(
        self, conversation: Conversation, recording: Recording, note: Callable[[str], object]
    ) -> None:
        self.dropped_s = 0.0
        self._conversation, self._recording, self._note = conversation, recording, note
        # Sound sent and received since the last check.
        self._unchecked_bytes = 0

    def follow(self, event: Event, settings: Settings) -> None:
        """Check the limit every few seconds of sound; on the talk's loop."""
        if not isinstance(event, AppendAudio | AudioDelta):
            return
        self._unchecked_bytes += len(event.pcm)
        if self._unchecked_bytes >= _CHECK_BYTES:
            self._unchecked_bytes = 0
            # After a full disk nothing more is in the files, so that nothing more is dropped.
            minutes = minutes_kept(settings, is_recorded=self._recording.is_writing)
            if minutes is not None:
                self._limit(minutes)

    def _limit(self, max_minutes: float) -> None:
        conversation, recording = self._conversation, self._recording
        if recording.is_writing:
            conversation.user_tape.archive = partial(recording.read, USER_WAV)
            conversation.assistant_tape.archive = partial(recording.read, ASSISTANT_WAV)
            written = [recording.written_count(name) for name in (USER_WAV, ASSISTANT_WAV)]
            conversation.limit_audio(max_minutes * 60, written)
            return
        # What an earlier recording has, before it failed, is not lost.
        before = self._lost_s()
        conversation.limit_audio(max_minutes * 60)
        lost_s = self._lost_s() - before
        if lost_s and not self.dropped_s:
            self._note(
                f"Sound that is older than {max_minutes:g} minutes is dropped from memory "
                f"(max_audio_minutes={max_minutes:g}). record=path keeps it in files."
            )
        self.dropped_s += lost_s

    def _lost_s(self) -> float:
        """Sound that is neither in memory nor in files [s]."""
        conversation, written = self._conversation, self._recording.written_count
        user_count = conversation.user_tape.dropped_count - written(USER_WAV)
        reply_count = conversation.assistant_tape.dropped_count - written(ASSISTANT_WAV)
        return (
            max(0, user_count) / conversation.input_sample_rate
            + max(0, reply_count) / conversation.output_sample_rate
        )
