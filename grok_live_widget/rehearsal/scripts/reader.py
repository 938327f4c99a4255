"""Reads scripts from YAML; each error names the file, the line, the column and the cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from ..._structs import did_you_mean
from ...exceptions import ConfigurationError, GrokLiveError
from ...protocol import AudioDelta, ResponseCreated, SessionUpdated
from ..faults.base import ConnectionFault, EventFault, HandshakeFault
from ..faults.catalogue import Burst, OtherModel
from ..faults.parse import FAULTS, fault_from
from ..partner import CallTool
from .model import (
    Item,
    Line,
    NamesKnown,
    Pause,
    Script,
    Step,
    check_end,
    check_name,
    check_title,
    check_tries,
    check_voice,
    checked_expectation,
    checked_hint,
    checked_item,
    checked_items,
)

_FOLDER = Path(__file__).parent / "ready"

READY = tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))
"""The names of the scripts of this package."""

_SCRIPT_KEYS = ("title", "voice", "hint", "tries", "steps", "closing", "repeat")
_STEP_KEYS = ("expect", "say", "hint", "tries", "name")
_ITEM_KEYS = {
    "text": ("text", "voice"),
    "pause": ("pause",),
    "call": ("call", "arguments"),
    "sound": ("sound",),
    "fault": ("fault",),
}
_QUOTES = 'Put a text with special characters, such as ":" or "{", in quotes.'


def read_script(source: str | PathLike[str]) -> Script:
    """Read a script.

    Parameters
    ----------
    source : str or PathLike
        The path of a YAML file in UTF-8, or the name of a script of this package: one of `READY`.

    Returns
    -------
    Script

    Raises
    ------
    ConfigurationError
        When there is no such file, when its content is no script (with file, line and column), or
        when PyYAML is not installed.
    """
    is_ready = str(source) in READY and (isinstance(source, str) or not Path(source).exists())
    path = _FOLDER / f"{source}.yaml" if is_ready else Path(source)
    return _Reader(path, str(source)).read()


class _Reader:
    """The reader of one file.

    Parameters
    ----------
    path : Path
    shown : str
        The path in errors.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self._path, self._shown = path, shown
        self._yaml = _library()
        # By the id of the item, since not all items can be keys.
        self._item_nodes: dict[int, Any] = {}

    def read(self) -> Script:
        root = self._compose(self._text())
        found = self._mapping(root, _SCRIPT_KEYS, "a script")
        given = {
            name: self._value(found, name, read, check)
            for name, read, check in (
                ("title", self._scalar, check_title),
                ("voice", self._scalar, check_voice),
                ("hint", self._hint, None),
                ("tries", self._number, check_tries),
                ("closing", self._hint, None),
                ("repeat", self._boolean, None),
            )
            if name in found
        }
        if "steps" not in found:
            self._fail(root, "the script has no steps.", 'Add a list "steps:".')
        steps = [self._step(node) for node in self._steps(found["steps"])]
        with self._at(found.get("repeat", root)):
            check_end(given.get("closing", ()), given.get("repeat", False))
        names = NamesKnown(lambda item: self._at(self._item_nodes[id(item)]))
        for step in steps:
            names.check_step(step)
        for name in ("hint", "closing"):
            names.check(name, given.get(name, ()))
        with self._at(root):
            return Script(steps, **given)

    def _step(self, node: Any) -> Step:
        found = self._mapping(node, _STEP_KEYS, "a step")
        if "say" not in found:
            self._fail(node, "this step says nothing.", 'Add "say:".')
        given = {
            name: self._value(found, name, read, check)
            for name, read, check in (
                ("expect", self._expectation, None),
                ("hint", self._hint, None),
                ("tries", self._number, check_tries),
                ("name", self._scalar, check_name),
            )
            if name in found
        }
        return Step(self._items(found["say"]), **given)

    # ------------------------------------------------------------------ what is said
    def _items(self, node: Any) -> tuple[Item, ...]:
        nodes = node.value if self._is(node, "Sequence") else [node]
        items = [self._item(each) for each in nodes]
        self._item_nodes.update(zip(map(id, items), nodes, strict=True))
        with self._at(node):
            return checked_items("say", items)

    def _hint(self, node: Any) -> tuple[Item, ...]:
        items = self._items(node)
        with self._at(node):
            return checked_hint(items)

    def _item(self, node: Any) -> Item:
        if not self._is(node, "Mapping"):
            text = self._scalar(node)
            with self._at(node):
                return checked_item(text)
        pairs = self._pairs(node)
        kind = next((each for each in _ITEM_KEYS if each in pairs), None)
        if kind is None:
            unknown = next(iter(pairs), "")
            kinds = ", ".join(_ITEM_KEYS)
            if node.flow_style:
                self._fail(node, 'a text that begins with "{" needs quotes.', "Put it in quotes.")
            near = did_you_mean(unknown, tuple(_ITEM_KEYS))
            self._fail(
                node,
                f"{unknown!r} is nothing that can be said.",
                f"{near}Known: {kinds}.{'' if near else f' {_QUOTES}'}",
            )
        if kind == "fault":
            return self._fault(node, pairs)
        found = self._mapping(node, _ITEM_KEYS[kind], f"{kind!r}")
        read: dict[str, Callable[[Any, Mapping[str, Any]], Item]] = {
            "text": self._line,
            "pause": lambda node, found: Pause(
                self._number(found["pause"], "Write the milliseconds, such as 400.")
            ),
            "call": self._call,
            "sound": lambda node, found: self._path.parent / self._scalar(found["sound"]),
        }
        with self._at(found[kind]):
            return checked_item(read[kind](node, found))

    def _line(self, node: Any, found: Mapping[str, Any]) -> Line:
        voice = self._value(found, "voice", self._scalar, check_voice) if "voice" in found else ""
        return Line(self._scalar(found["text"]), voice)

    def _call(self, node: Any, found: Mapping[str, Any]) -> CallTool:
        name = self._scalar(found["call"])
        if "arguments" not in found:
            return CallTool(name)
        given = found["arguments"]
        if not self._is(given, "Mapping"):
            self._fail(
                given, f"the arguments of {name!r} must be a mapping.", "Such as {city: Lyon}."
            )
        # As the tool will receive it: a date is a text.
        return CallTool(name, msgspec.json.decode(msgspec.json.encode(self._json(given))))

    def _fault(self, node: Any, pairs: Mapping[str, Any]) -> ConnectionFault:
        text = self._scalar(pairs["fault"])
        name = text.partition(":")[0]
        if name not in FAULTS:
            known = ", ".join(FAULTS)
            self._fail(
                pairs["fault"],
                f"there is no fault {name!r}.",
                f"{did_you_mean(name, tuple(FAULTS))}Known: {known}.",
            )
        with self._at(pairs["fault"]):
            fault = fault_from(text)
        if isinstance(fault, HandshakeFault | Burst | OtherModel):
            self._fail(
                pairs["fault"],
                f"the fault {name!r} acts on the beginning of a connection or a reply, which a "
                "step follows.",
                "Start the rehearsal server with this fault.",
            )
        keys = tuple(each.name for each in fields(fault))
        found = self._mapping(node, ("fault", *keys), f"the fault {name!r}")
        del found["fault"]
        given = {key: self._argument(each, getattr(fault, key)) for key, each in found.items()}
        assert isinstance(fault, ConnectionFault)
        if isinstance(fault, EventFault) and fault.at in (SessionUpdated, ResponseCreated):
            # These events are over when a step begins.
            given = {"at": AudioDelta, **given}
        with self._at(node):
            return replace(fault, **given)

    def _argument(self, node: Any, default: Any) -> Any:
        """An argument of a fault: a number where the default is one."""
        if default is None:
            return self._json(node)
        return self._number(node) if isinstance(default, int | float) else self._scalar(node)

    # ------------------------------------------------------------------ values of nodes
    def _value(
        self,
        found: Mapping[str, Any],
        name: str,
        read: Callable[[Any], Any],
        check: Callable[[Any], None] | None,
    ) -> Any:
        value = read(found[name])
        if check is not None:
            with self._at(found[name]):
                check(value)
        return value

    def _scalar(self, node: Any) -> str:
        """A text as it is written, so that ``yes`` and ``2`` are texts too."""
        if not self._is(node, "Scalar"):
            self._fail(node, f"a text is needed here, not a {node.id}.", _QUOTES)
        if node.tag.endswith(":null") or not node.value.strip():
            self._fail(node, "a text is missing here.", "Write it after the colon.")
        return str(node.value)

    def _expectation(self, node: Any) -> tuple[str, ...]:
        nodes = node.value if self._is(node, "Sequence") else [node]
        alternatives = [self._scalar(each) for each in nodes]
        for each, text in zip(nodes, alternatives, strict=True):
            with self._at(each):
                checked_expectation(text)
        with self._at(node):
            if not alternatives:
                raise ConfigurationError(
                    "expect is an empty list.", cure='"expect: any" stands for any speech or text.'
                )
            return checked_expectation(alternatives)

    def _number(self, node: Any, cure: str = "Write a number, such as 3.") -> Any:
        value = self._json(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fail(node, f"a number is needed here, not {node.value!r:.60}.", cure)
        return value

    def _boolean(self, node: Any) -> Any:
        value = self._json(node)
        if not isinstance(value, bool):
            self._fail(node, f"true or false is needed here, not {node.value!r:.60}.", "Use one.")
        return value

    def _json(self, node: Any) -> Any:
        """A value of any depth that JSON can hold."""
        loader = self._yaml.SafeLoader("")
        try:
            value = loader.construct_object(node, deep=True)
            msgspec.json.encode(value)
        except self._yaml.YAMLError as error:
            raise self._error_of(error, "Write texts, numbers, lists and mappings only.") from None
        except (TypeError, ValueError, RecursionError) as error:
            self._fail(node, f"this value cannot be JSON ({error}).", "Use texts and numbers.")
        finally:
            loader.dispose()
        return value

    def _steps(self, node: Any) -> list[Any]:
        if not self._is(node, "Sequence") or not node.value:
            problem = "steps must be a list of at least one step."
            self._fail(node, problem, 'Begin each step with "- ".')
        return list(node.value)

    def _mapping(self, node: Any, keys: tuple[str, ...], what: str) -> dict[str, Any]:
        """The values of a mapping by their keys, which must be among these."""
        if not self._is(node, "Mapping"):
            self._fail(
                node,
                f"{what} must be a mapping of keys to values.",
                f"Keys are: {', '.join(keys)}.",
            )
        pairs = self._pairs(node)
        for key, _ in node.value:
            if key.value not in keys:
                near = did_you_mean(key.value, keys)
                self._fail(
                    key,
                    f"{what} has no key {key.value!r}.",
                    f"{near}Keys are: {', '.join(keys)}.{'' if near else f' {_QUOTES}'}",
                )
        return pairs

    def _pairs(self, node: Any) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for key, value in node.value:
            if not self._is(key, "Scalar"):
                self._fail(key, f"a key must be a word, not a {key.id}.", _QUOTES)
            if key.value in pairs:
                self._fail(key, f"the key {key.value!r} occurs twice.", "Remove one of them.")
            pairs[key.value] = value
        return pairs

    def _is(self, node: Any, kind: str) -> bool:
        return isinstance(node, getattr(self._yaml, f"{kind}Node"))

    # ------------------------------------------------------------------ the file
    def _text(self) -> str:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            near = did_you_mean(self._shown, READY)
            raise ConfigurationError(
                f"there is no script {self._shown!r}.",
                cure=f"{near}Give the path of a YAML file, or one of {', '.join(READY)}.",
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"the script {self._shown!r} cannot be read ({error.strerror}).",
                cure="Give the path of a YAML file.",
            ) from None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise ConfigurationError(
                f"{self._shown}, line {line}: the file is not UTF-8.",
                cure="Save it in this encoding.",
            ) from None

    def _compose(self, text: str) -> Any:
        try:
            root = self._yaml.compose(text, self._yaml.SafeLoader)
        except self._yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise ConfigurationError(
                f"{self._shown}, line {line}: it contains the character {error.character:#x}.",
                cure="Remove it.",
            ) from None
        except self._yaml.YAMLError as error:
            raise self._error_of(error) from None
        if root is None:
            raise ConfigurationError(
                f"{self._shown} is empty.", cure='Write a script: a list "steps:".'
            )
        return root

    def _error_of(self, error: Any, cure: str = "") -> ConfigurationError:
        """What the parser found, with its place."""
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        if "\\t" in str(problem):
            cure = "Use spaces, not tabs."
        elif getattr(error, "context_mark", None) and "quoted scalar" in str(error.context):
            opened = error.context_mark.line + 1
            cure = f"Close the quote that is opened in line {opened}."
        elif not cure:
            cure = f"Check indentation, brackets and quotes there. {_QUOTES}"
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return ConfigurationError(f"{self._shown}{place}: this is not YAML ({problem}).", cure=cure)

    @contextmanager
    def _at(self, node: Any) -> Iterator[None]:
        """Add the place of a node to errors, unless they have one."""
        try:
            yield
        except GrokLiveError as error:
            if error.message.startswith(f"{self._shown}, line "):
                raise
            raise self._placed(node, error.message, error.cure) from None

    def _fail(self, node: Any, problem: str, cure: str) -> NoReturn:
        raise self._placed(node, problem, cure)

    def _placed(self, node: Any, problem: str, cure: str) -> ConfigurationError:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        message = f"{self._shown}, line {line}, column {column}: {problem}"
        return ConfigurationError(message, cure=cure)


def _library() -> Any:
    try:
        import yaml
    except ImportError:
        raise ConfigurationError(
            "a script in YAML needs PyYAML, which is not installed.",
            cure="Run: pip install 'grok-live-widget[scripts]'",
        ) from None
    return yaml
