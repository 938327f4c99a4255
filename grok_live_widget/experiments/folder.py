"""The folder of an experiment: its design, and one saved talk for each question that was asked.

::

    experiment.json         the format, its version, and the design
    trials/0007/            one question; a recording that `grok_live_widget.load` reads
        talk.json events.jsonl user.wav assistant.wav
        result.json         the labels, the error, the times and the cost

A question is written beside its place and moved there when it is whole, so that what is there is
whole at any time.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from .. import __version__
from .._structs import names_checked
from ..exceptions import AudioFormatError, ConfigurationError
from ..recording import load
from .loudspeaker import Overlap
from .outline import Outline
from .results import Result, Results

FORMAT, VERSION = "grok-live-experiment", 1
EXPERIMENT_FILE, RESULT_FILE, TRIALS = "experiment.json", "result.json", "trials"

_PLAIN = (
    *("index", "prompt", "voice", "settings", "repeat", "error", "error_type", "server"),
    *("elapsed_s", "cost_dollars", "attempt_count"),
)
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, ConfigurationError, AudioFormatError)


class ExperimentFolder:
    """A folder with the results of one design.

    Parameters
    ----------
    path : Path
        Exists, and has the file of the design.
    design : Outline
    """

    def __init__(self, path: Path, design: Outline) -> None:
        # Absolute, since a notebook may change its working directory meanwhile.
        self.path, self.design = path.absolute(), design

    @classmethod
    def for_writing(cls, folder: str | PathLike[str], design: Outline) -> ExperimentFolder:
        """A new folder, or one whose results are of the same design.

        Raises
        ------
        ConfigurationError
            When it holds something else, or cannot be written to.
        """
        path = _path_from(folder)
        found = _read_outline(path)
        if found is not None:
            changes = found.changes(design)
            if changes:
                raise ConfigurationError(
                    f"{str(path)!r} has results of another design: {', '.join(changes)} differ.",
                    cure="Name a new folder, or pass what was asked before.",
                )
            _remove_unfinished(path)
            return cls(path, design)
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise ConfigurationError(
                    f"folder={str(path)!r} is not empty and has no results.",
                    cure="Name a new folder.",
                )
            (path / TRIALS).mkdir(parents=True, exist_ok=True)
            head = {"format": FORMAT, "version": VERSION}
            written_by = {"written_by": f"grok_live_widget {__version__}"}
            # Under another name first: half of a file would be no experiment.
            new = path / f".{EXPERIMENT_FILE}"
            _write_json(new, {**head, **written_by, "design": design.to_json()})
            new.replace(path / EXPERIMENT_FILE)
        except OSError as error:
            raise _unusable(path, error) from None
        return cls(path, design)

    def write(self, result: Result) -> Result:
        """Write one result as a whole; returns it with its path, and without its files.

        Raises
        ------
        ConfigurationError
            When the folder cannot be written to.
        """
        target = self.path / TRIALS / f"{result.index:04d}"
        if result.path == target:
            return result
        mark = uuid.uuid4().hex[:8]
        new, old = (target.with_name(f".{target.name}.{mark}.{which}") for which in ("new", "old"))
        try:
            if result.path is not None:
                shutil.copytree(result.path, new)
            new.mkdir(exist_ok=True)
            for name, content in result.files.items():
                (new / name).write_bytes(content)
            _write_json(new / RESULT_FILE, _result_json(result))
            if target.exists():
                target.rename(old)
            new.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise _unusable(self.path, error) from None
        return replace(result, path=target, files={})

    def read(self) -> list[Result]:
        """All results that are there; one that cannot be read counts as missing."""
        places = sorted((self.path / TRIALS).glob(f"[0-9]*/{RESULT_FILE}"))
        found = (_read_result(place.parent) for place in places)
        return [each for each in found if each is not None]


@names_checked
def load_results(folder: str | PathLike[str]) -> Results:
    """Read what `Results.write`, or `compare` with ``folder=``, has written.

    Parameters
    ----------
    folder : str or PathLike

    Returns
    -------
    Results
        Those that are there, also of an experiment that is still running or was killed.

    Raises
    ------
    ConfigurationError
        When there are no results, those of a newer version, or damaged ones.

    Examples
    --------
    >>> import tempfile
    >>> from grok_live_widget import compare
    >>> from grok_live_widget.experiments import load_results
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = compare("Hello.", partner=["Good morning."], folder=folder, progress=False)
    ...     [result] = load_results(folder)
    >>> result.reply.text
    'Good morning.'
    """
    path = _path_from(folder)
    design = _read_outline(path)
    if design is None:
        raise ConfigurationError(
            f"there are no results at {str(path)!r}.",
            cure="Name a folder that compare(folder=…) or Results.write has made.",
        )
    return Results(ExperimentFolder(path, design).read(), design)


def _path_from(folder: object) -> Path:
    if not isinstance(folder, str | PathLike) or not str(folder):
        raise ConfigurationError(f"folder must be the path of a folder, not {folder!r}.")
    return Path(folder)


def _remove_unfinished(path: Path) -> None:
    """Remove what a process left that was killed while it wrote."""
    for place in (path / TRIALS).glob(".*"):
        shutil.rmtree(place, ignore_errors=True)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{str(path)!r} cannot be written to ({error.strerror or error}).",
        cure="Name a folder that can be created.",
    )


# --------------------------------------------------------------------------- experiment.json
def _read_outline(path: Path) -> Outline | None:
    """The design whose results a folder has; None where there are none.

    Raises
    ------
    ConfigurationError
        For one of a newer version, and for a damaged one.
    """
    try:
        found = json.loads((path / EXPERIMENT_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    if found.get("version") != VERSION:
        raise ConfigurationError(
            f"the results at {str(path)!r} are of version {found.get('version')!r}; "
            f"this package reads version {VERSION}.",
            cure="A newer grok_live_widget may read them.",
        )
    try:
        return Outline.from_json(found["design"])
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ConfigurationError(
            f"{str(path / EXPERIMENT_FILE)!r} has no design that can be read.",
            cure="Name a new folder; the talks in this one can be read with load().",
        ) from None


# --------------------------------------------------------------------------- result.json
def _result_json(result: Result) -> dict[str, Any]:
    turns = list(result.turns)
    has_reply = any(each is result.reply for each in turns)
    return {
        **{name: getattr(result, name) for name in _PLAIN},
        "started_at": result.started_at.isoformat(),
        "notes": list(result.notes),
        "overlap": None if result.overlap is None else asdict(result.overlap),
        # Which of the talk's turns it is.
        "reply": turns.index(result.reply) if result.reply is not None and has_reply else None,
    }


def _read_result(place: Path) -> Result | None:
    try:
        found = json.loads((place / RESULT_FILE).read_text("utf-8"))
        turns = load(place).turns
        overlap = found["overlap"]
        return Result(
            **{name: found[name] for name in _PLAIN},
            started_at=datetime.fromisoformat(found["started_at"]),
            notes=tuple(found["notes"]),
            overlap=None if overlap is None else Overlap(**overlap),
            reply=None if found["reply"] is None else turns[found["reply"]],
            turns=turns,
            path=place,
        )
    except _UNREADABLE:
        return None
