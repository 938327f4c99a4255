"""Write docs/messages.md: every error, note and text of the panel with its cure, from the code.

python scripts/messages.py
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "grok_live_widget"
PANEL = ROOT / "js" / "src"
PAGE = ROOT / "docs" / "messages.md"

_HEAD = """\
# Messages and their cures

The errors and notes of the Python package, by the sub-package that they come from, and the texts
of the panel. A name in braces stands for a value, or for a part that the code chooses. A message
that says what a value must be is its own cure. On the command line, cures name options instead
of arguments. `scripts/messages.py` makes this page from the code.
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


class Texts:
    """The texts of one module.

    Parameters
    ----------
    tree : ast.Module
    """

    def __init__(self, tree: ast.Module) -> None:
        self._constants = dict(_assigned(tree.body))

    def of(self, node: ast.expr | None) -> str:
        """A text with a placeholder for each value."""
        match node:
            case None:
                return ""
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=values):
                return "".join(map(self.of, values))
            case ast.FormattedValue(value=ast.Name() as name):
                return self.of(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.of(left) + self.of(right)
            case ast.IfExp(body=body, orelse=orelse):
                return self.of(body) or self.of(orelse)
            case ast.Call(func=ast.Attribute(value=value, attr="strip"), args=[]):
                return self.of(value)
            case ast.Name(id=name) if name in self._constants:
                return self.of(self._constants[name])
        return f"{{{placeholder(node)}}}"

    def cases(
        self, node: ast.Call, function: ast.AST | None
    ) -> list[tuple[ast.expr, ast.expr | None]]:
        """Message and cure of a call: those of each case where variables hold them."""
        message = node.args[0]
        cure = next((each.value for each in node.keywords if each.arg == "cure"), None)
        if not isinstance(message, ast.Name) or function is None:
            return [(message, cure)]
        found: list[tuple[ast.expr, ast.expr | None]] = []
        for statement in ast.walk(function):
            named = dict(_assigned([statement]) if isinstance(statement, ast.stmt) else ())
            if message.id in named:
                is_named = isinstance(cure, ast.Name) and cure.id in named
                found.append((named[message.id], named[cure.id] if is_named else cure))  # type: ignore[union-attr]
        return found or [(message, cure)]


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
        for first, cure in texts.cases(node, within.get(id(node))):
            arguments = [texts.of(each) for each in [first, *node.args[1:]]]
            kind, message = _kind_and_message(name, arguments, kinds)
            if message and not re.fullmatch(r"\{\w+\}\.?", message):
                usual = _USUAL_CURES.get(kind, "") if cure is None else ""
                yield message, texts.of(cure) or usual, kind


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
_COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def panel_texts(source: str) -> Iterator[str]:
    """The sentences in TypeScript: its literals of several words, and those joined by `+`."""
    source = _COMMENT.sub("", source)
    at, text, end = 0, "", -1
    while at < len(source):
        found = _literal_at(source, at)
        if found is None:
            at += 1
            continue
        part, after = found
        if text and re.fullmatch(r"\s*\+\s*", source[end:at]):
            text += part
        else:
            if _is_sentence(text):
                yield text
            text = part
        at = end = after
    if _is_sentence(text):
        yield text


def _literal_at(source: str, at: int) -> tuple[str, int] | None:
    """The literal that begins here, and where it ends."""
    if source[at] == '"':
        match = _LITERAL.match(source, at)
        return (match[1], match.end()) if match else None
    if source[at] != "`":
        return None
    text, at = "", at + 1
    while source[at] != "`":
        if source.startswith("${", at):
            end = _end_of_value(source, at + 2)
            text += f"{{{_name_of(source[at + 2 : end])}}}"
            at = end
        else:
            text += source[at]
        at += 1
    return text, at + 1


def _end_of_value(source: str, at: int) -> int:
    """Where the brace closes; templates within are skipped."""
    while source[at] != "}":
        found = _literal_at(source, at)
        at = found[1] if found else at + 1
    return at


def _name_of(value: str) -> str:
    """A name for what the code computes: the last one in it that is no text."""
    names = re.findall(r"[a-zA-Z_]\w*", re.sub(r'"[^"]*"|`[^`]*`', "", value))
    return names[-1] if names else "value"


def _is_sentence(text: str) -> bool:
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\{\w+\}", "", text))
    return bool(re.match(r"[A-Z{]", text)) and len(words) > 1


def panel_rows() -> Iterator[Row]:
    """The texts of the panel: the first sentence, and what follows."""
    for path in [*sorted(PANEL.glob("*.ts")), *sorted((PANEL / "view").glob("*.ts"))]:
        for text in panel_texts(path.read_text("utf-8")):
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
        parts.append("".join(dict.fromkeys(map(_line, rows))))
    return "".join(parts)


def _line(row: Row) -> str:
    message, cure, kind = (" ".join(each.replace("|", "\\|").split()) for each in row)
    return f"| {message} | {cure} | {kind} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
