"""Write docs/messages.md: every error, note and text of the panel with its cure, from the code.

python scripts/messages.py
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "grok_live_widget"
TEXTS = PACKAGE / "widget" / "texts" / "en.json"
PAGE = ROOT / "docs" / "messages.md"

_HEAD = """\
# Messages and their cures

The errors and notes of the Python package, by the sub-package that they come from, and the texts
of the panel. A name in braces stands for a value, or for a part that the code chooses. A message
that says what a value must be is its own cure. On the command line, cures name options instead
of arguments. `scripts/messages.py` makes this page from the code, and from the catalogue of
the panel's texts.
"""

Row = tuple[str, str, str]
"""Message, cure and kind."""


def errors() -> set[str]:
    """Names of the exception classes."""
    tree = ast.parse((PACKAGE / "exceptions.py").read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


# --------------------------------------------------------------------------- texts in Python
def placeholder(node: ast.AST) -> str:
    """A name for what the code computes."""
    match node:
        case ast.Name(id=name):
            return name.strip("_").lower()
        case ast.Attribute(value=ast.Call(func=ast.Name(id="type"))):
            return "type"
        case ast.Attribute(attr=name) if name.strip("_") != "name":
            return name.strip("_").lower()
        case ast.Call(func=ast.Attribute(attr="join"), args=[part]):
            return placeholder(part)
        case ast.Call(func=ast.Name(id="len")):
            return "count"
        case ast.Call(func=ast.Name(id="map"), args=[_, part]) | ast.Call(args=[part, *_]):
            return placeholder(part)
        case ast.Call(func=part) | ast.Attribute(value=part) | ast.Subscript(value=part):
            return placeholder(part)
        case ast.FormattedValue(value=part) | ast.Await(value=part) | ast.BinOp(left=part):
            return placeholder(part)
        case ast.BoolOp(values=[part, *_]) | ast.IfExp(body=part):
            return placeholder(part)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return placeholder(first.iter)
    return "value"


@functools.cache
def _constants() -> dict[str, ast.expr]:
    """The constants of all modules, by name: other modules import them."""
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))]
    named = [pair for tree in trees for pair in _assigned(tree.body)]
    return {name: value for name, value in named if name.isupper() and name[0] != "_"}


class Texts:
    """The texts of one module.

    Parameters
    ----------
    tree : ast.Module
    """

    def __init__(self, tree: ast.Module) -> None:
        self._constants = {**_constants(), **dict(_assigned(tree.body))}

    def of(self, node: ast.expr | None, known: Mapping[str, ast.expr] = {}) -> str:
        """A text with a placeholder for each value that `known` does not have, by name."""
        match node:
            case None:
                return ""
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=values):
                return "".join(self.of(each, known) for each in values)
            case ast.FormattedValue(value=ast.Name() as name):
                return self.of(name, known)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.of(left, known) + self.of(right, known)
            case ast.IfExp(body=body, orelse=orelse):
                parts = [self.of(body, known), self.of(orelse, known)]
                are_words = all(parts) and not any(each.endswith(".") for each in parts)
                return " or ".join(parts) if are_words else parts[0] or parts[1]
            case ast.Call(func=ast.Attribute(value=value, attr="strip"), args=[]):
                return self.of(value, known)
            case ast.Constant(value=int() | float() as number):
                return str(number)
            case ast.Name(id=name) if _is_text(known.get(name)):
                others = {each: value for each, value in known.items() if each != name}
                return self.of(known[name], others)
            case ast.Name(id=name) if name in self._constants:
                return self.of(self._constants[name])
        return f"{{{placeholder(node)}}}"

    def cases(self, node: ast.Call, function: ast.AST | None) -> Iterator[tuple[list[str], str]]:
        """Arguments and cure of a call; each case of a variable in the message is one more."""
        blocks = list(_blocks(function)) if function is not None else []
        first: dict[str, ast.expr] = {}
        for block in blocks:
            first = {**block, **first}
        cure = next((each.value for each in node.keywords if each.arg == "cure"), None)
        names = [each.id for each in ast.walk(node.args[0]) if isinstance(each, ast.Name)]
        varying = next((name for name in names if sum(name in each for each in blocks) > 1), "")
        cases = [each for each in blocks if varying in each and not _is_empty(each[varying])]
        for block in cases or [{}]:
            known = {**first, **block}
            yield [self.of(each, known) for each in node.args], self.of(cure, known)


def _blocks(function: ast.AST) -> Iterator[dict[str, ast.expr]]:
    """What each block of statements assigns, by name."""
    for node in ast.walk(function):
        for field in ("body", "orelse"):
            body = getattr(node, field, None)
            named = dict(_assigned(body)) if isinstance(body, list) else {}
            if named:
                yield named


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _is_text(node: ast.expr | None) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return bool(text)
        case ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Add(), left=part):
            return _is_text(part)
        case ast.IfExp(body=body, orelse=orelse):
            return all(isinstance(each, ast.Constant | ast.JoinedStr) for each in (body, orelse))
        case ast.Name(id=name):
            return name.isupper()
    return False


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """The names that statements assign, with the expressions."""
    for node in body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            match target, node.value:
                case ast.Name(id=name), value:
                    yield name, value
                case ast.Tuple(elts=names), ast.Tuple(elts=values):
                    pairs = zip(names, values, strict=True)
                    yield from (
                        (each.id, value) for each, value in pairs if isinstance(each, ast.Name)
                    )


def messages_in(path: Path, kinds: set[str]) -> Iterator[Row]:
    """The errors and notes that a module makes, in its order."""
    tree = ast.parse(path.read_text("utf-8"))
    texts = Texts(tree)
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    within = {id(node): function for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        for arguments, cure in texts.cases(node, within.get(id(node))):
            kind, message = _kind_and_message(name, arguments, kinds)
            if message and not re.fullmatch(r"\{\w+\}\.?", message):
                yield message, cure or _USUAL_CURES.get(kind, ""), kind


# Cures that an error has by itself.
_USUAL_CURES = {"UnsupportedByServer": 'Use dialect="realtime", which does.'}


def _kind_and_message(name: str, texts: list[str], kinds: set[str]) -> tuple[str, str]:
    match name, texts:
        case "UnsupportedByServer", [word, *_]:
            return name, f"the {{dialect}} dialect does not support {word}."
        case "require", [_, setting, requirement, *_]:
            return "ConfigurationError", f"{setting} must be {requirement}, not {{value}}."
        case (("Noted" | "note"), [message, *_]):
            return "note", message
        case "report_error", [message, *_]:
            return "ServerError (rehearsal)", message
        case _ if name in kinds:
            return name, texts[0]
    return "", ""


# --------------------------------------------------------------------------- texts of the panel
def _is_sentence(text: str) -> bool:
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\{\w+\}", "", text))
    return " " in text and bool(re.match(r"[A-Z{“]", text)) and len(words) > 1


def panel_rows() -> Iterator[Row]:
    """The sentences of the panel's catalogue: the first one, and what follows."""
    sections = json.loads(TEXTS.read_text("utf-8"))
    for texts in sections.values():
        for template in texts.values():
            text = template["other"] if isinstance(template, dict) else template
            text = text.replace("{secure_page}", texts.get("secure_page", ""))
            if _is_sentence(text):
                first, _, cure = text.partition(". ")
                yield f"{first}." if cure else first, cure, "panel"


# --------------------------------------------------------------------------- the page
def groups() -> dict[str, list[Row]]:
    """All messages, by where they come from."""
    kinds = errors()
    found: dict[str, list[Row]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        group = module.parts[0] if len(module.parts) > 1 else "command line and package"
        found.setdefault(group, []).extend(messages_in(path, kinds))
    return {
        **{name: rows for name, rows in sorted(found.items()) if rows},
        "panel": [*panel_rows()],
    }


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for group, rows in groups().items():
        parts.append(f"\n## {group}\n\n| message | cure | kind |\n|---|---|---|\n")
        known = {message for message, cure, _ in rows if cure != "{cure}"}
        clear = [row for row in rows if row[1] != "{cure}" or row[0] not in known]
        parts.append("".join(dict.fromkeys(map(_line, clear))))
    return "".join(parts)


def _line(row: Row) -> str:
    message, cure, kind = (" ".join(each.replace("|", "\\|").split()) for each in row)
    return f"| {message} | {cure} | {kind} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
