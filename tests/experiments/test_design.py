"""The design: what is accepted as prompts, voices and settings, and in which order it is asked."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grok_live_widget import PushToTalk, ServerVad, voices
from grok_live_widget.audio import write_wav
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.experiments import Interruption, Sound
from grok_live_widget.experiments.design import Design, check_common, design_of

from ..support.sound import RATE_HZ, tone


def design(prompts: Any = "hello", voices: Any = None, settings: Any = None, **more: Any) -> Design:
    names = {"repeats", "pace", "timeout_s"}
    options = {"repeats": 1, "pace": "fast", "timeout_s": 60}
    options |= {name: more.pop(name) for name in names & more.keys()}
    return design_of(prompts, voices, settings, more, **options)


def test_every_prompt_is_asked_of_every_voice_with_all_settings_in_each_repetition() -> None:
    made = design(
        ["a", "b"], ["nova", "onyx"], {"slow": {"speed": 0.8}, "fast": {"speed": 1.2}}, repeats=2
    )
    asked = [(each.repeat, each.prompt, each.settings, each.voice) for each in made.trials()]
    assert asked == [
        (repeat, prompt, settings, voice)
        for repeat in (0, 1)
        for prompt in ("a", "b")
        for settings in ("slow", "fast")
        for voice in ("nova", "onyx")
    ]
    assert [each.index for each in made.trials()] == list(range(16))


def test_a_trial_has_the_settings_of_all_talks_those_of_its_label_and_its_voice() -> None:
    made = design(
        "a",
        "nova",
        {"slow": {"speed": 0.8, "instructions": "x"}},
        instructions="y",
        partner="parrot",
    )
    (trial,) = made.trials()
    assert trial.given == {
        "speed": 0.8, "instructions": "x", "partner": "parrot", "voice": "nova"
    }  # fmt: skip


def test_a_trial_can_go_to_another_process() -> None:
    made = design(Interruption("count", (tone(), RATE_HZ), 500), turn_detection=ServerVad())
    (trial,) = pickle.loads(pickle.dumps(list(made.trials())))
    assert np.array_equal(trial.question.by.samples, tone())


@pytest.mark.parametrize(
    ("prompts", "labels"),
    [
        ("hello", ["hello"]),
        (("hello", "there"), ["hello", "there"]),
        ({"greeting": "hello", 5: "there"}, ["greeting", "5"]),
        ((tone(), RATE_HZ), ["sound 1"]),
        ([tone(), RATE_HZ], ["sound 1"]),
        (["hello", (tone(), RATE_HZ), Sound(tone(), 16_000)], ["hello", "sound 2", "sound 3"]),
        (
            [Interruption("count", (tone(), RATE_HZ), 500)],
            ["count, interrupted at 500 ms"],
        ),
        (
            [Interruption((tone(), RATE_HZ), (tone(), RATE_HZ), 1.5)],
            ["sound 1, interrupted at 1.5 ms"],
        ),
    ],
)
def test_prompts_have_labels(prompts: Any, labels: list[str]) -> None:
    assert list(design(prompts).prompts) == labels


def test_a_file_is_read_at_once_and_has_its_name_as_label(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "question.wav", tone(), 16_000)
    for prompts in (path, [path]):
        made = design(prompts)
        sound = made.prompts["question.wav"]
        assert isinstance(sound, Sound)
        assert (sound.sample_rate, len(sound.samples)) == (16_000, RATE_HZ)


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        (None, ["default"]),
        ({"slow": {"speed": 0.8}, 1: {}}, ["slow", "1"]),
        ([{"speed": 0.8}, {}], ["speed=0.8", "default"]),
    ],
)
def test_settings_have_labels(settings: Any, labels: list[str]) -> None:
    assert list(design(settings=settings).settings) == labels


def test_voices_may_be_one_name_a_list_or_an_array() -> None:
    for names in ("nova", ["nova"], ("nova",), np.array(["nova"])):
        assert design(voices=names).voices == ("nova",)
    assert design().voices == (None,)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"prompts": []}, "prompts is empty"),
        ({"prompts": 5}, "one or several prompts, not int"),
        ({"prompts": b"hello"}, "one or several prompts, not bytes"),
        ({"prompts": [5]}, "a prompt cannot be of type int"),
        ({"prompts": " "}, "nothing to say"),
        ({"prompts": ["a", "a"]}, "two prompts have the label 'a'"),
        ({"prompts": Interruption(" ", (tone(), RATE_HZ), 1)}, "nothing to say"),
        ({"voices": []}, "names of voices"),
        ({"voices": [5]}, "names of voices"),
        ({"voices": ["nova", "nova"]}, "named twice"),
        ({"voices": "nova", "voice": "onyx"}, "the voice is given twice"),
        ({"voices": "nova", "settings": {"a": {"voice": "onyx"}}}, "the voice is given twice"),
        ({"settings": {"speed": 0.8}}, "a mapping of labels to settings"),
        ({"settings": "slow"}, "a mapping of labels to settings"),
        ({"settings": {}}, "a mapping of labels to settings"),
        ({"settings": [{"speed": 0.8}, {"speed": 0.8}]}, "are the same"),
        ({"settings": {"a": {"speed": 8}}}, "speed must be"),
        ({"settings": {"a": {"sped": 1}}}, "no setting 'sped'"),
        ({"settings": {"a": {"record": "x"}}}, "record is of one talk only"),
        ({"record": "x"}, "record= is of one talk only. folder="),
        ({"conversation_id": "x"}, "conversation_id= is of one talk only"),
        ({"repeats": 0}, "repeats must be"),
        ({"repeats": 1.5}, "repeats must be"),
        ({"pace": "slow"}, "'fast', 'realtime'"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)
def test_a_design_that_cannot_be_asked_is_refused_with_the_argument(
    arguments: Any, part: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        design(**arguments)
    assert part in str(caught.value)


def test_a_reply_can_be_interrupted_only_where_the_server_detects_speech() -> None:
    step = Interruption("count", (tone(), RATE_HZ), 500)
    with pytest.raises(ConfigurationError, match="needs a server that detects speech"):
        design(step, settings={"a": {}, "b": {"turn_detection": PushToTalk()}})


def test_a_misspelt_argument_is_named_with_the_nearest_one() -> None:
    with pytest.raises(TypeError, match="Did you mean 'voices'"):
        check_common({"voises": ["nova"]}, ["voices", "repeats"])
    with pytest.raises(TypeError, match="Did you mean 'instructions'"):
        check_common({"instruction": "x"}, ["voices", "repeats"])
    check_common({"instructions": "x"}, ["voices"])


@pytest.mark.parametrize(
    "given", [np.array(["a", "b"]), pd.Series(["a", "b"]), (each for each in "ab"), ("a", "b")]
)
def test_prompts_and_voices_may_be_any_ordered_collection_of_texts(given: Any) -> None:
    texts = list(given)
    made = design(given if isinstance(given, np.ndarray | pd.Series) else iter(texts), texts)
    assert list(made.prompts.items()) == [("a", "a"), ("b", "b")]
    assert made.voices == ("a", "b")
    assert {type(each) for each in (*made.prompts, *made.prompts.values(), *made.voices)} == {str}


def test_voices_may_be_what_voices_returns() -> None:
    known = voices()
    assert design(voices=known).voices == tuple(known)
    assert design(voices=[known["nova"], "onyx"]).voices == ("nova", "onyx")
    assert design(voices=known["nova"]).voices == ("nova",)


@pytest.mark.parametrize(
    ("prompts", "part"),
    [
        (tone(), "an array without a sample rate. Pass (samples, sample_rate)."),
        ((RATE_HZ, tone()), f"here {RATE_HZ} comes first. Swap them"),
        ([(RATE_HZ, tone())], f"here {RATE_HZ} comes first. Swap them"),
        ({"a", "b"}, "prompts must be one or several prompts, not set."),
    ],
)
def test_sounds_without_a_rate_or_behind_it_are_refused_with_the_cure(
    prompts: Any, part: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        design(prompts)
    assert part in str(caught.value)


def test_several_values_of_one_setting_are_answered_with_how_to_compare_them() -> None:
    with pytest.raises(ConfigurationError) as caught:
        design(voice=np.array(["eve", "ara"]))
    assert "Pass voices=['eve', 'ara'] to compare several." in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        design(speed=[0.8, 1.0])
    assert "Pass settings=[{'speed': 0.8}, {'speed': 1.0}] to compare" in str(caught.value)
