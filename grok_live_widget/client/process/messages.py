"""The messages between the kernel and the process of a connection, as plain values.

*Down* is from the kernel to the connection: requests. *Up* is what happens there, in order, the
results of requests, and calls of what only the kernel has.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ... import exceptions
from ..._structs import Value
from ...exceptions import GrokLiveError
from ...protocol import AudioFormat, Event, Transcription, TurnDetection
from ...settings import Budget, Prices, Settings
from ...tools import Tool
from ..timeouts import Timeouts


class Message(Struct, frozen=True, tag=True, array_like=True):
    """Encoded as an array that begins with the name of its class."""


class Failure(Message, frozen=True):
    """An error that was raised: its class, arguments and attributes."""

    kind: str
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]
    turn_id: str = ""


class PastSound(Message, frozen=True):
    """A reply that was not heard to its end, so that the next process can go on with it.

    Parameters
    ----------
    pcm : bytes
        All of it, at the rate of the connection. The memory in which the process before has
        written it need not be shared.
    item_id, response_id : str
        Its ids at the server.
    """

    pcm: bytes
    heard_sample_count: int
    item_id: str
    response_id: str
    was_interrupted: bool


class PastTurn(Message, frozen=True):
    """What a new process needs to know of a turn of one before it."""

    role: str
    text: str
    turn_id: str
    sound: PastSound | None = None


_Place = tuple[int | str | None, int, int, int]


class Past(Message, frozen=True):
    """What a new process needs to know of those before it, to go on with their talk.

    Parameters
    ----------
    places : tuple of two tuple
        Of the user's sound and of the replies: see `tapes.Place`.
    origin_s : float or None [s]
        See `Conversation.origin_s`.
    """

    turns: tuple[PastTurn, ...]
    places: tuple[_Place, _Place]
    origin_s: float | None
    conversation_id: str
    why: str


# --------------------------------------------------------------------------- down
class KeyFound(Message, frozen=True):
    """The key that was found, None for none; or what is wrong with key, settings or server."""

    key: str | None
    failure: Failure | None = None


class Begin(Message, frozen=True):
    """The first message: the talk, and what of the kernel's it needs.

    Parameters
    ----------
    settings : dict
        See `plain_settings`.
    remembered : dict of str to str
        The dialect that each server has accepted.
    partner : object
        The setting of this name as JSON; False: it was not given. It is the kernel that starts the
        rehearsal.
    parts : tuple of str
        Names of modules with further methods, each with ``added_to(host)``.
    """

    settings: dict[str, Any]
    key: KeyFound
    timeouts: Timeouts
    remembered: dict[str, str]
    partner: Any = False
    parts: tuple[str, ...] = ()
    past: Past | None = None


class Request(Message, frozen=True):
    """Call a method, and send its result. `caller` stands for the context of the code that asks."""

    id: int
    method: str
    arguments: dict[str, Any]
    caller: int = 0


class Told(Message, frozen=True):
    """Call a method of which no result is wanted."""

    method: str
    arguments: dict[str, Any]


# --------------------------------------------------------------------------- up
class TalkState(Value, frozen=True, kw_only=True):
    """What holds of the talk beside its turns, as of the event that comes with it."""

    phase: str = "closed"
    is_reopening: bool = False
    server_name: str = ""
    dialect: str = ""
    conversation_id: str = ""
    ends_at_s: float | None = None
    dropped_s: float = 0.0
    is_sending_sound: bool = False
    update_count: int = 0


class Happened(Message, frozen=True):
    """An event of the talk.

    Parameters
    ----------
    now_s : float [s]
        When, on the monotonic clock, which all processes of a computer share.
    turn_ids : tuple of str
        Of the turns that it began.
    sound : tuple of two int or None
        Where the sound of the event is in shared memory: first sample and count.
    is_hidden : bool
        Whether it concerns turns and recording alone.
    """

    event: Event
    now_s: float
    turn_ids: tuple[str, ...] = ()
    sound: tuple[int, int] | None = None
    is_hidden: bool = False


class StateChanged(Message, frozen=True):
    """What holds from the next event on."""

    state: TalkState


class FrameLogged(Message, frozen=True):
    """A WebSocket frame was added to the log.

    Parameters
    ----------
    record : tuple
        See `recording.Record`, without the text.
    parts : tuple of bytes
        The text before and after the audio that was cut out of it; the mark in its place is
        another one in each process.
    """

    record: tuple[int, float, bool, int, int, bytes, int]
    parts: tuple[bytes, ...]


class TapeMoved(Message, frozen=True):
    """The sound of one side is in new memory, from a position on; older sound was dropped.

    Shared memory has a name, or its descriptor is the next that comes over the socket for them.
    """

    is_user: bool
    base: int
    capacity: int
    name: str = ""


class PartSent(Message, frozen=True):
    """A message of a part of the process; see `Begin.parts`."""

    part: str
    content: Any
    buffer: bytes | None = None


# --------------------------------------------------------------------------- both
class Returned(Message, frozen=True):
    """The result of a request, or of a call."""

    id: int
    value: Any = None


class Raised(Message, frozen=True):
    """The same, where an error was raised."""

    id: int
    failure: Failure


class Cancelled(Message, frozen=True):
    """A request or a call is not waited for any more."""

    id: int


Down = KeyFound | Request | Told | Returned | Raised | Cancelled
Up = (
    Happened
    | StateChanged
    | FrameLogged
    | TapeMoved
    | PartSent
    | Request
    | Returned
    | Raised
    | Cancelled
)

_ENCODER = msgspec.msgpack.Encoder(enc_hook=lambda value: _plain(value))


def encode(message: Message) -> bytes:
    """A message as bytes."""
    try:
        return _ENCODER.encode(message)
    except UnicodeEncodeError:
        # A lone surrogate, such as of a file's name that is not UTF-8.
        plain = msgspec.to_builtins(message, enc_hook=_plain, builtin_types=(bytes,))
        return _ENCODER.encode(_without_surrogates(plain))


def decoder_of(kinds: Any) -> Callable[[bytes], Any]:
    """A function that reads messages of these classes: `Down` or `Up`."""
    return msgspec.msgpack.Decoder(kinds).decode


def _plain(value: Any) -> Any:
    """What msgspec does not know: numbers of numpy, paths, mappings."""
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain value")


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_without_surrogates(key): _without_surrogates(value[key]) for key in value}
        case list() | tuple():
            return [_without_surrogates(each) for each in value]
    return value


# --------------------------------------------------------------------------- errors
def failure_from(error: BaseException) -> Failure:
    """An error as a message."""
    attributes = dict(getattr(error, "__dict__", {})) if isinstance(error, GrokLiveError) else {}
    turn = attributes.get("turn")
    if turn is not None:
        del attributes["turn"]
    arguments = tuple(each for each in error.args if isinstance(each, str | int | float))
    turn_id = "" if turn is None else turn.turn_id
    return Failure(type(error).__name__, arguments, attributes, turn_id)


def error_from(failure: Failure, turn: object = None) -> Exception:
    """The error of a message; a RuntimeError for a class that is unknown here."""
    kind = getattr(exceptions, failure.kind, None) or getattr(builtins, failure.kind, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        text = ", ".join(map(str, failure.arguments))
        return RuntimeError(f"{failure.kind}: {text}")
    if not issubclass(kind, GrokLiveError):
        return kind(*failure.arguments)
    error = kind.__new__(kind, *failure.arguments)
    error.__dict__ |= failure.attributes
    if turn is not None:
        error.__dict__["turn"] = turn
    error.args = tuple(failure.arguments)
    return error


# --------------------------------------------------------------------------- settings
_TYPES: dict[str, Any] = {
    "turn_detection": TurnDetection,
    "input_format": AudioFormat,
    "output_format": AudioFormat,
    "transcription": Transcription | None,
    "budget": Budget | None,
    "prices": Prices | None,
}
# The partner of a rehearsal is no plain value, and TLS is not for what is said here.
_LEFT_OUT = ("partner", "ssl", "isolation")


def plain_settings(settings: Settings, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Settings as plain values, but for partner and TLS; functions are described."""
    plain = {}
    for name in Settings.__struct_fields__ if names is None else names:
        value = getattr(settings, name)
        if name == "tools":
            plain[name] = [_plain_tool(each) for each in value]
        elif name == "record" and value is not None:
            plain[name] = os.path.abspath(value)  # noqa: PTH100  (of any path-like)
        elif name not in _LEFT_OUT:
            plain[name] = msgspec.to_builtins(value, enc_hook=_plain)
    return plain


def settings_kwargs(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Settings` from plain values."""
    given = dict(plain)
    for name, kind in _TYPES.items():
        if name in given:
            given[name] = msgspec.convert(given[name], kind)
    if "tools" in given:
        given["tools"] = [_tool_from(each) for each in given["tools"]]
    return given


def _plain_tool(given: Any) -> dict[str, Any]:
    if not isinstance(given, Tool):
        return {"type": given.kind, **given.parameters}
    names = ("name", "description", "parameters", "timeout_s", "approve", "thread")
    plain = msgspec.to_builtins({name: getattr(given, name) for name in names}, enc_hook=_plain)
    return {"type": "function", **plain}


def _tool_from(plain: Mapping[str, Any]) -> Any:
    if plain["type"] != "function":
        return dict(plain)
    return Tool.described(**{name: each for name, each in plain.items() if name != "type"})
