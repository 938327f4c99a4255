"""The kernel's sentences in the languages of the panel.

Python says everything in English. What a page shows of it is matched with the English sentences
of the catalogue, where values are names in braces; a sentence that is not there, such as what a
server says, stays as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import messages
from .catalogue import ENGLISH, LANGUAGES, device_texts, kernel_texts

_NAME = re.compile(r"\{(\w+)\}")
_DECIMAL = re.compile(r"\d+\.\d+")
_SENTENCE = re.compile(r".+?(?:[.!?…](?=\s)\s+|$)", re.DOTALL)
# Languages that write 1.5 as 1,5, and names of values that are figures.
_WITH_COMMA = frozenset({"de"})
_FIGURE = re.compile(r"_(s|ms|kb|mb)$")


class _Entry(NamedTuple):
    pattern: re.Pattern[str]
    names: list[str]
    translated: str
    weight: int


def translations_of(
    message: messages.KernelMessage, language: str | None
) -> dict[str, dict[str, str]]:
    """By language, each sentence in a message for which there is another one.

    Parameters
    ----------
    language : str or None
        That of the panel; None: all, of which each page takes its own.
    """
    return translations_of_texts(_shown_texts(message), language)


def translations_of_texts(texts: Iterable[str], language: str | None) -> dict[str, dict[str, str]]:
    """As `translations_of`, for texts that are in no message of their own."""
    wanted = LANGUAGES if language is None else (language,)
    found: dict[str, dict[str, str]] = {}
    texts = dict.fromkeys(filter(None, texts))
    for each in wanted if texts else ():
        pairs = {text: translate(text, each) for text in texts}
        changed = {text: said for text, said in pairs.items() if said != text}
        if changed:
            found[each] = changed
    return found


def _shown_texts(message: messages.KernelMessage) -> Iterator[str]:
    """What a page shows of a message that is the kernel's own."""
    match message:
        case messages.NoteAdded(note=note):
            yield note.text
        case messages.TurnChanged(turn=turn):
            yield turn.seam
        case messages.CallChanged(call=call):
            yield call.error
        case messages.State() | messages.Snapshot():
            yield message.banner
            yield message.voice_help
            yield message.server_name
    if isinstance(message, messages.Snapshot):
        yield from (note.text for note in message.notes)
        yield from (turn.seam for turn in message.turns)
        yield from (call.error for call in message.tools)


@functools.lru_cache(maxsize=1024)
def translate(text: str, language: str) -> str:
    """A text of one or more sentences; those that are not in the catalogue stay English."""
    if language == ENGLISH:
        return text
    parts, at = [], 0
    while at < len(text):
        found = _longest(text, at, language)
        if found is None:
            rest = _SENTENCE.match(text, at)
            end = rest.end() if rest else len(text)
            parts.append(text[at:end])
        else:
            entry, match = found
            parts.append(_filled(entry, match, language))
            end = match.end()
        at = end
    return "".join(parts)


def _longest(text: str, at: int, language: str) -> tuple[_Entry, re.Match[str]] | None:
    """The sentence of the catalogue that begins here, of several the one with the most words."""
    for entry in _entries(language):
        match = entry.pattern.match(text, at)
        if match:
            return entry, match
    return None


def _filled(entry: _Entry, match: re.Match[str], language: str) -> str:
    """The translation, with the values that the text has, each in its place."""
    values: dict[str, list[str]] = {}
    for name, value in zip(entry.names, match.groups()[:-1], strict=True):
        said = _said(value, language)
        if language in _WITH_COMMA and _FIGURE.search(name) and _DECIMAL.fullmatch(said):
            said = said.replace(".", ",")
        values.setdefault(name, []).append(said)
    return _NAME.sub(lambda found: values[found[1]].pop(0), entry.translated) + match.groups()[-1]


def _said(value: str, language: str) -> str:
    """A value in a sentence: a sentence itself, or a list of them."""
    said = translate(value, language)
    if said != value:
        return said
    return ", ".join(translate(part, language) for part in value.split(", "))


@functools.cache
def _entries(language: str) -> list[_Entry]:
    """The sentences, those with the most letters of their own first."""
    texts = kernel_texts(language) | device_texts(language)
    made = [_entry(english, said) for english, said in texts.items()]
    return sorted(made, key=lambda entry: -entry.weight)


def _entry(english: str, translated: str) -> _Entry:
    literals = _NAME.split(english)[::2]
    names = _NAME.findall(english)
    pattern = _literal(literals[0], is_first=True)
    for index, literal in enumerate(literals[1:]):
        # A value at the beginning reaches to no other sentence.
        value = r"((?:(?![.!?] ).)+?)" if index == 0 and not literals[0] else "(.+?)"
        # What stands directly before a new sentence may be empty.
        value = "(.*?)" if literal[:1].isupper() else value
        pattern += value + _literal(literal)
    end = r"(\s+|$)" if literals[-1] else "($)"
    return _Entry(re.compile(pattern + end, re.DOTALL), names, translated, sum(map(len, literals)))


def _literal(text: str, *, is_first: bool = False) -> str:
    """A pattern for a text; the first letter of a note is a capital one."""
    if is_first and text[:1].isalpha():
        return f"[{text[0].lower()}{text[0].upper()}]{re.escape(text[1:])}"
    return re.escape(text)
