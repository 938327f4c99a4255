"""Answers with a script: without a server, and on real connections with real speech."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer, Talk
from grok_live_widget.audio import pitch, samples_from_pcm
from grok_live_widget.events import (
    AppendAudio,
    CommitAudio,
    CreateResponse,
    ResponseDone,
    TranscriptDone,
)
from grok_live_widget.exceptions import RehearsalError, ServerError, SessionClosedError
from grok_live_widget.rehearsal import CallTool, Line, Pause, Script, Step, faults
from grok_live_widget.rehearsal.partner import PartnerTurn, SpokenLine
from grok_live_widget.rehearsal.scripts import player
from grok_live_widget.rehearsal.tts import Spoken

SPEECH = np.ones(24_000, np.int16)
DRINKS = Step("One {drink}.", expect=["coffee", "tea"], hint="Coffee or tea?", name="drink")


@pytest.fixture(autouse=True)
def voice() -> None:
    pytest.importorskip("espeakng_loader")


def text_of(pieces: Any) -> str:
    return "".join(each.text for each in pieces if isinstance(each, Spoken))


def talk_of(script: Script, conversation_id: str = "") -> Any:
    """A function that says something, and returns the text of the answer."""
    partner = script.as_partner()

    def say(text: str = "", **more: Any) -> str:
        return text_of(partner(PartnerTurn(text=text, conversation_id=conversation_id, **more)))

    return say


# --------------------------------------------------------------------------- steps
def test_a_step_is_answered_when_its_words_are_said_and_else_hinted_at() -> None:
    say = talk_of(Script([DRINKS], closing="Bye."))
    assert say("milk") == "Coffee or tea?"
    assert say("a COFFEE, please") == "One coffee."
    assert [say("coffee"), say("tea")] == ["Bye.", "Bye."]


def test_speech_without_recognised_words_counts_as_the_first_alternative() -> None:
    assert talk_of(Script([DRINKS]))(pcm=SPEECH) == "One coffee."


def test_a_turn_without_a_student_is_hinted_at_and_is_no_try() -> None:
    say = talk_of(Script([DRINKS], tries=2))
    assert [say(), say(), say("milk")] == ["Coffee or tea?"] * 3
    assert say("milk") == "One coffee."


def test_the_hint_is_that_of_the_step_or_of_the_script_or_lists_the_alternatives() -> None:
    steps = [Step("a", expect=["small", "large", "no size"])]
    assert talk_of(Script(steps, hint="I heard {heard}."))("milk") == "I heard milk."
    assert talk_of(Script(steps))("milk") == (
        "That is not what I expected. You could say: small, large or no size."
    )


def test_tries_of_a_step_come_before_those_of_the_script() -> None:
    steps = [Step("a", expect="b", hint="h", tries=3), Step("c", expect="d", hint="h")]
    say = talk_of(Script(steps, tries=1))
    assert [say("x") for _ in range(4)] == ["h", "h", "a", "c"]


def test_a_script_begins_again_or_closes() -> None:
    steps = [Step("a"), Step("b")]
    again, ends = talk_of(Script(steps, repeat=True)), talk_of(Script(steps))
    assert [again("x") for _ in range(5)] == ["a", "b", "a", "b", "a"]
    assert [ends("x") for _ in range(3)] == ["a", "b", "This is the end of the script."]


def test_each_conversation_has_a_place_and_the_least_recent_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(player, "MOST_CONVERSATIONS", 2)
    partner = Script([Step("1"), Step("2"), Step("3")]).as_partner()

    def say(conversation_id: str) -> str:
        return text_of(partner(PartnerTurn(text="x", conversation_id=conversation_id)))

    assert [say(each) for each in "abacab"] == ["1", "1", "2", "1", "3", "1"]


def test_a_step_of_whose_answer_nothing_was_sent_is_answered_again() -> None:
    say = talk_of(Script([Step("a"), Step("b"), Step("c")]))
    user, assistant = SpokenLine("user", "x"), SpokenLine("assistant", "a")
    assert say("x") == "a"
    assert say("y", history=(user,)) == "a"
    assert say("z", history=(user, user, assistant)) == "b"
    # Two turns at once: the first of them was not to be answered.
    assert say("z", history=(user, user, assistant, user, assistant, user)) == "c"


# --------------------------------------------------------------------------- what is said
def test_a_pause_is_true_silence_of_its_duration() -> None:
    before, after = np.full(100, 7, np.int16), np.full(50, -7, np.int16)
    partner = Script([Step([before, Pause(400), after, Pause(0.5 + 0.5), before])]).as_partner()
    sound = np.concatenate([piece.pcm for piece in partner(PartnerTurn(text="x"))])
    runs = [(int(value), len(list(run))) for value, run in groupby(sound.tolist())]
    assert runs == [(7, 100), (0, 9_600), (-7, 50), (0, 24), (7, 100)]


def test_a_pause_between_lines_is_in_the_sound_that_a_talk_receives() -> None:
    # At least as long as this pause, and longer than any that the voice makes by itself.
    script = Script([Step(["One.", Pause(2_000), "Two."]), Step(["One.", "Two."])])
    with Talk(partner=script) as talk:
        paused, direct = talk.ask("a"), talk.ask("b")
    assert paused.text == direct.text == "One. Two."
    longest = [
        max(len(list(run)) for value, run in groupby(turn.pcm == 0) if value)
        for turn in (paused, direct)
    ]
    assert longest[0] >= 48_000 > longest[1]


def test_voices_change_from_line_to_line() -> None:
    lines = [
        Line("This is my voice.", voice="nova"),
        "This is my voice.",
        Line("This is my voice."),
    ]
    partner = Script([Step(lines)], voice="onyx").as_partner()
    pieces = list(partner(PartnerTurn(text="x", voice="shimmer")))
    begins = [i for i, each in enumerate(pieces) if each.text.startswith("This")]
    sounds = [
        np.concatenate([each.pcm for each in pieces[a:b]])
        for a, b in zip(begins, [*begins[1:], None], strict=True)
    ]
    medians_hz = [
        float(np.nanmedian(pitch(samples_from_pcm(sound), 24_000).f0_hz)) for sound in sounds
    ]
    # nova has some 190 Hz and onyx 63 to 71, since the voices flutter (200 times each).
    assert medians_hz[0] == pytest.approx(190, rel=0.05)
    assert medians_hz[1:] == pytest.approx([67, 67], rel=0.2)


def test_placeholders_are_filled_in_texts_and_in_arguments() -> None:
    script = Script(
        [
            DRINKS,
            Step(
                ["Wait.", CallTool("price", {"of": ["{drink}", 2]}), "It is {output}, {heard}."],
                name="reply",
            ),
            Step("You said {reply} to {drink}."),
        ]
    )
    partner = script.as_partner()
    list(partner(PartnerTurn(text="tea")))
    pieces = list(partner(PartnerTurn(text="Really?", tools=("price",))))
    assert pieces[-1] == CallTool("price", {"of": ["tea", 2]})
    assert text_of(pieces) == "Wait."
    assert text_of(partner(PartnerTurn(role="tool", text="3 {drink}"))) == (
        "It is 3 {drink}, Really?."
    )
    assert text_of(partner(PartnerTurn(text="ok"))) == "You said Really? to tea."


def test_a_tool_that_the_talk_lacks_is_an_error_before_anything_is_said() -> None:
    partner = Script([Step(["Wait.", CallTool("price"), "a"])]).as_partner()
    with pytest.raises(RehearsalError, match=r"calls the tool 'price'.*Pass tools=\[price\]"):
        partner(PartnerTurn(text="x"))


def test_speech_during_a_call_of_a_tool_goes_on_with_the_next_step() -> None:
    say = talk_of(Script([Step([CallTool("f"), "It is {output}."]), Step("b")]))
    answered = (SpokenLine("user", "x"), SpokenLine("assistant", "{}", "f"))
    assert say("x", tools=("f",)) == ""
    assert say("y", history=answered) == "b"
    # The output has come too late.
    assert say("late", role="tool") == "The tool answered: late"


# --------------------------------------------------------------------------- with a server
def test_a_script_calls_a_tool_of_the_talk_and_says_its_output() -> None:
    def price(drink: str) -> str:
        """Look up a price."""
        return f"3 euros for {drink}"

    script = Script(
        [
            DRINKS,
            Step([CallTool("price", {"drink": "{drink}"}), "That is {output}."]),
        ]
    )
    with Talk(partner=script, tools=[price]) as talk:
        assert talk.ask("Some tea").text == "One tea."
        assert talk.ask("How much is it?").text == "That is 3 euros for tea."


def test_a_tool_that_is_missing_is_told_and_the_step_is_answered_once_it_is_there() -> None:
    def look() -> str:
        """Look."""
        return "fine"

    script = Script([Step([CallTool("look"), "It is {output}."])], closing="Bye.")
    with Talk(partner=script) as talk:
        with pytest.raises(ServerError, match=r"the script calls the tool 'look'"):
            talk.ask("a")
        talk.update(tools=[look])
        assert talk.ask("a").text == "It is fine."
        assert talk.ask("a").text == "Bye."


def test_a_fault_of_a_step_breaks_the_connection_and_the_talk_goes_on_with_the_next() -> None:
    long = np.full(24_000, 9, np.int16)
    script = Script([Step("One."), Step([faults.Close(1012), long]), Step("Three.")])
    with Talk(partner=script) as talk:
        assert talk.ask("a").text == "One."
        with pytest.raises(SessionClosedError, match="1012"):
            talk.ask("b")
        assert talk.ask("c").text == "Three."


def test_a_step_whose_connection_drops_before_its_answer_is_said_again_without_the_fault() -> None:
    script = Script([Step("One."), Step([faults.Drop(nth=1), "Two."]), Step("Three.")])
    with Talk(partner=script) as talk:
        assert talk.ask("a").text == "One."
        # The talk sends the question again by itself, on the new connection.
        assert talk.ask("b").text == "Two."
        assert talk.turns[-1].seam
        assert talk.ask("c").text == "Three."


def test_a_fault_of_the_server_that_drops_an_answer_loses_no_step() -> None:
    script = Script([Step("One."), Step("Two."), Step("Three.")])
    drop = faults.Drop(at=TranscriptDone, nth=2, times=1)
    with (
        RehearsalServer(script, api_key="k", faults=[faults.Drop(nth=1, times=1), drop]) as server,
        Talk(url=server.url("realtime"), api_key="k") as talk,
    ):
        assert talk.ask("a").text == "One."
        # Of this answer the sound was sent, so that it is not said again.
        with pytest.raises(SessionClosedError):
            talk.ask("b")
        assert talk.ask("c").text == "Three."


async def test_any_speech_counts_where_no_words_are_recognised(
    serving: Any, connected: Any, speech: Any
) -> None:
    async with connected(serving(Script([DRINKS]), words=False)) as client:
        await client.send_audio(speech("This is about something else."))
        await client.send(CommitAudio(), CreateResponse())
        await client.until(ResponseDone)
        assert client.audio().size > 10_000
        assert (
            "".join(
                each.delta
                for each in client.received
                if hasattr(each, "delta") and isinstance(each.delta, str)
            )
            == "One coffee."
        )


async def test_words_that_are_spoken_are_compared(
    serving: Any, connected: Any, speech: Any, silence: Any
) -> None:
    pytest.importorskip("pocketsphinx")
    script = Script([Step("Fine.", expect=["yellow", "name"], hint="Your name?")], closing="Bye.")
    async with connected(serving(script, words=None)) as client:
        texts = []
        for said in ("Where is the station?", "Hello, my name is Peter."):
            client.forget()
            sound = np.concatenate((silence(0.3), speech(said), silence(0.3)))
            await client.send(*[AppendAudio(sound.tobytes()), CommitAudio(), CreateResponse()])
            await client.until(ResponseDone)
            deltas = [getattr(each, "delta", "") for each in client.received]
            texts.append("".join(each for each in deltas if isinstance(each, str)))
    assert texts == ["Your name?", "Fine."]
