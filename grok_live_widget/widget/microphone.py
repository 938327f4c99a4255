"""What the pages say of their microphones.

Knows no transport. The messages are those of docs/channel.md.
"""

from __future__ import annotations

from msgspec.structs import replace

from .._structs import Value, repr_of
from .catalogue import microphone_text
from .messages import Hello, MicrophoneState


class MicrophoneStatus(Value, frozen=True, kw_only=True):
    """What the page that captures says of its microphone: `GrokLive.microphone`.

    Parameters
    ----------
    state : {"none", "off", "asking", "on", "muted", "failed"}
        ``"none"``: no page has said anything yet.
    reason : str
        Why it is so: ``"insecure"``, ``"policy"``, ``"denied"``, ``"no_device"``, ``"busy"``,
        ``"lost"``, ``"taken"``, ``"waiting"``, ``"half_duplex"``, ``"paused"`` (the browser has
        suspended the page's sound), ``"system_muted"``, ``"silent"`` (it gives only zeros) or
        ``"other"``; empty for no special reason.
    text : str
        What an English panel says about it, with the cure; empty where there is nothing to say.
    ability : {"", "ok", "insecure", "policy", "none"}
        Whether the page could use a microphone when it was opened; empty: not known.
    device : str
        The microphone's name, while it is on.
    echo_cancellation, noise_suppression, auto_gain : bool or None
        What the browser applies, which can differ from what was requested with `processing`. None:
        the microphone is off, or the browser does not say.
    device_rate_hz : float or None [Hz]
        The rate of the page's sound; the talk gets 24 kHz whatever it is.

    Examples
    --------
    >>> from grok_live_widget import GrokLive
    >>> live = GrokLive(partner="parrot")
    >>> live.microphone
    MicrophoneStatus(state='none')
    >>> live.close()
    """

    state: str = "none"
    reason: str = ""
    text: str = ""
    ability: str = ""
    device: str = ""
    echo_cancellation: bool | None = None
    noise_suppression: bool | None = None
    auto_gain: bool | None = None
    device_rate_hz: float | None = None

    def __repr__(self) -> str:
        """What is known."""
        names = [name for name in self.__struct_fields__ if getattr(self, name) not in ("", None)]
        return repr_of(self, names)


# Why a page has no microphone, by its ability; the others are reasons themselves.
_OBSTACLES = {"ok": "", "none": "no_device"}


class Microphones:
    """The microphones of all pages. Any thread may read."""

    def __init__(self) -> None:
        self._by_page: dict[str, MicrophoneStatus] = {}

    def of(self, page: str) -> MicrophoneStatus:
        """What this page has said."""
        return self._by_page.get(page, MicrophoneStatus())

    def welcome(self, message: Hello) -> None:
        """A page says whether it can use a microphone; it says so again during a talk."""
        known = self.of(message.page)
        if known.state == "none":
            obstacle = _OBSTACLES.get(message.microphone, message.microphone)
            known = MicrophoneStatus(
                state="off",
                reason=obstacle,
                text=microphone_text(obstacle),
                device_rate_hz=message.device_rate_hz,
            )
        self._by_page[message.page] = replace(known, ability=message.microphone)

    def follow(self, message: MicrophoneState, speaker: str) -> None:
        """A page says that its microphone has changed.

        Parameters
        ----------
        speaker : str
            What the panel calls the server's voice.
        """
        self._by_page[message.page] = MicrophoneStatus(
            state=message.state,
            reason=message.reason or "",
            text=microphone_text(
                message.reason or "", speaker=speaker, device=message.device or ""
            ),
            ability=self.of(message.page).ability,
            device=message.device or "",
            echo_cancellation=message.echo_cancellation,
            noise_suppression=message.noise_suppression,
            auto_gain=message.auto_gain,
            device_rate_hz=message.device_rate_hz,
        )

    def leave(self, page: str) -> None:
        """A page is gone, or does not answer any more."""
        self._by_page.pop(page, None)
