"""The messages between an explorer and its pages; docs/channel.md describes them."""

from __future__ import annotations

from typing import Any

import msgspec

from .._structs import Value


# --------------------------------------------------------------------------- page to kernel
class PageRequest(Value, frozen=True, tag_field="type"):
    """What a view asks for. Requests need no id: any page may use an answer."""


class Open(PageRequest, frozen=True, tag="open"):
    """A view was drawn; it is answered by `Opened`."""


class Read(PageRequest, frozen=True, tag="read"):
    """The view needs a piece of the sound; it is answered by `Piece`."""

    piece: int


class _Envelope(msgspec.Struct, frozen=True):
    # msgspec analyses the fields of a struct once, a union that is passed to `convert` each time.
    message: Open | Read


def decode(content: Any) -> Open | Read | None:
    """A page's request; None if the type is unknown or a field has a wrong type."""
    try:
        return msgspec.convert({"message": content}, _Envelope).message
    except msgspec.ValidationError:
        return None


# --------------------------------------------------------------------------- kernel to page
class Region(Value, frozen=True, kw_only=True):
    """A stretch of one track, with its text.

    Parameters
    ----------
    track : int
        Index of the track.
    start_s, stop_s : float [s]
        From the beginning of the view.
    kind : {"turn", "unheard"}
        A turn, or samples of a reply that were not heard.
    """

    track: int
    start_s: float
    stop_s: float
    kind: str
    text: str


class Opened(Value, frozen=True, kw_only=True, tag="opened", tag_field="type"):
    """What a view shows before it has sound. One buffer for each track: int16, the least and the
    greatest sample of each column in turn.

    Parameters
    ----------
    roles : list of {"user", "assistant"}
        Of each track.
    sample_rate : int [Hz]
    sample_count : int
        Of each track.
    origin_s : float [s]
        Time of the first sample on the clock that the view shows.
    column_samples, piece_samples : int
        Samples of a column of the envelope, and of a piece.
    is_whole : bool
        Whether the view reads all of the sound, for a spectrogram; otherwise it reads only what
        it plays.
    regions : list of Region
    """

    roles: list[str]
    sample_rate: int
    sample_count: int
    origin_s: float
    column_samples: int
    piece_samples: int
    is_whole: bool
    regions: list[Region]


class Piece(Value, frozen=True, kw_only=True, tag="piece", tag_field="type"):
    """The samples `piece * piece_samples` and following of each track: one buffer of int16 for
    each, which is empty for a track that is silent there.
    """

    piece: int


def encode(message: Opened | Piece) -> dict[str, Any]:
    """The JSON object that is sent to the page."""
    content: dict[str, Any] = msgspec.to_builtins(message)
    return content
