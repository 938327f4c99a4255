"""For a cell whose own code must use ``asyncio.run``: patch the loop, when asked to."""

from __future__ import annotations

import importlib
import importlib.util

__all__ = ["allow_nested_asyncio"]


def allow_nested_asyncio() -> str:
    """Make ``asyncio.run`` and ``run_until_complete`` work inside a running loop.

    In a notebook a loop runs already, so scripts written for a terminal fail there. Nothing in
    this package needs the patch; it changes asyncio for the whole kernel and cannot be undone.

    Returns
    -------
    str
        Which library did it: ``"nest_asyncio2"`` (the maintained fork) where it is installed,
        else ``"nest_asyncio"``. Never both, since they patch the same places.
    """
    for name in ("nest_asyncio2", "nest_asyncio"):
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name).apply()
            return name
    raise ImportError("neither nest_asyncio2 nor nest_asyncio is installed")
