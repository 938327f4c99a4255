"""What the panel costs in JupyterLab and Chromium, and whether it stays smooth in a long talk.

    python -m benchmarks.panel                        CPU time of page, browser, server and kernel
    python -m benchmarks.panel --beside CHECKOUT      the same beside another checkout
    python -m benchmarks.panel --carriers comm direct the same for each way of the sound
    python -m benchmarks.panel --delays               how long sound is under way, and barge-in
    python -m benchmarks.panel --stalls               what stalls the sound
    python -m benchmarks.panel --trace --turns 1000   tasks of the page's main thread
    python -m benchmarks.panel --minutes 30           memory, and what was said and heard

Needs what the browser tests need. CPU time is read from the processes, and that of a panel that is
idle is subtracted; the cases follow each other within a round, so that ratios within one run can be
compared. Run it while nothing else does.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
import wave
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Playwright, sync_playwright

from tests.browser.speech import FILE_RATE_HZ, Said, Studio

from . import page_trace, sound_delay, stalls
from .lab_panel import PARTS, REHEARSAL, ROOT, LabPanel, voice_server

CASES = ("idle", "microphone", "reply", "both", "out of sight")
SETTLE_S = 2.0
# Until the waveforms of the last case have scrolled out of sight.
STILL_S = 20.0
# More than the case takes, so that the reply does not end before it.
SPARE_S = 10.0
# Of the soak: how often something is said, and for how long the reply goes on.
PERIOD_S = 16.0
HEAP_LIMIT_BYTES = 5_000_000

# Ways of the sound, by name, and the arguments of `GrokLive` for each.
CARRIERS = {
    "comm": 'channel="comm"',
    "direct": 'channel="auto"',
    "proxy": 'channel="proxy"',
    "thread": 'channel="auto", isolation="thread"',
    "comm-thread": 'channel="comm", isolation="thread"',
}

Used = dict[str, float]
"""Cores that each part uses."""


# --------------------------------------------------------------------------- CPU time
def measure_cpu(
    panels: dict[str, LabPanel], rounds: int, duration_s: float
) -> dict[tuple[str, str], list[Used]]:
    """For each checkout and case, the cores that each part used in each round."""
    found: dict[tuple[str, str], list[Used]] = {}
    for number in range(rounds):
        for case in CASES:
            # In turns, so that neither is always the first.
            order = list(panels)[:: 1 if number % 2 == 0 else -1]
            for name in order:
                used = cores_in(panels[name], case, duration_s)
                found.setdefault((name, case), []).append(used)
                figures = " ".join(f"{part} {cores:.3f}" for part, cores in used.items())
                report(f"round {number + 1}, {name}, {case}: {all_of(used):.3f} ({figures})")
    return found


def cores_in(panel: LabPanel, case: str, duration_s: float) -> Used:
    panel.begin(case, duration_s + SPARE_S)
    time.sleep(STILL_S if case == "idle" else SETTLE_S)
    before, begun_s = panel.used_s(), time.monotonic()
    time.sleep(duration_s)
    after, passed_s = panel.used_s(), time.monotonic() - begun_s
    panel.end()
    return {part: (after[part] - before[part]) / passed_s for part in (*PARTS, REHEARSAL)}


def all_of(used: Used) -> float:
    """Cores of all parts: a real voice server is elsewhere, so that the rehearsal is none."""
    return sum(used[part] for part in PARTS)


def cpu_table(found: dict[tuple[str, str], list[Used]]) -> str:
    names = list(dict.fromkeys(name for name, _ in found))
    lines = [
        f"| case | | {' | '.join(PARTS)} | all | above idle | of the first | {REHEARSAL} |",
        f"|{'---|' * (len(PARTS) + 6)}",
    ]
    for case in CASES:
        first = above_idle(found, names[0], case)
        for name in names:
            *parts, rehearsal = (
                f"{median(each[part] for each in found[name, case]):.3f}"
                for part in (*PARTS, REHEARSAL)
            )
            whole = median(map(all_of, found[name, case]))
            above = above_idle(found, name, case)
            ratio = f"{above / first:.2f}" if case != "idle" and first > 0 else ""
            cells = [case, name, *parts, f"{whole:.3f}", f"{above:.3f}", ratio, rehearsal]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def above_idle(found: dict[tuple[str, str], list[Used]], name: str, case: str) -> float:
    """Cores of all parts above those of an idle panel: the median over the rounds."""
    pairs = zip(found[name, case], found[name, "idle"], strict=True)
    return median(all_of(used) - all_of(idle) for used, idle in pairs)


def messages_table(panel: LabPanel, duration_s: float) -> str:
    """Messages a second over the comm, by type."""
    lines = ["| case | messages a second |", "|---|---|"]
    for case in CASES[1:4]:
        panel.begin(case, duration_s + SPARE_S)
        time.sleep(SETTLE_S)
        panel.count_messages()
        begun_s = time.monotonic()
        panel.notebook.page.wait_for_timeout(1000 * duration_s)
        counts, passed_s = panel.message_counts(), time.monotonic() - begun_s
        panel.end()
        rates = sorted(((count / passed_s, name) for name, count in counts.items()), reverse=True)
        shown = ", ".join(f"{name} {rate:.1f}" for rate, name in rates if rate >= 0.05)
        lines.append(f"| {case} | {shown} |")
    return "\n".join(lines)


# --------------------------------------------------------------------------- tasks
def trace_tasks(panel: LabPanel, duration_s: float, keep: Path | None) -> page_trace.Tasks:
    """The tasks of the main thread while the microphone is on and a reply sounds."""
    with page_trace.traced(panel.notebook.page, panel.cdp) as events:
        # The profiler reads all code of the page first.
        time.sleep(5)
        panel.begin("both", duration_s + SPARE_S)
        page_trace.mark(panel.notebook.page)
        time.sleep(duration_s)
        page_trace.mark(panel.notebook.page)
    panel.end()
    if keep:
        page_trace.save(events, keep)
    return page_trace.tasks_of(events)


# --------------------------------------------------------------------------- soak
def soak(panel: LabPanel, minutes: float) -> str:
    """Talk so long; a line for each minute, and what was said and heard in the end."""
    earlier_turns = panel.notebook.kernel.value("len(live.turns)")
    panel.watch_sound()
    panel.count_messages()
    panel.begin("microphone", 0)
    begun_s = time.monotonic()
    lines = ["| minute | heap [MB] | nodes | listeners | turns |", "|---|---|---|---|---|"]
    heaps: list[int] = []
    for minute in range(1, max(2, round(minutes)) + 1):
        time.sleep(max(0.0, begun_s + 60 * minute - time.monotonic()))
        heap = panel.heap()
        heaps.append(heap["bytes"])
        turns = panel.notebook.kernel.value("len(live.turns)")
        figures = f"{heap['bytes'] / 1e6:.2f} | {heap['nodes']} | {heap['jsEventListeners']}"
        lines.append(f"| {minute} | {figures} | {turns} |")
        report(lines[-1])
    grown = heaps[-1] - heaps[0]
    verdict = "" if grown < HEAP_LIMIT_BYTES else " missed"
    lines += [
        "",
        f"Heap after the first minute: {grown / 1e6:+.2f} MB (< 5{verdict}).",
        *panel.end_of_sound(earlier_turns),
    ]
    return "\n".join(lines)


def write_talk(studio: Studio, path: Path, duration_s: float) -> Path:
    """A WAV file in which something is said every `PERIOD_S`."""
    said = studio.script(Said("Good morning, is anybody there?", 0.0), lead_s=3.0).samples
    period = np.zeros(int(PERIOD_S * FILE_RATE_HZ))
    period[: len(said)] = said
    codes = np.rint(period * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(FILE_RATE_HZ)
        for _ in range(round(duration_s / PERIOD_S)):
            file.writeframes(codes)
    return path


# --------------------------------------------------------------------------- the command
def main() -> None:
    options = parsed()
    with (
        tempfile.TemporaryDirectory(prefix="panel_") as name,
        voice_server() as url,
        sync_playwright() as playwright,
    ):
        folder = Path(name)
        (folder / "speech").mkdir()
        if options.delays or options.stalls:
            run_of_sound(options, playwright, folder)
            return
        studio = Studio(folder / "speech")
        if options.minutes:
            sound = write_talk(studio, folder / "talk.wav", 60 * (options.minutes + 2))
        else:
            panel_count = max(1, len(options.carriers or ())) + bool(options.beside)
            cases_s = options.rounds * len(CASES) * (options.seconds + 30)
            # The browser gives nothing more after its end.
            sound = studio.noise(120 + panel_count * (cases_s + 4 * options.seconds)).path
        run(options, playwright, folder, url, sound)


def run_of_sound(options: argparse.Namespace, playwright: Playwright, folder: Path) -> None:
    print(machine(), flush=True)
    carriers = {name: CARRIERS[name] for name in options.carriers or ("comm", "proxy", "direct")}
    table = (
        sound_delay.measure(playwright, folder, carriers, options.seconds)
        if options.delays
        else stalls.measure(playwright, folder, carriers)
    )
    for row in table:
        print(row, flush=True)


def run(
    options: argparse.Namespace, playwright: Playwright, folder: Path, url: str, sound: Path
) -> None:
    print(machine(), flush=True)
    if options.trace is not None or options.minutes:
        with LabPanel(playwright, folder / "panel", url, sound, turns=options.turns) as panel:
            report(f"a panel with {options.turns} turns is shown")
            if options.minutes:
                print(soak(panel, options.minutes))
            else:
                keep = Path(options.trace) if options.trace else None
                tasks = trace_tasks(panel, options.seconds, keep)
                print(page_trace.HEADER, *tasks.rows(), sep="\n")
        return
    packages = dict.fromkeys(options.carriers or ["this"], ROOT)
    if options.beside:
        packages = {"beside": options.beside.resolve(), **packages}
    panels = {
        name: LabPanel(
            playwright,
            folder / name,
            url,
            sound,
            settings=CARRIERS.get(name, ""),
            package=package,
            turns=options.turns,
        )
        for name, package in packages.items()
    }
    try:
        print(cpu_table(measure_cpu(panels, options.rounds, options.seconds)))
        for name, panel in panels.items():
            print(f"\n{name}:\n{messages_table(panel, options.seconds)}")
    finally:
        for panel in panels.values():
            panel.close()


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.panel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15, help="of each case")
    parser.add_argument("--beside", type=Path, help="a checkout with a built front end")
    parser.add_argument("--carriers", nargs="+", choices=CARRIERS, help="ways of the sound")
    parser.add_argument("--delays", action="store_true")
    parser.add_argument("--stalls", action="store_true")
    parser.add_argument("--turns", type=int, default=0, help="that are shown from the beginning")
    parser.add_argument(
        "--trace", nargs="?", const="", help="trace the page; a file name keeps the trace"
    )
    parser.add_argument("--minutes", type=float, default=0, help="of a talk, at least 2")
    return parser.parse_args(arguments)


def machine() -> str:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{date.today()}, {platform.platform()}, {os.cpu_count()} cores, load {load}"


def report(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
