"""What was checked: `Check`, and the table of them, `Report`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, overload

from msgspec.structs import asdict, replace

from .._structs import Value, did_you_mean
from ..conversation import TABLE_STYLE, data_frame
from ..exceptions import ConfigurationError, GrokLiveError

Result = Literal["ok", "warning", "failed", "skipped"]

_LINE_LETTERS = 100
# So that addresses and commands can be copied.
_WRAPPING: Any = {"break_long_words": False, "break_on_hyphens": False}
# Colours that can be read on light and on dark pages, like those of the panel.
_COLOURS = """
<style>
.glw-turns .ok{color:light-dark(#1a7f37,#57c46f)}
.glw-turns .warning{color:light-dark(#8a5a00,#e3b341)}
.glw-turns .failed{color:light-dark(#c3242b,#ff8f86);font-weight:600}
.glw-turns .skipped{opacity:.7}
</style>"""


class Check(Value, frozen=True, kw_only=True):
    """One thing that a talk needs, and whether it is there.

    Parameters
    ----------
    name : str
    result : {"ok", "warning", "failed", "skipped"}
        ``"failed"``: a talk does not work. ``"warning"``: it works less well. ``"skipped"``: this
        way of talking does not need it, or it cannot be told, since something else failed.
    found : str
        One sentence.
    cure : str
        What to do; empty where nothing is to be done.

    Examples
    --------
    >>> from grok_live_widget import doctor
    >>> check = doctor(partner="parrot")["WebSocket"]
    >>> check.result, check.cure
    ('ok', '')
    """

    name: str
    result: Result
    found: str
    cure: str = ""


class Report(Sequence[Check]):
    """All checks of a `doctor`, in the order in which they depend on each other; a table.

    ``report["TLS"]`` is the check of that name.

    Parameters
    ----------
    checks : iterable of Check
    folder : Path or None
        Where the recording of the spoken question is, for a report of an error; None without one.

    Examples
    --------
    >>> from grok_live_widget import doctor
    >>> report = doctor(partner="parrot")
    >>> report.is_ok, report["session"].result
    (True, 'ok')
    """

    def __init__(self, checks: Iterable[Check], folder: Path | None = None) -> None:
        self._checks = tuple(checks)
        self.folder = folder

    @overload
    def __getitem__(self, key: int | str) -> Check: ...

    @overload
    def __getitem__(self, key: slice) -> Report: ...

    def __getitem__(self, key: int | str | slice) -> Check | Report:
        if isinstance(key, slice):
            return Report(self._checks[key], self.folder)
        if not isinstance(key, str):
            return self._checks[key]
        for check in self._checks:
            if check.name == key:
                return check
        names = [check.name for check in self._checks]
        raise ConfigurationError(
            f"there is no check {key!r}.",
            cure=f"{did_you_mean(key, names)}Checks are: {', '.join(names)}.",
        )

    def __len__(self) -> int:
        return len(self._checks)

    @property
    def is_ok(self) -> bool:
        """Whether nothing failed; there may be warnings."""
        return not any(check.result == "failed" for check in self._checks)

    def to_json(self) -> str:
        """The report as JSON: ``is_ok``, ``folder``, and ``checks`` with their four fields.

        Returns
        -------
        str
        """
        content = {
            "is_ok": self.is_ok,
            "folder": None if self.folder is None else str(self.folder),
            "checks": [asdict(check) for check in self._checks],
        }
        return json.dumps(content, indent=2, ensure_ascii=False)

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a check, with the fields of `Check` (needs pandas).

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            Without pandas.
        """
        return data_frame(map(asdict, self._checks), Check.__struct_fields__)

    @property
    def summary(self) -> str:
        """How many checks there are, failed and warn."""
        counts = dict.fromkeys(("failed", "warning"), 0)
        for check in self._checks:
            if check.result in counts:
                counts[check.result] += 1
        warnings = f"{counts['warning']} warning{'' if counts['warning'] == 1 else 's'}"
        return f"{len(self)} checks: {counts['failed']} failed, {warnings}"

    def __repr__(self) -> str:
        width = max((len(check.name) for check in self._checks), default=0)
        lines = [self.summary]
        for check in self._checks:
            margin = f"  {check.result:<8} {check.name:<{width}}  "
            texts = [check.found, *filter(None, [check.cure and f"→ {check.cure}"])]
            for text in texts:
                for line in wrap(text, _LINE_LETTERS - len(margin), **_WRAPPING):
                    lines.append(f"{margin}{line}")
                    margin = " " * len(margin)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("Check", "Result", "Found", "Cure")
        head = "".join(f"<th>{name}</th>" for name in heads)
        rows = "".join(
            f'<tr><td>{escape(check.name)}</td><td class="{check.result}">{check.result}</td>'
            f'<td class="t">{escape(check.found)}</td><td class="t">{escape(check.cure)}</td></tr>'
            for check in self._checks
        )
        return (
            f'<div class="glw-turns">{TABLE_STYLE}{_COLOURS}<div>{self.summary}</div>'
            f'<table class="rows"><tr>{head}</tr>{rows}</table></div>'
        )


# --------------------------------------------------------------------------- making checks
def ok(name: str, found: str) -> Check:
    """A check of what is as it should be."""
    return Check(name=name, result="ok", found=found)


def warning(name: str, found: str, cure: str = "") -> Check:
    """A check of what makes a talk worse."""
    return Check(name=name, result="warning", found=found, cure=cure)


def skipped(name: str, found: str, cure: str = "") -> Check:
    """A check of what this way of talking does not need."""
    return Check(name=name, result="skipped", found=found, cure=cure)


def failed(name: str, error: GrokLiveError) -> Check:
    """A check that found an error."""
    return Check(name=name, result="failed", found=error.message, cure=error.cure)


def not_reached(names: Iterable[str], cause: str) -> list[Check]:
    """The checks that come after one that has failed."""
    return [skipped(name, f"Not checked, since {cause!r} failed.") for name in names]


def redacted(checks: Iterable[Check], redact: Callable[[str], str]) -> list[Check]:
    """Checks without the secrets, which a server may repeat in what it says."""
    return [replace(check, found=redact(check.found), cure=redact(check.cure)) for check in checks]
