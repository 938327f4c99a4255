"""A patch of asyncio for notebooks whose own code uses ``asyncio.run``."""

from __future__ import annotations

import importlib
import importlib.util

__all__ = ["allow_nested_asyncio"]


def allow_nested_asyncio() -> str:
    """Make ``asyncio.run`` and ``run_until_complete`` work inside a running loop.

    A notebook already runs a loop, so that scripts written for a terminal fail there. This package
    does not need the patch, which changes asyncio for the whole kernel and cannot be undone.

    Returns
    -------
    str
        The library used: ``"nest_asyncio2"`` (the maintained fork) where it is installed, else
        ``"nest_asyncio"``. Never both, since they patch the same functions.

    Raises
    ------
    ImportError
        When neither library is installed.

    Examples
    --------
    In a notebook, before a cell that was written for a terminal:

    >>> from grok_live_widget import allow_nested_asyncio
    >>> allow_nested_asyncio()  # doctest: +SKIP
    'nest_asyncio2'
    """
    for name in ("nest_asyncio2", "nest_asyncio"):
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name).apply()
            return name
    raise ImportError("neither nest_asyncio2 nor nest_asyncio is installed")
