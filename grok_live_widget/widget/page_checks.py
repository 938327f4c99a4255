"""What the page of a panel knows, as checks of the doctor: its rights, microphone and messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from .. import __version__
from ..diagnostics import Check, blocks_page, ok, round_trip_check, skipped, warning
from .bridge import FrontendBridge
from .doctor_drawer import TESTS
from .loudspeaker import LoudspeakerStatus
from .messages import Hello
from .microphone import MicrophoneStatus

PAGE = (
    *("page", "page version", "page security", "frame policy", "microphone", "loudspeaker"),
    *("page transport", "page sound", *TESTS),
)

PING_COUNT = 10
SOUND_COUNT = 5
BURST_COUNT = 20
# A chunk of the microphone, of all bytes that there are.
_SOUND = bytes(range(256)) * 18 + bytes(192)

_TUNNEL = (
    "Open the page by https, or through a tunnel: ssh -L 8888:localhost:8888 HOST, then "
    "http://localhost:8888."
)
_BROWSER = "Open the notebook in JupyterLab in a browser; typing and listening work here, too."
# Found and cure of each reason for which a microphone fails; docs/channel.md lists them.
_REASONS = {
    "denied": (
        "The microphone was refused by the user or the system.",
        "Allow it by the icon beside the page's address and in the system's settings, then press "
        "Start.",
    ),
    "no_device": ("The browser found no microphone.", "Plug one in, then press Start."),
    "busy": ("Another program uses the microphone.", "Close it there, then press Start."),
    "lost": ("The microphone was unplugged.", "Plug it in, then press Start."),
    "insecure": ("The page is not secure, so that it has no microphone.", _TUNNEL),
    "policy": ("The program that shows the page keeps the microphone from it.", _BROWSER),
}
_OTHER_REASON = ("The microphone could not be switched on.", "Press Start again.")
_WAITING = ("asking", "waiting", "taken")
# Reasons for which a microphone that is on hears nothing; the page has the sentence.
_UNHEARD = ("paused", "system_muted", "silent")
_FLOOD = "Print less in cells: Jupyter drops messages when output floods."
_LEAST_LOST_S = 0.05


async def page_checks(
    bridge: FrontendBridge,
    page: str = "",
    *,
    processing: bool,
    timeout_s: float,
    is_blocking: bool,
    is_beside_cells: Callable[[], bool | None],
) -> list[Check]:
    """All checks of a page; runs on the talk's loop.

    Parameters
    ----------
    page : str
        Empty: the one that owns the sound.
    processing : bool
        The setting.
    timeout_s : number > 0 [s]
        How long the page may take to answer.
    is_blocking : bool
        Whether the caller keeps a cell running meanwhile.
    is_beside_cells : callable
        Whether the newest message of a page was read on another thread than that of cells.
    """
    page = page or bridge.lease.owner
    hello = bridge.pages.get(page)
    if hello is None:
        found = "No page has shown this panel yet."
        cure = "Show it as the last value of a cell, and call doctor() in a later cell."
        return [
            skipped("page", found, cure),
            *(skipped(name, "There is no page.") for name in PAGE[1:]),
        ]
    count = len(bridge.pages)
    more = "" if count == 1 else f", and is one of {count}"
    return [
        ok("page", f"A page shows the panel{more}."),
        _version(hello),
        *_rights(hello),
        _microphone(hello, bridge.microphone_of(page), processing),
        _loudspeaker(bridge.loudspeaker_of(page)),
        *await _transport(bridge, page, timeout_s, is_blocking, is_beside_cells),
        *(bridge.doctor.tested(page).get(name) or _untested(name) for name in TESTS),
    ]


def _untested(name: str) -> Check:
    cure = "Open the doctor of the panel."
    if name != "browser":
        cure = "Run the test in the doctor of the panel."
    return skipped(name, "The page has not told yet.", cure)


def _failed(name: str, found: str, cure: str) -> Check:
    return Check(name=name, result="failed", found=found, cure=cure)


def _version(hello: Hello) -> Check:
    name = "page version"
    if hello.version == __version__:
        return ok(name, f"Page and kernel have version {__version__}.")
    return _failed(
        name,
        f"The page has version {hello.version or 'unknown'}, the kernel {__version__}.",
        "Save the notebook, reload the page, and restart the kernel.",
    )


def _rights(hello: Hello) -> list[Check]:
    security, policy = PAGE[2:4]
    if hello.microphone == "insecure":
        return [
            _failed(security, *_REASONS["insecure"]),
            skipped(policy, "Not checked, since the page is not secure."),
        ]
    is_kept = hello.microphone == "policy"
    return [
        ok(security, "The page is secure, so that it may have a microphone."),
        _failed(policy, *_REASONS["policy"])
        if is_kept
        else ok(policy, "The program that shows the page lets it have the microphone."),
    ]


# --------------------------------------------------------------------------- the microphone
def _microphone(hello: Hello, microphone: MicrophoneStatus, processing: bool) -> Check:
    name = "microphone"
    if hello.microphone in ("insecure", "policy"):
        return skipped(name, "Not checked, since the page may have none.")
    if hello.microphone == "none":
        return _failed(name, "The browser gives no page a microphone.", "Use another browser.")
    state = microphone.state
    if state in ("none", "off"):
        return skipped(name, "It is off.", "Switch it on in the panel, and check again.")
    if state == "failed" and microphone.reason not in _WAITING:
        return _failed(name, *_REASONS.get(microphone.reason, _OTHER_REASON))
    if state in ("asking", "failed"):
        return warning(name, "It waits for the user.", "Answer the browser's question.")
    if microphone.reason in _UNHEARD:
        return warning(name, microphone.text)
    return _applied(microphone, processing)


def _loudspeaker(loudspeaker: LoudspeakerStatus) -> Check:
    name = "loudspeaker"
    if loudspeaker.state == "none":
        return skipped(name, "The page has played nothing yet.", "Ask something.")
    if loudspeaker.state == "failed":
        return _failed(name, loudspeaker.text, "")
    if loudspeaker.state == "waiting":
        return warning(name, loudspeaker.text, "Click in the panel.")
    lost_s, underruns = loudspeaker.lost_s, loudspeaker.underrun_count
    if lost_s >= _LEAST_LOST_S:
        found = f"{lost_s:.1f} s of sound was lost on its way to the page."
        return warning(name, found, _FLOOD)
    if underruns:
        late = f"Sound came late {underruns} times, and paused."
        found = "Sound came late once, and paused." if underruns == 1 else late
        return warning(name, found, "Use a network that is nearer, or run less in the page.")
    return ok(name, "Replies are played.")


def _applied(microphone: MicrophoneStatus, processing: bool) -> Check:
    """What the browser does to the sound, and whether that was asked for."""
    name = "microphone"
    applied = {
        "echo cancellation": microphone.echo_cancellation,
        "noise suppression": microphone.noise_suppression,
        "gain control": microphone.auto_gain,
    }
    shown = [
        f"{each} {'on' if is_on else 'off'}" for each, is_on in applied.items() if is_on is not None
    ]
    rate = f"{microphone.device_rate_hz:g} Hz" if microphone.device_rate_hz else ""
    parts = ", ".join(filter(None, [microphone.device or "a device without a name", rate, *shown]))
    found = f"It is muted: {parts}." if microphone.state == "muted" else f"It is on: {parts}."
    others = [each for each, is_on in applied.items() if is_on is (not processing)]
    if not others:
        return ok(name, found)
    asked = f"processing={processing} asks for the opposite: {', '.join(others)}."
    cure = (
        "Use headphones, or another browser: without echo cancellation a reply interrupts itself."
        if processing
        else "Switch it off in the system's settings, or use another browser."
    )
    return warning(name, f"{found} {asked}", cure)


# --------------------------------------------------------------------------- messages
async def _transport(
    bridge: FrontendBridge,
    page: str,
    timeout_s: float,
    is_blocking: bool,
    is_beside_cells: Callable[[], bool | None],
) -> list[Check]:
    """Round trip and rate of messages through the comm, and what that says about the kernel."""
    name, times_ms, sounds_ms = "page transport", list[float](), list[float]()
    returned: set[bytes | None] = set()
    try:
        for _ in range(PING_COUNT):
            async with asyncio.timeout(timeout_s):
                times_ms.append((await bridge.ping(page))[0] * 1000)
        for _ in range(SOUND_COUNT):
            async with asyncio.timeout(timeout_s):
                took_s, sound = await bridge.ping(page, _SOUND)
            sounds_ms.append(took_s * 1000)
            returned.add(sound)
        # The last, since the page has to catch up with it.
        begun_s = time.monotonic()
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*(bridge.ping(page) for _ in range(BURST_COUNT)))
        rate = BURST_COUNT / max(time.monotonic() - begun_s, 1e-6)
    except TimeoutError:
        silent = _silence(name, timeout_s, len(times_ms))
        return [silent, skipped("page sound", f"Not checked, since {name!r} has not ended.")]
    return [
        round_trip_check(name, times_ms, f"; {rate:.0f} messages a second both ways"),
        _page_sound(sounds_ms, returned),
        *_beside_cells(is_blocking, is_beside_cells()),
    ]


def _page_sound(times_ms: list[float], returned: set[bytes | None]) -> Check:
    name = "page sound"
    if returned == {_SOUND}:
        more = f" with {len(_SOUND) / 1000:.1f} kB, which came back unchanged"
        return round_trip_check(name, times_ms, more)
    return _failed(
        name,
        "Sound that was sent to the page did not come back as it was.",
        "Reload the page; if it happens again, ask who runs the notebook server whether a proxy "
        "changes binary messages.",
    )


def _beside_cells(is_blocking: bool, is_beside: bool | None) -> list[Check]:
    """Whether what the page sends is read while a cell runs, by what has happened to the pings."""
    name = "busy kernel"
    # With an older ipykernel, the check of the installation says why, and what to install.
    if blocks_page() != "":
        return []
    if is_blocking:
        return [ok(name, "What the page sends was read while this cell ran.")]
    if is_beside:
        found = "What the page sends is read beside the cells, so that it waits for none of them."
        return [ok(name, found)]
    return [
        warning(
            name,
            "What the page sends waits while a cell runs.",
            "Use JupyterLab 4.4 or Notebook 7.4, or newer; elsewhere, await ask_async() in cells.",
        )
    ]


def _silence(name: str, timeout_s: float, answer_count: int) -> Check:
    if answer_count:
        return warning(
            name,
            f"The page answered {answer_count} pings, and then none in {timeout_s:g} s.",
            _FLOOD,
        )
    version = blocks_page()
    if version is None:
        return _failed(name, f"The page did not answer in {timeout_s:g} s.", "Reload the page.")
    if version:
        return warning(
            name,
            f"The messages of the page wait for the running cell with ipykernel {version}, so that "
            "none could be measured.",
            'Install one with subshells: pip install -U "ipykernel>=7.4".',
        )
    return warning(
        name,
        f"The page did not answer in {timeout_s:g} s: its messages wait for the running cell, or "
        "it is gone.",
        "Use JupyterLab 4.4 or Notebook 7.4, or newer, or await live.doctor_async(); else reload "
        "the page.",
    )
