"""Python functions as tools that the model may call.

A function becomes a tool by its signature, type hints and docstring::

    @tool(timeout_s=10)
    def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
        "Look up the weather."

Nothing here runs a function; `client.tool_runner` does.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ClassVar, Literal, overload

from .._structs import check_names, names_checked
from ..exceptions import ConfigurationError, ToolError
from .docstrings import parse_docstring
from .provider import ProviderTool
from .schema import NO_DEFAULT, Schema, check_json, hints_of, object_shape, property_of

TIMEOUT_S = 60.0
_OPTIONS = ("name", "description", "timeout_s", "approve", "thread")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


# --------------------------------------------------------------------------- functions
class Tool:
    """A Python function that the model may call. Called from Python, it calls the function.

    Parameters
    ----------
    function : callable
        Plain or a coroutine function. Its parameters need type hints.
    name, description : str or None
        None: the function's name, and its docstring without the sections.
    timeout_s : float > 0 [s]
        How long a call may take, and how long it waits for approval.
    approve : bool or None
        Whether each call needs the user's approval. None: as the setting `approve_tools` says.
    thread : {"own", "main"}
        Where a plain function runs: on a new thread, or for what allows no other (sqlite
        connections, GUI toolkits) on the kernel's main thread, between cells and while ``ask``
        or ``turn.wait`` waits there. Outside of a kernel, on the thread that made the talk or
        whose loop it is awaited on. `timeout_s` includes the time until it is free.

    Attributes
    ----------
    parameters : Mapping
        The JSON schema of the arguments.

    Raises
    ------
    ConfigurationError
        When the function cannot be a tool, with the reason.
    """

    kind: ClassVar[str] = "function"

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        timeout_s: float = TIMEOUT_S,
        approve: bool | None = None,
        thread: Literal["own", "main"] = "own",
    ) -> None:
        if not callable(function):
            raise ConfigurationError(f"a tool must be a function, not {function!r}.")
        self.function = function
        self.name = _checked_name(name or getattr(function, "__name__", type(function).__name__))
        self.timeout_s = _checked_timeout(timeout_s, self.name)
        self.approve = _checked_approve(approve, self.name)
        self.thread = _checked_thread(thread, function, self.name)
        prose, described = parse_docstring(inspect.getdoc(function) or "")
        self.description = _checked_description(
            prose if description is None else description, self.name
        )
        self._arguments = _arguments_of(function, self.name, described)
        self.parameters = self._arguments.schema
        functools.update_wrapper(self, function)

    @classmethod
    def described(
        cls,
        *,
        name: str,
        description: str,
        parameters: Mapping[str, Any],
        timeout_s: float,
        approve: bool | None,
        thread: Literal["own", "main"],
    ) -> Tool:
        """A tool whose function is in another process: what is known of it, to be offered.

        Parameters
        ----------
        name, description, parameters, timeout_s, approve, thread
            See `Tool`.

        Returns
        -------
        Tool
            A call of it from Python is an error.
        """
        made = cls(_is_elsewhere, name=name, timeout_s=timeout_s, approve=approve)
        made.description, made.parameters, made.thread = description, parameters, thread
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; nothing is checked, awaited or timed."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Tool {self.name!r}>"

    def read_arguments(self, text: str) -> dict[str, Any]:
        """Read the arguments of a call, as keyword arguments of the function.

        Raises
        ------
        ToolError
            With the reason, so that the model can correct its call.
        """
        try:
            given = json.loads(text, parse_constant=_refuse) if text.strip() else {}
        except RecursionError:
            raise ToolError("the arguments are nested too deep.") from None
        except ValueError as error:
            raise ToolError(f"the arguments are not JSON: {error}.") from None
        found: dict[str, Any] = self._arguments.read(given, "")
        return found


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = TIMEOUT_S,
    approve: bool | None = None,
    thread: Literal["own", "main"] = "own",
) -> Callable[[Callable[..., Any]], Tool]: ...


# Each option is described by itself.
@names_checked
def tool(  # numpydoc ignore=PR01
    function: Callable[..., Any] | None = None, /, **options: Any
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a function a tool; as a decorator, with or without options.

    Parameters
    ----------
    function : callable
        A plain function, a coroutine function or a generator function.
    name, description : str or None
        None: the function's own.
    timeout_s : float > 0 [s]
        How long a call may take, and how long it waits for approval.
    approve : bool or None
        Whether each call needs the user's approval. None: as the setting `approve_tools` says.
    thread : {"own", "main"}
        Where a plain function runs: on a new thread, or on the kernel's main thread; see `Tool`.

    Returns
    -------
    Tool or callable
        Without a function: the decorator, which returns the tool.

    Raises
    ------
    ConfigurationError
        When the function cannot be a tool, with the reason.

    Examples
    --------
    >>> from grok_live_widget import tool
    >>> @tool(timeout_s=10, approve=True)
    ... def column_mean(name: str) -> float:
    ...     '''Mean of a column of the measurements.'''
    ...     return {"mass": 1.25}[name]
    >>> column_mean
    <Tool 'column_mean'>
    """
    check_names("tool()", options, _OPTIONS)
    if function is None:
        return lambda each: Tool(each, **options)
    return Tool(function, **options)


