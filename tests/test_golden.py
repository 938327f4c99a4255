"""What must not change unnoticed, frozen as files in tests/golden.

The public names and signatures, the tools as they are sent, a recording and the turns it loads
as, the frames of a whole talk in both dialects, and the outcomes of the injected faults.
``GLW_UPDATE_GOLDEN=1 pytest tests/test_golden.py`` rewrites the files; read the diff before you
commit it. The recording itself is written by ``GLW_UPDATE_GOLDEN=recording``.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import enum
import hashlib
import inspect
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from websockets.asyncio.client import connect as connect_socket
from websockets.asyncio.server import serve

import grok_live_widget
from grok_live_widget import (
    FileSearch,
    GrokLive,
    Mcp,
    PushToTalk,
    RehearsalServer,
    Talk,
    Turn,
    Turns,
    WebSearch,
    XSearch,
    connect,
    load,
    tool,
)

from .test_faulty_lines import TABLE

GOLDEN = Path(__file__).parent / "golden"
UPDATE = os.environ.get("GLW_UPDATE_GOLDEN", "")


def frozen(name: str, found: Any) -> Any:
    """What the golden file holds; written anew where that is asked for."""
    path = GOLDEN / name
    if UPDATE:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return json.loads(path.read_text("utf-8"))


# --------------------------------------------------------------------------- public names
def signature_of(value: Any) -> str:
    """As written, with classes by their bare names, wherever they are defined."""
    text = str(inspect.signature(value))
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z_])", "", text.replace("'", ""))


def members_of(cls: type) -> dict[str, str]:
    """Public names that this package defines on a class, each with its signature."""
    ours = [each for each in cls.__mro__ if each.__module__.startswith("grok_live_widget")]
    found: dict[str, str] = {}
    for name in sorted({name for each in ours for name in vars(each) if name[0] != "_"}):
        value = inspect.getattr_static(cls, name)
        if isinstance(value, property):
            found[name] = "property"
        elif inspect.isfunction(value):
            found[name] = signature_of(value)
    return {"": signature_of(cls), **found}


def public_api() -> dict[str, Any]:
    classes = (GrokLive, Talk, Turn, Turns, RehearsalServer)
    return {
        "names": sorted(dir(grok_live_widget)),
        "connect": signature_of(connect),
        **{cls.__name__: members_of(cls) for cls in classes},
    }


def test_public_names_and_signatures_are_those_that_were_frozen() -> None:
    found = public_api()
    assert found == frozen("public_api.json", found)


# --------------------------------------------------------------------------- tools
class Colour(enum.Enum):
    RED = "red"
    DEEP_BLUE = "deep blue"


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


@dataclasses.dataclass
class Path_:  # noqa: N801 - a name with an underscore
    points: list[Point]
    colour: Colour = Colour.RED


def everything(
    flag: bool,
    count: int,
    ratio: float,
    name: str,
    colour: Colour,
    unit: Literal["m", "km"],
    names: list[str],
    weights: dict[str, float],
    start: Point,
    line: Path_,
    limit: int | None = None,
    mixed: int | str = 3,
    *,
    end: Point | None = None,
) -> str:
    """Take one of everything.

    Parameters
    ----------
    flag : bool
        Whether it holds.
    count : int
        How many
        there are.
    """
    return ""


@tool(timeout_s=5, approve=True)
def google_style(city: str, days: int = 1) -> str:
    """Tell the weather.

    Args:
        city: Name of the city.
        days: How many days ahead.

    Returns:
        A sentence.
    """
    return ""


def nothing() -> None:
    """Do nothing."""


TOOLS = [
    everything,
    google_style,
    nothing,
    WebSearch(),
    XSearch(),
    FileSearch(vector_store_ids=["v1"]),
    Mcp(server_url="https://example.org/mcp", server_label="docs"),
]

# Keywords that may be added to a schema; nothing else of it may change.
MAY_BE_ADDED = {"description", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} | {
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
}


def without_additions(found: Any, golden: Any) -> Any:
    """`found` less what may be added to `golden`."""
    if isinstance(found, dict) and isinstance(golden, dict):
        return {
            key: without_additions(value, golden.get(key))
            for key, value in found.items()
            if key in golden or key not in MAY_BE_ADDED
        }
    if isinstance(found, list) and isinstance(golden, list) and len(found) == len(golden):
        return [without_additions(a, b) for a, b in zip(found, golden, strict=True)]
    return found


async def test_tools_are_sent_as_they_were_but_for_descriptions_and_limits() -> None:
    received: list[Any] = []

    async def listen(socket: Any) -> None:
        received.append(json.loads(await socket.recv()))
        await socket.send(json.dumps({"type": "session.updated", "session": {}}))
        await socket.wait_closed()

    async with serve(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(url=f"ws://127.0.0.1:{port}/v1/realtime", tools=TOOLS):
            pass
    found = received[0]["session"]["tools"]
    golden = frozen("tool_schemas.json", found)
    assert without_additions(found, golden) == golden


# --------------------------------------------------------------------------- a recording
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def write_recording(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    tone = (8_000 * np.sin(2 * np.pi * 440 / 24_000 * np.arange(4_800))).astype(np.int16)
    with Talk(partner="parrot", tools=[add], turn_detection=PushToTalk(), record=folder) as talk:
        talk.ask("Grüße")
        talk.ask(tone, 24_000)
        talk.ask('call add {"a": 2, "b": 3}')
        talk.ask("And this?")


def saved_turns(folder: Path) -> Any:
    saved = load(folder)
    names = (
        *("role", "text", "text_source", "is_complete", "was_interrupted", "is_approximate"),
        *("heard_sample_count", "sample_rate", "started_s", "duration_s", "latency_ms", "item_id"),
    )
    turns = [
        {name: getattr(turn, name) for name in names}
        | {"samples": len(turn.pcm), "sha256": hashlib.sha256(turn.pcm.tobytes()).hexdigest()}
        for turn in saved.turns
    ]
    return {"turns": turns, "events": [type(each.event).__name__ for each in saved.events]}


def test_a_recording_loads_as_the_turns_it_loaded_as() -> None:
    folder = GOLDEN / "recording"
    if UPDATE == "recording":
        write_recording(folder)
    found = saved_turns(folder)
    assert found == frozen("recording_turns.json", found)
    assert len(found["turns"]) >= 7


# --------------------------------------------------------------------------- frames
class Proxy:
    """Passes frames between a client and a server on, and keeps a copy of each."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.sent: list[Any] = []
        self.received: list[Any] = []

    async def __call__(self, client: Any) -> None:
        path = client.request.path
        headers = {
            k: v for k, v in client.request.headers.raw_items() if k.lower() == "authorization"
        }
        url = self._url.split("/v1/")[0] + path
        async with connect_socket(url, additional_headers=headers, compression=None) as server:
            ways = ((client, server, self.sent), (server, client, self.received))
            tasks = [asyncio.create_task(self._pass_on(*way)) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    @staticmethod
    async def _pass_on(source: Any, target: Any, copies: list[Any]) -> None:
        async for frame in source:
            copies.append(json.loads(frame))
            await target.send(frame)


_SOUND = ("audio", "delta")
_VARIES = re.compile(r"(_ms|_at|_s|_tokens|usage|seconds|time|timestamp|\bts)$")


class Normal:
    """Frames without what differs from run to run: names numbered, times and sound replaced."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def frames(self, frames: list[Any]) -> list[Any]:
        whole: list[Any] = []
        # The user's transcript is made beside the reply, and comes when it is there.
        for frame in sorted(frames, key=lambda frame: "input_audio_transcription" in frame["type"]):
            last = whole[-1] if whole else {"type": None}
            # How sound is cut into messages is a matter of time.
            key = next((key for key in _SOUND if self._is_sound(frame, key)), None)
            if key and last["type"] == frame["type"] and key in last:
                last[key] += base64.b64decode(frame[key])
                continue
            whole.append({**frame, key: base64.b64decode(frame[key])} if key else frame)
        return [self._normal(frame) for frame in whole]

    @staticmethod
    def _is_sound(frame: Any, key: str) -> bool:
        return key in frame and "audio" in frame["type"] and "transcript" not in frame["type"]

    def _normal(self, value: Any, key: str = "") -> Any:
        match value:
            case dict():
                return {k: self._normal(v, k) for k, v in value.items() if not _VARIES.search(k)}
            case list():
                return [self._normal(each) for each in value]
            case bytes():
                return {"samples": len(value) // 2, "sha256": hashlib.sha256(value).hexdigest()}
            case str() if key == "id" or key.endswith("_id"):
                return self._ids.setdefault(value, f"{key} {len(self._ids)}") if value else ""
            case str() if key == "api_key":
                return "KEY"
        return value


TONE = (8_000 * np.sin(2 * np.pi * 440 / 24_000 * np.arange(7_200))).astype(np.int16)


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_the_frames_of_a_whole_talk_are_those_that_were_frozen(dialect: str) -> None:
    tools: Any = {"tools": [add]} if dialect == "realtime" else {}
    options: Any = {"turn_detection": PushToTalk(), "voice": "eve", "instructions": "Be brief."}
    with RehearsalServer("parrot", api_key="k", speed=float("inf"), words=False) as rehearsal:
        proxy = Proxy(rehearsal.url(dialect))
        async with serve(proxy, "127.0.0.1", 0, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"ws://127.0.0.1:{port}/v1/{dialect}"
            talk = Talk(url=url, api_key="k", reply_quiet_ms=200, **options, **tools)
            await talk.ask_async("Hello.")
            await talk.ask_async(TONE, 24_000)
            if dialect == "realtime":
                await talk.ask_async('call add {"a": 2, "b": 3}')
                await talk.update_async(voice="ara")
            await talk.interrupt_async()
            await talk.close_async()
    normal = Normal()
    found = {"sent": normal.frames(proxy.sent), "received": normal.frames(proxy.received)}
    assert found == frozen(f"frames_{dialect}.json", found)


# --------------------------------------------------------------------------- faults
def outcome_of(row: Any) -> Any:
    return {
        "dialects": list(row.dialects),
        "raises": row.raises.__name__ if row.raises else None,
        "notes": [level for level, _ in (*row.notes, *row.after)],
        "pieces": None if row.pieces is None else list(row.pieces),
        "text": row.text,
        "is_noted": row.is_noted,
        "needs_stop": row.needs_stop,
        "is_silent": row.is_silent,
    }


def test_the_outcomes_of_faults_are_those_that_were_frozen() -> None:
    found = {str(row): outcome_of(row) for row in TABLE}
    golden = frozen("faults.json", found)
    assert sum(len(each["dialects"]) for each in golden.values()) >= 100
    assert found == golden
