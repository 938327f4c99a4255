"""Chromium's trace of a page, and how long its main thread was busy with the panel's own code.

The panel's code is what was loaded from a Blob, as anywidget loads it. Where the browser calls it
(an event, a frame, a timer) the trace has the call; where JupyterLab calls it, as with a message of
the kernel, samples of the stack tell.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page

CATEGORIES = (
    "toplevel",
    "devtools.timeline",
    "disabled-by-default-v8.cpu_profiler",
    "blink.user_timing",
    "__metadata",
)
_MARK = "glw-measured"
Event = dict[str, Any]


@dataclass
class Tasks:
    """How long tasks of the main thread took [ms]; one entry for each task with our code in it.

    Parameters
    ----------
    ours : list of float
        Our code, with all that it calls.
    entered : list of float
        Whole tasks that begin in our code: events, frames, timers and messages of the audio thread.
    ours_cpu, entered_cpu : list of float
        The same, without the time for which the thread had no processor. Of our code in a task, the
        share that the whole task has.
    duration_s : float
    """

    ours: list[float] = field(default_factory=list)
    entered: list[float] = field(default_factory=list)
    ours_cpu: list[float] = field(default_factory=list)
    entered_cpu: list[float] = field(default_factory=list)
    duration_s: float = 0.0

    def rows(self) -> list[str]:
        """The rows of a table."""
        titles = {
            "our code in a task": self.ours,
            "the same, CPU time": self.ours_cpu,
            "task of ours": self.entered,
            "the same task, CPU time": self.entered_cpu,
        }
        return [self._row(title, np.array(values or [0.0])) for title, values in titles.items()]

    def _row(self, title: str, values: np.ndarray) -> str:
        figures = [f"{np.percentile(values, at):.2f}" for at in (50, 99, 100)]
        counts = [str(int((values > limit).sum())) for limit in (16, 50)]
        rate = f"{len(values) / max(self.duration_s, 1e-9):.0f}"
        return f"| {' | '.join([title, rate, *figures, *counts])} |"


HEADER = """| | a second | p50 [ms] | p99 [ms] | longest [ms] | over 16 ms | over 50 ms |
|---|---|---|---|---|---|---|"""


@contextmanager
def traced(page: Page, cdp: CDPSession) -> Iterator[list[Event]]:
    """Trace the page; the list has the events when the block has ended."""
    events: list[Event] = []
    done: list[Any] = []
    cdp.once("Tracing.tracingComplete", lambda event: done.append(event))
    config = {"recordMode": "recordAsMuchAsPossible", "includedCategories": CATEGORIES}
    cdp.send("Tracing.start", {"transferMode": "ReturnAsStream", "traceConfig": config})
    yield events
    cdp.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    text, end = [], False
    while not end:
        piece = cdp.send("IO.read", {"handle": done[0]["stream"]})
        text.append(piece["data"])
        end = piece["eof"]
    events += json.loads("".join(text))["traceEvents"]


def save(events: list[Event], path: Path) -> None:
    """Write a file that the browser's developer tools open."""
    path.write_text(json.dumps({"traceEvents": events}))


def mark(page: Page) -> None:
    """What is between two marks is measured."""
    page.evaluate("name => performance.mark(name)", _MARK)


def tasks_of(events: list[Event]) -> Tasks:
    """The tasks between the two marks."""
    marks = [each for each in events if each["name"] == _MARK]
    begun, ended = marks[0]["ts"], marks[-1]["ts"]
    thread = marks[0]["pid"], marks[0]["tid"]
    of_thread = [
        each
        for each in events
        if (each["pid"], each["tid"]) == thread and begun <= each["ts"] <= ended
    ]
    tasks = sorted(
        (each["ts"], each["dur"], each.get("tdur", each["dur"]))
        for each in of_thread
        if each["name"] == "ThreadControllerImpl::RunTask" and "dur" in each
    )
    shares = [min(1.0, cpu / max(whole, 1)) for _, whole, cpu in tasks]
    starts = [start for start, *_ in tasks]
    ours = dict.fromkeys(range(len(tasks)), 0.0)
    entered: set[int] = set()
    calls = _outermost(each for each in of_thread if each["name"] == "FunctionCall")
    for start, end, is_ours in calls:
        at = bisect_right(starts, start) - 1
        if is_ours and at >= 0 and start < tasks[at][0] + tasks[at][1]:
            ours[at] += end - start
            entered.add(at)
    ends = [end for _, end, is_ours in calls if is_ours]
    begins = [start for start, _, is_ours in calls if is_ours]
    for start, duration in _samples_of_ours(events, thread):
        at = bisect_right(starts, start) - 1
        is_in_task = at >= 0 and start < tasks[at][0] + tasks[at][1]
        call = bisect_right(begins, start) - 1
        if is_in_task and not (call >= 0 and start < ends[call]):
            ours[at] += min(duration, tasks[at][0] + tasks[at][1] - start)
    return Tasks(
        ours=[took / 1000 for took in ours.values() if took > 0],
        entered=[tasks[at][1] / 1000 for at in entered],
        ours_cpu=[took / 1000 * shares[at] for at, took in ours.items() if took > 0],
        entered_cpu=[tasks[at][1] / 1000 * shares[at] for at in entered],
        duration_s=(ended - begun) / 1e6,
    )


def _outermost(calls: Iterator[Event]) -> list[tuple[float, float, bool]]:
    """Beginning, end, and whether it is ours, of the calls that are within no other."""
    found: list[tuple[float, float, bool]] = []
    for each in sorted(calls, key=lambda call: call["ts"]):
        if found and each["ts"] < found[-1][1]:
            continue
        url = each["args"].get("data", {}).get("url", "")
        found.append((each["ts"], each["ts"] + each.get("dur", 0), url.startswith("blob:")))
    return found


def _samples_of_ours(events: list[Event], thread: tuple[int, int]) -> Iterator[tuple[float, float]]:
    """When samples of the main thread were taken with our code on the stack, and for how long."""
    profiles = {
        (each["pid"], each["id"]): each["args"]["data"]["startTime"]
        for each in events
        if each["name"] == "Profile" and (each["pid"], each["tid"]) == thread
    }
    for key, start in profiles.items():
        is_ours = {0: False}
        at = start
        chunks = [each for each in events if each["name"] == "ProfileChunk" and _key(each) == key]
        for chunk in sorted(chunks, key=lambda each: each["ts"]):
            data = chunk["args"]["data"]
            profile = data.get("cpuProfile", {})
            for node in profile.get("nodes", []):
                url = node["callFrame"].get("url", "")
                above = is_ours.get(node.get("parent", 0), False)
                is_ours[node["id"]] = above or url.startswith("blob:")
            for node_id, delta in zip(
                profile.get("samples", []), data.get("timeDeltas", []), strict=True
            ):
                # A sample stands for the time since the one before it.
                if is_ours.get(node_id, False):
                    yield at, delta
                at += delta


def _key(event: Event) -> tuple[int, str]:
    return event["pid"], event["id"]
