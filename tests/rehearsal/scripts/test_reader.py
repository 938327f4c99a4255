"""Scripts in YAML: what they may contain, and where each error is."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import GrokLive, RehearsalServer, Talk
from grok_live_widget.audio import write_wav
from grok_live_widget.events import AudioDelta, ResponseDone
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.rehearsal import (
    PARTNERS,
    READY,
    CallTool,
    Line,
    Pause,
    Script,
    Step,
    faults,
    read_script,
)
from grok_live_widget.rehearsal.scripts import reader
from grok_live_widget.settings.validation import PARTNER_NAMES, SCRIPT_NAMES

pytest.importorskip("yaml")

FULL = """\
title: At the zoo
voice: nova
hint: Pardon?
tries: 4
steps:
  - say: "Hello: there"
  - expect: [yes, 2, hot chocolate]
    name: choice
    tries: 1
    hint:
      - Yes?
      - pause: 20
    say:
      - text: I see
        voice: onyx
      - pause: 400.5
      - sound: dog.wav
      - fault: close:1012
      - fault: late
        delay_s: 0.5
        nth: 2
      - fault: drop
        at: response.done
      - fault: report:timeout
        close_code: 1001
      - call: weather
        arguments: {city: "{choice}", days: [1, 2], from: 2024-05-01}
      - It is {output}
