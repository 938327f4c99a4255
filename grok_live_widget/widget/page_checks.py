"""What the page of a panel knows, as checks of the doctor: its rights, microphone and messages."""

from __future__ import annotations

import asyncio
import time

from .. import __version__
from ..diagnostics import Check, blocks_page, ok, round_trip_check, skipped, warning
from .bridge import FrontendBridge
from .messages import Hello
from .microphone import MicrophoneStatus

PAGE = ("page", "page version", "page security", "frame policy", "microphone", "page transport")

PING_COUNT = 10
BURST_COUNT = 20

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


async def page_checks(
    bridge: FrontendBridge, *, processing: bool, timeout_s: float, is_blocking: bool
) -> list[Check]:
    """All checks of the page that owns the sound; runs on the talk's loop.

    Parameters
    ----------
    processing : bool
        The setting.
    timeout_s : number > 0 [s]
        How long the page may take to answer.
    is_blocking : bool
        Whether the caller keeps a cell running meanwhile.
    """
    hello = bridge.pages.get(bridge.lease.owner)
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
        _microphone(hello, bridge.microphone, processing),
        *await _transport(bridge, timeout_s, is_blocking=is_blocking),
    ]


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
        return skipped(name, "It is off.", "Press Start, and call doctor() again.")
    if state == "failed" and microphone.reason not in _WAITING:
        return _failed(name, *_REASONS.get(microphone.reason, _OTHER_REASON))
    if state in ("asking", "failed"):
        return warning(name, "It waits for the user.", "Answer the browser's question.")
    return _applied(microphone, processing)


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
    found = f"It is {microphone.state}: {parts}."
    others = [each for each, is_on in applied.items() if is_on is (not processing)]
    if not others:
        return ok(name, found)
    asked = f"processing={processing} asks for the opposite of {' and '.join(others)}."
    cure = (
        "Use headphones, or another browser: without echo cancellation a reply interrupts itself."
        if processing
        else "Switch it off in the system's settings, or use another browser."
    )
    return warning(name, f"{found} {asked}", cure)


# --------------------------------------------------------------------------- messages
async def _transport(bridge: FrontendBridge, timeout_s: float, *, is_blocking: bool) -> list[Check]:
    """Round trip and rate of messages through the comm, and what that says about the kernel."""
    name, times_ms = "page transport", list[float]()
    try:
        for _ in range(PING_COUNT):
            async with asyncio.timeout(timeout_s):
                times_ms.append(await bridge.ping_owner() * 1000)
        begun_s = time.monotonic()
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*(bridge.ping_owner() for _ in range(BURST_COUNT)))
        rate = BURST_COUNT / max(time.monotonic() - begun_s, 1e-6)
    except TimeoutError:
        return [_silence(name, timeout_s, len(times_ms))]
    checks = [round_trip_check(name, times_ms, f"; {rate:.0f} messages a second both ways")]
    if is_blocking and blocks_page() is not None:
        read = "What the page sends was read while this cell ran."
        checks.append(ok("busy kernel", read))
    return checks


def _silence(name: str, timeout_s: float, answer_count: int) -> Check:
    if answer_count:
        return warning(
            name,
            f"The page answered {answer_count} pings, and then none in {timeout_s:g} s.",
            "Print less in cells: Jupyter drops messages when output floods.",
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
