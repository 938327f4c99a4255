"""What a person may ask for, checked before any I/O."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral
from os import PathLike
from typing import Any, Final, Literal, TypedDict, TypeVar, get_type_hints
from urllib.parse import urlsplit

from ..exceptions import ConfigurationError
from ..protocol import AudioFormat, ServerVad, ToolOffer, Transcription, TurnDetection
from ..tools import ProviderTool, Tool, tools_from
from .pricing import Budget, Prices
from .validation import (
    PCM_RATES_HZ,
    between,
    check_detection,
    check_format,
    check_metadata,
    check_pairs,
    check_partner,
    check_record,
    check_text,
    check_transcription,
    check_url,
    instance,
    one_of,
)

__all__ = [
    "UNSET",
    "Settings",
    "SettingsKwargs",
    "UpdateKwargs",
    "check_metadata",
    "expand_kwargs_signature",
    "is_loopback",
    "settings_from",
]

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # There is one, for copies and pickles too.


UNSET: Final = _Unset()
"""Stands for "not given" where None means something (`partner=None`: no rehearsal)."""


class UpdateKwargs(TypedDict, total=False):
    """Settings that can be changed amid a talk, as keyword arguments; `Settings` explains them."""

    model: str | None
    voice: str | None
    instructions: str
    turn_detection: TurnDetection
    tools: Sequence[Callable[..., Any] | Tool | ProviderTool]
    approve_tools: bool
    transcription: Transcription | None
    speed: float | None
    replace: Mapping[str, str] | None
    reasoning: Literal["high", "none"] | None
    resumption: bool
    metadata: Mapping[str, str] | None
    processing: bool
    reconnect_tries: int
    session_limit_s: float | None
    budget: Budget | None
    prices: Prices | None
    idle_timeout_s: float | None
    reply_quiet_ms: int


class SettingsKwargs(UpdateKwargs, total=False):
    """All settings as keyword arguments; `Settings` explains them."""

    dialect: Literal["auto", "live", "realtime"]
    url: str | None
    sample_rate: int
    input_format: AudioFormat | None
    output_format: AudioFormat | None
    partner: str | Callable[..., Any] | None
    record: str | PathLike[str] | None
    conversation_id: str | None
    open_timeout_s: float


IMMUTABLE = SettingsKwargs.__optional_keys__ - UpdateKwargs.__optional_keys__
"""What cannot be changed in a talk: who answers, and the shape of its sound."""

# Stands for "at `sample_rate`", and is no rate that anybody could mean.
_AS_PCM = AudioFormat(sample_rate=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything about a talk but the key.

    Parameters
    ----------
    dialect : {"auto", "live", "realtime"}
    url : str or None
        ``wss://…`` (or ``ws://`` on this machine); None: the service, or the rehearsal.
    model, voice : str or None
        None: the dialect's default. Any text is accepted; servers know more than this list.
    instructions : str
    turn_detection : ServerVad or PushToTalk
    tools : list
        What the model may call: functions, `tool` objects, and tools of the provider
        (`WebSearch` and others). The `live` dialect has none, so that with them ``"auto"``
        means ``"realtime"``.
    approve_tools : bool
        Whether each call of a function waits for somebody's consent.
    sample_rate : int [Hz]
        Of both sides' sound as pcm: 8000, 11025, 16000, 22050, 24000, 32000, 44100 or 48000.
    input_format, output_format : AudioFormat or None
        How the user's sound and the replies' travel; None: as pcm at `sample_rate`, in JSON.
        Turns have the sample rate of their direction.
    transcription : Transcription or None
        How the user's words are written down; None: as the server likes.
    speed : float in [0.7, 1.5] or None
        How fast replies are spoken.
    replace : Mapping of str to str or None
        What is written, and how it is to be spoken: up to 200 entries.
    reasoning : {"high", "none"} or None
        Whether the model thinks before it answers; "none" is quicker.
    resumption : bool
        Whether the server is asked to keep the conversation for a while (the service: half an
        hour), so that it goes on where it was when a broken line is opened again.
    metadata : Mapping of str to str or None
        Sent with each request for a reply and told again with it: up to 16 pairs, names of up
        to 64 characters, values of up to 512.
    processing : bool
        True asks the browser for echo cancellation, noise suppression and gain control;
        False gives the raw microphone, for measuring.
    partner : str, callable or None
        Who answers in the rehearsal: ``"parrot"``, ``"talker"`` or a function. Given: always
        the rehearsal. None: never the rehearsal.
    record : str, PathLike or None
        A new folder, to which the talk is written as it happens; None: nothing is written.
    conversation_id : str or None
        Goes on with an earlier conversation that the server still keeps; a session tells its
        own.
    reconnect_tries : int in [0, 20]
        How often a `Talk` tries to open a line again that broke; 0: never.
    session_limit_s : float > 0 or None [s]
        How long the server lets a session last (the service: two hours, by its model card). A
        `Talk` warns in time and goes on in a new session.
    budget : Budget or None
        How much a `Talk` may use up.
    prices : Prices or None
        None: as the model is known to cost.
    idle_timeout_s : float > 0 or None [s]
        The line is closed after this long without speech or text; None: never.
    reply_quiet_ms : int [ms]
        `live` only: a reply has ended after this long without a piece of it.
    open_timeout_s : float > 0 [s]
        How long opening the line may take.

    Raises
    ------
    ConfigurationError
        Naming the setting, its value and what is allowed.
    """

    dialect: Literal["auto", "live", "realtime"] = "auto"
    url: str | None = None
    model: str | None = None
    voice: str | None = None
    instructions: str = ""
    turn_detection: TurnDetection = ServerVad()
    tools: tuple[Tool | ProviderTool, ...] = ()
    approve_tools: bool = False
    sample_rate: int = 24_000
    input_format: AudioFormat = _AS_PCM
    output_format: AudioFormat = _AS_PCM
    transcription: Transcription | None = Transcription()
    speed: float | None = None
    replace: Mapping[str, str] | None = None
    reasoning: Literal["high", "none"] | None = None
    resumption: bool = True
    metadata: Mapping[str, str] | None = None
    processing: bool = True
    partner: Any = UNSET
    record: str | PathLike[str] | None = None
    conversation_id: str | None = None
    reconnect_tries: int = 5
    session_limit_s: float | None = 7200.0
    budget: Budget | None = None
    prices: Prices | None = None
    idle_timeout_s: float | None = 300.0
    reply_quiet_ms: int = 800
    open_timeout_s: float = 15.0

    def __post_init__(self) -> None:
        one_of("dialect", self.dialect, ("auto", "live", "realtime"))
        for name in ("model", "voice", "conversation_id"):
            check_text(name, getattr(self, name))
        check_text("instructions", self.instructions, may_be_empty=True)
        check_url(self.url)
        check_detection(self.turn_detection)
        object.__setattr__(self, "tools", tools_from(self.tools))
        one_of("approve_tools", self.approve_tools, (True, False))
        one_of("sample_rate", self.sample_rate, PCM_RATES_HZ)
        self._settle_formats()
        check_transcription(self.transcription)
        if self.speed is not None:
            between("speed", self.speed, 0.7, 1.5, "or None")
        check_pairs("replace", self.replace, most=200, key=100, value=128)
        one_of("reasoning", self.reasoning, ("high", "none", None))
        one_of("resumption", self.resumption, (True, False))
        check_metadata(self.metadata)
        one_of("processing", self.processing, (True, False))
        if self.partner is not UNSET:
            check_partner(self.partner)
        check_record(self.record)
        between("reconnect_tries", self.reconnect_tries, 0, 20, kind=Integral)
        if self.session_limit_s is not None:
            between("session_limit_s", self.session_limit_s, 1, 86_400, "or None")
        instance("budget", self.budget, Budget)
        instance("prices", self.prices, Prices)
        if self.idle_timeout_s is not None:
            between("idle_timeout_s", self.idle_timeout_s, 1, 86_400, "or None")
        between("reply_quiet_ms", self.reply_quiet_ms, 100, 10_000)
        between("open_timeout_s", self.open_timeout_s, 0.1, 120)

    def _settle_formats(self) -> None:
        object.__setattr__(self, "sample_rate", int(self.sample_rate))
        for name in ("input_format", "output_format"):
            form = getattr(self, name)
            if form in (None, _AS_PCM):
                form = AudioFormat(sample_rate=self.sample_rate)
            check_format(name, form)
            object.__setattr__(self, name, form)

    def changed(self, given: Mapping[str, Any]) -> Settings:
        """These settings with those of `given` in their place, checked.

        Raises
        ------
        ConfigurationError
            Also for what is settled with a talk's beginning.
        """
        for name in given:
            if name in IMMUTABLE or name == "api_key":
                raise ConfigurationError(
                    f"{name} cannot be changed once there is a talk.", cure="Make a new one."
                )
        settings_from(given)
        return replace(self, **given)

    @property
    def tool_offers(self) -> tuple[ToolOffer, ...]:
        """The tools as the model is told of them."""
        return tuple(
            ToolOffer(
                kind=each.kind,
                name=each.name,
                description=each.description,
                parameters=each.parameters,
            )
            for each in self.tools
        )


