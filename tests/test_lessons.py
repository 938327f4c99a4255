"""Copies of the lessons in a folder of the user's."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from grok_live_widget import _lessons
from grok_live_widget._lessons import copy_lessons, lesson_paths, title_of
from grok_live_widget.exceptions import ConfigurationError

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_all_lessons_are_copied_byte_for_byte_into_a_new_folder(tmp_path: Path) -> None:
    done = copy_lessons(tmp_path / "mine" / "lessons")
    assert done.copied == NAMES
    assert (done.unchanged, done.kept) == ([], [])
    for lesson in lesson_paths():
        assert (done.folder / lesson.name).read_bytes() == lesson.read_bytes()
    assert sorted(path.name for path in done.folder.iterdir()) == NAMES


def test_a_changed_copy_is_kept_and_a_missing_one_is_written_again(tmp_path: Path) -> None:
    copy_lessons(tmp_path)
    first = tmp_path / NAMES[0]
    first.write_text("my work", encoding="utf-8")
    assert (again := copy_lessons(tmp_path)).kept == [NAMES[0]]
    assert again.copied == []
    assert first.read_text("utf-8") == "my work"
    assert NAMES[0] in list(again.sentences())[-1]
    first.unlink()
    assert (third := copy_lessons(tmp_path)).copied == [NAMES[0]]
    assert third.unchanged == NAMES[1:]


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.ipynb"
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / NAMES[0]).symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match=NAMES[0]):
        copy_lessons(tmp_path / "lessons")
    assert not elsewhere.exists()


def test_each_path_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(ConfigurationError, match=r"'.*file.*' is no folder, or a part"):
            copy_lessons(path)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        copy_lessons(tmp_path / ("x" * 300))
    (tmp_path / NAMES[0]).mkdir()
    with pytest.raises(ConfigurationError, match=f"{NAMES[0]}' is a folder"):
        copy_lessons(tmp_path)


def test_nothing_is_left_of_a_lesson_that_could_not_be_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    script = (
        "import signal, sys, resource, pathlib\n"
        "from grok_live_widget._lessons import copy_lessons\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "copy_lessons(pathlib.Path(sys.argv[1]))\n"
    )
    assert resource.RLIMIT_FSIZE
    command = [sys.executable, "-B", "-c", script, str(tmp_path / "lessons")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "cannot be written (File too large)" in done.stderr.splitlines()[-1]
    assert list((tmp_path / "lessons").iterdir()) == []


def test_an_installation_without_lessons_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lessons, "_PACKAGE", tmp_path / "grok_live_widget")
    with pytest.raises(ConfigurationError, match="has no lessons"):
        lesson_paths()


def test_an_installed_package_has_its_lessons_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "grok_live_widget" / "lessons"
    installed.mkdir(parents=True)
    (installed / "01_hello.ipynb").write_text("{}", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()  # of another package
    monkeypatch.setattr(_lessons, "_PACKAGE", installed.parent)
    assert lesson_paths() == [installed / "01_hello.ipynb"]


def test_the_title_of_a_lesson_is_its_first_heading(tmp_path: Path) -> None:
    titles = [title_of(lesson) for lesson in lesson_paths()]
    assert titles[0] == "Hello, Grok"
    assert len(set(titles)) == len(titles)
    for content in ("no JSON", "{}", '{"cells": [{"cell_type": "code", "source": ["# a"]}]}'):
        (tmp_path / "mine.ipynb").write_text(content, encoding="utf-8")
        assert title_of(tmp_path / "mine.ipynb") == "mine"


@pytest.mark.slow
def test_wheel_and_sdist_contain_every_lesson_and_nothing_that_lessons_write(
    tmp_path: Path,
) -> None:
    # A clone of what git knows, since a build in the checkout would see other files of the folder.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    source = tmp_path / "source"
    built = (ROOT / "grok_live_widget" / "widget" / "static").glob("*")
    for path in [*(ROOT / each for each in listed.split("\0") if each), *built]:
        if path.is_file():
            copy = source / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (source / "notebooks" / "talk.wav").touch()
    (source / "notebooks" / ".ipynb_checkpoints").mkdir()
    (source / "notebooks" / ".ipynb_checkpoints" / NAMES[0]).touch()
    command = [sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    prefix = "grok_live_widget/lessons/"
    assert sorted(name for name in names if name.startswith(prefix)) == [
        prefix + name for name in NAMES
    ]
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"grok_live_widget"}
    assert "grok_live_widget/widget/static/widget.js" in names
    with tarfile.open(sdist) as archive:
        kept = [name.partition("/")[2] for name in archive.getnames()]
    assert sorted(name for name in kept if name.startswith("notebooks/")) == [
        f"notebooks/{name}" for name in NAMES
    ]
