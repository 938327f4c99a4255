"""Names of packages, which are loaded when they are first used."""

from __future__ import annotations

from collections.abc import Callable

import lazy_loader

__all__ = ["attach"]

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
        if name in names or name.startswith("_"):
            return find(name)
        from ._structs import did_you_mean

        # Without the object: Python itself would suggest a name a second time.
        message = f"{package} has no attribute {name!r}. {did_you_mean(name, shown())}".rstrip()
        raise AttributeError(message, name=name)

    return find_or_suggest, shown, names
