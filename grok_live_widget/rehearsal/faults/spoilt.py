"""Messages that are not what they should be: not to be understood, less, or other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import orjson

from ...protocol import Dialect, ResponseDone, SessionCreated
from .fault import AtEvent, OnLine, Place, Tally, check
from .frames import SOUND_TYPES, Frame, Step, Worker, wire_types

__all__ = ["Garbage", "Omit", "OtherModel"]

GarbageKind = Literal[
    "no-json", "no-object", "no-utf8", "binary", "wrong-types", "no-base64", "odd-bytes"
]
_BEFORE: dict[str, Frame] = {
    "no-json": Frame(b'{"type": "response.output_aud'),
    "no-object": Frame(b'["not", "an", "object"]'),
    "no-utf8": Frame(b'{"type": "\xff\xfe"}'),
    "binary": Frame(bytes(range(0, 255, 5)), is_text=False),
}
_OF_SOUND = ("no-base64", "odd-bytes")


@dataclass(frozen=True, kw_only=True)
class Garbage(AtEvent):
    """A frame that cannot be understood: before an event, or the event itself spoilt.

    Parameters
    ----------
    kind : str
        Before the event: ``"no-json"``, ``"no-object"`` (JSON, but a list), ``"no-utf8"``,
        ``"binary"`` (noise in a binary frame). The event itself: ``"wrong-types"`` (every
        field is of another type), ``"no-base64"`` and ``"odd-bytes"`` (of a piece of sound).

    Notes
    -----
    The service fills fields with types that strict clients refuse (OxyHQ/Kaana, livekit).
    """

    name: ClassVar[str] = "garbage"
    argument: ClassVar[str] = "kind"
    kind: GarbageKind = field(default="no-json", kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = get_args(GarbageKind)
        check(self.kind in kinds, "kind", self.kind, f"one of {', '.join(kinds)}")
        is_sound = self.at is not None and self.wire_types <= set(SOUND_TYPES)
        check(self.kind not in _OF_SOUND or is_sound, "at", self.at, "AudioDelta")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        before = _BEFORE.get(self.kind)
        return (before, frame) if before is not None else (self._spoilt(frame),)

    def _spoilt(self, frame: Frame) -> Frame:
        match self.kind:
            case "no-base64":
                return frame.with_fields(delta=f"%{frame.message.get('delta')}")
            case "odd-bytes":
                return frame.with_sound(frame.sound + b"\x55")
        wrong = {key: _of_another_type(value) for key, value in frame.message.items()}
        return frame.with_fields(**{**wrong, "type": frame.message.get("type")})


def _of_another_type(value: Any) -> Any:
    match value:
        case str():
            return 7
        case dict():
            return "unimplemented"
        case list():
            return {}
    return ["?"]


@dataclass(frozen=True, kw_only=True)
class Omit(AtEvent):
    """Fields of an event are left out.

    Parameters
    ----------
    names : str
        Their names, with commas between; of an inner one with its path: ``"response.id"``.
    """

    name: ClassVar[str] = "omit"
    argument: ClassVar[str] = "names"
    names: str = field(default="response_id,response.id", kw_only=False)
    at: Place = ResponseDone

    def __post_init__(self) -> None:
        super().__post_init__()
        check(bool(self.names.strip(", ")), "names", self.names, "names of fields")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        message = dict(frame.message)
        for path in self.names.split(","):
            message = _without(message, path.strip().split("."))
        return (Frame(orjson.dumps(message)),)


def _without(message: dict[str, Any], path: list[str]) -> dict[str, Any]:
    name, *inner = path
    if not inner:
        return {key: value for key, value in message.items() if key != name}
    within = message.get(name)
    return {**message, name: _without(within, inner)} if isinstance(within, dict) else message


@dataclass(frozen=True, kw_only=True)
class OtherModel(OnLine):
    """The session names another model than was asked for.

    The service does so for a model that it does not know, without a word (OxyHQ/Kaana).

    Parameters
    ----------
    model : str
    """

    name: ClassVar[str] = "other-model"
    argument: ClassVar[str] = "model"
    model: str = field(default="grok-voice-think-fast-2.0", kw_only=False)

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """From the session's beginning on, in every message that names the model."""
        begins, is_on = wire_types(SessionCreated), False

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal is_on
            if frame.wire_type in begins:
                is_on = tally.is_next()
            session = frame.message.get("session")
            if not is_on or not isinstance(session, dict) or "model" not in session:
                return (frame,)
            return (frame.with_fields(session={**session, "model": self.model}),)

        return work
