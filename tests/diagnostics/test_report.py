"""The table of checks: as text, HTML, JSON and a pandas frame."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grok_live_widget.diagnostics import Check, Report
from grok_live_widget.exceptions import ConfigurationError

CHECKS = [
    Check(name="key", result="ok", found="An API key was found: the keyring."),
    Check(name="TCP", result="failed", found="Nothing answers at <b>.", cure="Is it running?"),
    Check(name="TLS", result="skipped", found="Not checked, since 'TCP' failed."),
    Check(name="versions", result="warning", found="Old.", cure='pip install -U "anywidget>=1"'),
]


def test_the_text_is_a_table_with_the_cure_below_what_was_found() -> None:
    assert repr(Report(CHECKS)).splitlines() == [
        "4 checks: 1 failed, 1 warning",
        "  ok       key       An API key was found: the keyring.",
        "  failed   TCP       Nothing answers at <b>.",
        "                     → Is it running?",
        "  skipped  TLS       Not checked, since 'TCP' failed.",
        "  warning  versions  Old.",
        '                     → pip install -U "anywidget>=1"',
    ]


def test_long_sentences_are_wrapped_but_not_within_words() -> None:
    address = "wss://" + "a-b" * 40
    check = Check(name="server", result="ok", found=f"It is {address}, and {'so on ' * 30}.")
    lines = repr(Report([check])).splitlines()
    assert any(address in line for line in lines)
    assert all(len(line) <= 100 for line in lines if address not in line)


def test_the_table_of_a_notebook_has_colours_for_light_and_dark_and_shows_text_as_text() -> None:
    html = Report(CHECKS)._repr_html_()
    assert '<td class="failed">failed</td>' in html
    assert "Nothing answers at &lt;b&gt;." in html
    assert "light-dark(" in html
    assert "4 checks: 1 failed, 1 warning" in html


def test_a_check_is_found_by_its_place_its_name_and_in_a_slice() -> None:
    report = Report(CHECKS, Path("folder"))
    assert report[0] is report["key"] is CHECKS[0]
    assert [check.name for check in report[1:3]] == ["TCP", "TLS"]
    assert report[1:].folder == Path("folder")
    assert len(report) == 4
    with pytest.raises(ConfigurationError, match="Did you mean 'TLS'"):
        report["TLS "]


def test_only_a_failed_check_makes_a_report_that_is_not_ok() -> None:
    assert not Report(CHECKS).is_ok
    assert Report([each for each in CHECKS if each.result != "failed"]).is_ok
    assert repr(Report([])) == "0 checks: 0 failed, 0 warnings"


def test_json_has_the_fields_of_each_check() -> None:
    content = json.loads(Report(CHECKS[:2]).to_json())
    assert content == {
        "is_ok": False,
        "folder": None,
        "checks": [
            {
                "name": "key",
                "result": "ok",
                "found": "An API key was found: the keyring.",
                "cure": "",
            },
            {
                "name": "TCP",
                "result": "failed",
                "found": "Nothing answers at <b>.",
                "cure": "Is it running?",
            },
        ],
    }
    assert json.loads(Report([], Path("/x")).to_json())["folder"] == str(Path("/x"))


def test_a_frame_has_one_row_a_check() -> None:
    pd = pytest.importorskip("pandas")
    frame = Report(CHECKS).to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["name", "result", "found", "cure"]
    assert list(frame["result"]) == ["ok", "failed", "skipped", "warning"]


def test_without_pandas_the_frame_says_how_to_install_it() -> None:
    script = (
        "import sys; sys.modules['pandas'] = None\n"
        "from grok_live_widget.diagnostics import Report\n"
        "try:\n    Report([]).to_frame()\nexcept ImportError as error:\n    print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "pip install 'grok-live-widget[pandas]'" in ran.stdout
