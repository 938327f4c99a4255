"""The voices that are known, and what they sound like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import asdict

from .._structs import Value, did_you_mean
from ..audio import SAMPLE_RATE_HZ, samples_from_pcm
from ..conversation import data_frame
from ..exceptions import ConfigurationError
from ..protocol import DIALECTS, REALTIME
from ..rehearsal import VOICES, speak

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLE = "Hello, this is how I sound in the rehearsal."


class Voice(Value, frozen=True, kw_only=True):
    """A voice that a talk may have: ``GrokLive(voice="nova")``.

    Parameters
    ----------
    name : str
    character : str
        As the documentation of the beta API describes it; empty for the service's own voices,
        which are not described.
    dialects : tuple of str
        The dialects that have this voice.
    instead : str
        The service's voice that replies in its place in the ``realtime`` dialect, which does not
        have it; otherwise empty.
    rehearsal : str
        What it sounds like in the rehearsal; empty if the rehearsal has another voice for it.

    Examples
    --------
    >>> from grok_live_widget import voices
    >>> voice = voices()["nova"]
    >>> voice.character, voice.instead
    ('bright, energetic', 'eve')
    """

    name: str
    character: str = ""
    dialects: tuple[str, ...] = ()
    instead: str = ""
    rehearsal: str = ""

    def speak(self, text: str = _SAMPLE) -> NDArray[np.int16]:
        """`text` as the rehearsal speaks it with this voice: a question to be asked by sound.

        Under a name that the rehearsal does not have, another of its voices speaks. It is never
        the service's voice.

        Parameters
        ----------
        text : str

        Returns
        -------
        ndarray of int16 [shape=(n,)]
            A new array, at 24 kHz: ``talk.ask(voice.speak("Hello."), 24_000)``.

        Raises
        ------
        RehearsalError
            When no voice is installed.
        """
        return np.concatenate(
            [np.zeros(0, np.int16), *(each.pcm for each in speak(text, self.name))]
        )

    def play(self, text: str = _SAMPLE) -> Any:
        """An audio player for the notebook in which the rehearsal speaks `text` with this voice.

        Parameters
        ----------
        text : str

        Returns
        -------
        IPython.display.Audio

        Raises
        ------
        RehearsalError
            When no voice is installed.
        """
        from IPython.display import Audio

        return Audio(samples_from_pcm(self.speak(text)), rate=SAMPLE_RATE_HZ, normalize=False)  # type: ignore[no-untyped-call]


class Voices(Mapping[str, Voice]):
    """Voices by name; a table in the notebook."""

    def __init__(self, voices: Mapping[str, Voice]) -> None:
        self._voices = dict(voices)

    def __getitem__(self, name: str) -> Voice:
        try:
            return self._voices[name]
        except KeyError:
            raise ConfigurationError(
                f"no voice {name!r} is known.",
                cure=f"{did_you_mean(name, tuple(self._voices))}Other names may be given as "
                "voice= all the same: the service has custom voices, too.",
            ) from None

    def get(self, name: str, default: Any = None) -> Any:
        """The voice, or `default` if none of this name is known."""
        return self._voices.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._voices

    def __iter__(self) -> Iterator[str]:
        return iter(self._voices)

    def __len__(self) -> int:
        return len(self._voices)

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a voice (needs pandas).

        Columns are the fields of `Voice`; ``dialects`` has their names with commas between them.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            Without pandas.
        """
        rows = [asdict(each) | {"dialects": ", ".join(each.dialects)} for each in self.values()]
        return data_frame(rows, Voice.__struct_fields__)

    def __repr__(self) -> str:
        lines = [
            f"  {each.name:<10}{each.character:<24}{_where(each):<36}{each.rehearsal}".rstrip()
            for each in self._voices.values()
        ]
        return "\n".join([f"{len(self)} voices", *lines])

    def _repr_html_(self) -> str:
        heads = ("Voice", "Character", "Dialects", "In the rehearsal")
        rows = [
            (each.name, each.character, _where(each), each.rehearsal)
            for each in self._voices.values()
        ]
        # JupyterLab aligns the cells of tables to the right, as is right for numbers.
        left = 'style="text-align:left"'
        head = "".join(f"<th {left}>{name}</th>" for name in heads)
        body = "".join(
            f"<tr>{''.join(f'<td {left}>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def voices() -> Voices:
    """The voices that are known: the six of the ``live`` dialect, and those of the service.

    The service has custom voices as well, whose names are sent as they are.

    Returns
    -------
    Voices
        A mapping of names to `Voice`, in this order, which a notebook shows as a table;
        ``voices()["nova"].play()`` speaks a sentence with the rehearsal's voice of that name, and
        ``voices().to_frame()`` is a pandas table.

    Examples
    --------
    >>> from grok_live_widget import voices
    >>> list(voices())[:6]
    ['alloy', 'echo', 'fable', 'onyx', 'nova', 'shimmer']
    """
    names = dict.fromkeys(name for dialect in DIALECTS.values() for name in dialect.voices)
    ordered = sorted(names, key=lambda name: name in REALTIME.voices)
    return Voices({name: _voice(name) for name in ordered})


def _voice(name: str) -> Voice:
    having = {key: each for key, each in DIALECTS.items() if name in each.voices}
    preset = VOICES.get(name)
    return Voice(
        name=name,
        character=next((each.voices[name] for each in having.values()), ""),
        dialects=tuple(having),
        instead="" if "realtime" in having else REALTIME.voice_substitutes.get(name, ""),
        rehearsal="" if preset is None else preset.description,
    )


def _where(voice: Voice) -> str:
    where = " and ".join(voice.dialects)
    return f"{where} (realtime: {voice.instead})" if voice.instead else where
