"""Imports of a process that begins: what it does not need at once is put off."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Modules that were not imported at once, by name.
_put_off: dict[str, ModuleType] = {}
_importing = threading.RLock()


@contextlib.contextmanager
def quick_imports(*later: str) -> Iterator[None]:
    """For the imports of a process that begins: its garbage collector looks at none of them.

    Parameters
    ----------
    later : str
        Names of modules that are imported by `import_now`, or with the first use of one of their
        names. Other modules import them as always. Those that are imported already stay.
    """
    for name in later:
        if name in sys.modules:
            continue
        sys.modules[name] = _put_off[name] = module = _PutOff(name)
        package, _, own_name = name.rpartition(".")
        if package:
            setattr(import_module(package), own_name, module)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_now(name: str) -> None:
    """Import a module that `quick_imports` has put off; does nothing where it is imported."""
    module = _put_off.pop(name, None)
    if module is not None:
        _PutOff.become(module)  # type: ignore[arg-type]


class _PutOff(ModuleType):
    """Stands for a module, and has its names from the first use on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def become(self) -> ModuleType:
        """Import the module; other threads wait for it here."""
        with _importing:
            if type(self) is not _PutOff:  # Another thread has imported it.
                return self
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            module = import_module(self.__name__)
            self.__dict__.update(module.__dict__)
            # Names are looked up as those of any module from now on.
            self.__class__ = ModuleType  # type: ignore[assignment]
            return module

    def __getattr__(self, name: str) -> Any:
        # Not `self.become`: for another thread this may be a module like any other by now.
        return getattr(_PutOff.become(self), name)
