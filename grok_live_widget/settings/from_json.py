"""Settings that are given as the service's JSON, read as the values of this package.

Source of the fields: https://docs.x.ai/voice-realtime.ws.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._structs import did_you_mean
from ..exceptions import ConfigurationError
from ..protocol import AudioFormat, PushToTalk, ServerVad, Transcription
from ..tools import FileSearch, Mcp, WebSearch, XSearch

_PUSH_TO_TALK = ("none", "push_to_talk")
_ENCODINGS = {
    "pcm": "pcm", "pcm16": "pcm", "pcmu": "pcmu", "pcma": "pcma",
    "g711_ulaw": "pcmu", "g711_alaw": "pcma",
}  # fmt: skip
_PROVIDER_TOOLS = {each.kind: each for each in (WebSearch, XSearch, FileSearch, Mcp)}


def _turn_detection(name: str, value: Any) -> Any:
    """``{"type": "server_vad", …}``, ``"server_vad"``, or None for push-to-talk."""
    if value is None:
        return PushToTalk()
    kind_name = f"{name}['type']"
    if isinstance(value, str):
        kind_name, value = name, {"type": value}
    if not isinstance(value, Mapping):
        return value
    kind = value.get("type", "server_vad")
    if kind is None or kind in _PUSH_TO_TALK:
        _refuse_others(name, value, ("type",))
        return PushToTalk()
    _one_of(kind_name, kind, ("server_vad", *_PUSH_TO_TALK))
    return _made(name, ServerVad, value)


def _audio_format(name: str, value: Any) -> Any:
    """``{"type": "audio/pcm", "rate": 24000}``, ``"pcm16"``, ``"g711_ulaw"``."""
    kind_name = f"{name}['type']"
    if isinstance(value, str):
        kind_name, value = name, {"type": value}
    if not isinstance(value, Mapping):
        return value
    _refuse_others(name, value, ("type", "rate", "transport"))
    kind = str(value.get("type", "pcm")).removeprefix("audio/")
    _one_of(kind_name, kind, tuple(_ENCODINGS))
    fields = {"sample_rate": value.get("rate"), "transport": value.get("transport")}
    given = {field: each for field, each in fields.items() if each is not None}
    return AudioFormat(encoding=_ENCODINGS[kind], **given)


def _transcription(name: str, value: Any) -> Any:
    """``{"model": …, "language_hint": …, "keyterms": […]}``."""
    return _made(name, Transcription, value) if isinstance(value, Mapping) else value


def _tools(name: str, value: Any) -> Any:
    """Tools of the provider, as ``{"type": "web_search", …}``; a function's needs the function."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(_tool(f"{name}[{at}]", each) for at, each in enumerate(value))


def _tool(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    kind = value.get("type")
    if kind == "function":
        raise ConfigurationError(
            f"{name} describes the function {value.get('name')!r}, and does not contain it.",
            cure="Pass the Python function itself: its schema is made from its signature.",
        )
    _one_of(f"{name}['type']", kind, tuple(_PROVIDER_TOOLS))
    return _made(name, _PROVIDER_TOOLS[str(kind)], value)


FROM_JSON: dict[str, Callable[[str, Any], Any]] = {
    "turn_detection": _turn_detection,
    "input_format": _audio_format,
    "output_format": _audio_format,
    "transcription": _transcription,
    "tools": _tools,
}
"""Readers by setting: each returns what is no JSON as it is."""


def _made(name: str, kind: Any, value: Mapping[str, Any]) -> Any:
    """A value of a class from its fields."""
    fields = kind.__struct_fields__
    _refuse_others(name, value, ("type", *fields))
    given = {key: each for key, each in value.items() if key != "type"}
    try:
        return kind(**given)
    except TypeError as error:  # A field without a default is missing.
        raise ConfigurationError(
            f"{name} is incomplete: {error}.", cure="Add the field that it names."
        ) from None


def _refuse_others(name: str, value: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in value:
        if key not in known:
            raise ConfigurationError(
                f"{name} has no key {key!r}.",
                cure=f"{did_you_mean(key, known)}Keys are: {', '.join(known)}.",
            )


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigurationError(
            f"{name} cannot be {value!r}.",
            cure=f"{did_you_mean(value, known)}It is one of: {', '.join(known)}.",
        )
