"""How long a client waits for what: one frozen value, which tests replace."""

from __future__ import annotations

from .._structs import Value


class Timeouts(Value, frozen=True, kw_only=True):
    """Time limits of a client that are no settings.

    Parameters
    ----------
    confirm_s : number > 0 [s]
        For the server to confirm settings.
    settle_s : number >= 0 [s]
        How long an error or a close still counts as a refusal of a dialect, where another one
        can be tried.
    no_speech_s : number > 0 [s]
        How much silence is sent after a sound in which the server has detected no speech.
    no_speech_in_silence_s : number > 0 [s]
        The same after a sound that is itself silent, in which none can be detected.
    response_check_s : number > 0 [s]
        How long a server that has left a question without a reply may take to send anything.
    quiet_s : number > 0 [s]
        How long a reply may still take before a session is replaced by a new one.
    first_backoff_s, longest_backoff_s : number >= 0 [s]
        Between attempts to reconnect.
    pong_s : number > 0 [s]
        For a page to answer a ping, before another page becomes owner.
    stream_gap_s : number > 0 [s]
        How long after a piece of sound the next one still continues it.
    no_sound_s : number > 0 [s]
        How long a microphone that is on may send nothing in the middle of speech, before the
        speech is ended.
    no_page_s : number >= 0 [s]
        How long the page that captures may send nothing before the connection is closed.
    busy_thread_s : number >= 0 [s]
        How long a tool may wait for the main thread before a note says so.
    """

    confirm_s: float = 5.0
    settle_s: float = 2.0
    no_speech_s: float = 10.0
    no_speech_in_silence_s: float = 1.0
    response_check_s: float = 3.0
    quiet_s: float = 10.0
    first_backoff_s: float = 0.5
    longest_backoff_s: float = 8.0
    pong_s: float = 1.5
    stream_gap_s: float = 0.2
    no_sound_s: float = 4.0
    no_page_s: float = 60.0
    busy_thread_s: float = 1.0
