"""Names of packages, which are loaded when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Collection

import lazy_loader

__all__ = ["attach", "unknown_name"]

# Ends the line of a name in a stub that other packages of this one use, and users do not need.
_INTERNAL = "# internal"


def attach(
    package: str, file: str
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package with a stub.

    An unknown name is an AttributeError with the nearest one. `dir` and completion leave out the
    names that the stub marks as internal.
    """
    find, _, names = lazy_loader.attach_stub(package, file)

    def shown() -> list[str]:
        from pathlib import Path  # Slow to import, and needed only to list names.

        lines = Path(file).with_suffix(".pyi").read_text("utf-8").splitlines()
        internal = {line.split()[3] for line in lines if line.endswith(_INTERNAL)}
        return [name for name in names if name not in internal]

    def find_or_suggest(name: str) -> object:
        if name in names:
            return find(name)
        raise unknown_name(package, name, shown())

    return find_or_suggest, shown, names


def unknown_name(module: str, name: str, names: Collection[str]) -> AttributeError:
    """The error for a name that a module does not have, with the nearest that it has."""
    near = ""
    # What begins with an underscore, Python and notebooks look for.
    if not name.startswith("_"):
        from ._structs import did_you_mean

        near = did_you_mean(name, names)
    # Without the object: Python itself would suggest a name a second time.
    return AttributeError(f"{module} has no attribute {name!r}. {near}".rstrip(), name=name)
