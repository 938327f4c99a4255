"""The kernel's sentences in the languages of the panel."""

from __future__ import annotations

import ast
import functools
import re
import runpy
from pathlib import Path

import pytest

import grok_live_widget
from grok_live_widget import voices
from grok_live_widget.widget.catalogue import LANGUAGES, kernel_texts
from grok_live_widget.widget.messages import Note, NoteAdded, Speech, encode
from grok_live_widget.widget.page_state import _voice_help
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


# The modules whose checks the panel shows, and what in them is said in other words below, or is
# no sentence of a check.
CHECKS = ("diagnostics/connection.py", "diagnostics/installation.py", "widget/page_checks.py")
PARTS = {
    " with {count} kB, which came back unchanged",
    "; {rate} messages a second both ways",
    ", and is one of {count}",
    "A page shows the panel{more}.",
    "The server speaks {dialect}. {refused}",
    'Install one with subshells: pip install -U "ipykernel>=7.4"',
    'Install one with subshells: pip install -U "ipykernel>=7.4".',
}
# What the code joins of values: how a browser changes the sound of a microphone, and the voices.
JOINED = {_voice_help("")} | {
    f"{name} {state}"
    for name in ("echo cancellation", "noise suppression", "gain control")
    for state in ("on", "off")
}


def texts_of_checks() -> set[str]:
    """Sentences of the doctor's checks, with names for their values."""
    found: set[str] = set()
    for path in CHECKS:
        tree = ast.parse((PACKAGE / path).read_text("utf-8"))
        texts = MESSAGES["Texts"](tree)
        nodes = list(ast.walk(tree))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
        left_out = {
            id(node.body[0].value)
            for node in nodes
            if isinstance(node, kinds) and isinstance(node.body[0], ast.Expr)
        }
        left_out |= {
            id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in nodes:
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in left_out:
                text = texts.of(node) if not is_number(node) else ""
                if re.search(r"[a-z]+ [a-z]+ [a-z]|[a-z]\.$", text):
                    found.add(text)
    return found


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, str)


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
def test_each_check_of_the_doctor_is_translated(language: str) -> None:
    known = {shape(english) for english in kernel_texts(language)}
    texts = texts_of_checks()
    assert texts >= PARTS
    assert {text for text in texts - PARTS if shape(text) not in known} == set()
    assert len(texts) > 80


@pytest.mark.parametrize("language", OTHERS)
def test_what_each_voice_sounds_like_is_translated(language: str) -> None:
    for name in voices():
        english = _voice_help(name)
        said = translate(english, language)
        pairs = zip(
            re.findall(r"[^.:]+[.:]", english), re.findall(r"[^.:]+[.:]", said), strict=True
        )
        assert [one for one, other in pairs if one == other and one.strip(" :") != name] == []


@pytest.mark.parametrize("language", OTHERS)
def test_each_translation_has_the_values_of_its_sentence(language: str) -> None:
    for english, said in kernel_texts(language).items():
        values = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, said)]
        assert values[0] == values[1], english


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_of_the_catalogue_is_one_that_the_code_says(language: str) -> None:
    extracted = {shape(text) for text in shown_sentences()}
    literals = literals_of_the_package().lower()
    others = [text for text in kernel_texts(language) if shape(text) not in extracted | JOINED]
    for english in others:
        for part in re.split(r"\{\w+\}", english):
            # A sentence that is written on two lines, or made of two, is there in parts.
            pieces = re.split(r"(?<=[.:,]) ", part.strip(" .:;,()'").lower())
            # Of two literals that are joined within a sentence, a few words are in none.
            for piece in (
                each.removeprefix("was ").strip(",") for each in pieces if len(each) > 10
            ):
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
            "The connection to api.x.ai broke (OSError). Opening the connection again.",
            "Die Verbindung zu api.x.ai ist abgebrochen (OSError). Die Verbindung wird wieder "
            "geöffnet.",
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
            "Median 1.5 ms, worst 22.0 ms of 10 pings; 900 messages a second both ways.",
            "Median 1,5 ms, höchstens 22,0 ms bei 10 Pings; 900 Nachrichten pro Sekunde hin und "
            "zurück.",
        ),
        (
            "Median 1.5 ms, worst 2.0 ms of 5 pings with 4.8 kB, which came back unchanged.",
            "Median 1,5 ms, höchstens 2,0 ms bei 5 Pings mit 4,8 kB, die unverändert zurückkamen.",
        ),
        (
            "A page shows the panel, and is one of 2.",
            "Eine Seite zeigt das Bedienfeld und ist eine von 2.",
        ),
        ("A page shows the panel.", "Eine Seite zeigt das Bedienfeld."),
        (
            "The server speaks live. localhost does not speak realtime. Trying the other dialect.",
            "Der Server spricht live. localhost does not speak realtime. Der andere Dialekt wird "
            "versucht.",
        ),
        (
            "grok_live_widget 1.0, Python 3.11. Needed: websockets>=13.",
            "grok_live_widget 1.0, Python 3.11. Benötigt: websockets>=13.",
        ),
        (
            "Installed: none. Not installed: pandas.",
            "Installiert: keine. Nicht installiert: pandas.",
        ),
        (
            "Not installed: a voice (espeak-ng), a detector of speech (Silero).",
            "Nicht installiert: eine Stimme (espeak-ng), eine Erkennung von Sprache (Silero).",
        ),
        (
            "It is on: Fake, 48000 Hz, echo cancellation on, gain control off. processing=False "
            "asks for the opposite: echo cancellation, noise suppression.",
            "Es ist an: Fake, 48000 Hz, Echounterdrückung an, Pegelregelung aus. processing=False "
            "verlangt das Gegenteil: Echounterdrückung, Rauschunterdrückung.",
        ),
        (
            "Sound came late once, and paused.",
            "Der Ton kam einmal zu spät und setzte aus.",
        ),
        (
            "Sound came late 12 times, and paused.",
            "Der Ton kam 12-mal zu spät und setzte aus.",
        ),
        (
            "The microphone “Desk” gives only silence. Check its mute switch and the system’s "
            "sound settings, and try again.",
            "Das Mikrofon „Desk“ liefert nur Stille. Prüfen Sie seinen Stummschalter und die "
            "Toneinstellungen des Systems, und versuchen Sie es erneut.",
        ),
        ("Not checked, since 'TCP' failed.", "Nicht geprüft, da „TCP“ fehlgeschlagen ist."),
        (
            "An API key was found: the environment variable XAI_API_KEY.",
            "Ein API-Schlüssel wurde gefunden: die Umgebungsvariable XAI_API_KEY.",
        ),
        (
            "127.0.0.1 is an address (0 ms).",
            "127.0.0.1 ist eine Adresse (0 ms).",
        ),
        (
            "api.x.ai is 1.2.3.4 and 3 more (12 ms).",
            "api.x.ai ist 1.2.3.4 und 3 weitere (12 ms).",
        ),
        (
            'Install one with subshells: pip install -U "ipykernel>=7.4"',
            'Installieren Sie eine Version mit Subshells: pip install -U "ipykernel>=7.4"',
        ),
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
