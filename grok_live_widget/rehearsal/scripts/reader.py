"""Reads scripts from YAML; each error names the file, the line, the column and the cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType
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
    LONGEST_PAUSE_MS,
    Item,
    Line,
    NamesKnown,
    Pause,
    Script,
    Step,
    check_end,
    check_name,
    check_title,
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
_COMPANIONS = {
    "voice": ("text", "{text: Hello., voice: nova}"),
    "arguments": ("call", "{call: weather, arguments: {city: Lyon}}"),
}
"""Keys that stand in one item with another, and an item with both."""
_STEP_CURES = {
    "voice": 'Write it with a text, as in "say: {text: Hello., voice: nova}"; "voice:" above '
    '"steps:" is the voice of the whole script.',
    "text": 'Write "say:" with the text.',
    "pause": 'Write it in a list, as in "say: [Hello., pause: 400]".',
    "sound": 'Write it below "say:", as in "say: {sound: dog.wav}".',
    "fault": 'Write it in a list, as in "say: [{fault: drop}, Hello.]".',
    "call": "Write it in a list, as in \"say: [{call: weather}, 'It is {output}.']\".",
    "arguments": 'Write them in the list of "say:", with the call: '
    '"{call: weather, arguments: {city: Lyon}}".',
    **dict.fromkeys(
        ("title", "steps", "closing", "repeat"), 'Write it above "steps:", without indentation.'
    ),
}
"""What to write where a step has the key of an item, or of the script."""
_SCRIPT_CURES = dict.fromkeys(
    ("say", "expect", "name"), 'Write it in a step: below "steps:", after "- ".'
)
"""What to write where the script has the key of a step."""
_ITEM_CURES = dict.fromkeys(
    _ITEM_KEYS, 'Write each in an item of its own, as in "say: [Hello., pause: 400]".'
)
"""What to write where an item has the key of another one."""
_FAULT_CURE = "Write it with its arguments as further keys, as in {fault: close:1012, nth: 2}."
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

    Examples
    --------
    >>> from grok_live_widget.rehearsal import read_script
    >>> cafe = read_script("cafe")
    >>> cafe.title, len(cafe.steps)
    ('A café order', 5)
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
        if self._is(root, "Sequence"):
            self._fail(root, "a script is not a list.", 'Write "steps:" above its steps.')
        found = self._mapping(root, _SCRIPT_KEYS, "a script", _SCRIPT_CURES)
        given = {
            name: self._value(found, name, read, check)
            for name, read, check in (
                ("title", self._scalar, check_title),
                ("voice", self._scalar, check_voice),
                ("hint", self._hint, None),
                ("tries", self._tries, None),
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
        if self._is(node, "Scalar"):
            cure = 'Write "say: " before the text.'
            self._fail(node, "a step must be a mapping of keys to values, not a text.", cure)
        found = self._mapping(node, _STEP_KEYS, "a step", _STEP_CURES)
        if "say" not in found:
            self._fail(node, "this step says nothing.", 'Add what it says, as in "say: Hello."')
        given = {
            name: self._value(found, name, read, check)
            for name, read, check in (
                ("expect", self._expectation, None),
                ("hint", self._hint, None),
                ("tries", self._tries, None),
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
            if unknown in _COMPANIONS:
                with_key, example = _COMPANIONS[unknown]
                self._fail(
                    node,
                    f"{unknown!r} stands here without its {with_key!r}.",
                    f"Write both in one item: {example}.",
                )
            if not pairs or self._is_empty(pairs[unknown]):
                problem = 'a text that begins with "{" needs quotes.'
                self._fail(node, problem, f"""Write "'{{{unknown}}} …'".""")
            near = did_you_mean(unknown, tuple(_ITEM_KEYS))
            self._fail(
                node,
                f"{unknown!r} is nothing that can be said.",
                f"{near}Known: {kinds}.{'' if near else f' {_QUOTES}'}",
            )
        if kind == "fault":
            return self._fault(node, pairs)
        found = self._mapping(node, _ITEM_KEYS[kind], f"{kind!r}", _ITEM_CURES)
        read: dict[str, Callable[[Any, Mapping[str, Any]], Item]] = {
            "text": self._line,
            "pause": self._pause,
            "call": self._call,
            "sound": self._sound,
        }
        with self._at(found[kind]):
            return checked_item(read[kind](node, found))

    def _line(self, node: Any, found: Mapping[str, Any]) -> Line:
        voice = self._value(found, "voice", self._scalar, check_voice) if "voice" in found else ""
        return Line(self._scalar(found["text"]), voice)

    def _pause(self, node: Any, found: Mapping[str, Any]) -> Pause:
        cure = "Write the milliseconds, as in pause: 400."
        duration_ms = self._number(found["pause"], cure)
        if not 1 <= duration_ms <= LONGEST_PAUSE_MS:
            problem = f"a pause must last from 1 to {LONGEST_PAUSE_MS} ms, not {duration_ms:g} ms."
            self._fail(found["pause"], problem, cure)
        return Pause(duration_ms)

    def _sound(self, node: Any, found: Mapping[str, Any]) -> Path:
        written = self._scalar(found["sound"])
        path = self._path.parent / written
        if not path.is_file():
            self._fail(
                found["sound"],
                f"there is no sound file {written!r}.",
                f"Put it into {str(self._path.parent.absolute())!r}, the folder of the script, or "
                "write its path from there.",
            )
        return path

    def _call(self, node: Any, found: Mapping[str, Any]) -> CallTool:
        name = self._scalar(found["call"])
        if "arguments" not in found:
            return CallTool(name)
        given = found["arguments"]
        if not self._is(given, "Mapping"):
            self._fail(
                given,
                f"the arguments of {name!r} must be a mapping of their names to values.",
                "Write them as in arguments: {city: Lyon}.",
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
        with self._at(pairs["fault"], _FAULT_CURE):
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
        with self._at(node, _FAULT_CURE):
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
        if self._is(node, "Sequence"):
            self._fail(
                node,
                "a text is needed here, not a list.",
                'Write one text, in quotes if it begins with "[".',
            )
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

    def _tries(self, node: Any) -> Any:
        cure = "Write after how many unexpected turns the step is answered anyway, as in tries: 3."
        value = self._number(node, cure)
        if not isinstance(value, int) or not 1 <= value <= 1_000:
            problem = f"tries must be a whole number from 1 to 1000, not {node.value}."
            self._fail(node, problem, cure)
        return value

    def _is_empty(self, node: Any) -> bool:
        return self._is(node, "Scalar") and not node.value.strip()

    def _number(self, node: Any, cure: str = "Write a number, such as 3.") -> Any:
        value = self._json(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fail(node, f"a number is needed here, not {node.value!r:.60}.", cure)
        return value

    def _boolean(self, node: Any) -> Any:
        value = self._json(node)
        if not isinstance(value, bool):
            self._fail(
                node, f"true or false is needed here, not {node.value!r:.60}.", "Write one of them."
            )
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

    def _mapping(
        self,
        node: Any,
        keys: tuple[str, ...],
        what: str,
        cures: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The values of a mapping by their keys, which must be among these; `cures` has what to
        write for others that belong elsewhere.
        """
        if not self._is(node, "Mapping"):
            self._fail(
                node,
                f"{what} must be a mapping of keys to values.",
                f"Keys are: {', '.join(keys)}.",
            )
        pairs = self._pairs(node)
        for key, _ in node.value:
            if key.value not in keys and key.value in cures:
                self._fail(key, f"{what} has no key {key.value!r}.", cures[key.value])
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
        elif "another document" in str(problem):
            cure = 'Remove the line "---"; one file has one script.'
        elif not cure:
            cure = f"Check indentation, brackets and quotes there. {_QUOTES}"
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return ConfigurationError(f"{self._shown}{place}: this is not YAML ({problem}).", cure=cure)

    @contextmanager
    def _at(self, node: Any, cure: str = "") -> Iterator[None]:
        """Add the place of a node to errors, unless they have one, and a cure where none is."""
        try:
            yield
        except GrokLiveError as error:
            if error.message.startswith(f"{self._shown}, line "):
                raise
            raise self._placed(node, error.message, error.cure or cure) from None

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
