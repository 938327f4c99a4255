"""The usage of a talk, as a fold of its events into minutes, tokens and money.

Minutes are counted as the service bills them (its prices, as of September 2026): under voice
activity detection the time that the connection is open, with push-to-talk the audio sent and
received.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._structs import repr_of
from ..protocol import events
from ..settings import Budget, Prices, prices_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of a talk.

    Attributes
    ----------
    minutes : float [min]
    dollars : float or None [US$]
        None if the price is unknown; 0 in the rehearsal.
    sent_s, received_s : float [s]
        Audio of the user and of the replies.
    text_count, reply_count, session_count : int
    input_tokens, output_tokens : int
        As the server counts them; 0 if it does not.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     _ = talk.ask("Hello.")
    >>> talk.usage.text_count, talk.usage.reply_count, talk.usage.dollars
    (1, 1, 0.0)
    """

    minutes: float = 0.0
    dollars: float | None = 0.0
    sent_s: float = 0.0
    received_s: float = 0.0
    text_count: int = 0
    reply_count: int = 0
    session_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __repr__(self) -> str:
        return repr_of(self, self.__slots__)


class UsageMeter:
    """Counts over all sessions of a talk.

    Parameters
    ----------
    turn_detection : ServerVad or events.PushToTalk
    input_sample_rate, output_sample_rate : int [Hz]
    prices : Prices or None
        None: the known prices of the model.
    """

    def __init__(
        self,
        turn_detection: events.TurnDetection,
        *,
        input_sample_rate: int,
        output_sample_rate: int,
        prices: Prices | None = None,
    ) -> None:
        self.prices = prices
        self._is_push_to_talk = isinstance(turn_detection, events.PushToTalk)
        self._input_rate, self._output_rate = input_sample_rate, output_sample_rate
        # Samples, texts, replies and sessions in all.
        self._sent = self._received = self._texts = self._replies = self._sessions = 0
        self._input_tokens = self._output_tokens = 0
        # Of the periods before the current one, which begins with a session or another rule.
        self._past_minutes, self._past_dollars = 0.0, 0.0
        # When the current period began; None: no session is open.
        self._opened_s: float | None = None
        self._is_free, self._model = False, ""
        # Samples sent, samples received and texts before the current period.
        self._before = (0, 0, 0)
        # Whether the price of all past periods was known.
        self._is_priced = True

    def apply(self, event: events.Event, now_s: float) -> None:
        """Apply one event, sent or received at `now_s` [s]."""
        if isinstance(event, events.AppendAudio):
            self._sent += len(event.pcm) // 2
        elif isinstance(event, events.AudioDelta):
            self._received += len(event.pcm) // 2
        elif isinstance(event, events.ResponseDone):
            self._count_tokens(event.usage)
        elif isinstance(event, events.CreateItem):
            self._texts += event.item.kind == "message"
        elif isinstance(event, events.UpdateSession):
            self._set_turn_detection(event.turn_detection, now_s)
        elif isinstance(event, events.SessionCreated):
            self._model = event.model
        elif isinstance(event, events.SessionOpened):
            self._open(event, now_s)
        elif isinstance(event, events.SessionEnded):
            self._end(now_s)

    def total(self, now_s: float) -> Usage:
        """The usage until now."""
        minutes, dollars = self._of_this_period(now_s)
        has_price = self._is_priced and dollars is not None
        return Usage(
            minutes=self._past_minutes + minutes,
            dollars=self._past_dollars + dollars if has_price and dollars is not None else None,
            sent_s=self._sent / self._input_rate,
            received_s=self._received / self._output_rate,
            text_count=self._texts,
            reply_count=self._replies,
            session_count=self._sessions,
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
        )

    def _set_turn_detection(self, detection: events.TurnDetection | None, now_s: float) -> None:
        if detection is None:
            return
        if self._opened_s is not None:
            # Usage so far is billed by the previous rule.
            self._end_period(now_s)
            self._begin(now_s)
        self._is_push_to_talk = isinstance(detection, events.PushToTalk)

    def _open(self, event: events.SessionOpened, now_s: float) -> None:
        self._is_free = event.is_rehearsal
        self._sessions += 1
        self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        self._opened_s = now_s
        self._before = (self._sent, self._received, self._texts)

    def _end_period(self, now_s: float) -> None:
        minutes, dollars = self._of_this_period(now_s)
        self._past_minutes += minutes
        self._is_priced &= dollars is not None
        self._past_dollars += dollars or 0.0

    def _end(self, now_s: float) -> None:
        self._end_period(now_s)
        self._opened_s, self._model = None, ""

    def _of_this_period(self, now_s: float) -> tuple[float, float | None]:
        if self._opened_s is None:
            return 0.0, 0.0
        sent, received, texts = self._before
        audio_s = (self._sent - sent) / self._input_rate
        audio_s += (self._received - received) / self._output_rate
        minutes = (audio_s if self._is_push_to_talk else now_s - self._opened_s) / 60
        prices = self.prices or prices_of(self._model)
        if self._is_free:
            return minutes, 0.0
        if prices is None:
            return minutes, None
        return minutes, minutes * prices.per_minute + (self._texts - texts) * prices.per_text

    def _count_tokens(self, usage: Mapping[str, Any]) -> None:
        self._replies += 1
        self._input_tokens += _integer(usage.get("input_tokens"))
        self._output_tokens += _integer(usage.get("output_tokens"))


def _integer(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def left_of(budget: Budget, usage: Usage) -> float:
    """The share of the budget that is left, by the nearer limit; 0 or less: none."""
    used = [usage.minutes / budget.minutes] if budget.minutes else []
    if budget.dollars and usage.dollars is not None:
        used.append(usage.dollars / budget.dollars)
    return 1.0 - max(used, default=0.0)