def _is_elsewhere() -> None:
    raise ToolError("the function is in another process.")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number of JSON")


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not a valid name of a tool.",
            cure='Use up to 64 letters, digits, "_" and "-": tool(name="look_up")(function).',
        )
    return name


def _checked_timeout(timeout_s: Any, name: str) -> float:
    is_number = isinstance(timeout_s, Real) and not isinstance(timeout_s, bool)
    if not (is_number and 0 < timeout_s <= 86_400):
        raise ConfigurationError(
            f"timeout_s of the tool {name!r} must be a number above 0, up to 86400, "
            f"not {timeout_s!r}."
        )
    return float(timeout_s)


def _checked_thread(thread: Any, function: Callable[..., Any], name: str) -> Literal["own", "main"]:
    if thread not in ("own", "main"):
        raise ConfigurationError(
            f'thread of the tool {name!r} must be "own" or "main", not {thread!r}.'
        )
    if thread == "main" and is_coroutine_function(function):
        raise ConfigurationError(
            f'the tool {name!r} is a coroutine function, and thread="main" is for plain ones.',
            cure="Define it with def, without async; coroutines run on a loop of the talk.",
        )
    return "main" if thread == "main" else "own"


def is_coroutine_function(function: object) -> bool:
    """Whether a call of it only makes a coroutine; also of objects with such a ``__call__``."""
    called = getattr(function, "__call__", None)  # noqa: B004  (an object's own method)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def _checked_approve(approve: Any, name: str) -> bool | None:
    if approve is not None and not isinstance(approve, bool):
        raise ConfigurationError(
            f"approve of the tool {name!r} must be True, False or None, not {approve!r}."
        )
    return approve


def _checked_description(description: Any, name: str) -> str:
    where = f"the description of the tool {name!r}"
    if not isinstance(description, str):
        raise ConfigurationError(f"{where} must be text, not {description!r}.")
    _refuse_unsendable(description, where)
    return description


def _refuse_unsendable(value: Any, where: str) -> None:
    """Refuse what no message can carry, such as a lone surrogate in a text."""
    try:
        check_json(value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{where} contains a value or a character that JSON cannot represent.",
            cure="text.encode('utf-8', 'replace').decode() replaces lone surrogates.",
        ) from None


def _arguments_of(function: Callable[..., Any], name: str, described: Mapping[str, str]) -> Schema:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"the tool {name!r} has no signature that Python can read.",
            cure="Wrap it: def f(x: float) -> float: return g(x).",
        ) from None
    hinted = inspect.unwrap(function)
    if not inspect.isroutine(hinted):
        hinted = getattr(hinted, "func", None) or type(hinted).__call__
    hints = hints_of(hinted, name)
    members = {}
    for each in signature.parameters.values():
        _check_kind(each, name)
        where = f"the parameter {each.name!r} of the tool {name!r}"
        has_default = each.default is not inspect.Parameter.empty
        members[each.name] = property_of(
            hints.get(each.name, Any),
            each.default if has_default else NO_DEFAULT,
            where,
            description=described.get(each.name, ""),
        )
        _refuse_unsendable(members[each.name].schema, where)
    return object_shape(members)


def _check_kind(parameter: inspect.Parameter, name: str) -> None:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ConfigurationError(
            f"the parameter {parameter.name!r} of the tool {name!r} cannot be given by name.",
            cure="Tools are called with keywords only.",
        )


# --------------------------------------------------------------------------- lists of tools
def tools_from(given: Any) -> tuple[Tool | ProviderTool, ...]:
    """Convert the setting `tools`.

    Raises
    ------
    ConfigurationError
    """
    if not isinstance(given, list | tuple):
        raise ConfigurationError(f"tools must be a list, not {given!r}.", cure="tools=[function]")
    made = tuple(_tool_from(each) for each in given)
    names = [each.name for each in made if isinstance(each, Tool)]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(
                f"two tools are named {name!r}.", cure='Rename one: tool(name="…")(function).'
            )
    return made


def _tool_from(given: Any) -> Tool | ProviderTool:
    if isinstance(given, Tool | ProviderTool):
        return given
    if not callable(given) or isinstance(given, type):
        raise ConfigurationError(
            f"a tool must be a function or a tool object, not {given!r}.",
            cure="Pass functions, @tool objects, WebSearch(), XSearch(), FileSearch() or Mcp().",
        )
    return Tool(given)


def functions_of(tools: tuple[Tool | ProviderTool, ...]) -> dict[str, Tool]:
    """The tools that are Python functions, by their names."""
    return {each.name: each for each in tools if isinstance(each, Tool)}
