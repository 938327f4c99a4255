"""Rules of the code base that no linter checks."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "grok_live_widget"
TESTS = ROOT / "tests"

MOST_TOP_MODULES = 11
MOST_LAYERS = 9

# Tests of the whole package, which belong to no single module.
WHOLE = {
    "test_captures.py",
    "test_docstrings.py",
    "test_documents.py",
    "test_examples.py",
    "test_faulty_connections.py",
    "test_fuzz.py",
    "test_golden.py",
    "test_architecture.py",
    "test_notebooks.py",
    "test_secrets.py",
    "test_site.py",
    "test_soak.py",
    "test_versions.py",
}
# Folders whose tests drive the whole package from outside.
OUTSIDE = {"browser", "kernels", "peers"}
# Modules that are tested through their only caller.
THROUGH = {
    "__main__.py": "test_cli.py",
    "client/endpoint.py": "client/test_connector.py",
    "settings/validation.py": "settings/test_settings.py",
    "client/timeouts.py": "client/test_reconnecting_session.py",
    "widget/explorer_messages.py": "widget/test_explorer.py",
    "widget/tool_output.py": "kernels/test_tools.py",
    "client/_pump.py": "client/test_session.py",
    "client/ask.py": "client/test_talk.py",
    "client/batch.py": "test_cli.py",
    "client/callers.py": "client/test_tool_runner.py",
    "client/exchange.py": "client/test_talk.py",
    "client/process/__main__.py": "client/process/test_remote_session.py",
    "client/process/calls.py": "client/process/test_supervisor.py",
    "client/process/connection_process.py": "client/process/test_supervisor.py",
    "client/process/host.py": "client/process/test_remote_session.py",
    "client/process/kernel_calls.py": "client/process/test_supervisor.py",
    "client/process/mirror.py": "client/process/test_remote_session.py",
    "client/process/remote_asker.py": "client/process/test_remote_session.py",
    "client/surroundings.py": "client/test_reconnecting_session.py",
    "client/talk_session.py": "client/test_talk.py",
    "_processes/pickled.py": "rehearsal/test_process.py",
    "rehearsal/__main__.py": "rehearsal/test_process.py",
    "rehearsal/refusals.py": "test_faulty_connections.py",
    "rehearsal/remote_partner.py": "rehearsal/test_process.py",
    "widget/sound_part.py": "widget/test_remote_sound.py",
    "conversation/html.py": "conversation/test_turns.py",
    "recording/frames_html.py": "recording/test_frames.py",
    "conversation/table.py": "conversation/test_turns.py",
}

modules = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def expected_test(module: Path) -> Path:
    """`dialects/live.py` is tested in `dialects/test_live.py`, `__init__.py` in `test_init.py`."""
    if str(module) in THROUGH:
        return Path(THROUGH[str(module)])
    return module.with_name(f"test_{module.stem.strip('_')}.py")


def imported_names(path: Path) -> set[str]:
    """Top-level packages that a file imports, be it by `import_module("name")`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0, module=str(name)):
                names.add(name)
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                names.add(name)
    return {name.split(".")[0] for name in names}


def importers(*names: str) -> set[str]:
    return {str(module) for module in modules if imported_names(PACKAGE / module) & set(names)}


