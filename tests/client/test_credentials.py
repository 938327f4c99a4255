"""The API key is looked for in a known order, and is never shown."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import threading
import tomllib
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import Talk
from grok_live_widget.client.credentials import (
    ENVIRONMENT_NAME,
    Secret,
    find_key,
    locate_key,
    missing_libraries,
    unanswered,
)
from grok_live_widget.exceptions import AuthenticationError, ConfigurationError

from ..support.waiting import wait_until

KEY = "a-key-nobody-may-see"

SOURCES = {
    "google/colab/userdata.py": "def get(name): return 'from-colab' if name == {name!r} else None",
    "keyring.py": "def get_password(service, name):\n"
    "    return 'from-keyring' if (service, name) == ('grok_live_widget', {name!r}) else None",
    "dotenv.py": "def find_dotenv(usecwd): return usecwd and '.env'\n"
    "def dotenv_values(path): return {{{name!r}: 'from-dotenv'}}",
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`write(path, code)`: a library that can be imported in this test only."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv(ENVIRONMENT_NAME, raising=False)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    # Found here even if the machine has the real ones.
    for name in _loaded():
        monkeypatch.delitem(sys.modules, name)
    yield lambda path, code: _write(tmp_path / path, code)
    for name in _loaded():
        del sys.modules[name]


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in ("google", "keyring", "dotenv")]


def _write(path: Path, code: str) -> None:
    for folder in [path.parent, *path.parent.parents]:
        if folder.name in ("google", "colab"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
    path.write_text(code.format(name=ENVIRONMENT_NAME), "utf-8")


# --------------------------------------------------------------------------- the order
def found(given: str | Secret | None = None) -> str | None:
    key = find_key(given)
    return None if key is None else key.reveal()


def test_the_first_source_that_has_a_key_wins(write: Any, monkeypatch: Any) -> None:
    for path, code in SOURCES.items():
        write(path, code)
    assert found() == "from-keyring", "Colab's module without Colab is not asked"
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")
    assert found() == "from-colab"
    monkeypatch.setenv(ENVIRONMENT_NAME, " from-environment\n")
    assert found() == "from-environment"
    assert found("  given ") == "given"


def test_the_place_where_the_key_was_found_is_named(write: Any, monkeypatch: Any) -> None:
    def where(given: str | None = None) -> str:
        return locate_key(given)[1]

    for path, code in SOURCES.items():
        write(path, code)
    assert where() == "the keyring"
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")
    assert where() == "Colab's secrets"
    monkeypatch.setenv(ENVIRONMENT_NAME, KEY)
    assert where() == "the environment variable XAI_API_KEY"
    assert where(KEY) == "api_key="


def test_a_source_that_fails_or_has_no_key_is_skipped(
    write: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")
    monkeypatch.setenv(ENVIRONMENT_NAME, "  ")
    write("google/colab/userdata.py", "def get(name): raise TimeoutError")
    write("keyring.py", "def get_password(service, name): raise RuntimeError('locked')")
    write("dotenv.py", SOURCES["dotenv.py"])
    assert found() == "from-dotenv"
    assert locate_key()[1] == ".env"
    (tmp_path / "dotenv.py").unlink()
    del sys.modules["dotenv"]
    write("dotenv.py", "def find_dotenv(usecwd): return None\ndef dotenv_values(path): return {{}}")
    assert locate_key() == (None, "")


@pytest.mark.parametrize("missing", [["keyring"], ["dotenv"], ["keyring", "dotenv"]])
def test_without_a_key_the_message_names_the_extra_of_the_sources_not_installed(
    missing: list[str],
) -> None:
    # A process of its own, in which these libraries cannot be found.
    script = (
        "import sys, importlib.machinery as machinery\n"
        "found = machinery.PathFinder.find_spec\n"
        "machinery.PathFinder.find_spec = classmethod(lambda kind, name, *rest:\n"
        f"    None if name in {missing} else found(name, *rest))\n"
        "from grok_live_widget import Talk\n"
        "try:\n    Talk(partner=None)\nexcept Exception as error:\n    print(error)\nTalk()"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    for text in (ran.stdout, ran.stderr):
        assert "no API key was found" in text.replace("No API", "no API")
        assert 'run: pip install "grok-live-widget[keys]".' in text
        assert ("the keyring" in text) or ".env" in text


def test_the_extra_keys_has_the_library_of_every_source() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    names = [
        re.split(r"[>=]", each)[0] for each in project["project"]["optional-dependencies"]["keys"]
    ]
    assert names == ["keyring", "python-dotenv"]
    installed = [find_spec(name) for name in ("keyring", "dotenv")]
    assert bool(missing_libraries()) == (None in installed)


def test_a_key_in_a_env_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(f"# ours\n{ENVIRONMENT_NAME}='{KEY}'\n", "utf-8")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert found() == KEY


def test_no_source_means_no_key(write: Any) -> None:
    write("keyring.py", "def get_password(service, name): return None")
    write("dotenv.py", "def find_dotenv(usecwd): return ''\ndef dotenv_values(path): return {{}}")
    assert find_key() is None


def test_an_empty_argument_counts_as_given(write: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv(ENVIRONMENT_NAME, KEY)
    assert found("") == ""
    assert not find_key("")


def test_a_secret_is_returned_unchanged() -> None:
    secret = Secret(KEY)
    assert find_key(secret) is secret


@pytest.mark.parametrize(
    "given", [3, b"bytes", ["a"], "two\nlines", "sp ace", "ellip…sis", "\ud800"]
)
def test_a_malformed_key_is_refused_and_not_shown(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        find_key(given)
    assert str(given) not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("marks", ['""', "''", "``", "“”", '" "', "'\n"])
@pytest.mark.parametrize("is_given", [False, True])
def test_a_key_in_quotation_marks_is_refused_as_such(
    marks: str, is_given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{marks[0]}{KEY}{marks[1:]}"
    monkeypatch.setenv(ENVIRONMENT_NAME, text)
    name = "api_key" if is_given else ENVIRONMENT_NAME
    with pytest.raises(ConfigurationError, match=f"{name} has quotation marks.*docker") as caught:
        find_key(text if is_given else None)
    assert KEY not in str(caught.value)


# --------------------------------------------------------------------------- sources that block
BLOCKING = """
import threading
asked, unlocked = [], threading.Event()
def get_password(service, name):
    asked.append(name)
    unlocked.wait()
    return 'from-keyring'
