"""The design of an experiment: which questions are asked of which voices and settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AnySet
from dataclasses import dataclass, field
from numbers import Integral, Number
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .._structs import check_names
from ..client import Voice
from ..exceptions import ConfigurationError
from ..protocol import PushToTalk
from ..settings import Settings, SettingsKwargs, between, one_of, settings_from
from .stimuli import Interruption, Sound, sound_from

Prompt = str | Sound | Interruption

DEFAULT = "default"
"""The label of settings, and of a voice, that were not given."""

_PROMPT_CURE = "A prompt is a text, (samples, sample_rate), a pathlib.Path or an Interruption."
# Settings that have no sequence for a value, but for `voice`.
_ONE_VALUE = ("model", "instructions", "speed", "reasoning", "dialect", "sample_rate")
# What belongs to one talk, or to `compare` itself.
_NOT_COMMON = {
    "record": "folder= keeps every talk.",
    "conversation_id": "Each question is asked in a conversation of its own.",
    "max_audio_minutes": "The sound of a question is kept whole.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question of an experiment, as plain values that can go to another process.

    Parameters
    ----------
    index : int
        Position in the design.
    prompt, settings : str
        Labels.
    voice : str or None
    repeat : int
        From 0.
    question : str, Sound or Interruption
    given : dict
        The settings of the talk.
    pace : {"fast", "realtime"}
        Of a sound.
    timeout_s : float [s]
    """

    index: int
    prompt: str
    voice: str | None
    settings: str
    repeat: int
    question: Prompt = field(repr=False)
    given: Mapping[str, Any] = field(repr=False)
    pace: Any
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Every prompt is asked of every voice with all settings, `repeats` times.

    Parameters
    ----------
    prompts : dict of str to (str, Sound or Interruption)
        By label.
    voices : tuple of (str or None)
    settings : dict of str to dict
        What differs between the settings, by label.
    common : dict
        The settings of all talks.
    repeats : int
    pace : {"fast", "realtime"}
    timeout_s : float [s]
    """

    prompts: dict[str, Prompt]
    voices: tuple[str | None, ...]
    settings: dict[str, dict[str, Any]]
    common: dict[str, Any]
    repeats: int
    pace: Any
    timeout_s: float

    def trials(self) -> Iterator[Trial]:
        """All questions in the order in which they are asked.

        A whole repetition comes before the next one, and voices alternate fastest: what changes in
        the course of time, such as the load of a server, then affects all of them alike.
        """
        index = 0
        for repeat in range(self.repeats):
            for prompt, question in self.prompts.items():
                for label in self.settings:
                    for voice in self.voices:
                        yield Trial(
                            index=index,
                            prompt=prompt,
                            voice=voice,
                            settings=label,
                            repeat=repeat,
                            question=question,
                            given=self.given(voice, label),
                            pace=self.pace,
                            timeout_s=self.timeout_s,
                        )
                        index += 1

    def given(self, voice: str | None, label: str) -> dict[str, Any]:
        """The settings of one talk, as they were given."""
        named = {} if voice is None else {"voice": voice}
        return {**self.common, **self.settings[label], **named}

    def checked_settings(self) -> list[Settings]:
        """The settings of each voice with each label, validated.

        Raises
        ------
        ConfigurationError
        """
        return [
            settings_from(self.given(voice, label))
            for label in self.settings
            for voice in self.voices
        ]


def design_of(
    prompts: Any,
    voices: Any,
    settings: Any,
    common: Mapping[str, Any],
    *,
    repeats: int,
    pace: Any,
    timeout_s: float,
) -> Design:
    """The design of what was passed to `compare`, validated; files are read.

    Raises
    ------
    ConfigurationError, AudioFormatError
        Naming the argument and what is allowed.
    """
    between("repeats", repeats, 1, 1_000_000, kind=Integral)
    between("timeout_s", timeout_s, 0.001, 86_400)
    one_of("pace", pace, ("fast", "realtime"))
    for name in _NOT_COMMON.keys() & common.keys():
        raise ConfigurationError(f"{name}= is of one talk only.", cure=_NOT_COMMON[name])
    _check_common_values(common)
    design = Design(
        prompts=_prompts_from(prompts),
        voices=_voices_from(voices),
        settings=_settings_by_label(settings),
        common=dict(common),
        repeats=int(repeats),
        pace=pace,
        timeout_s=float(timeout_s),
    )
    _check_voices(design)
    is_push_to_talk = any(
        isinstance(each.turn_detection, PushToTalk) for each in design.checked_settings()
    )
    if is_push_to_talk and any(isinstance(each, Interruption) for each in design.prompts.values()):
        raise ConfigurationError(
            "an Interruption needs a server that detects speech, and PushToTalk() has it detect "
            "none.",
            cure="Use turn_detection=ServerVad().",
        )
    return design


# --------------------------------------------------------------------------- prompts
def _prompts_from(prompts: Any) -> dict[str, Prompt]:
    if isinstance(prompts, Mapping):
        labelled = [(str(label), _prompt_from(each)) for label, each in prompts.items()]
    else:
        given = [prompts] if _is_one(prompts) else _listed(prompts)
        pairs = [(each, _prompt_from(each)) for each in given]
        labelled = [
            (_label_of(each, prompt, number), prompt)
            for number, (each, prompt) in enumerate(pairs, 1)
        ]
    if not labelled:
        raise ConfigurationError("prompts is empty.", cure=_PROMPT_CURE)
    found: dict[str, Prompt] = {}
    for label, prompt in labelled:
        if label in found:
            raise ConfigurationError(
                f"two prompts have the label {label!r}.",
                cure="Pass a mapping of labels to prompts; repeats= asks the same one again.",
            )
        found[label] = prompt
    return found


def _listed(prompts: Any) -> list[Any]:
    # A set has another order in each process, and the order is a part of the design.
    if not isinstance(prompts, Iterable) or isinstance(prompts, bytes | bytearray | AnySet):
        raise ConfigurationError(
            f"prompts must be one or several prompts, not {type(prompts).__name__}.",
            cure=_PROMPT_CURE,
        )
    if getattr(getattr(prompts, "dtype", None), "kind", "O") in "iufc":
        raise ConfigurationError(
            "prompts is an array without a sample rate.", cure="Pass (samples, sample_rate)."
        )
    return list(prompts)


def _is_one(given: Any) -> bool:
    """Whether this is one prompt, and not a sequence of them."""
    if isinstance(given, str | PathLike | Sound | Interruption):
        return True
    if not isinstance(given, tuple | list) or len(given) != 2:
        return False
    # The rate, which some libraries have first.
    return any(
        isinstance(rate, Number) and not isinstance(sound, str)
        for sound, rate in (given, given[::-1])
    )


def _prompt_from(given: Any) -> Prompt:
    if isinstance(given, Interruption):
        _check_text(given.question)
        return given
    if isinstance(given, str):
        _check_text(given)
        # numpy's own texts are others in a file of the design.
        return str(given)
    try:
        return sound_from(given)
    except ConfigurationError as error:
        if isinstance(given, tuple | list):
            raise
        raise ConfigurationError(
            f"a prompt cannot be of type {type(given).__name__}.", cure=_PROMPT_CURE
        ) from error


def _check_text(text: object) -> None:
    if isinstance(text, str) and not text.strip():
        raise ConfigurationError(f"there is nothing to say in {text!r}.", cure="Pass some text.")


def _label_of(given: Any, prompt: Prompt, number: int) -> str:
    if isinstance(prompt, Interruption):
        question = prompt.question if isinstance(prompt.question, str) else f"sound {number}"
        return f"{question}, interrupted at {prompt.at_ms:g} ms"
    if isinstance(prompt, str):
        return prompt
    return Path(given).name if isinstance(given, PathLike) else f"sound {number}"


# --------------------------------------------------------------------------- voices and settings
def _voices_from(voices: Any) -> tuple[str | None, ...]:
    if voices is None:
        return (None,)
    is_one = isinstance(voices, str | Voice)
    # Of a set the order is another one in each process.
    is_listed = isinstance(voices, Iterable) and not isinstance(voices, AnySet)
    given = (voices,) if is_one or not is_listed else tuple(voices)
    names = tuple(_name_of(each) for each in given)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ConfigurationError(
            f"voices must be names of voices, not {voices!r}.", cure='Pass ["nova", "onyx"].'
        )
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"a voice is named twice in voices={voices!r}.", cure="repeats= asks it again."
        )
    return names


def _name_of(voice: Any) -> Any:
    if isinstance(voice, Voice):
        return voice.name
    return str(voice) if isinstance(voice, str) else voice


def _settings_by_label(settings: Any) -> dict[str, dict[str, Any]]:
    if settings is None:
        return {DEFAULT: {}}
    if isinstance(settings, Mapping):
        labelled = [(str(label), each) for label, each in settings.items()]
    elif isinstance(settings, Sequence) and not isinstance(settings, str):
        labelled = [(_shown(each), each) for each in settings]
    else:
        labelled = []
    if not labelled or not all(isinstance(each, Mapping) for _, each in labelled):
        raise ConfigurationError(
            f"settings must be a mapping of labels to settings, not {settings!r}.",
            cure='Pass {"slow": {"speed": 0.8}}; settings of all talks are arguments themselves.',
        )
    if len({label for label, _ in labelled}) < len(labelled):
        raise ConfigurationError(
            f"two of settings={settings!r} are the same.", cure="repeats= asks again."
        )
    for _, each in labelled:
        for name in _NOT_COMMON.keys() & each.keys():
            raise ConfigurationError(f"{name} is of one talk only.", cure=_NOT_COMMON[name])
    return {label: dict(each) for label, each in labelled}


def _shown(settings: Any) -> str:
    if not isinstance(settings, Mapping):
        return ""
    return ", ".join(f"{name}={value!r}" for name, value in settings.items()) or DEFAULT


def _check_common_values(common: Mapping[str, Any]) -> None:
    """Several values of a setting that is the same in all talks are to be compared."""
    for name in ("voice", *_ONE_VALUE):
        given = common.get(name)
        if not isinstance(given, list | tuple | np.ndarray):
            continue
        values = [each.item() if isinstance(each, np.generic) else each for each in given]
        if name == "voice":
            several = f"voices={values!r}"
        else:
            several = f"settings={[{name: each} for each in values]!r}"
        raise ConfigurationError(
            f"{name}= is one value for all talks, not {given!r}.",
            cure=f"Pass {several} to compare several.",
        )


def _check_voices(design: Design) -> None:
    is_elsewhere = "voice" in design.common or any(
        "voice" in each for each in design.settings.values()
    )
    if is_elsewhere and design.voices != (None,):
        raise ConfigurationError(
            "the voice is given twice: by voices= and by voice.", cure="Leave one of them out."
        )


def check_common(common: Mapping[str, Any], own: Sequence[str]) -> None:
    """Raise `ArgumentError` for an argument of `compare` that is none of its own and no setting."""
    known = [*own, *sorted(SettingsKwargs.__optional_keys__)]
    check_names("compare()", common.keys(), known)
