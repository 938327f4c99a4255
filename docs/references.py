"""Which references in docstrings name something, with a page on the site or without."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import grok_live_widget
import grok_live_widget.events  # no other module imports it

PACKAGE = grok_live_widget.__name__
# Others whose pages could only be looked up in the network.
OUTSIDE = {"dask", "librosa", "matplotlib", "numpy", "pathlib"}


def names_something(target: str, page: str) -> bool:
    """Tell whether a reference names an argument, something of this package, or of others.

    Parameters
    ----------
    target : str
        What the docstring has between backticks.
    page : str
        Full name of the public object on whose page the docstring is.

    Returns
    -------
    bool
    """
    if target.partition(".")[0] in OUTSIDE:
        return True
    shown = pkgutil.resolve_name(page)
    return target in _arguments_on(shown) or any(
        _has(scope, target) for scope in _scopes_of(shown, page)
    )


def members_of(shown: Any) -> dict[str, Any]:
    """The functions, methods and properties that this package defines in a module or a class."""
    members = {}
    if inspect.ismodule(shown):
        members = dict(inspect.getmembers(shown))
    elif inspect.isclass(shown):
        members = dict(inspect.getmembers_static(shown))
    functions = {name: getattr(each, "__func__", each) for name, each in members.items()}
    return {
        name: each
        for name, each in functions.items()
        if not name.startswith("_") and _is_described(each)
    }


def _is_described(member: Any) -> bool:
    function = member.fget if isinstance(member, property) else member
    return inspect.isfunction(function) and function.__module__.startswith(PACKAGE)


def _has(scope: Any, target: str) -> bool:
    path, _, name = target.rpartition(".")
    try:
        if target.startswith(f"{PACKAGE}."):
            pkgutil.resolve_name(target)
            return True
        owner = attrgetter(path)(scope) if path else scope
    except (AttributeError, ImportError, ValueError):
        return False
    # Fields without a default are no attributes of their class.
    return hasattr(owner, name) or name in _arguments_of(owner)


def _scopes_of(shown: Any, page: str) -> Iterator[object]:
    """Where a name may be defined: as those who read the docstring look for it."""
    yield from (shown, grok_live_widget, pkgutil.resolve_name(page.rpartition(".")[0]))
    for each in shown.__mro__ if inspect.isclass(shown) else [shown]:
        module = inspect.getmodule(each)
        if module is not None and module.__name__.startswith(PACKAGE):
            yield module


def _arguments_on(shown: Any) -> set[str]:
    """The arguments of an object and of its methods or functions, and all settings."""
    functions = [each for each in members_of(shown).values() if not isinstance(each, property)]
    described = [grok_live_widget.Settings, shown, *functions]
    return {name for each in described for name in _arguments_of(each)}


def _arguments_of(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a module, or a method that Python does not describe
        return []
