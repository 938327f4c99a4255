"""Write docs/messages.md: every error and note of the package with its cure, from the code.

python scripts/messages.py
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "grok_live_widget"
PAGE = ROOT / "docs" / "messages.md"

_HEAD = """\
# Messages and their cures

The errors and notes of the Python package, by the sub-package that they come from. `…` stands for
a value, or for a part that the code chooses. On the command line, cures name options instead of
arguments. `scripts/messages.py` makes this page from the code.
"""


def errors() -> set[str]:
    """Names of the exception classes."""
    tree = ast.parse((PACKAGE / "exceptions.py").read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def text_of(node: ast.expr | None, constants: dict[str, ast.expr]) -> str:
    """A text with an ellipsis for each value; only that where the code computes all of it."""
    match node:
        case None:
            return ""
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                str(each.value) if isinstance(each, ast.Constant) else "…" for each in values
            )
        case ast.BinOp(left=left, right=right):
            return text_of(left, constants) + text_of(right, constants)
        case ast.IfExp(body=body, orelse=orelse):
            return text_of(body, constants) or text_of(orelse, constants)
        case ast.Name(id=name) if name in constants:
            return text_of(constants[name], constants)
    return "…"


def messages_in(path: Path, kinds: set[str]) -> Iterator[tuple[str, str, str]]:
    """Kind, message and cure of each error and note that a module makes, in its order."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        texts = [text_of(each, constants) for each in node.args]
        cures = [text_of(each.value, constants) for each in node.keywords if each.arg == "cure"]
        cure = cures[0] if cures else ""
        kind, message = _kind_and_message(name, texts, kinds)
        if any(each.isalpha() for each in message):
            yield kind, message, cure


def _kind_and_message(name: str, texts: list[str], kinds: set[str]) -> tuple[str, str]:
    match name, texts:
        case "UnsupportedByServer", [word, *_]:
            return name, f"the … dialect does not support {word}."
        case "require", [_, setting, requirement, *_]:
            return "ConfigurationError", f"{setting} must be {requirement}, not …."
        case (("Noted" | "note"), [message, *_]):
            return "note", message
        case "report_error", [message, *_]:
            return "ServerError (rehearsal)", message
        case _ if name in kinds:
            return name, texts[0]
    return "", ""


def page() -> str:
    """The whole page."""
    kinds, parts = errors(), [_HEAD]
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        group = module.parts[0] if len(module.parts) > 1 else "command line and package"
        groups.setdefault(group, []).extend(messages_in(path, kinds))
    for group, found in sorted(groups.items()):
        if found:
            rows = dict.fromkeys(map(_row, found))
            parts.append(f"\n## {group}\n\n| message | cure | kind |\n|---|---|---|\n")
            parts.append("".join(rows))
    return "".join(parts)


def _row(found: tuple[str, str, str]) -> str:
    kind, message, cure = (" ".join(each.replace("|", "\\|").split()) for each in found)
    return f"| {message} | {cure} | {kind} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
