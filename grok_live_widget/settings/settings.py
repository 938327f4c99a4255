"""The settings of a talk, validated before any I/O.

Annotations are evaluated at once here: signatures list them, and evaluating them later from
texts would take a tenth of the time that importing the package takes.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike
from ssl import SSLContext
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
)
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from .._structs import Checked, did_you_mean
from ..exceptions import ConfigurationError
from ..protocol import AudioFormat, ServerVad, ToolOffer, Transcription, TurnDetection
from ..tools import ProviderTool, Tool, tools_from
from .from_json import FROM_JSON
from .pricing import Budget, Prices
from .validation import PCM_RATES_HZ, HasPartner, check_partner, check_settings, instance, one_of

# As `audio.SAMPLE_RATE_HZ`, which would load numpy.
_SAMPLE_RATE_HZ = 24_000
# As `protocol.DIALECTS`, which would load numpy too.
DialectName = Literal["auto", "live", "realtime"]
# Replaced by a format at the setting `sample_rate`.
_AT_SAMPLE_RATE: Any = None
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # Copies and pickles give the same object.


UNSET: Final = _Unset()
"""Stands for "not given" where None means something (`partner=None`: no rehearsal)."""


class UpdateKwargs(TypedDict, total=False):
    """Settings that can be changed during a talk, as keyword arguments; see `Settings`."""

    model: str | None
    voice: str | None
    instructions: str
    turn_detection: TurnDetection | Mapping[str, Any] | str | None
    tools: Sequence[Callable[..., Any] | Tool | ProviderTool | Mapping[str, Any]]
    approve_tools: bool
    transcription: Transcription | Mapping[str, Any] | None
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
    max_audio_minutes: float | None
    reply_quiet_ms: int


class SettingsKwargs(UpdateKwargs, total=False):
    """All settings as keyword arguments; see `Settings`."""

    dialect: DialectName
    url: str | None
    sample_rate: int
    input_format: AudioFormat | Mapping[str, Any] | str | None
    output_format: AudioFormat | Mapping[str, Any] | str | None
    partner: str | PathLike[str] | HasPartner | Callable[..., Any] | Sequence[Any] | None
    record: str | PathLike[str] | None
    conversation_id: str | None
    open_timeout_s: float
    ssl: SSLContext | None
    isolation: Literal["process", "thread"] | None


IMMUTABLE = SettingsKwargs.__optional_keys__ - UpdateKwargs.__optional_keys__
"""Settings that cannot be changed during a talk: the server and the audio formats."""


# --------------------------------------------------------------------------- signatures
F = TypeVar("F", bound=Callable[..., Any])


def expand_kwargs_signature(kwargs: type[UpdateKwargs]) -> Callable[[F], F]:
    """Have a function's signature list each of these settings in place of ``**settings``.

    For `help` and for completion in notebooks; the function itself is not changed. The defaults
    of `UpdateKwargs` are `UNSET`, since a setting that is not given stays as it was.
    """

    def expand(function: F) -> F:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        expanded = signature.replace(parameters=[*own, *_parameters(kwargs)])
        function.__dict__["__signature__"] = expanded
        return function

    return expand


def _parameters(kwargs: type[UpdateKwargs]) -> list[inspect.Parameter]:
    types = kwargs.__annotations__
    defaults = zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=UNSET if kwargs is UpdateKwargs else default,
            annotation=types[name],
        )
        for name, default in defaults
        if name in types
    ]


# --------------------------------------------------------------------------- settings
class Settings(Struct, frozen=True, kw_only=True, metaclass=Checked):
    """All settings of a talk except the key.

    Parameters
    ----------
    dialect : {"auto", "live", "realtime"}
    url : str or None
        ``wss://…`` (or ``ws://`` on this machine); None: the service, or the rehearsal.
    model, voice : str or None
        None: the dialect's default. Any text is accepted, because servers know more names than
        these. Voices of ``live``: alloy (neutral, balanced), echo (warm, conversational), fable
        (expressive, dynamic), onyx (deep, authoritative), nova (bright, energetic), shimmer
        (clear, professional). The command ``grok-live voices`` lists all.
    instructions : str
    turn_detection : ServerVad or PushToTalk
        Also as the service's JSON: ``{"type": "server_vad", "threshold": 0.5}`` or
        ``"server_vad"``; ``"push_to_talk"``, ``"none"`` or None for push-to-talk. The same holds
        for the formats, transcription and tools.
    tools : list
        What the model may call: functions, `tool` objects, and tools of the provider
        (`WebSearch` and others). The ``live`` dialect has no tools, so that with them ``"auto"``
        means ``"realtime"``.
    approve_tools : bool
        Whether each call of a function waits for the user's approval.
    sample_rate : int [Hz]
        Of the user's audio and the replies as pcm: 8000, 11025, 16000, 22050, 24000, 32000, 44100
        or 48000.
    input_format, output_format : AudioFormat or None
        How the user's audio and the replies are sent; None: as pcm at `sample_rate`, in JSON.
        Turns have the sample rate of their direction.
    transcription : Transcription or None
        How the user's speech is transcribed; None: as the server does by default.
    speed : float in [0.7, 1.5] or None
        How fast replies are spoken.
    replace : Mapping of str to str or None
        Written forms and how they are spoken: up to 200 entries.
    reasoning : {"high", "none"} or None
        Whether the model reasons before it replies; "none" is faster.
    resumption : bool
        Whether the server is asked to keep the conversation for a while (the service: half an
        hour), so that it continues after a lost connection has been reopened.
    metadata : Mapping of str to str or None
        Sent with each request for a reply and returned with the reply: up to 16 pairs, names of
        up to 64 characters, values of up to 512.
    processing : bool
        True asks the browser for echo cancellation, noise suppression and gain control;
        False gives the raw microphone, for measuring.
    partner : str, PathLike, Script, ChatPartner, callable, list or None
        The partner in the rehearsal: ``"parrot"``, ``"talker"``, a function of one turn, a list of
        answers (see `grok_live_widget.rehearsal.partner`), a `rehearsal.Script` of
        `grok_live_widget.rehearsal`, the path of one in YAML, or ``"cafe"``, ``"interview"`` or
        ``"lab-assistant"``, which are scripts too. Given: always the rehearsal. None: never the
        rehearsal.
    record : str, PathLike or None
        A new folder to which the talk is recorded while it runs; None: nothing is written.
    conversation_id : str or None
        Continues an earlier conversation that the server still keeps; each session has the id of
        its own.
    reconnect_tries : int in [0, 20]
        How often a `Talk` tries to reopen a lost connection; 0: never.
    session_limit_s : float > 0 or None [s]
        The server's limit of a session's duration (the service: two hours, by its model card). A
        `Talk` warns before it and continues in a new session.
    budget : Budget or None
        How much a `Talk` may use up.
    prices : Prices or None
        None: the known prices of the model.
    idle_timeout_s : float > 0 or None [s]
        The connection is closed after this long without speech or text; None: never.
    max_audio_minutes : float >= 0.1 or None [min]
        How much sound of each side is kept in memory (a minute takes 2.9 MB at 24 kHz). Older
        sound is read from the files of `record`; without, it is dropped, and `Turn.pcm` raises
        `AudioDropped`. None: five minutes with `record`, all without.
    reply_quiet_ms : int [ms]
        ``live`` only: a reply is complete after this long without a delta.
    open_timeout_s : float > 0 [s]
        How long opening the connection may take.
    ssl : ssl.SSLContext or None
        For ``wss://`` servers whose certificate is signed by an authority that Python does not
        know, such as ``ssl.create_default_context(cafile="ca.pem")``. None: Python's default.
    isolation : {"process", "thread"} or None
        Where the connection of a `Talk` is: in a process of its own, which a busy cell does not
        hold up, or in a thread of this one. None: as the environment's ``GROK_LIVE_ISOLATION``
        says, and else in a process where Python can start one; `Talk.isolation` tells.

    Raises
    ------
    ConfigurationError
        Naming the setting, its value and what is allowed.

    Examples
    --------
    >>> from grok_live_widget import Settings
    >>> settings = Settings(voice="nova", instructions="Answer in one sentence.", speed=1.2)
    >>> settings.voice, settings.turn_detection.silence_duration_ms
    ('nova', 500)
    """

    dialect: DialectName = "auto"
    url: str | None = None
    model: str | None = None
    voice: str | None = None
    instructions: str = ""
    turn_detection: TurnDetection = ServerVad()
    tools: tuple[Tool | ProviderTool, ...] = ()
    approve_tools: bool = False
    sample_rate: int = _SAMPLE_RATE_HZ
    input_format: AudioFormat = _AT_SAMPLE_RATE
    output_format: AudioFormat = _AT_SAMPLE_RATE
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
    max_audio_minutes: float | None = None
    reply_quiet_ms: int = 800
    open_timeout_s: float = 15.0
    ssl: SSLContext | None = None
    isolation: Literal["process", "thread"] | None = None

    if TYPE_CHECKING:
        # What is accepted differs from what is kept; see `_complete`.
        def __init__(self, **settings: Unpack[SettingsKwargs]) -> None: ...

    def __post_init__(self) -> None:
        self._complete()
        one_of("dialect", self.dialect, get_args(DialectName))
        if self.partner is not UNSET:
            check_partner(self.partner)
        one_of("isolation", self.isolation, ("process", "thread", None))
        instance("budget", self.budget, Budget)
        instance("prices", self.prices, Prices)
        check_settings(self)

    def _complete(self) -> None:
        """Read the service's JSON, make tools of functions, and fill in the formats."""
        unrated = [name for name in ("input_format", "output_format") if self._has_no_rate(name)]
        for name, read in FROM_JSON.items():
            force_setattr(self, name, read(name, getattr(self, name)))
        force_setattr(self, "tools", tools_from(self.tools))
        one_of("sample_rate", self.sample_rate, PCM_RATES_HZ)
        force_setattr(self, "sample_rate", int(self.sample_rate))  # One of numpy is not JSON.
        for name in ("input_format", "output_format"):
            form = getattr(self, name)
            if form is None or (name in unrated and form.encoding == "pcm"):
                form = replace(form or AudioFormat(), sample_rate=self.sample_rate)
                force_setattr(self, name, form)

    def _has_no_rate(self, name: str) -> bool:
        """Whether a format was given as JSON that states no rate."""
        given: object = getattr(self, name)
        return isinstance(given, str) or (isinstance(given, Mapping) and "rate" not in given)

    def changed(self, given: Mapping[str, Any]) -> "Settings":
        """A copy with some settings changed, validated.

        Parameters
        ----------
        given : mapping of str to object
            New values, by the names of the settings.

        Returns
        -------
        Settings

        Raises
        ------
        ConfigurationError
            Also for the settings that cannot be changed during a talk.
        """
        for name in given:
            if name in IMMUTABLE or name == "api_key":
                raise ConfigurationError(
                    f"{name} cannot be changed during a talk.", cure="Create a new Talk."
                )
        settings_from(given)
        return replace(self, **given)

    @property
    def tool_offers(self) -> tuple[ToolOffer, ...]:
        """The tools as they are described to the model."""
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
    """Make `Settings` from keyword arguments; the error for an unknown name lists the known."""
    check_setting_names(given, "api_key")
    return Settings(**given)


def check_setting_names(given: Collection[str], *arguments: str) -> None:
    """Raise `ConfigurationError` for a name that is neither a setting nor one of the other
    arguments of the call.
    """
    settings = Settings.__struct_fields__
    known = (*arguments, *settings)
    for name in given:
        if name not in settings:
            raise ConfigurationError(
                f"there is no setting {name!r}.",
                cure=f"{did_you_mean(name, known)}Settings are: {', '.join(known)}.",
            )


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK_HOSTS
