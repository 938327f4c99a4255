"""Sound files in pieces: what becomes of them when pieces are missing, mixed or too many."""

from __future__ import annotations

import pytest

from grok_live_widget.widget.dropped_files import MOST_BYTES, DroppedFiles
from grok_live_widget.widget.messages import SoundFile


def piece(number: int, count: int, *, file_id: int = 1, page: str = "a") -> SoundFile:
    return SoundFile(page=page, id=file_id, name="a.wav", piece=number, piece_count=count)


def test_a_file_is_complete_with_its_last_piece() -> None:
    files = DroppedFiles()
    assert files.add(piece(0, 3), b"one ") is None
    assert files.add(piece(1, 3), b"two ") is None
    assert files.add(piece(2, 3), b"three") == ("a.wav", b"one two three")
    assert files.add(piece(0, 1), b"alone") == ("a.wav", b"alone")


def test_a_file_that_lacks_a_piece_is_dropped() -> None:
    files = DroppedFiles()
    files.add(piece(0, 3), b"one")
    assert files.add(piece(2, 3), b"three") is None
    assert files.add(piece(1, 3), b"two") is None


def test_files_of_two_pages_are_kept_apart_and_a_new_file_replaces_an_unfinished_one() -> None:
    files = DroppedFiles()
    files.add(piece(0, 2), b"one")
    files.add(piece(0, 2, page="b"), b"other ")
    assert files.add(piece(0, 2, file_id=2), b"new ") is None
    assert files.add(piece(1, 2, page="b"), b"page") == ("a.wav", b"other page")
    assert files.add(piece(1, 2, file_id=2), b"file") == ("a.wav", b"new file")


def test_a_file_beyond_the_limit_is_dropped() -> None:
    files = DroppedFiles()
    assert files.add(piece(0, 2), bytes(MOST_BYTES)) is None
    assert files.add(piece(1, 2), b"x") is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("question.ogg", "question.ogg"),
        ("../../etc/passwd", "passwd"),
        (r"C:\\sounds\\a.wav", "a.wav"),
        ("", "sound"),
        ("..", "sound"),
    ],
)
def test_a_name_loses_its_folders(name: str, kept: str) -> None:
    message = SoundFile(page="a", id=1, name=name, piece=0, piece_count=1)
    assert DroppedFiles().add(message, b"x") == (kept, b"x")
