"""`live.doctor()` beside a panel in JupyterLab: what a real page tells of itself."""

from __future__ import annotations

import pytest

from .conftest import OpenNotebook

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot")
live
"""
EXAMINED = """
report = live.doctor()
report
"""


@pytest.mark.slow
def test_a_page_that_speaks_tells_its_rights_its_microphone_and_its_messages(
    open_notebook: OpenNotebook,
):
    notebook = open_notebook([MADE, EXAMINED])
    notebook.run_cell(0)
    notebook.start()
    notebook.run_cell(1)
    rows = "{each.name: [each.result, each.found] for each in report}"
    checks = notebook.kernel.value(rows)
    for name in ("page", "page version", "page security", "frame policy", "page transport"):
        assert checks[name][0] == "ok", checks[name]
    assert "messages a second both ways" in checks["page transport"][1]
    assert checks["busy kernel"] == ["ok", "What the page sends was read while this cell ran."]
    # Which processing a browser without a real microphone applies, it decides itself.
    assert checks["microphone"][0] in ("ok", "warning")
    assert checks["microphone"][1].startswith("It is on: ")
    assert notebook.kernel.value("live.phase") == "open", "the talk goes on"
    [table] = [each for each in notebook.outputs(1) if "text/html" in each.get("data", {})]
    assert "page transport" in "".join(table["data"]["text/html"])
