"""The kernel's sentences in the languages of the panel."""

from __future__ import annotations

import ast
import functools
import re
import runpy
from pathlib import Path

import pytest

import grok_live_widget
from grok_live_widget.widget.catalogue import LANGUAGES, kernel_texts
from grok_live_widget.widget.messages import Note, NoteAdded, Speech, encode
from grok_live_widget.widget.translations import translate, translations_of

OTHERS = LANGUAGES[1:]
PACKAGE = Path(grok_live_widget.__file__).parent
MESSAGES = runpy.run_path(str(PACKAGE.parent / "scripts" / "messages.py"))

# Of what can become a note or the error of a call: the kinds, and where they are made.
GROUPS = ("client", "protocol", "widget")
KINDS = {
    *("note", "ServerError", "ConnectError", "AuthenticationError", "SessionClosedError"),
    *("SessionClosedOK", "BudgetSpent", "UnsupportedByServer", "LocalProtocolError"),
    *("ToolError", "ReplyTimeout"),
}
# These are said on the command line, or are in the catalogue in each of their forms.
LEFT_OUT = {
    "no complete reply in {timeout_s} s.",
    "Allow more with --timeout.",
    "the connection to {host} was closed with code {code} ({reason}) or closed without a close "
    "frame.",
}


@functools.cache
def shown_sentences() -> list[str]:
    """Messages and cures that the panel can show, with names for their values."""
    found: dict[str, None] = {}
    paths = [path for name in GROUPS for path in sorted((PACKAGE / name).rglob("*.py"))]
    kinds = MESSAGES["errors"]()
    rows = [row for path in paths for row in MESSAGES["messages_in"](path, kinds)]
    for message, cure, kind in rows:
        for text in (message, cure) if kind in KINDS else ():
            # What another sentence follows, or precedes, is a sentence of its own.
            text = re.sub(r"^\{message\} | \{cure\}$", "", text)
            if re.search(r"[a-z]{2,} ?[a-z]", re.sub(r"\{\w+\}", "", text)):
                found[text] = None
    return [text for text in found if text not in LEFT_OUT]


def shape(text: str) -> str:
    """A sentence without the names of its values, which are those of variables in the code."""
    return re.sub(r"\{\w+\}", "{}", text)


def literals_of_the_package() -> str:
    """All texts in the code, without the values in them."""
    texts = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        texts += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    return "\n".join(texts)


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_that_the_panel_can_show_is_translated(language: str) -> None:
    known = {shape(english) for english in kernel_texts(language)}
    missing = [text for text in shown_sentences() if shape(text) not in known]
    assert missing == []
    assert len(shown_sentences()) > 100


@pytest.mark.parametrize("language", OTHERS)
def test_each_translation_has_the_values_of_its_sentence(language: str) -> None:
    for english, said in kernel_texts(language).items():
        values = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, said)]
        assert values[0] == values[1], english


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_of_the_catalogue_is_one_that_the_code_says(language: str) -> None:
    extracted = {shape(text) for text in shown_sentences()}
    literals = literals_of_the_package().lower()
    others = [text for text in kernel_texts(language) if shape(text) not in extracted]
    for english in others:
        for part in re.split(r"\{\w+\}", english):
            # A sentence that is written on two lines, or made of two, is there in parts.
            pieces = re.split(r"(?<=[.:]) ", part.strip(" .:;,").lower())
            for piece in (each.removeprefix("was ") for each in pieces):
                assert piece[:24] in literals or piece[-24:] in literals, english


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("The session is closed.", "Die Sitzung ist geschlossen."),
        (
            "Try 2 of 5: nothing answers at ws://127.0.0.1:1.",
            "Versuch 2 von 5: Unter ws://127.0.0.1:1 antwortet nichts.",
        ),
        (
            "The connection to api.x.ai broke (OSError). Opening it again.",
            "Die Verbindung zu api.x.ai ist abgebrochen (OSError). Sie wird wieder geöffnet.",
        ),
        (
            "The rehearsal has no voice 'novva' and speaks with another one. Did you mean 'nova'? "
            "Its voices are nova, echo.",
            "Die Probe hat keine Stimme 'novva' und spricht mit einer anderen. Meinten Sie 'nova'? "
            "Ihre Stimmen sind nova, echo.",
        ),
        (
            "The rehearsal has no voice 'x' and speaks with another one. Its voices are nova.",
            "Die Probe hat keine Stimme 'x' und spricht mit einer anderen. Ihre Stimmen sind nova.",
        ),
        ("No result within 0.5 s.", "Kein Ergebnis in 0,5 s."),
        (
            "Quota exceeded for this key. Ask again.",
            "Quota exceeded for this key. Fragen Sie erneut.",
        ),
        ("What a server says stays. As it is", "What a server says stays. As it is"),
        ("Two\nlines.  And spaces. ", "Two\nlines.  And spaces. "),
        ("", ""),
    ],
)
def test_what_the_kernel_says_is_said_in_german(english: str, german: str) -> None:
    assert translate(english, "de") == german
    assert translate(english, "en") == english


def test_a_message_has_the_other_sentences_for_its_own() -> None:
    message = NoteAdded(note=Note(text="The session is closed.", level="error", topic=""))
    wanted = {"de": {"The session is closed.": "Die Sitzung ist geschlossen."}}
    assert translations_of(message, None) == wanted
    assert translations_of(message, "de") == wanted
    assert translations_of(message, "en") == {}
    assert translations_of(Speech(is_active=True), None) == {}
    assert "translations" not in encode(message)


def test_text_that_is_made_to_be_slow_is_read_in_time_that_grows_with_its_length() -> None:
    text = "The rehearsal has no voice " * 400
    assert translate(text, "de") == text
