"""Sound files that are dropped on a panel, received in pieces.

Knows no transport. The messages are those of docs/channel.md.
"""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from .messages import SoundFile

MOST_BYTES = 32_000_000
"""The limit of one file: five minutes of uncompressed stereo. The page refuses a larger one."""


class DroppedFiles:
    """The pieces of files that are being received, one file for each page."""

    def __init__(self) -> None:
        self._pieces: dict[str, tuple[int, list[bytes]]] = {}

    def add(self, message: SoundFile, piece: bytes) -> tuple[str, bytes] | None:
        """Add a piece; the file's name and content when it is complete.

        A file of which a piece is missing, or that is larger than `MOST_BYTES`, is dropped.
        """
        file_id, pieces = self._pieces.pop(message.page, (message.id, []))
        if message.piece == 0 or file_id != message.id:
            file_id, pieces = message.id, []
        if message.piece != len(pieces):
            return None
        pieces.append(piece)
        if sum(map(len, pieces)) > MOST_BYTES:
            return None
        if len(pieces) >= message.piece_count:
            return _base_name(message.name), b"".join(pieces)
        self._pieces[message.page] = file_id, pieces
        return None


def _base_name(name: str) -> str:
    """The name without folders of either kind of system: it becomes that of a temporary file."""
    found = PureWindowsPath(PurePosixPath(name).name).name
    return found if found.strip(".") else "sound"
