"""The lessons of the package: where they are, their titles, and copies in another folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .exceptions import ConfigurationError

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class CopiedLessons:
    """What became of each lesson when they were copied.

    Parameters
    ----------
    folder : Path
        Where they are, absolute.
    copied : list of str
        Names of the files that were written.
    unchanged : list of str
        Names of those that were there already, the same as the lesson.
    kept : list of str
        Names of those that were there and differ from the lesson; they were not touched.
    """

    folder: Path
    copied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def sentences(self) -> Iterator[str]:
        """What was done, one sentence for each kind of lesson."""
        if self.copied:
            yield f"Copied {_counted(len(self.copied))} to {self.folder}."
        if self.unchanged:
            yield f"Already in {self.folder}: {_counted(len(self.unchanged))}."
        if self.kept:
            names = ", ".join(self.kept)
            yield (
                f"Kept as in the folder, because different from the lesson: {names}. "
                "Rename a file and run the command again to get the lesson beside it."
            )


def _counted(count: int) -> str:
    return f"{count} lesson" if count == 1 else f"{count} lessons"


def lesson_paths() -> list[Path]:
    """The notebooks of the package, by name: in a checkout the originals.

    Raises
    ------
    ConfigurationError
        Where the installation has none.
    """
    checkout = _PACKAGE.parent / "notebooks"
    is_checkout = checkout.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file()
    folder = checkout if is_checkout else _PACKAGE / "lessons"
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise ConfigurationError(
            f"this installation has no lessons in {str(folder)!r}.", cure="Install it again."
        )
    return found


def title_of(lesson: Path) -> str:
    """The first heading of a notebook; its file name where it has none.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with suppress(ValueError, KeyError, TypeError):
        for cell in json.loads(lesson.read_bytes())["cells"]:
            for line in "".join(cell["source"]).splitlines():
                if cell["cell_type"] == "markdown" and line.startswith("# "):
                    return line.removeprefix("# ").strip()
    return lesson.stem


def copy_lessons(folder: Path) -> CopiedLessons:
    """Copy all lessons into a folder, which is made where there is none.

    A file that is there is never written to, whatever it contains.

    Raises
    ------
    ConfigurationError
        When the folder or a file there cannot be written or read.
    """
    with _refusals_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        done = CopiedLessons(folder.resolve())
    for lesson in lesson_paths():
        target = done.folder / lesson.name
        content = lesson.read_bytes()
        with _refusals_of(target):
            if _write_new(target, content):
                done.copied.append(lesson.name)
            elif target.read_bytes() == content:
                done.unchanged.append(lesson.name)
            else:
                done.kept.append(lesson.name)
    return done


def _write_new(target: Path, content: bytes) -> bool:
    """Write a file unless there is one; False if there is."""
    try:
        # "x" also refuses a file that another program makes at this moment.
        with target.open("xb") as file:
            try:
                file.write(content)
                file.flush()
            except BaseException:
                # A part of a lesson would be taken for one that the user has changed.
                target.unlink()
                raise
    except FileExistsError:
        return False
    return True


@contextmanager
def _refusals_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise ConfigurationError(
            f"{str(path)!r} is no folder, or a part of its path is a file.",
            cure="Name another folder.",
        ) from None
    except IsADirectoryError:
        raise ConfigurationError(
            f"{str(path)!r} is a folder, where a lesson belongs.", cure="Name another folder."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be written ({error.strerror}).", cure="Name another folder."
        ) from None