def texts_of_the_tree() -> list[tuple[str, str]]:
    """Path and text of every file that is, or could be, committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and path != Path(__file__):
            raw = path.read_bytes()
            if b"\0" not in raw:
                found.append((name, raw.decode("utf-8")))
    return found


def defines_something(module: Path) -> bool:
    """Tell whether a module defines anything: an `__init__.py` that only exports needs no test."""
    body = ast.parse((PACKAGE / module).read_text("utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)


def test_every_module_has_its_test() -> None:
    expected = {expected_test(module) for module in modules if defines_something(module)}
    missing = {str(test) for test in expected if not (TESTS / test).is_file()}
    assert sorted(missing) == []


def test_every_test_has_its_module() -> None:
    expected = {expected_test(module) for module in modules}
    tests = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    unexpected = {
        str(test)
        for test in tests - expected
        if str(test) not in WHOLE and test.parts[0] not in OUTSIDE
    }
    assert sorted(unexpected) == []


def test_there_are_few_modules_at_the_top_and_few_layers() -> None:
    top = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert len(top) <= MOST_TOP_MODULES, sorted(top)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    assert len(layers) <= MOST_LAYERS


def test_the_architecture_document_names_every_package() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    missing = {
        name
        for name in packages
        if not re.search(rf"^#+ {name}$|`(grok_live_widget[./])?{name}[/`]", document, re.MULTILINE)
    }
    assert sorted(missing) == []


def test_only_the_transport_and_the_two_servers_import_websockets() -> None:
    assert importers("websockets") <= {
        "client/transport.py",
        "client/message_socket.py",
        "rehearsal/server.py",
        "widget/direct_server.py",
    }


def test_only_one_module_knows_nest_asyncio_and_imports_it_when_asked() -> None:
    named = {str(m) for m in modules if "nest_asyncio" in (PACKAGE / m).read_text("utf-8")}
    assert named == {"nested.py"}
    assert importers("nest_asyncio", "nest_asyncio2") == set()


def test_text_reaches_the_page_as_text_only() -> None:
    markup = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "js" / "src").rglob("*.ts")
        if markup.search(path.read_text("utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        (
            "a path on a developer's machine",
            r"(?<![\w./:-])/(home|Users|root|work|workspace|mnt)/\w",
        ),
        (
            "a private package registry",
            r"index-url|find-links|artifactory|verdaccio|devpi",
        ),
        ("an API key", r"\b(xai|sk|pk|ghp|gho)[-_][A-Za-z0-9]{20,}|\bBearer [A-Za-z0-9]{20,}"),
    ],
)
def test_no_file_holds(what: str, pattern: str) -> None:
    compiled = re.compile(pattern)
    found = [
        f"{name}: {match.group()}"
        for name, text in texts_of_the_tree()
        for match in compiled.finditer(text)
    ]
    assert found == [], f"{what} was committed"


def test_every_link_in_the_documents_has_a_target() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    link = re.compile(r"\]\((?!https?:|#)([^)#\s]+)|(?:src|srcset)=\"([^\"]+)\"")
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for match in link.finditer(page.read_text("utf-8"))
        if not (page.parent / (target := match[1] or match[2])).exists()
    ]
    assert broken == []


def test_every_message_that_the_documents_quote_is_in_the_code() -> None:
    code = "\n".join(path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py")))
    # Of the table of faults, whose last column quotes what `ask` shows.
    table = (ROOT / "docs" / "faults.md").read_text("utf-8")
    quoted = re.findall(r"Error`, \"([^\"]+)\"", table)
    assert quoted
    assert [each for each in quoted if each not in code] == []


def test_the_page_of_messages_is_that_of_the_code() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "messages.py"))
    written = (ROOT / "docs" / "messages.md").read_text("utf-8")
    assert written == made["page"](), "run: python scripts/messages.py"


def test_every_error_that_a_user_may_meet_has_a_cure() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "messages.py"))
    # A message that says what a value must be is its own cure. The model, not a user, reads a
    # ToolError; the errors of the rehearsal are those of the service.
    kinds = made["errors"]() - {"ToolError"}
    own_cure = re.compile(r" must | may have ")
    bare = [
        message
        for rows in made["groups"]().values()
        for message, cure, kind in rows
        if kind in kinds and not cure and not own_cure.search(message)
    ]
    # What another server says is passed on.
    assert bare == ["the server reported: {error}"]


def test_the_page_of_messages_names_what_the_code_computes_and_has_the_texts_of_the_panel() -> None:
    page = (ROOT / "docs" / "messages.md").read_text("utf-8")
    assert "| there is no file {shown}. | Check its path. | AudioFormatError |" in page
    assert "| there is no host {host}. | Check url= and the network. | ConnectError |" in page
    assert "| The microphone was refused. | Click the icon left of the address bar," in page
    assert "| {duration} of {name}’s voice was lost on its way to this page. |  | panel |" in page
    assert "browser gives it no microphone and no sound. | Open the notebook over https, or" in page
    assert "| {count} more answers wait to be played. |  | panel |" in page
    assert "| Stop |" not in page


def test_the_lock_of_the_front_end_names_no_other_registry() -> None:
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))
    hosts = {
        package["resolved"].split("/")[2]
        for package in lock["packages"].values()
        if "resolved" in package
    }
    assert hosts <= {"registry.npmjs.org"}