def settings_from(given: Mapping[str, Any]) -> Settings:
    """Make `Settings` of keyword arguments; an unknown name is refused with the known ones."""
    known = [field.name for field in fields(Settings)]
    for name in given:
        if name not in known:
            from difflib import get_close_matches  # Of use only here, and large.

            near = get_close_matches(name, known, 1, cutoff=0.7)
            meant = f"Did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(
                f"there is no setting {name!r}.",
                cure=f"{meant}Settings are: api_key, {', '.join(known)}.",
            )
    return Settings(**given)


F = TypeVar("F", bound=Callable[..., Any])


def expand_kwargs_signature(given: type[UpdateKwargs]) -> Callable[[F], F]:
    """Have a function's signature list each of these settings in place of ``**settings``.

    For `help` and for completion in notebooks; what the function takes stays as it is. Of a
    change that is left out the default is `UNSET`: the setting stays as it was.
    """

    def listed(function: F) -> F:
        plain = inspect.signature(function)
        own = [each for each in plain.parameters.values() if each.kind is not each.VAR_KEYWORD]
        signature = plain.replace(parameters=[*own, *_parameters(given)])
        function.__dict__["__signature__"] = signature
        return function

    return listed


def _parameters(given: type[UpdateKwargs]) -> list[inspect.Parameter]:
    types, only_changes = get_type_hints(given), given is UpdateKwargs
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=UNSET if only_changes else _shown(field.default),
            annotation=types[field.name],
        )
        for field in fields(Settings)
        if field.name in types
    ]


def _shown(default: Any) -> Any:
    return None if default is _AS_PCM else default


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    return (urlsplit(url).hostname or "") in LOOPBACK_HOSTS
