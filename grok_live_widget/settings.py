"""What a person may ask for, checked before any I/O."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from os import PathLike
from typing import Any, Final, Literal, TypedDict, TypeVar, get_type_hints
from urllib.parse import urlsplit

from .budget import Budget, Prices
from .events import (
    G711_RATE_HZ,
    AudioFormat,
    PushToTalk,
    ServerVad,
    ToolOffer,
    Transcription,
    TurnDetection,
)
from .exceptions import ConfigurationError
from .provider_tools import ProviderTool
from .tools import Tool, tools_from

__all__ = [
    "UNSET",
    "ChangesGiven",
    "Settings",
    "SettingsGiven",
    "check_metadata",
    "is_loopback",
    "listing",
    "settings_from",
]

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
"""Stands for "not given" where None means something (`partner=None`: no rehearsal)."""


PCM_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Source: https://docs.x.ai/voice-realtime.ws.json."""


class ChangesGiven(TypedDict, total=False):
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


class SettingsGiven(ChangesGiven, total=False):
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


SETTLED = SettingsGiven.__optional_keys__ - ChangesGiven.__optional_keys__
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
        _one_of("dialect", self.dialect, ("auto", "live", "realtime"))
        _check_texts(self)
        _check_url(self.url)
        _check_detection(self.turn_detection)
        object.__setattr__(self, "tools", tools_from(self.tools))
        _one_of("approve_tools", self.approve_tools, (True, False))
        _one_of("sample_rate", self.sample_rate, PCM_RATES_HZ)
        self._settle_formats()
        _check_transcription(self.transcription)
        if self.speed is not None:
            _between("speed", self.speed, 0.7, 1.5, "or None")
        _check_pairs("replace", self.replace, most=200, key=100, value=128)
        _one_of("reasoning", self.reasoning, ("high", "none", None))
        _one_of("resumption", self.resumption, (True, False))
        check_metadata(self.metadata)
        _one_of("processing", self.processing, (True, False))
        _check_partner(self.partner)
        _check_record(self.record)
        _between("reconnect_tries", self.reconnect_tries, 0, 20, kind=Integral)
        if self.session_limit_s is not None:
            _between("session_limit_s", self.session_limit_s, 1, 86_400, "or None")
        _instance("budget", self.budget, Budget)
        _instance("prices", self.prices, Prices)
        if self.idle_timeout_s is not None:
            _between("idle_timeout_s", self.idle_timeout_s, 1, 86_400, "or None")
        _between("reply_quiet_ms", self.reply_quiet_ms, 100, 10_000)
        _between("open_timeout_s", self.open_timeout_s, 0.1, 120)

    def _settle_formats(self) -> None:
        for name in ("input_format", "output_format"):
            form = getattr(self, name)
            if form in (None, _AS_PCM):
                form = AudioFormat(sample_rate=self.sample_rate)
            _check_format(name, form)
            object.__setattr__(self, name, form)

    def changed(self, given: Mapping[str, Any]) -> Settings:
        """These settings with those of `given` in their place, checked.

        Raises
        ------
        ConfigurationError
            Also for what is settled with a talk's beginning.
        """
        settings_from(given)
        for name in given:
            if name in SETTLED:
                raise ConfigurationError(
                    f"{name} cannot be changed once there is a talk.", cure="Make a new one."
                )
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
            raise ConfigurationError(
                f"there is no setting {name!r}.", cure=f"Settings are: api_key, {', '.join(known)}."
            )
    return Settings(**given)


F = TypeVar("F", bound=Callable[..., Any])


def listing(given: type[ChangesGiven]) -> Callable[[F], F]:
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


def _parameters(given: type[ChangesGiven]) -> list[inspect.Parameter]:
    types, only_changes = get_type_hints(given), given is ChangesGiven
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


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    # bool is a number to Python, but 1 is not an answer to a yes-or-no setting.
    if not any(value is each or (value == each and type(value) is type(each)) for each in allowed):
        names = ", ".join(repr(each) for each in allowed)
        raise ConfigurationError(f"{name} must be one of {names}, not {value!r}.")