closing: Bye
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """`written(text or bytes) -> Path` of a script with this content."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "script.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_a_script_in_yaml_is_that_in_python(written: Any, tmp_path: Path) -> None:
    write_wav(tmp_path / "dog.wav", np.ones(9, np.int16), 16_000)
    assert read_script(written(FULL)) == Script(
        [
            Step("Hello: there"),
            Step(
                [
                    Line("I see", voice="onyx"),
                    Pause(400.5),
                    tmp_path / "dog.wav",
                    faults.Close(1012),
                    # At once when the step begins, and not when the session is settled.
                    faults.Late(0.5, nth=2, at=AudioDelta),
                    faults.Drop(at="response.done"),
                    faults.Report("timeout", close_code=1001, at=AudioDelta),
                    CallTool("weather", {"city": "{choice}", "days": [1, 2], "from": "2024-05-01"}),
                    "It is {output}",
                ],
                expect=["yes", "2", "hot chocolate"],
                hint=["Yes?", Pause(20)],
                tries=1,
                name="choice",
            ),
        ],
        title="At the zoo",
        voice="nova",
        hint="Pardon?",
        tries=4,
        closing="Bye",
    )


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(
    written: Any, mark: bytes
) -> None:
    path = written(mark + b"repeat: true\r\nsteps:\r\n  - say: Caf\xc3\xa9\r\n")
    assert read_script(path) == Script([Step("Café")], repeat=True)


SAY = "steps:\n  - say:\n      - Hi\n      - "


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        ("steps:\n  - expects: tea\n    say: a\n", "2, column 5", "a step has no key 'expects'. "
         "Did you mean 'expect'? Keys are: expect, say, hint, tries, name."),
        ("stesp:\n  - say: a\n", "1, column 1", "no key 'stesp'. Did you mean 'steps'?"),
        ("steps:\n  - expect: tea\n\tsay: a\n", "3, column 1", "Use spaces, not tabs."),
        ("steps:\n  - say: He said: hi\n", "2, column 17", "this is not YAML (mapping values"),
        ("steps:\n  - say: 'Hi\n", "3, column 1", "Close the quote that is opened in line 2."),
        ("steps:\n  - say: {heard}\n", "2, column 10", 'a text that begins with "{" needs quotes'),
        ("steps:\n  - say: a\x07b\n", "2", "it contains the character 0x7. Remove it."),
        ("steps:\n  - say: a\n---\n", "3, column 1", "another document"),
        ("- say: a\n", "1, column 1", "a script is not a list. Write \"steps:\" above"),
        ("title: a\n", "1, column 1", "the script has no steps."),
        ("steps: a\n", "1, column 8", "steps must be a list of at least one step."),
        ("steps:\n  - a\n", "2, column 5", "a step must be a mapping"),
        ("steps:\n  - expect: a\n", "2, column 5", "this step says nothing."),
        ("steps:\n  - say:\n", "2, column 9", "a text is missing here."),
        ("steps:\n  - say: [[a]]\n", "2, column 11", "a text is needed here, not a list."),
        ("steps:\n  - say: a\n    say: b\n", "3, column 5", "the key 'say' occurs twice."),
        ("steps:\n  - ? [a]\n    : b\n", "2, column 7", "a key must be a word, not a sequence."),
        ("steps:\n  - expect: []\n    say: a\n", "2, column 13", "expect is an empty list."),
        ("steps:\n  - expect: [a, '?']\n    say: a\n", "2, column 17", "expect must be words"),
        ("steps:\n  - say: a\n    name: b c\n", "3, column 11", "'b c' cannot be the name"),
        ("tries: many\nsteps:\n  - say: a\n", "1, column 8", "a number is needed here, not 'many'"),
        ("tries: 0\nsteps:\n  - say: a\n", "1, column 8", "tries must be a whole number from 1"),
        ("repeat: maybe\nsteps:\n  - say: a\n", "1, column 9", "true or false is needed here"),
        ("repeat: true\nclosing: a\nsteps:\n  - say: a\n", "1, column 9", "would never be said"),
        ("voice: nowa\nsteps:\n  - say: a\n", "1, column 8", "Did you mean 'nova'?"),
        ("steps:\n  - say: a\nclosing: '{b}'\n", "3, column 10", "{b} in closing has no value"),
        (f"{SAY}text: a\n        voice: onix\n", "5, column 16", "Did you mean 'onyx'?"),
        (f"{SAY}txt: a\n", "4, column 9", "'txt' is nothing that can be said. Did you mean 'text'"),
        (f"{SAY}pause: 0.5 s\n", "4, column 16", "Write the milliseconds, as in pause: 400."),
        (f"{SAY}pause: -3\n", "4, column 16", "must last from 1 to 60000 ms, not -3 ms. Write the"),
        (f"{SAY}sound: no.wav\n", "4, column 16", "there is no sound file"),
        (f"{SAY}'One {{drnk}}'\n    name: drink\n", "4, column 9", "Did you mean 'drink'?"),
        (f"{SAY}call: a\n", "3, column 7", "say ends with the call of 'a'"),
        (f"{SAY}call: a\n        arguments: b\n", "5, column 20", "names to values. Write them"),
        (f"{SAY}call: a\n        arguments: {{b: !c d}}\n", "5, column 24", "for the tag '!c'"),
        (f"{SAY}call: a\n        arguments: &b {{c: *b}}\n", "5, column 20", "recursive"),
        (f"{SAY}fault: dropp\n", "4, column 16", "no fault 'dropp'. Did you mean 'drop'? Known: "),
        (f"{SAY}fault: close:9\n", "4, column 16", "a code that a close frame can carry, not 9."),
        (f"{SAY}fault: refuse:429\n", "4, column 16", "acts on the beginning of a connection"),
        (f"{SAY}fault: late\n        delay: 1\n", "5, column 9", "Did you mean 'delay_s'?"),
        (f"{SAY}fault: late\n        delay_s: b\n", "5, column 18", "a number is needed here"),
        ("steps:\n  - say: [call: x, arguments: 3]\n", "2, column 20", "without its 'call'."),
        (f"{SAY}voice: nova\n", "4, column 9", "{text: Hello., voice: nova}."),
        ("steps:\n  - say: a\n    voice: nova\n", "3, column 5", "Write it with a text, as in"),
        ("steps:\n  - say: a\n    pause: 3\n", "3, column 5", "Write it in a list, as in"),
        ("steps:\n  - say: a\n    repeat: true\n", "3, column 5", "Write it above \"steps:\""),
        ("expect: a\nsteps:\n  - say: a\n", "1, column 1", "Write it in a step: below \"steps:\""),
        ("steps:\n  - hello\n", "2, column 5", "Write \"say: \" before the text."),
        ("steps:\n  - say: [{heard}, b]\n", "2, column 11", "Write \"'{heard} …'\"."),
        (f"{SAY}text: a\n        pause: 3\n", "5, column 9", "Write each in an item of its own"),
        ("steps:\n  - say: a\n    tries: 0\n", "3, column 12", "as in tries: 3."),
        (f"{SAY}fault: drop\n        nth: -1\n", "4, column 9", "{fault: close:1012, nth: 2}."),
        ("steps:\n  - say: a\n---\n", "3, column 1", "Remove the line"),
        (b"steps:\n  - say: caf\xe9\n", "2", "the file is not UTF-8. Save it in this encoding."),
    ],
)  # fmt: skip
def test_an_error_has_file_line_column_and_cure(
    written: Any, content: Any, place: str, says: str
) -> None:
    path = written(content)
    with pytest.raises(ConfigurationError) as failed:
        read_script(path)
    assert str(failed.value).startswith(f"{path}, line {place}: ")
    assert says in str(failed.value)
    assert failed.value.cure or " must be " in failed.value.message


def test_an_empty_file_is_no_script(written: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"is empty\. Write a script"):
        read_script(written("# nothing yet\n"))


@pytest.mark.parametrize("kind", [Talk, GrokLive, RehearsalServer])
@pytest.mark.parametrize(
    ("partner", "says"),
    [
        ("caffe.yaml", r"there is no script 'caffe.yaml'. Did you mean 'cafe'\? Give the path of"),
        (Path("zoo"), "there is no script 'zoo'. Give the path of a YAML file, or one of cafe"),
        ("./", r"the script './' cannot be read \(Is a directory\)"),
        ("caffe", "partner must be 'parrot', .* not 'caffe'. Did you mean 'cafe'"),
    ],
)
def test_a_script_that_is_not_there_is_told_at_once(kind: Any, partner: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        kind(partner=partner)


def test_a_broken_script_is_told_before_a_talk_is_opened(written: Any) -> None:
    path = written("steps: []\n")
    with pytest.raises(ConfigurationError, match=re.escape(f"{path}, line 1, column 8: steps")):
        Talk(partner=path)


def test_without_pyyaml_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'grok-live-widget\[scripts\]'"):
        Talk(partner="cafe")


# --------------------------------------------------------------------------- those of the package
def test_settings_know_the_names_of_partners_and_scripts() -> None:
    assert tuple(PARTNERS) == PARTNER_NAMES
    assert READY == SCRIPT_NAMES


TALKS = {
    "cafe": ["Hi.", "A small coffee, please", "small", "no, thanks", "in cash"],
    "interview": ["I am Ann.", "On a boat.", "...", "in a team", "How many are you?"],
    "lab-assistant": ["Yes?", "The temperature", "yes please"],
}


@pytest.mark.parametrize("name", READY)
def test_a_script_of_the_package_leads_from_its_beginning_to_its_end(name: str) -> None:
    pytest.importorskip("espeakng_loader")
    measured = []

    def measure(quantity: str) -> str:
        """Measure a quantity of the sample."""
        measured.append(quantity)
        return "21.5 degrees"

    script = read_script(name)
    assert len(TALKS[name]) == len(script.steps)
    with RehearsalServer(name, speed=float("inf"), words=False) as server:
        url, key = server.url(), "any-key"
        with Talk(url=url, api_key=key, tools=[measure]) as talk:
            said = [talk.ask(text).text for text in TALKS[name]]
            after = talk.ask("Hello?").text
    assert not any("{" in text for text in said)
    hints = {item.text for step in script.steps for item in step.hint if isinstance(item, Line)}
    assert not hints & set(said)
    if name == "lab-assistant":
        assert measured == ["temperature"]
        assert "The temperature is 21.5 degrees." in said[1]
        assert after == said[0]
    else:
        assert after == "".join(item.text for item in script.closing)


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["rms", "slt"])
def test_an_order_at_the_cafe_is_spoken_and_understood(speech: Any, voice: str) -> None:
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("espeakng_loader")
    said = [
        *("Hello there.", "I would like a hot chocolate please.", "A small one please."),
        *("No thank you, nothing.", "I will pay in cash."),
    ]
    with Talk(partner="cafe") as talk:
        replies = [talk.ask(speech(text, voice), 24_000).text for text in said]
    assert replies[1] == "One hot chocolate, very good. Small or large?"
    assert replies[-1].startswith("By cash, thank you. Your hot chocolate will be")


def test_a_file_with_the_name_of_a_script_of_the_package_comes_first_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_script(Path("cafe")) == read_script("cafe")
    Path("cafe").write_text("steps:\n  - say: Mine.\n", "utf-8")
    assert read_script(Path("cafe")) == Script([Step("Mine.")])
    assert read_script("cafe").title == "A café order"


async def test_a_script_is_chosen_by_the_path_of_its_file(
    serving: Any, connected: Any, written: Any
) -> None:
    async with connected(serving(str(written("steps:\n  - say: Hello.\n")))) as client:
        await client.ask("Hi")
        assert client.all(ResponseDone)[-1].status == "completed"


def test_what_the_cures_say_can_be_written(written: Any) -> None:
    cures = [*reader._STEP_CURES.values(), *reader._ITEM_CURES.values(), reader._FAULT_CURE]
    examples = re.findall(r'"say: (.+?)"|(\{\w+: .+\})', " ".join(f"{each}\n" for each in cures))
    examples += [("", example) for _, example in reader._COMPANIONS.values()]
    assert len(examples) > 10
    (written("steps: []").parent / "dog.wav").write_bytes(b"")
    for in_step, item in examples:
        said = in_step or f"[Hello., {item}, Bye.]"
        assert read_script(written(f"steps:\n  - say: {said}\n")).steps[0].say
