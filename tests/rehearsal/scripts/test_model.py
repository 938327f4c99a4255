"""What a script may consist of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Talk
from grok_live_widget.exceptions import ArgumentError, ConfigurationError
from grok_live_widget.rehearsal import CallTool, Line, Pause, Script, Step, faults


def test_texts_are_lines_and_one_item_is_a_list_of_it() -> None:
    step = Step("Hello.", "coffee", "What?")
    assert step.say == (Line("Hello."),)
    assert step.expect == ("coffee",)
    assert step.hint == (Line("What?"),)
    assert Step("Hello.").expect == Step("Hello.", ["any"]).expect == ()


def test_what_follows_a_call_is_a_response_of_its_own() -> None:
    look, listen = CallTool("look"), CallTool("listen")
    step = Step(["One.", look, listen, "Two.", look, "Three."])
    assert step.parts == (
        (Line("One."), look, listen),
        (Line("Two."), look),
        (Line("Three."),),
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Line(" "), "the text of a line is empty"),
        (lambda: Line(3), "must be text, not 3"),  # type: ignore[arg-type]
        (lambda: Line("a", voice="onix"), "no voice 'onix'. Did you mean 'onyx'?"),
        (lambda: Pause(0), "duration_ms must be a number from 1 to 60000, not 0"),
        (lambda: Step([]), "say contains nothing that is said"),
        (lambda: Step(Pause(5)), "say contains nothing that is said"),  # type: ignore[arg-type]
        (lambda: Step({}), r"{} cannot be said. What is said is a text, Line"),  # type: ignore[arg-type]
        (lambda: Step(faults.Refuse()), "cannot be said"),  # type: ignore[arg-type]
        (lambda: Step(Path("no.wav")), "there is no sound file 'no.wav'"),
        (lambda: Step(["a", CallTool("look")]), "say ends with the call of 'look'"),
        (lambda: Step([CallTool(" "), "a"]), "a call has no name"),
        (lambda: Step([CallTool("a", []), "a"]), r"arguments of CallTool\('a'\) must be a"),  # type: ignore[arg-type]
        (lambda: Step("a", expect="?"), "expect must be words, .*'any' stands for any"),
        (lambda: Step("a", expect=7), "expect must be words, or a list of texts, not 7"),  # type: ignore[arg-type]
        (lambda: Step("a", hint=[CallTool("b"), "c"]), "hint contains a call or a fault"),  # type: ignore[list-item]
        (lambda: Step("a", tries=0), "tries must be a whole number from 1 to 1000 or None, not 0"),
        (lambda: Step("a", name="my drink"), "'my drink' cannot be the name of a step"),
        (lambda: Step("a", name="output"), "{output} means something else"),
        (lambda: Script([]), "steps must be a list of at least one Step"),
        (lambda: Script(["a"]), "steps must be a list of Step, and contains 'a'"),  # type: ignore[list-item]
        (lambda: Script([Step("a")], title=3), "title must be text"),  # type: ignore[arg-type]
        (lambda: Script([Step("a")], repeat="no"), "repeat must be true or false"),  # type: ignore[arg-type]
        (lambda: Script([Step("a")], repeat=True, closing="b"), "closing would never be said"),
        (lambda: Script([Step("{x}")]), "{x} in say has no value there"),
        (lambda: Script([Step("{output}")]), "{output} in say has no value"),
        (lambda: Script([Step("a", "b", "{c}", name="c")]), "{c} in hint has no value"),
        (
            lambda: Script([Step([CallTool("f", {"a": ["{x}"]}), "b"], name="xx")]),
            "{x} in say has no value there. .*Known there: {heard}, {xx}",
        ),
        (lambda: Script([Step("a")], closing="{b}"), "{b} in closing"),
    ],
)
def test_what_is_no_script_is_refused_with_the_cure(make: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        make()


def test_a_misspelt_argument_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ArgumentError, match=r"no argument 'expects'. Did you mean 'expect'?"):
        Step("a", expects="b")  # type: ignore[call-arg]


def test_sound_with_invalid_samples_is_refused_when_the_step_is_made() -> None:
    with pytest.raises(Exception, match="shape"):
        Step(np.zeros((2, 2, 2), np.int16))


def test_words_are_needed_only_where_an_answer_depends_on_them() -> None:
    assert not Script([Step("a"), Step("b")]).needs_words
    assert Script([Step("a", expect="b")]).needs_words
    assert Script([Step("a", name="b")]).needs_words
    assert Script([Step("a")], closing="{heard}").needs_words


def test_two_talks_with_one_script_are_at_places_of_their_own() -> None:
    script = Script([Step("One."), Step("Two.")], closing="Three.")
    with Talk(partner=script) as first, Talk(partner=script) as second:
        assert first.ask("a").text == "One."
        assert second.ask("a").text == "One."
        assert [first.ask("a").text for _ in range(3)] == ["Two.", "Three.", "Three."]
