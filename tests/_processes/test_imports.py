"""Imports that are put off until they are needed."""

from __future__ import annotations

import gc
import importlib.util
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest

from grok_live_widget._processes.imports import import_now, quick_imports
from grok_live_widget._processes.parent import python_process

SOURCE = """
from pathlib import Path

ran = Path(__file__).with_suffix(".ran")
assert not ran.exists()
ran.touch()
VALUES = [5]

def __getattr__(name):
    if name == "made":
        return "when it is asked for"
    raise AttributeError(f"no {name}")
"""


class Package:
    """The package `slow`, with the module `slow.part`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "slow"
        self._folder.mkdir()
        for name in ("__init__", "part"):
            (self._folder / f"{name}.py").write_text(SOURCE)

    @property
    def has_run(self) -> bool:
        return (self._folder / "__init__.ran").exists()

    @property
    def part_has_run(self) -> bool:
        return (self._folder / "part.ran").exists()


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Package(tmp_path)
    import_now("slow")
    for name in ("slow", "slow.part"):
        sys.modules.pop(name, None)
    gc.unfreeze()


def test_a_module_is_imported_with_its_first_use(slow: Package) -> None:
    with quick_imports("slow"):
        module = import_module("slow")
    assert not slow.has_run
    assert module.VALUES == [5]
    assert slow.has_run
    # It is like any module, of which there is one.
    assert type(module) is type(sys)
    assert module.VALUES is import_module("slow").VALUES
    assert module.made == "when it is asked for"
    with pytest.raises(AttributeError, match="no such"):
        _ = module.such


def test_or_when_it_is_time(slow: Package) -> None:
    with quick_imports("slow"):
        module = import_module("slow")
    import_now("slow")
    assert slow.has_run
    assert type(module) is type(sys)
    import_now("slow")


def test_what_it_contains_can_be_imported(slow: Package) -> None:
    with quick_imports("slow"):
        import_module("slow")
    assert import_module("slow.part").VALUES == [5]
    assert slow.has_run


def test_one_that_is_part_of_another_is_imported_with_its_first_use(slow: Package) -> None:
    with quick_imports("slow.part"):
        module = import_module("slow")
        assert import_module("slow.part") is module.part
    assert not slow.part_has_run
    assert module.part.VALUES == [5]
    assert slow.part_has_run
    assert module.part is import_module("slow.part")
    assert type(module.part) is type(sys)


def test_whether_it_is_there_can_be_asked_without_an_import(slow: Package) -> None:
    with quick_imports("slow"):
        assert importlib.util.find_spec("slow") is not None
    assert not slow.has_run


def test_what_is_imported_already_stays(slow: Package) -> None:
    before = import_module("slow")
    with quick_imports("slow"):
        assert import_module("slow") is before
    import_now("slow")
    assert import_module("slow") is before


def test_what_is_put_off_twice_is_imported_once(slow: Package) -> None:
    with quick_imports("slow"):
        first = import_module("slow")
    with quick_imports("slow"):
        assert import_module("slow") is first
    assert first.VALUES == [5]


@pytest.fixture
def often_switched() -> Iterator[None]:
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.mark.usefixtures("often_switched")
@pytest.mark.parametrize("_", range(20))
def test_threads_that_use_it_at_once_get_the_same(slow: Package, _: int) -> None:
    with quick_imports("slow"):
        module = import_module("slow")
    barrier = threading.Barrier(8)

    def use() -> list[int]:
        barrier.wait()
        values: list[int] = module.VALUES
        return values

    with ThreadPoolExecutor(8) as threads:
        found = [each.result() for each in [threads.submit(use) for _ in range(8)]]
    assert all(values is found[0] for values in found)


def test_one_that_is_not_there_is_an_import_error_when_it_is_used() -> None:
    with quick_imports("grok_live_no_such_module"):
        module = import_module("grok_live_no_such_module")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="grok_live_no_such_module"):
            _ = module.name
    with pytest.raises(ModuleNotFoundError):
        import_now("grok_live_no_such_module")
    import_now("grok_live_no_such_module")


def test_garbage_is_collected_as_before_afterwards(slow: Package) -> None:
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), quick_imports():
        _ = 1 / 0
    assert gc.isenabled()


def test_a_session_is_opened_before_what_it_does_not_need_is_imported() -> None:
    process, errors = python_process("tests.support.put_off_imports")
    with errors:
        output, _ = process.communicate(timeout=30)
    steps = dict(line.split(": ") for line in output.decode().splitlines())
    assert steps == {
        "imported": "none",
        "listening": "none",
        "open": "none",
        "asked for": "numpy",
    }
