"""What the pages say of their loudspeakers.

Knows no transport. The messages are those of docs/channel.md.
"""

from __future__ import annotations

from msgspec.structs import replace

from .._structs import Value, repr_of
from ..audio import SAMPLE_RATE_HZ
from .catalogue import loudspeaker_text
from .messages import LoudspeakerState, Playhead


class LoudspeakerStatus(Value, frozen=True, kw_only=True):
    """What the page that plays says of its loudspeaker: `GrokLive.loudspeaker`.

    Parameters
    ----------
    state : {"none", "ok", "waiting", "failed"}
        ``"none"``: no page has played anything yet. ``"waiting"``: there is sound, and the browser
        wants a click first, or has suspended the sound of the page.
    text : str
        What an English panel says about it, with the cure; empty where there is nothing to say.
    lost_s : float [s]
        Sound of this connection that was lost on its way to the page, as when output floods; its
        place was played as silence.
    underrun_count : int
        How often sound of this connection came so late that the reply paused.

    Examples
    --------
    >>> from grok_live_widget import GrokLive
    >>> live = GrokLive(partner="parrot")
    >>> live.loudspeaker
    LoudspeakerStatus(state='none')
    >>> live.close()
    """

    state: str = "none"
    text: str = ""
    lost_s: float = 0.0
    underrun_count: int = 0

    def __repr__(self) -> str:
        """What is known."""
        names = [name for name in self.__struct_fields__ if getattr(self, name) not in ("", 0)]
        return repr_of(self, names)


class Loudspeakers:
    """The loudspeakers of all pages. Any thread may read."""

    def __init__(self) -> None:
        self._by_page: dict[str, LoudspeakerStatus] = {}

    def of(self, page: str) -> LoudspeakerStatus:
        """What this page has said."""
        return self._by_page.get(page, LoudspeakerStatus())

    def follow(self, message: LoudspeakerState, speaker: str, *, is_secure: bool = True) -> None:
        """A page says that its loudspeaker has changed.

        Parameters
        ----------
        speaker : str
            What the panel calls the server's voice.
        is_secure : bool
            Whether the page is one in which a browser plays sound.
        """
        known = self.of(message.page)
        text = loudspeaker_text(message.state, message.reason, speaker=speaker, is_secure=is_secure)
        self._by_page[message.page] = replace(known, state=message.state, text=text)

    def follow_playhead(self, message: Playhead) -> None:
        """A page says how far it has played; only what plays is known to work."""
        known = self.of(message.page)
        self._by_page[message.page] = replace(
            known,
            state="ok" if known.state == "none" and message.sample_count > 0 else known.state,
            lost_s=message.lost_sample_count / SAMPLE_RATE_HZ,
            underrun_count=message.underrun_count,
        )

    def leave(self, page: str) -> None:
        """A page is gone."""
        self._by_page.pop(page, None)