"""


def test_a_keyring_that_blocks_has_a_time_limit_and_is_asked_once(write: Any) -> None:
    write("keyring.py", BLOCKING)
    assert find_key(timeout_s=0.05) is None
    assert unanswered() == "The keyring did not answer in time: unlock it, and try again."
    assert find_key(timeout_s=0.05) is None
    keyring: Any = sys.modules["keyring"]
    assert len(keyring.asked) == 1
    keyring.unlocked.set()
    wait_until(lambda: not unanswered())
    assert found() == "from-keyring"
    assert unanswered() == ""
    assert len(keyring.asked) == 1


def test_a_talk_made_without_a_key_says_that_the_keyring_did_not_answer(write: Any) -> None:
    write("keyring.py", BLOCKING)
    assert find_key(timeout_s=0.05) is None
    keyring: Any = sys.modules["keyring"]
    with pytest.raises(AuthenticationError, match="The keyring did not answer in time"):
        Talk(partner=None)
    keyring.unlocked.set()
    wait_until(lambda: not unanswered())
    assert found() == "from-keyring"


def test_a_keyring_that_blocks_does_not_hold_up_another_talk(write: Any) -> None:
    write("keyring.py", BLOCKING)
    with Talk(partner="parrot") as talk:
        other = threading.Thread(target=lambda: Talk(url="ws://127.0.0.1:9/v1/realtime"))
        other.start()
        wait_until(lambda: getattr(sys.modules.get("keyring"), "asked", None))
        assert talk.ask("hi").text == "hi"
        assert other.is_alive()
        sys.modules["keyring"].unlocked.set()
        other.join(10)
        assert not other.is_alive()


# --------------------------------------------------------------------------- not shown
@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, lambda s: f"{s!s:>40}", lambda s: repr([s]), lambda s: repr({s: s}),
     lambda s: repr(pickle.dumps(s)), lambda s: repr(pickle.dumps(s, 0)), lambda s: repr(dir(s)),
     lambda s: copy.copy(s).reveal(), lambda s: copy.deepcopy(s).reveal()],
)  # fmt: skip
def test_a_secret_is_shown_only_by_reveal(show: Any) -> None:
    assert KEY not in show(Secret(KEY))
    assert bool(Secret(KEY))
    assert not Secret("")


def test_a_secret_is_in_no_traceback_with_locals() -> None:
    def fail(secret: Secret) -> None:
        raise RuntimeError(f"while holding {secret}")

    try:
        fail(Secret(KEY))
    except RuntimeError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(shown.format())
    assert "secret = Secret(…)" in text
    # The only line that names it is the source of this test's call.
    assert KEY not in text
