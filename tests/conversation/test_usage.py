"""What a talk has used up is counted from what was said and heard, over all its sessions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.conversation.usage import Usage, UsageMeter, left_of
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    CreateItem,
    Item,
    PushToTalk,
    ResponseDone,
    ServerVad,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    UpdateSession,
)
from grok_live_widget.settings.pricing import PRICES, Budget, Prices

OPENED, ENDED = SessionOpened(dialect="realtime", host="h"), SessionEnded(close_code=1000)
REHEARSED = SessionOpened(dialect="realtime", host="h", is_rehearsal=True)
FLAGSHIP = SessionCreated(model="grok-voice-think-fast-2.0")
TYPED = CreateItem(Item(role="user", part="input_text", text="Hi"))
OUTPUT = CreateItem(Item(kind="function_call_output", call_id="c", text="5"))
PRICES_OF_OURS = Prices(per_minute=0.6, per_text=0.1)


def sent(duration_s: float, rate_hz: int = 24_000) -> AppendAudio:
    return AppendAudio(bytes(2 * round(duration_s * rate_hz)))


def received(duration_s: float, rate_hz: int = 24_000) -> AudioDelta:
    return AudioDelta(response_id="r", item_id="a", pcm=bytes(2 * round(duration_s * rate_hz)))


def done(**usage: Any) -> ResponseDone:
    return ResponseDone(response_id="r", usage=usage)


def meter_of(detection: Any = None, *, prices: Prices | None = None, rate_hz: int = 24_000) -> Any:
    detection = ServerVad() if detection is None else detection
    return UsageMeter(
        detection, input_sample_rate=rate_hz, output_sample_rate=rate_hz, prices=prices
    )


def after(*told: tuple[float, Any], meter: Any = None) -> UsageMeter:
    meter = meter or meter_of()
    for now_s, event in told:
        meter.apply(event, now_s)
    return meter


# --------------------------------------------------------------------------- minutes
def test_before_any_session_usage_is_zero() -> None:
    assert meter_of().total(100.0) == Usage()


def test_with_server_vad_the_time_of_open_sessions_counts() -> None:
    meter = after((10, OPENED), (12, sent(2)))
    assert meter.total(40).minutes == pytest.approx(0.5)
    meter.apply(ENDED, 70)
    assert meter.total(70).minutes == meter.total(1000).minutes == pytest.approx(1)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
def test_with_push_to_talk_the_audio_of_both_sides_counts(rate_hz: int) -> None:
    meter = meter_of(PushToTalk(), rate_hz=rate_hz)
    events = [(0, OPENED), (5, sent(6, rate_hz)), (50, received(12, rate_hz)), (99, ENDED)]
    usage = after(*events, meter=meter).total(5000)
    assert (usage.sent_s, usage.received_s) == (6, 12)
    assert usage.minutes == pytest.approx(18 / 60)


def test_each_direction_has_its_own_rate() -> None:
    meter = UsageMeter(PushToTalk(), input_sample_rate=8_000, output_sample_rate=48_000)
    usage = after((0, OPENED), (0, sent(1, 8_000)), (0, received(1, 48_000)), meter=meter).total(0)
    assert (usage.sent_s, usage.received_s) == (1, 1)


def test_earlier_minutes_stay_when_turn_detection_changes() -> None:
    push, vad = (
        UpdateSession(turn_detection=PushToTalk()),
        UpdateSession(turn_detection=ServerVad()),
    )
    meter = after((0, UpdateSession(turn_detection=ServerVad())), (0, OPENED), (60, push))
    assert meter.total(600).minutes == pytest.approx(1)
    after((600, sent(60)), (600, UpdateSession(voice="eve")), meter=meter)
    assert meter.total(900).minutes == pytest.approx(2)
    meter.apply(vad, 900)
    assert meter.total(960).minutes == pytest.approx(3)
    assert meter.total(960).session_count == 1


def test_a_session_that_never_opened_costs_nothing() -> None:
    usage = after((0, FLAGSHIP), (50, ENDED)).total(100)
    assert (usage.minutes, usage.dollars, usage.session_count) == (0, 0, 0)


# --------------------------------------------------------------------------- money
def test_the_known_prices_of_a_model_count() -> None:
    meter = after((0, FLAGSHIP), (0, OPENED), (9, TYPED), (9, OUTPUT))
    prices = PRICES["grok-voice-think-fast-2.0"]
    assert meter.total(60).dollars == pytest.approx(prices.per_minute + prices.per_text)
    assert meter.total(60).text_count == 1


def test_given_prices_take_precedence() -> None:
    meter = meter_of(prices=PRICES_OF_OURS)
    after((0, FLAGSHIP), (0, OPENED), (1, TYPED), (1, TYPED), meter=meter)
    assert meter.total(60).dollars == pytest.approx(0.6 + 0.2)


def test_an_unknown_price_stays_unknown_in_the_total() -> None:
    unknown = SessionCreated(model="my-own")
    meter = after((0, unknown), (0, OPENED))
    assert meter.total(60).dollars is None
    after((60, ENDED), (60, FLAGSHIP), (60, OPENED), meter=meter)
    assert meter.total(120).dollars is None
    assert meter.total(120).minutes == pytest.approx(2)


def test_the_rehearsal_is_free_and_its_minutes_count() -> None:
    meter = meter_of(prices=PRICES_OF_OURS)
    usage = after((0, FLAGSHIP), (0, REHEARSED), (1, TYPED), meter=meter).total(60)
    assert (usage.dollars, usage.minutes) == (0, 1)


# --------------------------------------------------------------------------- counts
def test_replies_and_tokens_are_counted() -> None:
    replies = [
        done(input_tokens=3, output_tokens=4),
        done(input_tokens=30, output_tokens=40, total_tokens=70),
        done(),
        done(input_tokens="9", output_tokens=None),
        done(input_tokens=True, output_tokens=2.5),
    ]
    usage = after((0, OPENED), *[(1, each) for each in replies]).total(1)
    assert (usage.reply_count, usage.input_tokens, usage.output_tokens) == (5, 33, 44)


SESSIONS = st.lists(
    st.tuples(
        st.integers(1, 600),
        st.lists(
            st.sampled_from([sent(0.5), received(0.25), TYPED, OUTPUT, done(input_tokens=7)]),
            max_size=6,
        ),
    ),
    min_size=1,
    max_size=5,
)


@given(SESSIONS, st.booleans())
def test_usage_of_several_sessions_adds_up(sessions: Any, is_push: bool) -> None:
    detection = PushToTalk() if is_push else ServerVad()
    together, apart, now_s = meter_of(detection, prices=PRICES_OF_OURS), [], 0.0
    for duration_s, events in sessions:
        told = [(now_s, OPENED), *[(now_s, each) for each in events], (now_s + duration_s, ENDED)]
        alone = after(*told, meter=meter_of(detection, prices=PRICES_OF_OURS))
        after(*told, meter=together)
        now_s += duration_s + 5
        apart.append(alone.total(now_s))
    total = together.total(now_s)
    for name in Usage.__dataclass_fields__:
        assert getattr(total, name) == pytest.approx(sum(getattr(each, name) for each in apart))


# --------------------------------------------------------------------------- what is left
@pytest.mark.parametrize(
    ("budget", "used", "left"),
    [
        (Budget(minutes=10), Usage(minutes=4), 0.6),
        (Budget(minutes=10), Usage(minutes=10), 0),
        (Budget(minutes=10), Usage(minutes=15), -0.5),
        (Budget(dollars=2), Usage(minutes=99, dollars=0.5), 0.75),
        (Budget(minutes=10, dollars=1), Usage(minutes=1, dollars=0.8), 0.2),
        (Budget(minutes=10, dollars=1), Usage(minutes=9, dollars=0.5), 0.1),
        (Budget(minutes=10, dollars=1), Usage(minutes=1, dollars=None), 0.9),
        (Budget(dollars=1), Usage(minutes=1, dollars=None), 1),
    ],
)
def test_the_nearer_limit_decides_what_is_left(budget: Budget, used: Usage, left: float) -> None:
    assert left_of(budget, used) == pytest.approx(left)
