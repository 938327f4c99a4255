"""What a dialect is: its message types, how a connection is opened, and where it differs."""

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
from ..server_errors import is_auth_error
from .frames import audio_frame, json_frame, message_from, read_audio_frame
from .lenient_json import string
from .shared import (
    APPEND,
    MessageType,
    audio_delta_fields,
    audio_delta_from,
    audio_delta_from_frame,
)

_NOTHING: Mapping[str, Any] = {}


class Opening(Value, frozen=True, kw_only=True):
    """How a connection is opened; the key is in no repr.

    Parameters
    ----------
    first : tuple of ClientEvent
        Sent at once after the handshake.
    ready : type or None
        Audio may be sent after the first event of this class; None: at once.
    """

    url: str
    headers: Mapping[str, str]
    first: tuple[ClientEvent, ...] = ()
    ready: type[Any] | None = None

    @property
    def has_key(self) -> bool:
        """Whether a key is sent, in a header or in a message."""
        in_messages = any(getattr(event, "api_key", "") for event in self.first)
        return "Authorization" in self.headers or in_messages


class Dialect(Value, frozen=True, kw_only=True):
    """One server's vocabulary, as data.

    Parameters
    ----------
    client_messages, server_messages : tuple of MessageType
        Every message type of either side. Where several wire types read as one event, the
        first is the one that is sent.
    audio_delta_types : tuple of str
        Wire types of the reply's audio; the first is the one that is sent.
    opening : callable
        ``(url, api_key, wanted, conversation_id) -> Opening``
    settings_from : callable
        ``(session) -> UpdateSession``: reads the settings that a server confirms.
    unsupported : frozenset of str
        Settings that have no place in its messages, by their names; those of `ServerVad` as
        ``"turn_detection.…"``.
    item_kinds : frozenset of str or None
        Kinds of `Item` that can be created; None: all.
    ignored_types : frozenset of str
        Wire types of messages that are known to say nothing that is used, so that none of them
        is noted.
    undocumented : frozenset of type
        Client events that are sent although the server's documentation does not describe
        them. An error in reply to one means that the server does not support it.
    voices : Mapping of str to str
        The voices that its documentation names, with their character where it has one; servers
        may know more.
    voice_substitutes : Mapping of str to str
        Voices of other dialects that the service does not have, and its nearest one.
    has_responses : bool
        Whether the server sends ids, beginnings and ends of turns and replies.
    confirms_settings : bool
        Whether the server answers a change of settings.
    commit_requests_response : bool
        Whether a commit asks for a reply by itself, without `CreateResponse`; it then carries
        no instructions and no metadata for that reply.
    early_close_is_auth_failure : bool
        Whether the key is sent after the handshake, so that a close before any event of the
        server (with other than 1000 or a transient code) means that the key was refused.
    is_auth_error : callable
        ``(error) -> bool``: whether an error says that the key was refused.
    """

    name: str
    path: str
    default_model: str
    default_voice: str
    audio_delta_types: tuple[str, ...]
    client_messages: tuple[MessageType, ...]
    server_messages: tuple[MessageType, ...]
    opening: Callable[[str, str, UpdateSession, str], Opening]
    settings_from: Callable[[Mapping[str, Any]], UpdateSession]
    has_responses: bool
    confirms_settings: bool
    commit_requests_response: bool
    early_close_is_auth_failure: bool
    unsupported: frozenset[str] = frozenset()
    item_kinds: frozenset[str] | None = None
    ignored_types: frozenset[str] = frozenset()
    undocumented: frozenset[type] = frozenset()
    voices: Mapping[str, str] = field(default_factory=dict)
    voice_substitutes: Mapping[str, str] = field(default_factory=dict)
    is_auth_error: Callable[[ErrorReported], bool] = is_auth_error
    _by_event: dict[type, MessageType] = field(default_factory=dict)
    _from_client: dict[str, MessageType] = field(default_factory=dict)
    _from_server: dict[str, MessageType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = (*self.client_messages, *self.server_messages)
        # Reversed, so that the first of several wire types is the one that stays.
        force_setattr(self, "_by_event", {each.event: each for each in reversed(known)})
        force_setattr(self, "_from_client", _by_wire_type(self.client_messages))
        force_setattr(self, "_from_server", _by_wire_type(self.server_messages))

    def supports(self, event: ClientEvent | ServerEvent) -> bool:
        """Whether this event can be encoded."""
        kind = type(event)
        return kind in (AudioDelta, Unrecognized) or self._message_type_of(event) is not None

    def _message_type_of(self, event: ClientEvent | ServerEvent) -> MessageType | None:
        kinds = self.item_kinds
        if isinstance(event, CreateItem) and kinds is not None and event.item.kind not in kinds:
            return None
        return self._by_event.get(type(event))

    def encode(
        self,
        event: ClientEvent | ServerEvent,
        extra: Mapping[str, Any] = _NOTHING,
        codec: Codec = PCM,
    ) -> bytes:
        """Encode `event` as one UTF-8 JSON frame.

        Parameters
        ----------
        extra : mapping
            Further top-level fields, such as an ``event_id``.
        codec : Codec
            How audio is encoded.

        Raises
        ------
        UnsupportedByServer
            When the dialect has no message type for it.
        LocalProtocolError
            When something in it cannot be encoded.
        """
        if type(event) is Unrecognized:
            return json_frame({**event.message, **extra})
        if event.event_id:
            extra = {"event_id": event.event_id, **extra}
        if type(event) is AppendAudio:
            return audio_frame(APPEND.wire_type, "audio", extra, codec.encode(event.pcm))
        if type(event) is AudioDelta:
            # A dropped half sample comes back as a zero byte, so that round trips hold.
            audio = codec.encode(event.pcm) + bytes(event.odd_byte_count)
            fields = {**extra, **audio_delta_fields(event)}
            return audio_frame(self.audio_delta_types[0], "delta", fields, audio)
        message_type = self._message_type_of(event)
        if message_type is None:
            raise UnsupportedByServer(_requested_name(event), self.name)
        return json_frame({"type": message_type.wire_type, **extra, **message_type.fields(event)})

    def decode_server(self, frame: bytes, codec: Codec = PCM) -> ServerEvent:
        """Read a frame from the server; never raises.

        The audio of an `AudioDelta` is a copy that belongs to the event.
        """
        return self.read_server(frame, codec)[0]

    def read_server(self, frame: bytes, codec: Codec = PCM) -> tuple[ServerEvent, bytes, int]:
        """`decode_server`, with the text and the bytes of audio that were cut out of it, where
        `AUDIO_CUT` is; without audio of the usual form, the frame itself and -1.
        """
        read = read_audio_frame(frame)
        if read is not None and read[0].type in self.audio_delta_types:
            fields, audio, text = read
            return audio_delta_from_frame(fields, audio, codec), text, len(audio)
        message = message_from(frame)
        if message.get("type") in self.audio_delta_types:
            return audio_delta_from(message, codec), frame, -1
        return cast(ServerEvent, _read(self._from_server, message)), frame, -1

    def decode_client(self, frame: bytes, codec: Codec = PCM) -> ClientEvent | Unrecognized:
        """Read a frame from a client; never raises. Audio may end in half a sample."""
        event = cast(ClientEvent | Unrecognized, _read(self._from_client, message_from(frame)))
        if codec is not PCM and isinstance(event, AppendAudio):
            return replace(event, pcm=codec.decode(event.pcm)[0])
        return event


def _requested_name(event: ClientEvent | ServerEvent) -> str:
    """The name of the public method, where the caller does not know the event."""
    if isinstance(event, CreateItem) and event.item.kind == "force_message":
        return "say_verbatim"
    return type(event).__name__


def _by_wire_type(message_types: Iterable[MessageType]) -> dict[str, MessageType]:
    return {each.wire_type: each for each in message_types}


def _read(message_types: Mapping[str, MessageType], message: Mapping[str, Any]) -> Any:
    message_type = message_types.get(string(message, "type"))
    if message_type is None:
        return Unrecognized(message, event_id=string(message, "event_id"))
    event, event_id = message_type.read(message), string(message, "event_id")
    return with_event_id(event, event_id) if event_id else event
