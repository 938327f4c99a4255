"""What a dialect is: two tables of words and a way to open a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..events import (
    AppendAudio,
    AudioDelta,
    ClientEvent,
    ServerEvent,
    Unrecognized,
    UpdateSession,
)
from ..exceptions import UnsupportedByServer
from .frames import append_frame, audio_frame, cut_audio, json_frame, message_from
from .reading import present, string
from .words import Word, audio_delta_from, parsed_audio_delta_from

__all__ = ["Dialect", "Opening"]

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a line is opened; the key is in no repr.

    Parameters
    ----------
    first : tuple of ClientEvent
        Said at once after the handshake.
    ready : type or None
        Sound may be sent after the first event of this class; None: at once.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    first: tuple[ClientEvent, ...] = ()
    ready: type[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One server's vocabulary.

    Parameters
    ----------
    client_words, server_words : tuple of Word
        Every word either side has. Where several wire types read as one event, the first
        is the one that is said.
    audio_delta_types : tuple of str
        Wire types of the reply's sound; the first is the one that is said.
    opening : callable
        ``(url, api_key, wanted) -> Opening``
    """

    name: str
    path: str
    default_model: str
    default_voice: str
    audio_delta_types: tuple[str, ...]
    client_words: tuple[Word, ...]
    server_words: tuple[Word, ...]
    opening: Callable[[str, str, UpdateSession], Opening]
    has_responses: bool
    _said: dict[type[Any], Word] = field(init=False, repr=False)
    _from_client: dict[str, Word] = field(init=False, repr=False)
    _from_server: dict[str, Word] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        said: dict[type[Any], Word] = {}
        for word in (*self.client_words, *self.server_words):
            said.setdefault(word.event, word)
        object.__setattr__(self, "_said", said)
        object.__setattr__(self, "_from_client", _by_wire_type(self.client_words))
        object.__setattr__(self, "_from_server", _by_wire_type(self.server_words))

    def can_say(self, event: type[Any]) -> bool:
        """Whether there is a word for events of this class."""
        return event in self._said or event in (AudioDelta, Unrecognized)

    def encode(
        self, event: ClientEvent | ServerEvent, extra: Mapping[str, Any] = _NOTHING
    ) -> bytes:
        """Spell `event` as one UTF-8 JSON frame.

        Parameters
        ----------
        extra : mapping
            Further top-level fields, such as a server's ``event_id``.

        Raises
        ------
        UnsupportedByServer
            When the dialect has no word for it.
        """
        if type(event) is AppendAudio and not extra:
            return append_frame(event.pcm)
        if type(event) is AudioDelta:
            return self._encode_audio_delta(event, extra)
        if type(event) is Unrecognized:
            return json_frame({**event.message, **extra})
        word = self._said.get(type(event))
        if word is None:
            raise UnsupportedByServer(type(event).__name__, self.name)
        return json_frame({"type": word.wire_type, **extra, **word.fields(event)})

    def _encode_audio_delta(self, event: AudioDelta, extra: Mapping[str, Any]) -> bytes:
        names = present(response_id=event.response_id, item_id=event.item_id)
        message = {"type": self.audio_delta_types[0], **extra, **names}
        # The dropped half sample comes back as a zero byte, so that the law of round trips holds.
        return audio_frame(message, event.pcm + bytes(event.odd_byte_count))

    def decode_server(self, frame: bytes) -> ServerEvent:
        """Read a frame from the server; never raises.

        The sound of an `AudioDelta` is a copy that belongs to the event.
        """
        cut = cut_audio(frame)
        if cut is not None and cut[0].get("type") in self.audio_delta_types:
            return audio_delta_from(*cut)
        message = message_from(frame)
        if message.get("type") in self.audio_delta_types:
            return parsed_audio_delta_from(message)
        return cast(ServerEvent, _read(self._from_server, message))

    def decode_client(self, frame: bytes) -> ClientEvent | Unrecognized:
        """Read a frame from a client; never raises."""
        return cast(ClientEvent | Unrecognized, _read(self._from_client, message_from(frame)))


def _by_wire_type(words: Iterable[Word]) -> dict[str, Word]:
    return {word.wire_type: word for word in words}


def _read(words: Mapping[str, Word], message: Mapping[str, Any]) -> Any:
    word = words.get(string(message, "type"))
    return Unrecognized(message) if word is None else word.read(message)