def _instance(name: str, value: object, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be {kind.__name__}(...) or None, not {value!r}.")


def _between(
    name: str, value: Any, low: float, high: float, also: str = "", kind: type = Real
) -> None:
    # numpy's numbers are numbers too: sweeps are made of them.
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not (is_number and low <= value <= high):
        whole = "whole " * (kind is Integral)
        raise ConfigurationError(
            f"{name} must be a {whole}number from {low:g} to {high:g}{' ' * bool(also)}{also}, "
            f"not {value!r}."
        )


def _check_texts(settings: Settings) -> None:
    for name in ("model", "voice", "conversation_id", "instructions"):
        value = getattr(settings, name)
        if not isinstance(value, str) and not (value is None and name != "instructions"):
            raise ConfigurationError(f"{name} must be text, not {value!r}.")
        if value is not None and not _is_spellable(value):
            raise ConfigurationError(
                f"{name} has half a character in it (a lone surrogate): {value!r}.",
                cure="text.encode('utf-8', 'replace').decode() replaces it.",
            )
        if value is not None and name != "instructions" and not value.strip():
            raise ConfigurationError(
                f"{name} is empty.", cure="Leave it out for the default of the dialect."
            )


def _is_spellable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_url(url: Any) -> None:
    if url is None:
        return
    scheme, host = _scheme_and_host(url) if isinstance(url, str) else ("", None)
    if scheme not in ("ws", "wss") or not host:
        # The URL is not repeated whole: people put keys into queries.
        raise ConfigurationError(
            f"url must begin with wss:// (or ws:// on this machine) and name a host; its scheme "
            f"is {scheme!r}.",
            cure="For example wss://api.x.ai/v1/realtime.",
        )


def _scheme_and_host(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (it is parsed, and may raise, only when asked for)
        return parts.scheme, parts.hostname
    except ValueError:
        return "", None


def _check_detection(detection: TurnDetection) -> None:
    match detection:
        case PushToTalk():
            return
        case ServerVad():
            # Ranges: https://docs.x.ai/voice-realtime.ws.json
            _between("threshold", detection.threshold, 0.1, 0.9)
            _between("silence_duration_ms", detection.silence_duration_ms, 0, 10_000, kind=Integral)
            _between("prefix_padding_ms", detection.prefix_padding_ms, 0, 10_000, kind=Integral)
            if detection.idle_timeout_ms is not None:
                limits = (1, 86_400_000, "or None")
                _between("idle_timeout_ms", detection.idle_timeout_ms, *limits, kind=Integral)
            _one_of("create_response", detection.create_response, (True, False))
            _one_of("interrupt_response", detection.interrupt_response, (True, False))
        case _:
            raise ConfigurationError(
                f"turn_detection must be ServerVad(...) or PushToTalk(), not {detection!r}."
            )


def _check_format(name: str, form: object) -> None:
    if not isinstance(form, AudioFormat):
        raise ConfigurationError(f"{name} must be AudioFormat(...) or None, not {form!r}.")
    if form.encoding == "opus":
        raise ConfigurationError(
            f"{name} cannot be opus: this package has no codec for it.",
            cure="Use 'pcm', or 'pcmu' and 'pcma' for the sound of telephones.",
        )
    _one_of(f"{name}.encoding", form.encoding, ("pcm", "pcmu", "pcma"))
    rates_hz = PCM_RATES_HZ if form.encoding == "pcm" else (G711_RATE_HZ,)
    _one_of(f"{name}.sample_rate", form.sample_rate, rates_hz)
    _one_of(f"{name}.transport", form.transport, ("json", "binary"))


def _check_transcription(wanted: object) -> None:
    if wanted is None:
        return
    if not isinstance(wanted, Transcription):
        raise ConfigurationError(
            f"transcription must be Transcription(...) or None, not {wanted!r}."
        )
    for name in ("model", "language_hint"):
        value = getattr(wanted, name)
        is_given = value is not None or name == "model"
        if is_given and not (isinstance(value, str) and value.strip()):
            raise ConfigurationError(f"transcription.{name} must be text, not {value!r}.")
    # Limits: https://docs.x.ai/voice-realtime.ws.json
    terms: object = wanted.keyterms
    if isinstance(terms, str) or not isinstance(terms, list | tuple) or len(terms) > 100:
        raise ConfigurationError("transcription.keyterms must be a list of up to 100 texts.")
    for term in terms:
        _check_length("transcription.keyterms", term, 50)
    object.__setattr__(wanted, "keyterms", tuple(terms))


def check_metadata(metadata: object) -> None:
    """ConfigurationError beyond the limits of https://docs.x.ai/voice-realtime.ws.json."""
    _check_pairs("metadata", metadata, most=16, key=64, value=512)


def _check_pairs(name: str, pairs: object, *, most: int, key: int, value: int) -> None:
    if pairs is None:
        return
    if not isinstance(pairs, Mapping):
        raise ConfigurationError(f"{name} must be a dict of texts or None, not {pairs!r}.")
    if len(pairs) > most:
        raise ConfigurationError(f"{name} may have {most} entries, not {len(pairs)}.")
    for each, said in pairs.items():
        _check_length(f"a name in {name}", each, key)
        _check_length(f"{name}[{each!r}]", said, value)


def _check_length(name: str, text: object, most: int) -> None:
    if not isinstance(text, str):
        raise ConfigurationError(f"{name} must be text, not {text!r}.")
    if not 0 < len(text) <= most:
        shown = text if len(text) <= 60 else f"{text[:57]}…"
        raise ConfigurationError(
            f"{name} must have 1 to {most} characters; {shown!r} has {len(text)}."
        )


def _check_partner(partner: object) -> None:
    if partner is UNSET or partner is None or callable(partner):
        return
    if not isinstance(partner, str) or partner not in ("parrot", "talker"):
        raise ConfigurationError(
            f"partner must be 'parrot', 'talker', a function of one turn, or None, not {partner!r}."
        )


def _check_record(record: object) -> None:
    if record is not None and not (isinstance(record, str | PathLike) and str(record)):
        raise ConfigurationError(f"record must be the path of a folder, or None, not {record!r}.")
