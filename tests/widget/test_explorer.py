"""The interactive view as a Python object: what it tells its pages, and what is in no state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import pytest

from grok_live_widget import (
    ArgumentError,
    AudioDropped,
    AudioFormatError,
    ConfigurationError,
    RehearsalServer,
    Talk,
    Turn,
    Turns,
)
from grok_live_widget.audio import AudioBuffer
from grok_live_widget.widget import Explorer, explorer, front_end
from grok_live_widget.widget.explorer_messages import Open, Read, decode

RATE_HZ = 24_000


@pytest.fixture(scope="module")
def turns() -> Iterator[Turns]:
    """A typed question, a spoken one, and their replies, by the rehearsal's voice."""
    with Talk(partner="parrot") as talk:
        time_s = np.arange(RATE_HZ) / RATE_HZ
        hum = np.sin(2 * np.pi * 150 * time_s) * np.sin(2 * np.pi * 4 * time_s)
        talk.ask("typed")
        talk.ask(np.float32(0.5 * hum * np.sign(hum)), RATE_HZ, timeout_s=20)
        yield talk.turns[:]


class Page:
    """The front end of an explorer: keeps what it is sent."""

    def __init__(self, view: Explorer) -> None:
        self.view = view
        self.received: list[tuple[dict[str, Any], list[Any]]] = []
        view.send = lambda content, buffers=None: self.received.append((content, buffers or []))

    def say(self, content: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Deliver a message as ipywidgets does; the answer, with its samples."""
        self.view._handle_custom_msg(content, [])
        content, buffers = self.received.pop()
        return content, [np.frombuffer(buffer, "<i2") for buffer in buffers]


def turn_of(role: Any, pcm: np.ndarray, **fields: Any) -> Turn:
    tape = AudioBuffer(len(pcm))
    tape.append(pcm)
    turn = Turn(role, tape=tape, text="a secret thought")
    for name, value in fields.items():
        setattr(turn, name, value)
    return turn


def noise(seconds: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-20_000, 20_000, round(seconds * RATE_HZ), dtype=np.int16)


# --------------------------------------------------------------------------- one turn
def test_a_page_that_opens_a_turn_gets_its_envelope_and_its_text() -> None:
    pcm = noise(1.5)
    page = Page(turn_of("assistant", pcm).explore())
    opened, (envelope,) = page.say({"type": "open"})
    assert opened == {
        "type": "opened",
        "roles": ["assistant"],
        "sample_rate": RATE_HZ,
        "sample_count": len(pcm),
        "origin_s": 0.0,
        "column_samples": 120,
        "piece_samples": 120_000,
        "is_whole": True,
        "regions": [
            {"track": 0, "start_s": 0.0, "stop_s": 1.5, "kind": "turn", "text": "a secret thought"}
        ],
    }
    columns = pcm.reshape(-1, 120)
    np.testing.assert_array_equal(envelope[::2], columns.min(axis=1))
    np.testing.assert_array_equal(envelope[1::2], columns.max(axis=1))


def test_the_pieces_of_a_turn_are_its_samples() -> None:
    pcm = noise(12)
    page = Page(turn_of("user", pcm).explore())
    answers = [page.say({"type": "read", "piece": piece}) for piece in range(3)]
    assert [content for content, _ in answers] == [
        {"type": "piece", "piece": piece} for piece in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate([track for _, (track,) in answers]), pcm)


def test_what_was_not_heard_of_a_reply_is_marked() -> None:
    reply = turn_of("assistant", noise(2), was_interrupted=True, heard_sample_count=RATE_HZ // 2)
    opened, _ = Page(reply.explore()).say({"type": "open"})
    unheard = opened["regions"][1]
    assert (unheard["kind"], unheard["start_s"], unheard["stop_s"]) == ("unheard", 0.5, 2.0)


def test_a_part_of_a_turn_has_the_times_of_the_turn() -> None:
    pcm = noise(3)
    page = Page(turn_of("user", pcm).explore(since_s=1, until_s=2.5))
    opened, _ = page.say({"type": "open"})
    assert (opened["origin_s"], opened["sample_count"]) == (1.0, 1.5 * RATE_HZ)
    _, (track,) = page.say({"type": "read", "piece": 0})
    np.testing.assert_array_equal(track, pcm[RATE_HZ : round(2.5 * RATE_HZ)])


def test_a_turn_that_grows_is_shown_as_it_was() -> None:
    pcm = noise(1)
    turn = turn_of("assistant", pcm)
    page = Page(turn.explore())
    turn._tape.append(pcm)
    opened, _ = page.say({"type": "open"})
    assert opened["sample_count"] == len(pcm)


def test_of_long_sound_pages_get_an_envelope_of_bounded_size_and_no_spectrogram() -> None:
    hour = turn_of("user", np.zeros(3600 * RATE_HZ, np.int16))
    opened, (envelope,) = Page(hour.explore()).say({"type": "open"})
    assert not opened["is_whole"]
    assert len(envelope) <= 2 * explorer.MOST_COLUMNS
    assert opened["column_samples"] * len(envelope) // 2 >= 3600 * RATE_HZ
    part, _ = Page(hour.explore(since_s=600, until_s=1200)).say({"type": "open"})
    assert part["is_whole"]


# --------------------------------------------------------------------------- a talk
def test_a_talk_has_two_tracks_on_its_clock_and_its_turns_as_regions(turns: Turns) -> None:
    page = Page(turns.explore())
    opened, envelopes = page.say({"type": "open"})
    assert opened["roles"] == ["user", "assistant"]
    assert len(envelopes) == 2
    spoken = [turn for turn in turns if len(turn.pcm)]
    assert [region["text"] for region in opened["regions"]] == [turn.text for turn in spoken]
    _, tracks = page.say({"type": "read", "piece": 0})
    for track, role in zip(tracks, opened["roles"], strict=True):
        mixed = turns.audio(since_s=opened["origin_s"], role=role)
        np.testing.assert_array_equal(track, mixed[: len(track)])
    for region, turn in zip(opened["regions"], spoken, strict=True):
        first = round(region["start_s"] * RATE_HZ)
        track = tracks[region["track"]][first : first + len(turn.pcm)]
        np.testing.assert_array_equal(track, turn.pcm[: len(track)])


def test_a_track_that_is_silent_in_a_piece_is_not_sent() -> None:
    early = turn_of("user", noise(1), started_s=0.0)
    late = turn_of("assistant", noise(1, seed=2), started_s=7.0)
    page = Page(Turns([early, late]).explore())
    _, tracks = page.say({"type": "read", "piece": 0})
    assert [len(track) for track in tracks] == [5 * RATE_HZ, 0]
    _, tracks = page.say({"type": "read", "piece": 1})
    assert [len(track) for track in tracks] == [0, 3 * RATE_HZ]


def test_a_talk_begins_at_a_whole_second_of_its_clock() -> None:
    later = turn_of("user", noise(1), started_s=83.25)
    opened, _ = Page(Turns([later]).explore()).say({"type": "open"})
    assert opened["origin_s"] == 83.0
    assert opened["regions"][0]["start_s"] == 0.25


# --------------------------------------------------------------------------- refusals
def test_a_turn_without_sound_cannot_be_explored(turns: Turns) -> None:
    with pytest.raises(AudioFormatError, match="has no sound: it was typed"):
        turns[0].explore()
    with pytest.raises(AudioFormatError, match=r"no sound to explore in these turns \(1\)"):
        turns[:1].explore()
    with pytest.raises(AudioFormatError, match=r"no sound to explore in these turns \(0\)"):
        Turns().explore()


@pytest.mark.parametrize(
    "part", [{"since_s": 2}, {"since_s": 9}, {"since_s": 0.5, "until_s": 0.5}, {"until_s": 0}]
)
def test_a_part_without_sound_is_refused_with_where_the_sound_ends(part: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"It ends at 2\.00 s"):
        turn_of("user", noise(2)).explore(**part)


def test_a_part_that_is_kept_is_shown_when_the_sound_before_it_was_dropped() -> None:
    tone = np.float32(0.1) * np.sin(np.arange(7 * RATE_HZ, dtype=np.float32) / 10)
    with (
        RehearsalServer(partner=[tone], speed=np.inf) as server,
        Talk(url=server.url(), api_key="any", max_audio_minutes=0.1) as talk,
    ):
        talk.ask("first")
        talk.ask("second")
        with pytest.raises(AudioDropped):
            talk.turns.explore()
        first_s = talk.turns.assistant[0].duration_s
        opened, (_, envelope) = Page(talk.turns.explore(since_s=first_s + 1)).say({"type": "open"})
    assert [region["text"] for region in opened["regions"]] == [talk.turns.assistant[1].text]
    assert np.abs(envelope).max() > 3_000


@pytest.mark.parametrize("part", [{"since_s": -1}, {"until_s": "end"}, {"since_s": float("nan")}])
def test_times_must_be_numbers_from_0(part: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be a number from 0 or None"):
        turn_of("user", noise(2)).explore(**part)


def test_a_misspelt_argument_is_named() -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'since_s'"):
        turn_of("user", noise(1)).explore(since=1)
    with pytest.raises(ArgumentError, match="Did you mean 'until_s'"):
        Turns([turn_of("user", noise(1))]).explore(until=1)


def test_a_copy_that_was_not_built_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_end, "STATIC", tmp_path)
    with pytest.raises(ConfigurationError, match="make build"):
        turn_of("user", noise(1)).explore()


# --------------------------------------------------------------------------- messages and state
@pytest.mark.parametrize(
    "content", [None, {}, {"type": "shut"}, {"type": "read"}, {"type": "read", "piece": "1"}]
)
def test_what_is_no_request_is_ignored(content: Any) -> None:
    assert decode(content) is None
    page = Page(turn_of("user", noise(1)).explore())
    page.view._handle_custom_msg(content, [])
    assert page.received == []


def test_requests_are_read() -> None:
    assert decode({"type": "open"}) == Open()
    assert decode({"type": "read", "piece": 3}) == Read(3)


@pytest.mark.parametrize("piece", [-1, 1, 2**60])
def test_a_piece_that_does_not_exist_is_not_sent(piece: int) -> None:
    page = Page(turn_of("user", noise(2)).explore())
    page.view._handle_custom_msg({"type": "read", "piece": piece}, [])
    assert page.received == []


def test_neither_sound_nor_text_is_in_what_a_notebook_saves() -> None:
    view = Turns([turn_of("user", noise(2)), turn_of("assistant", noise(2))]).explore()
    ours = set(view.get_state()) - set(anywidget.AnyWidget().get_state())
    assert ours <= {"_esm", "_css", "_anywidget_id", "_texts"}
    bundle = view._repr_mimebundle_()
    assert "secret" not in str(bundle)
    assert "secret" not in str(
        {name: view.get_state()[name] for name in view.keys if name != "_esm"}
    )
    assert repr(view) == "<Explorer of 4.00 s>"


def test_the_view_shadows_no_name_of_ipywidgets() -> None:
    kinds = FunctionType | property
    own = {name for name, value in vars(Explorer).items() if isinstance(value, kinds)}
    theirs = set(dir(ipywidgets.DOMWidget)) - set(dir(object))
    assert own & theirs == set()
    made = set(vars(turn_of("user", noise(1)).explore())) - set(vars(anywidget.AnyWidget()))
    assert made & theirs == set()


def test_each_comm_keeps_the_front_ends_routing() -> None:
    class Comm:
        def _reply_subshell_for(self, data: Any, default: Any) -> str:
            return "the shell that published last"

    comm = Comm()
    turn_of("user", noise(1)).explore()._follow_comm({"new": comm})
    assert comm._reply_subshell_for({}, "as sent") == "as sent"  # type: ignore[arg-type]
