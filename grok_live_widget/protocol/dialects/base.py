"""What a dialect is: two tables of words and a way to open a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from msgspec import field
from msgspec.structs import force_setattr, replace

from ..._structs import Value, with_event_id
from ...audio import PCM, Codec
from ...exceptions import UnsupportedByServer
from ..events import (
    AppendAudio,
    AudioDelta,
    ClientEvent,
    CreateItem,
    ErrorReported,
    ServerEvent,
    Unrecognized,
    UpdateSession,
)
from .frames import audio_frame, cut_audio, json_frame, message_from
from .lenient_json import string
from .shared import (
    APPEND,
    MessageType,
    audio_delta_fields,
    audio_delta_from,
    parsed_audio_delta_from,
)

__all__ = ["Dialect", "Opening"]

_NOTHING: Mapping[str, Any] = {}


class Opening(Value, frozen=True, kw_only=True):
    """How a line is opened; the key is in no repr.

    Parameters
    ----------
    first : tuple of ClientEvent
        Said at once after the handshake.
    ready : type or None
        Sound may be sent after the first event of this class; None: at once.
    """

    url: str
    headers: Mapping[str, str]
    first: tuple[ClientEvent, ...] = ()
    ready: type[Any] | None = None


class Dialect(Value, frozen=True, kw_only=True):
    """One server's vocabulary.

    Parameters
    ----------
    client_words, server_words : tuple of MessageType
        Every word either side has. Where several wire types read as one event, the first
        is the one that is said.
    word_for : callable
        ``(event) -> MessageType or None``: how an event is said; None where there is no word.
    audio_delta_types : tuple of str
        Wire types of the reply's sound; the first is the one that is said.
    opening : callable
        ``(url, api_key, wanted, conversation_id) -> Opening``
    settings_from : callable
        ``(session) -> UpdateSession``: what a server's echo of the settings says.
    unsupported : frozenset of str
        Settings that cannot be said, by their names; those of `ServerVad` as
        ``"turn_detection.…"``.
    has_responses : bool
        Whether turns and replies have names, beginnings and ends.
    """

    name: str
    path: str
    default_model: str
    default_voice: str
    audio_delta_types: tuple[str, ...]
    client_words: tuple[MessageType, ...]
    server_words: tuple[MessageType, ...]
    word_for: Callable[[ClientEvent | ServerEvent], MessageType | None]
    opening: Callable[[str, str, UpdateSession, str], Opening]
    settings_from: Callable[[Mapping[str, Any]], UpdateSession]
    unsupported: frozenset[str]
    has_responses: bool
    commit_requests_response: bool
    early_close_is_auth_failure: bool
    is_auth_error: Callable[[ErrorReported], bool]
    _from_client: dict[str, MessageType] = field(default_factory=dict)
    _from_server: dict[str, MessageType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        force_setattr(self, "_from_client", _by_wire_type(self.client_words))
        force_setattr(self, "_from_server", _by_wire_type(self.server_words))

    def supports(self, event: ClientEvent | ServerEvent) -> bool:
        """Whether there is a word for this event."""
        return isinstance(event, AudioDelta | Unrecognized) or self.word_for(event) is not None

    def encode(
        self,
        event: ClientEvent | ServerEvent,
        extra: Mapping[str, Any] = _NOTHING,
        codec: Codec = PCM,
    ) -> bytes:
        """Spell `event` as one UTF-8 JSON frame.

        Parameters
        ----------
        extra : mapping
            Further top-level fields, such as an ``event_id``.
        codec : Codec
            How sound is encoded.

        Raises
        ------
        UnsupportedByServer
            When the dialect has no word for it.
        LocalProtocolError
            When something in it cannot be spelled.
        """
        if type(event) is Unrecognized:
            return json_frame({**event.message, **extra})
        if event.event_id:
            extra = {"event_id": event.event_id, **extra}
        if type(event) is AppendAudio:
            sound = codec.encode(event.pcm)
            return audio_frame(APPEND.wire_type, "audio", extra, sound)
        if type(event) is AudioDelta:
            # A dropped half sample comes back as a zero byte, so that round trips hold.
            sound = codec.encode(event.pcm) + bytes(event.odd_byte_count)
            fields = {**extra, **audio_delta_fields(event)}
            return audio_frame(self.audio_delta_types[0], "delta", fields, sound)
        word = self.word_for(event)
        if word is None:
            raise UnsupportedByServer(_name_of(event), self.name)
        return json_frame({"type": word.wire_type, **extra, **word.fields(event)})

    def decode_server(self, frame: bytes, codec: Codec = PCM) -> ServerEvent:
        """Read a frame from the server; never raises.

        The sound of an `AudioDelta` is a copy that belongs to the event.
        """
        cut = cut_audio(frame)
        if cut is not None and cut[0].get("type") in self.audio_delta_types:
            return audio_delta_from(*cut, codec)
        message = message_from(frame)
        if message.get("type") in self.audio_delta_types:
            return parsed_audio_delta_from(message, codec)
        return cast(ServerEvent, _read(self._from_server, message))

    def decode_client(self, frame: bytes, codec: Codec = PCM) -> ClientEvent | Unrecognized:
        """Read a frame from a client; never raises. Sound may end in half a sample."""
        event = cast(ClientEvent | Unrecognized, _read(self._from_client, message_from(frame)))
        if codec is not PCM and isinstance(event, AppendAudio):
            return replace(event, pcm=codec.decode(event.pcm)[0])
        return event


def _name_of(event: ClientEvent | ServerEvent) -> str:
    """What a person asked for, where that is not the event itself."""
    if isinstance(event, CreateItem) and event.item.kind == "force_message":
        return "say_verbatim"
    return type(event).__name__


def _by_wire_type(words: Iterable[MessageType]) -> dict[str, MessageType]:
    return {word.wire_type: word for word in words}


def _read(words: Mapping[str, MessageType], message: Mapping[str, Any]) -> Any:
    word = words.get(string(message, "type"))
    if word is None:
        return Unrecognized(message, event_id=string(message, "event_id"))
    event, event_id = word.read(message), string(message, "event_id")
    return with_event_id(event, event_id) if event_id else event
