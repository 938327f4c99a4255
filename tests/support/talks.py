"""Talks with short time limits, their events, and what of a talk has no public name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from grok_live_widget import GrokLive, Session, Talk
from grok_live_widget.client.credentials import wrap_secret
from grok_live_widget.client.reconnecting_session import ReconnectingSession
from grok_live_widget.client.talk import TALK_THREAD, TalkAPI
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation import Turn
from grok_live_widget.events import Event

from .waiting import PATIENCE_S

T = TypeVar("T")


class TimedTalk(Talk):
    """A `Talk` with time limits of the test's choice."""

    def __init__(self, timeouts: Timeouts, *, api_key: str | None = None, **settings: Any) -> None:
        self._begin(wrap_secret(api_key), settings, timeouts)


def reconnecting_session_of(talk: TalkAPI) -> ReconnectingSession:
    """What a talk drives on its thread; the only access of tests of the client to it."""
    return talk._sessions


def session_of(talk: TalkAPI) -> Session:
    """The session that is open; fails where none is."""
    session = reconnecting_session_of(talk).session
    assert session is not None
    return session


def send_microphone(talk: TalkAPI, pcm: bytes) -> None:
    """Send a chunk as a page's microphone does, and return when it has been sent or dropped."""

    async def send() -> None:
        reconnecting_session_of(talk).send_microphone(pcm)

    TALK_THREAD.run(send())


def internals_of(talk: TalkAPI) -> list[object]:
    """The objects behind a talk that could hold its key."""
    sessions = reconnecting_session_of(talk)
    bridge = [talk._bridge] if isinstance(talk, GrokLive) else []
    session = getattr(sessions, "session", None)
    return [sessions, session, sessions.endpoint, *bridge]


class EventLog:
    """Every event of a talk from now on.

    Attributes
    ----------
    events : list of Event
    """

    def __init__(self, talk: TalkAPI) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()
        talk.add_listener(self._append)

    def _append(self, event: Event, _: list[Turn], __: float) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type[T]) -> list[T]:
        """Those of one class."""
        return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
        """Evaluate the condition now and after each event, until it is true."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), "the events do not bring it about"
