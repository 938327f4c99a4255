"""What the time axis is told of a talk: envelopes and marks of any stretch."""

from __future__ import annotations

import json
from base64 import b64decode
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import Turn
from grok_live_widget.widget.look_back import MOST_COLUMNS, SpeechMarks, answer

RATE_HZ = 24_000


def turn_of(role: Any, started_s: float, pcm: Any, **fields: Any) -> Turn:
    tape = AudioBuffer(max(1, len(pcm)))
    tape.append(np.asarray(pcm, np.int16))
    turn = Turn(role, tape=tape)
    values = {"started_s": started_s, "is_complete": True}
    if role == "assistant":
        values |= {"played_at_s": started_s, "heard_sample_count": len(pcm)}
    for name, value in (values | fields).items():
        setattr(turn, name, value)
    return turn


def stretch(
    turns: list[Turn], start_s: float, stop_s: float, columns: int, marks: SpeechMarks | None = None
) -> dict[str, Any]:
    content = {"type": "stretch", "start_s": start_s, "stop_s": stop_s, "columns": columns}
    found = answer(content, turns, marks or SpeechMarks(), 5_000.0)
    assert found is not None
    json.dumps(found)
    return found


def pairs(text: str) -> NDArray[np.int8]:
    return np.frombuffer(b64decode(text), np.int8).reshape(-1, 2)


def test_an_envelope_has_the_extremes_of_each_column_at_its_place() -> None:
    pcm = np.zeros(RATE_HZ, np.int16)
    pcm[0], pcm[959], pcm[960] = 25_600, -12_800, 2_560
    turn = turn_of("user", 1.0, pcm)
    found = stretch([turn], 0.92, 1.12, 5)
    np.testing.assert_array_equal(
        pairs(found["user"]), [[0, 0], [0, 0], [-50, 100], [0, 10], [0, 0]]
    )
    assert (found["assistant"], found["unheard"]) == ("", "")


@pytest.mark.parametrize("start_s", [0.0, 0.997, 1.0, 1.013, 1.9, 2.4])
def test_an_envelope_is_that_of_the_samples_wherever_a_stretch_begins(start_s: float) -> None:
    pcm = np.random.default_rng(7).integers(-32_000, 32_000, 2 * RATE_HZ).astype(np.int16)
    found = stretch([turn_of("user", 1.0, pcm)], start_s, start_s + 1, 25)
    whole = np.concatenate([np.zeros(RATE_HZ), pcm, np.zeros(RATE_HZ)])
    edges = np.rint((start_s + np.arange(26) / 25) * RATE_HZ).astype(int)
    columns = [whole[a:b] for a, b in pairwise(edges)]
    expected = [
        [max(-127, np.floor(min(c.min(), 0) / 256)), min(127, np.ceil(max(c.max(), 0) / 256))]
        for c in columns
    ]
    got = pairs(found["user"]) if found["user"] else np.zeros((25, 2))
    # A sample may lie on either side of an edge.
    assert np.mean(np.abs(got - expected) <= 1) > 0.95


def test_of_an_hour_an_envelope_has_no_more_columns_than_were_asked_for() -> None:
    pcm = np.full(600 * RATE_HZ, 2_560, np.int16)
    turns = [turn_of("user", 600.0 * at, pcm) for at in range(6)]
    found = stretch(turns, 0.0, 3_600.0, MOST_COLUMNS)
    np.testing.assert_array_equal(pairs(found["user"]), [[0, 10]] * MOST_COLUMNS)
    assert len(json.dumps(found)) < 5_000


def test_the_part_of_a_reply_that_was_not_heard_has_an_envelope_of_its_own() -> None:
    reply = turn_of(
        "assistant", 0.0, np.full(RATE_HZ, 2_560), was_interrupted=True, heard_sample_count=6_000
    )
    found = stretch([reply], 0.0, 1.0, 4)
    np.testing.assert_array_equal(pairs(found["assistant"]), [[0, 10], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(pairs(found["unheard"]), [[0, 0], [0, 10], [0, 10], [0, 10]])
    assert found["turns"] == [
        {
            "id": reply.turn_id,
            "role": "assistant",
            "start_s": 0.0,
            "heard_end_s": 0.25,
            "end_s": 1.0,
            "was_interrupted": True,
        }
    ]


def test_a_reply_that_nothing_played_was_not_heard_at_all() -> None:
    reply = turn_of(
        "assistant", 1.0, np.full(RATE_HZ, 2_560), played_at_s=None, heard_sample_count=None
    )
    found = stretch([reply], 1.0, 2.0, 1)
    assert (found["assistant"], len(found["unheard"])) == ("", 4)
    [turn] = found["turns"]
    assert (turn["start_s"], turn["heard_end_s"], turn["end_s"]) == (1.0, 1.0, 2.0)


def test_what_waits_for_the_loudspeaker_is_no_unheard_part() -> None:
    reply = turn_of("assistant", 1.0, np.full(RATE_HZ, 2_560), heard_sample_count=12_000)
    [turn] = stretch([reply], 0.0, 3.0, 0)["turns"]
    assert (turn["heard_end_s"], turn["end_s"]) == (1.5, 1.5)


def test_only_what_is_in_a_stretch_is_told_and_where_the_talk_begins_and_ends() -> None:
    marks = SpeechMarks()
    for active, at_s in ((True, 1.0), (True, 1.5), (False, 2.0), (False, 2.1), (True, 8.0)):
        marks.mark(active, at_s)
    turns = [turn_of("user", at_s, np.full(RATE_HZ, 9)) for at_s in (1.0, 4.0, 8.0)]
    found = stretch(turns, 3.0, 6.0, 0, marks)
    assert [turn["id"] for turn in found["turns"]] == [turns[1].turn_id]
    assert (found["begin_s"], found["end_s"], found["zero_at_ms"]) == (1.0, 9.0, 5_000.0)
    assert found["speech"] == []
    assert stretch(turns, 1.9, 9.0, 0, marks)["speech"] == [[1.0, 2.0], [8.0, None]]


def test_the_envelope_of_sound_that_is_not_kept_is_still_known() -> None:
    turn = turn_of("user", 0.0, np.full(RATE_HZ, 2_560))
    turn._tape.drop_before(RATE_HZ)
    np.testing.assert_array_equal(pairs(stretch([turn], 0.0, 1.0, 4)["user"]), [[0, 10]] * 4)


def test_a_turn_is_found_at_its_place() -> None:
    turn = turn_of("user", 3.0, np.full(RATE_HZ, 9))
    found = answer({"type": "place", "turn_id": turn.turn_id}, [turn], SpeechMarks(), None)
    assert found == {"type": "place", "turn_id": turn.turn_id, "start_s": 3.0, "end_s": 4.0}
    assert answer({"type": "place", "turn_id": "other"}, [turn], SpeechMarks(), None) is None


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"type": "stretch"},
        {"type": "stretch", "start_s": 1, "stop_s": 1, "columns": 4},
        {"type": "stretch", "start_s": 0, "stop_s": 1, "columns": MOST_COLUMNS + 1},
        {"type": "stretch", "start_s": 0, "stop_s": float("inf"), "columns": 4},
        {"type": "stretch", "start_s": "0", "stop_s": 1, "columns": 4},
        {"type": "place", "turn_id": 4},
    ],
)
def test_what_is_no_request_is_not_answered(content: dict[str, Any]) -> None:
    assert answer(content, [], SpeechMarks(), None) is None
