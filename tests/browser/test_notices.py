"""Errors are shown in the panel, in one sentence with a cure, and everything else still works."""

from __future__ import annotations

import pytest

from .cells import NOISE, PLAIN
from .conftest import OpenNotebook

SERVER = """
from grok_live_widget import GrokLive, RehearsalServer
server = RehearsalServer({partner}, api_key="right").start()
"""
MADE = """
live = GrokLive(url={url}, api_key={key!r}, open_timeout_s=5)
live
"""

# What is wrong: url, key, and what the sentence must name.
WRONG = {
    "the key": ("server.url('realtime')", "wrong", "does not accept the API key"),
    "the key, on live": ("server.url('live')", "wrong", "does not accept the API key"),
    "the port": ("'ws://127.0.0.1:9/v1/realtime'", "any", "127.0.0.1:9"),
    "the host": ("'wss://nowhere.invalid/v1/realtime'", "any", "nowhere.invalid"),
    "the path": ("server.url('realtime') + 's'", "right", "no such address"),
}


def test_each_connection_that_fails_is_explained_in_one_sentence(open_notebook: OpenNotebook):
    made = [MADE.format(url=url, key=key) for url, key, _ in WRONG.values()]
    notebook = open_notebook([SERVER.format(partner="'talker'"), *made])
    notebook.run_cells(*range(len(made) + 1))
    for place, (_, _, words) in enumerate(WRONG.values()):
        notebook.look_at(place)
        notebook.press("Start")
        [sentence] = notebook.wait(notebook.notices, what="a notice")
        assert words in sentence
        _assert_is_a_sentence(sentence)
        notebook.panel.get_by_role("button", name="Start", exact=True).wait_for()
        notebook.wait(lambda: notebook.live_track_count() == 0, what="a free microphone")


@pytest.mark.slow
def test_the_page_survives_many_connections_that_fail_at_once(open_notebook: OpenNotebook):
    url, key, _ = WRONG["the port"]
    notebook = open_notebook([SERVER.format(partner="'talker'"), MADE.format(url=url, key=key)])
    notebook.run_cells(0, 1)
    for _ in range(40):
        notebook.press("Start")
        notebook.panel.get_by_text("Nothing answers at 127.0.0.1:9").wait_for()
        notebook.press("Dismiss")
    notebook.panel.get_by_role("button", name="Start", exact=True).wait_for()


def test_a_server_that_closes_during_a_reply_is_explained_in_one_sentence(
    open_notebook: OpenNotebook,
):
    made = MADE.format(url="server.url('realtime')", key="right")
    made = made.replace("open_timeout_s=5", "reconnect_tries=0")
    notebook = open_notebook(
        [NOISE, SERVER.format(partner="lambda turn: noise(30)"), made, "server.close()"]
    )
    notebook.run_cells(0, 1, 2)
    notebook.start()
    notebook.send_text("Please tell me a long story.")
    notebook.wait_until_sounding()
    notebook.run_cell(3)
    [sentence] = notebook.wait(notebook.notices, what="a notice")
    assert "127.0.0.1" in sentence
    _assert_is_a_sentence(sentence)
    notebook.wait(lambda: notebook.live_track_count() == 0, what="a free microphone")
    assert notebook.kernel.value("live.turns[-1].is_complete")
    assert notebook.kernel.value("len(live.turns[-1].pcm)") > 0


MICROPHONES = {
    "refused": ({"refuses_microphone": True}, "denied", "The microphone was refused."),
    "absent": ({"has_microphone": False}, "no_device", "No microphone was found."),
}


@pytest.mark.parametrize("name", MICROPHONES)
def test_without_a_microphone_the_reason_is_shown_and_text_works(
    open_notebook: OpenNotebook, name: str
):
    opening, reason, beginning = MICROPHONES[name]
    notebook = open_notebook([PLAIN], **opening)
    notebook.run_cell(0)
    notebook.start()
    notebook.wait(
        lambda: any(notice.startswith(beginning) for notice in notebook.notices()),
        what=beginning,
    )
    assert len(notebook.notices()) == 1
    status = "[live.microphone.state, live.microphone.reason, live.microphone.text]"
    told = ["failed", reason, notebook.notices()[0]]
    notebook.wait(lambda: notebook.kernel.value(status) == told, what="Python to know it")
    notebook.send_text("Hello.")
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    assert len(notebook.transcript()) == 2


def _assert_is_a_sentence(text: str) -> None:
    # A host's name keeps its lower case.
    assert text[0].isupper() or not text.split()[0].isalpha(), text
    assert text[-1] in ".?", text
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 250
