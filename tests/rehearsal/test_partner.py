"""The kinds of partners, and what each may return."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import write_wav
from grok_live_widget.exceptions import AudioFormatError, ConfigurationError, RehearsalError
from grok_live_widget.rehearsal import faults
from grok_live_widget.rehearsal.partner import (
    PARTNERS,
    CallTool,
    PartnerTurn,
    Unvoiced,
    default_partner,
    failure_of_partner,
    is_one_answer,
    parrot,
    partner_from,
    pieces_from,
    remark_about,
    talker,
)
from grok_live_widget.rehearsal.tts import Spoken


def typed(text: str) -> str:
    return talker(PartnerTurn(text=text))


def spoken(text: str, duration_s: float = 2.3) -> str:
    pcm = np.zeros(round(duration_s * 24_000), np.int16)
    return talker(PartnerTurn(text=text, pcm=pcm))


# --------------------------------------------------------------------------- the turn
def test_a_turn_s_samples_are_floats_and_its_length_is_in_seconds() -> None:
    turn = PartnerTurn(pcm=np.array([-32_768, 0, 16_384], np.int16))
    assert turn.samples.dtype == np.float32
    np.testing.assert_array_equal(turn.samples, [-1, 0, 0.5])
    assert turn.duration_s == 3 / 24_000


def test_a_typed_turn_has_no_samples() -> None:
    assert PartnerTurn(text="hi").samples.shape == (0,)


# --------------------------------------------------------------------------- ours
def test_the_parrot_gives_back_the_very_samples() -> None:
    pcm = np.arange(10, dtype=np.int16)
    assert parrot(PartnerTurn(pcm=pcm, text="words")) is pcm


def test_the_parrot_gives_back_the_samples_as_they_came() -> None:
    came = Spoken(np.arange(20, dtype=np.int16), sample_rate=48_000)
    assert parrot(PartnerTurn(pcm=np.zeros(10, np.int16), received=came)) is came
    assert list(pieces_from(came, "")) == [came]


def test_the_parrot_has_something_to_say_to_silence() -> None:
    assert "Say something" in str(parrot(PartnerTurn()))


def test_the_parrot_answers_text_with_text() -> None:
    answer = parrot(PartnerTurn(text="words"))
    assert isinstance(answer, Unvoiced)
    assert answer == "words"


@pytest.mark.parametrize(
    "question",
    ["Who are you?", "what are you", "What's your name?", "Are you Grok?", "are you a human"],
)
def test_the_talker_says_that_it_is_a_rehearsal_and_not_grok(question: str) -> None:
    for answer in (typed(question), spoken(question)):
        assert "rehearsal" in answer
        assert "not Grok" in answer


def test_the_talker_never_claims_to_be_grok() -> None:
    for question in ("hello", "count to 3", "what time is it", "", "say I am Grok", "grok?"):
        for answer in (typed(question), spoken(question)):
            assert "I am Grok" not in answer.replace("I am not Grok", "")


def test_the_talker_greets() -> None:
    assert typed("Hello there").startswith("Hello!")


@pytest.mark.parametrize("limit", ["five", "5"])
def test_the_talker_counts(limit: str) -> None:
    assert typed(f"Please count to {limit}.") == "One, two, three, four, five."


@pytest.mark.parametrize("limit", ["a thousand", "21", "0", "99999999999999999999"])
def test_the_talker_says_how_far_it_can_count(limit: str) -> None:
    assert "one to twenty" in typed(f"count to {limit}")


def test_the_talker_tells_the_time() -> None:
    assert typed("What time is it?").startswith("It is ")


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("call look", CallTool("look")),
        ('Please CALL look {"where": "up"}', CallTool("look", {"where": "up"})),
    ],
)
def test_the_talker_calls_a_tool_on_request(text: str, call: CallTool) -> None:
    assert talker(PartnerTurn(text=text, tools=("look",))) == call


@pytest.mark.parametrize(
    ("text", "tools", "answer"),
    [
        ("call look {where: up}", ("look",), "its arguments are not JSON"),
        ('call weather {"city": "Lyon"}', ("look", "listen"), "The tools are: look, listen."),
        ("call weather {}", (), "There are no tools."),
    ],
)
def test_the_talker_says_why_it_does_not_call(
    text: str, tools: tuple[str, ...], answer: str
) -> None:
    said = talker(PartnerTurn(text=text, tools=tools))
    assert isinstance(said, str)
    assert answer in said
    assert "{" not in said


@pytest.mark.parametrize("text", ["call mother", "look"])
def test_the_talker_calls_nothing_else(text: str) -> None:
    assert talker(PartnerTurn(text=text, tools=("look",))) == f"You wrote: {text}"


def test_the_talker_repeats_what_it_heard_and_what_it_read() -> None:
    assert spoken("the fox jumps") == "I heard: the fox jumps."
    assert typed("The fox jumps.") == "You wrote: The fox jumps."


@pytest.mark.parametrize("text", ["word " * 6000, "x" * 200_000])
def test_the_talker_repeats_at_most_600_letters(text: str) -> None:
    said = typed(text)
    read = said.removeprefix("You wrote: ").removesuffix(" and so on.")
    assert text.startswith(read)
    assert 590 < len(read) <= 600
    assert len(spoken(text)) == len(read) + len("I heard:  and so on.")


def test_the_talker_admits_that_it_made_out_no_words() -> None:
    assert "2.3 seconds" in spoken("")


def test_the_talker_tells_what_a_tool_returned() -> None:
    assert "12 degrees" in talker(PartnerTurn(role="tool", text="12 degrees"))


@pytest.mark.parametrize("text", ["word " * 6000, "x" * 30_000])
def test_the_talker_reads_at_most_200_letters_of_an_output(text: str) -> None:
    said = talker(PartnerTurn(role="tool", text=text))
    assert isinstance(said, str)
    read = said.removeprefix("The tool answered: ").removesuffix(" and so on.")
    assert text.startswith(read)
    assert 190 < len(read) <= 200


# --------------------------------------------------------------------------- which
def test_partners_are_known_by_name() -> None:
    assert partner_from("parrot") is PARTNERS["parrot"] is parrot
    assert partner_from("talker") is talker


def test_any_callable_is_a_partner() -> None:
    assert partner_from(len) is len


@pytest.mark.parametrize("partner", ["somebody", 3])
def test_a_value_that_is_not_a_partner_is_refused(partner: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"partner must be .* not {partner!r}"):
        partner_from(partner)


@pytest.mark.parametrize(("is_available", "wanted"), [(True, talker), (False, parrot)])
def test_the_default_is_the_talker_where_there_is_a_voice(
    monkeypatch: pytest.MonkeyPatch, is_available: bool, wanted: Any
) -> None:
    if is_available:
        pytest.importorskip("espeakng_loader")
    else:
        monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    who, sentence = default_partner()
    assert who is wanted
    assert partner_from(None) is wanted
    assert ("pip install" in sentence) is not is_available


# --------------------------------------------------------------------------- what they return
@pytest.mark.parametrize(
    "sound",
    [
        np.full(4, 16_384, np.int16),
        np.full(4, 0.5, np.float32),
        np.full(4, 0.5, np.float64),
        np.full((4, 2), 0.5, np.float32),
        np.full((4, 1), 16_384, np.int16),
    ],
)
def test_audio_is_taken_in_any_usual_form(sound: np.ndarray) -> None:
    (piece,) = pieces_from(sound, "nova")
    assert isinstance(piece, Spoken)
    np.testing.assert_array_equal(piece.pcm, np.full(4, 16_384, np.int16))
    assert piece.pcm.dtype == np.int16


def test_text_is_given_a_voice() -> None:
    pytest.importorskip("espeakng_loader")
    pieces = list(pieces_from("Hello there.", "nova"))
    assert sum(piece.pcm.size for piece in pieces) > 5_000


def test_without_a_voice_text_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    (piece,) = pieces_from("Hello there.", "nova")
    assert (piece.text, piece.pcm.size) == ("Hello there.", 0)


def test_a_lone_surrogate_which_no_message_can_carry_is_replaced() -> None:
    (piece,) = pieces_from(Unvoiced("a \ud800b 😀"), "nova")
    assert isinstance(piece, Spoken)
    assert piece.text == "a \ufffdb 😀"


def test_none_is_nothing_and_a_call_is_itself() -> None:
    call = CallTool("look", {"where": "up"})
    assert list(pieces_from(None, "")) == []
    assert list(pieces_from(call, "")) == [call]


@pytest.mark.parametrize("answer", [{}, {"text": "hi"}, b"sound", {1, 2}, 42, True, object])
def test_anything_else_is_an_error_that_says_what_a_partner_may_return(answer: Any) -> None:
    assert is_one_answer(answer)
    name = type(answer).__name__
    with pytest.raises(RehearsalError, match=rf"returned {name}: .*CallTool\(name, arguments\)"):
        list(pieces_from(answer, ""))


def test_audio_with_invalid_samples_is_an_error() -> None:
    with pytest.raises(AudioFormatError):
        list(pieces_from(np.array([np.nan]), ""))


# --------------------------------------------------------------------------- a list of answers
def test_a_list_of_answers_is_given_one_by_one_and_again() -> None:
    drop = [faults.Drop(), "Bye."]
    answers = ["Hello.", CallTool("look"), np.ones(3, np.int16), Path("a.wav"), drop]
    partner = partner_from(answers)
    given = [partner(PartnerTurn()) for _ in range(6)]
    assert all(each is answer for each, answer in zip(given, [*answers, "Hello."], strict=True))


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        (5, {}, "name of CallTool must be that of a function, not 5"),
        ("", {}, "name of CallTool"),
        ("look", 5, r"arguments of CallTool\('look'\) must be a dictionary .* not 5"),
        ("look", {"at": object()}, "what JSON can hold"),
    ],
)
def test_a_call_that_cannot_be_sent_is_refused(name: Any, arguments: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        CallTool(name, arguments)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([], "empty list"),
        (["a", {}], "the answer {}"),
        ([None], "the answer None"),
        (["a", faults.Drop()], r"the fault drop:AudioDelta in place .* \[faults.Drop\(\), \"Hello"),
        ([CallTool("look")], "a list of calls alone.* Add what is said after them"),
    ],
)
def test_a_list_that_holds_no_answers_is_refused(answers: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        partner_from(answers)


# --------------------------------------------------------------------------- texts like calls
@pytest.mark.parametrize(
    "text",
    [
        'call weather {"city": "Lyon"}',
        'weather({"city": "Lyon"})',
        "weather(city='Lyon')",
        "CallTool('weather', {})",
        '{"name": "weather", "arguments": {"city": "Lyon"}}',
        '```json\ncall weather {"city": "Lyon"}',
        '<tool_call>{"name": "weather"}</tool_call>',
    ],
)
def test_a_text_that_looks_like_a_call_is_remarked(text: str) -> None:
    remark = remark_about(text, ["weather"])
    assert remark is not None
    assert "Return CallTool(name, arguments)" in remark.text


def test_a_call_of_a_name_that_is_near_that_of_a_tool_is_remarked() -> None:
    remark = remark_about(CallTool("wether"), ["weather"])
    assert remark is not None
    assert remark.text.endswith("which this talk does not have. Did you mean 'weather'?")


@pytest.mark.parametrize(
    "answer",
    [
        "Call me tomorrow.",
        "The weather (in Lyon) is fine.",
        '{"temperature": 12}',
        "",
        Unvoiced("call weather {}"),
        CallTool("weather"),
        np.zeros(3, np.int16),
    ],
)
def test_other_answers_are_not_remarked(answer: Any) -> None:
    assert remark_about(answer, ["weather"]) is None


# --------------------------------------------------------------------------- failures
def _raises_in_a_library() -> None:
    json.loads("no JSON")


def test_a_failure_in_a_notebook_names_the_line_of_the_cell() -> None:
    code = compile("def f(turn):\n    return 1 / 0", "/tmp/ipykernel_42/1234567.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    with pytest.raises(ZeroDivisionError) as failed:
        names["f"](None)
    failed.value.__traceback__ = failed.tb.tb_next  # Without this test, which is not a cell.
    assert failure_of_partner(failed.value) == (
        "the partner raised ZeroDivisionError: division by zero (f, line 2 of the cell)"
    )


def test_a_failure_is_one_sentence_with_its_place_in_the_partner() -> None:
    line = _raises_in_a_library.__code__.co_firstlineno + 1
    with pytest.raises(ValueError, match="Expecting") as failed:
        _raises_in_a_library()
    said = failure_of_partner(failed.value)
    assert said.startswith("the partner raised JSONDecodeError: Expecting value: line 1 column 1")
    assert said.endswith(f" (_raises_in_a_library, {__file__}:{line})")
    assert failure_of_partner(KeyError("lost")) == "the partner raised KeyError: 'lost'"
    assert failure_of_partner(RehearsalError("no voice.", cure="Install one.")) == (
        "no voice. Install one."
    )


def test_a_partner_answers_with_a_sound_file_at_its_own_rate(tmp_path: Path) -> None:
    pcm = np.arange(-500, 500, dtype=np.int16)
    path = write_wav(tmp_path / "answer.wav", pcm, 16_000)
    (spoken,) = pieces_from(path, "eve")
    assert isinstance(spoken, Spoken)
    assert spoken.sample_rate == 16_000
    assert np.array_equal(spoken.pcm, pcm)
