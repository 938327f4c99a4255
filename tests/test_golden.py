"""The public contracts of the package, compared with files that were written earlier.

`tests/golden` holds the schemas of tools, a recording, the public names and signatures, the
WebSocket frames of a talk in each dialect, and the outcomes of the table of faults. These tests
compare today's behaviour with those files, so that a change of structure that changes nothing
else can be told from one that does.

When a contract changes on purpose, rewrite the files and review their diff::

    GLW_UPDATE_GOLDEN=1 pytest tests/test_golden.py

The tests then write the files instead of reading them, and are reported as skipped. The
recording and the spoken question are written only where they are missing: a recording of an
earlier version must stay readable, so delete `tests/golden/recording` to make a new one.
"""

from __future__ import annotations

import asyncio
import base64
import difflib
import enum
import hashlib
import inspect
import json
import os
import re
import threading
import time
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, Union
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.asyncio.client import connect as connect_socket
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

import grok_live_widget
from grok_live_widget import (
    FileSearch,
    GrokLive,
    Mcp,
    PushToTalk,
    RehearsalServer,
    ServerVad,
    Talk,
    Turn,
    Turns,
    WebSearch,
    XSearch,
    connect,
    load,
    tool,
)
from grok_live_widget.audio import read_audio, write_wav
from grok_live_widget.events import PlaybackReported, ResponseDone
from grok_live_widget.rehearsal import CallTool, Unvoiced

from .support.waiting import wait_until
from .test_faulty_connections import TABLE, Row

GOLDEN = Path(__file__).parent / "golden"
RECORDING = GOLDEN / "recording"
QUESTION = GOLDEN / "question.wav"
IS_UPDATE = os.environ.get("GLW_UPDATE_GOLDEN") == "1"
RATE = 24_000
DEADLINE_S = 60


# --------------------------------------------------------------------------- the files
def pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def golden(name: str, value: Any) -> Any:
    """What the file holds; when updating, writes `value` into it and skips the comparison."""
    path = GOLDEN / name
    if IS_UPDATE:
        path.write_text(pretty(value), "utf-8")
        pytest.skip(f"{name} was rewritten")
    return json.loads(path.read_text("utf-8"))


def check_equal(name: str, value: Any) -> None:
    """Fail with a diff by lines where `value` is not what the file holds."""
    wanted, found = pretty(golden(name, value)), pretty(value)
    if found != wanted:
        lines = difflib.unified_diff(
            wanted.splitlines(), found.splitlines(), f"golden/{name}", "today", lineterm="", n=2
        )
        pytest.fail("\n".join(lines), pytrace=False)


# --------------------------------------------------------------------------- frames
class Relay:
    """A WebSocket relay before a rehearsal server, which keeps the text frames that pass."""

    def __init__(self, server: RehearsalServer) -> None:
        self.client_frames: list[dict[str, Any]] = []
        self.server_frames: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.has_ended = threading.Event()
        self._host = urlsplit(server.url()).netloc

    async def __call__(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        key = socket.request.headers.get("Authorization")
        async with connect_socket(
            f"ws://{self._host}{socket.request.path}",
            additional_headers={"Authorization": key} if key else {},
            compression=None,
            proxy=None,
        ) as upstream:
            await asyncio.gather(
                self._pass_on(socket, upstream, self.client_frames),
                self._pass_on(upstream, socket, self.server_frames),
            )
        self.close_code = socket.close_code
        self.has_ended.set()

    async def _pass_on(self, source: Any, sink: Any, kept: list[dict[str, Any]]) -> None:
        with suppress(ConnectionClosed):
            async for frame in source:
                kept.append(json.loads(frame))
                await sink.send(frame)
        await sink.close()

    def count(self, *wire_types: str) -> int:
        """How many such messages the server has sent."""
        return sum(each["type"] in wire_types for each in list(self.server_frames))

    def transcript(self) -> dict[str, Any]:
        """Both directions, without what differs from one run to the next."""
        wait_until(self.has_ended.is_set)
        names: dict[str, str] = {}
        # The server's first: it repeats the ids that the client chose, but not the reverse order.
        server = [normal(each, names) for each in with_early_transcripts(self.server_frames)]
        client = [normal(each, names) for each in with_joined_sound(self.client_frames)]
        return {"client": client, "close_code": self.close_code, "server": server}


APPEND = "input_audio_buffer.append"
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
SOUND_DELTAS = ("response.output_audio.delta", "response.audio.delta")


def with_joined_sound(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Consecutive appends as one, without the silence at their end.

    How much of it is sent before the server has heard the end of speech depends on time.
    """
    joined: list[dict[str, Any]] = []
    for frame in frames:
        pcm = base64.b64decode(frame["audio"]) if frame["type"] == APPEND else None
        if pcm is not None and joined and joined[-1]["type"] == APPEND:
            joined[-1]["audio"] += pcm
        else:
            joined.append(frame if pcm is None else {**frame, "audio": pcm})
    for frame in joined:
        if frame["type"] == APPEND:
            samples = np.trim_zeros(np.frombuffer(frame["audio"], "<i2"), "b")
            frame["audio"] = base64.b64encode(samples.tobytes()).decode()
    return joined


def with_early_transcripts(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each transcript of the user's right behind the commit of its item.

    The server writes it down beside the conversation: before or after the client's next request.
    """
    transcripts = [each for each in frames if each["type"] == TRANSCRIBED]
    ordered: list[dict[str, Any]] = []
    for frame in frames:
        if frame["type"] != TRANSCRIBED:
            ordered.append(frame)
        if frame["type"] == "input_audio_buffer.committed":
            ordered += [each for each in transcripts if each["item_id"] == frame["item_id"]]
    assert len(ordered) == len(frames)
    return ordered


def normal(message: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A message with its ids numbered, its clock times hidden and its sound as a digest."""
    found = without_chance(message, names)
    sound = {APPEND: "audio", **dict.fromkeys(SOUND_DELTAS, "delta")}.get(message["type"])
    if sound is not None:
        pcm = base64.b64decode(message[sound])
        found[sound] = digest(np.frombuffer(pcm, "<i2"))
    return found


def without_chance(value: Any, names: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: without_chance(each, names, name) for name, each in value.items()}
    if isinstance(value, list):
        return [without_chance(each, names, key) for each in value]
    if key in ("ts", "timestamp", "timestamp_ms"):
        return "(time)"
    if key == "event_id" and value:
        return "(id)"
    is_id = key == "id" or key.endswith("_id")
    # "0" is a constant of the service.
    if is_id and isinstance(value, str) and value not in ("", "0"):
        return names.setdefault(value, f"id-{len(names) + 1}")
    return value


def digest(samples: np.ndarray) -> dict[str, Any]:
    raw = np.ascontiguousarray(samples, "<i2").tobytes()
    return {"samples": len(samples), "sha256": hashlib.sha256(raw).hexdigest()}


@contextmanager
def relayed(peer: Any, partner: Any, dialect: str) -> Iterator[tuple[Relay, dict[str, Any]]]:
    """A relay before a rehearsal server, and the settings of a talk through it."""
    with RehearsalServer(partner, speed=float("inf"), words=False, ping_interval_s=3_600) as server:
        relay = Relay(server)
        path = urlsplit(server.url(dialect)).path
        url = f"ws://127.0.0.1:{peer(relay).port}{path}"
        yield relay, {"url": url, "dialect": dialect, "api_key": "any"}


# --------------------------------------------------------------------------- schemas of tools
class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.Enum):
    FAST = (1, 2)
    SLOW = (3, 4)


Metres = NewType("Metres", float)


@dataclass
class Point:
    """A point."""

    x: float
    y: float = 0.0


@dataclass(kw_only=True)
class Trip:
    name: str
    start: Point
    points: list[Point] = field(default_factory=list)
    colour: Colour = Colour.RED
    note: str | None = None
    length: int = field(default=0, init=False)


def plain(flag: bool, count: int, size: float, name: str, anything: Any, nothing: None) -> None:
    """Take plain values."""


def defaults(
    flag: bool = True,
    count: int = 3,
    size: float = 0.5,
    name: str = "x",
    level: Level = Level.LOW,
    mode: Mode = Mode.FAST,
    nothing: str | None = None,
    several: tuple[int, ...] = (),
) -> None:
    """Take values that may be left out."""


def enums(colour: Colour, level: Level, mode: Mode) -> None: ...


def literals(
    unit: Literal["C", "F"], number: Literal[1, 2], mixed: Literal["a", 1, True, None, 2]
) -> None: ...


def lists(
    bare: list,  # type: ignore[type-arg]
    numbers: list[int],
    nested: list[list[float]],
    sequence: Sequence[str],
    iterable: Iterable[int],
    collection: Collection[bool],
    some: tuple[int, ...],
    bare_tuple: tuple,  # type: ignore[type-arg]
    unique: set[str],
    frozen: frozenset[int],
) -> None: ...


def mappings(
    bare: dict,  # type: ignore[type-arg]
    numbers: dict[str, float],
    deep: dict[str, list[Point]],
    mapping: Mapping[str, int],
    mutable: MutableMapping[str, Any],
) -> None: ...


def unions(
    maybe: int | None,
    old: Optional[str],  # noqa: UP045
    either: int | str,
    older: Union[float, list[int]],  # noqa: UP007
    places: Point | list[Point] | None = None,
) -> None: ...


def classes(point: Point, trip: Trip, trips: list[Trip] | None = None) -> None: ...


def annotated(
    named: Annotated[int, "How many."], far: Metres, both: Annotated[str, 5, "Which."] = "x"
) -> None: ...


def documented(city: str, unit: Literal["C", "F"] = "C", days: int | None = None) -> str:
    """Look up the weather.

    It is that of today, or of some days,
    from the nearest station.

    Parameters
    ----------
    city : str
        Where to look.
    unit : {"C", "F"}
        Of the temperature,
        in the reply.
    days : int or None
        How many.

    Returns
    -------
    str
        The weather.

    Raises
    ------
    ValueError
    """
    return f"{city} {unit} {days}"


def unhinted(x, y=1, *, z="q"):  # type: ignore[no-untyped-def]
    """Take anything."""


async def awaited(*, seconds: float, why: str = "") -> None:
    """Wait."""


def without_parameters() -> None: ...


class Station:
    def read(self, place: str) -> str:
        """Read the thermometer."""
        return place

    def __call__(self, place: Point) -> str:
        """Go somewhere."""
        return str(place)


TOOLS = [
    plain,
    defaults,
    enums,
    literals,
    lists,
    mappings,
    unions,
    classes,
    annotated,
    documented,
    unhinted,
    awaited,
    without_parameters,
    Station().read,
    tool(name="go", description="Go there.")(Station()),
    WebSearch(),
    WebSearch(allowed_domains=["example.org"], enable_image_understanding=True),
    WebSearch(excluded_domains=["example.org"], user_location={"country": "FR"}),
    XSearch(),
    XSearch(allowed_x_handles=["a", "b"], from_date="2026-01-31", to_date="2026-02-01"),
    XSearch(excluded_x_handles=["c"], enable_video_understanding=False),
    FileSearch(vector_store_ids=["files"]),
    FileSearch(vector_store_ids=["files", "more"], max_num_results=3),
    Mcp(server_url="https://example.org/mcp", server_label="mine"),
    Mcp(
        server_url="https://example.org/mcp",
        server_label="other",
        server_description="Tells the time.",
        allowed_tools=["now"],
        authorization="Basic abc",
        headers={"X-Who": "me"},
    ),
]

# What may be added to a schema without changing what it means for earlier users.
ADDABLE = {
    "description",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
}


def differences(wanted: Any, found: Any, where: str, *, is_named: bool = False) -> list[str]:
    """Where `found` does not contain `wanted`, or has more than may be added.

    `is_named`: the keys are names of properties and not keywords, so none may be added.
    """
    if isinstance(wanted, dict) and isinstance(found, dict):
        added = found.keys() - wanted.keys() - (set() if is_named else ADDABLE)
        return [
            *(f"{where}.{name} was added: {found[name]!r}" for name in sorted(added)),
            *(f"{where}.{name} is missing" for name in wanted if name not in found),
            *(
                each
                for name in wanted
                if name in found
                for each in differences(
                    wanted[name], found[name], f"{where}.{name}", is_named=is_names(name, is_named)
                )
            ),
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            each
            for at, pair in enumerate(zip(wanted, found, strict=True))
            for each in differences(*pair, f"{where}[{at}]")
        ]
    # True equals 1 in Python, and not in JSON.
    is_same = type(wanted) is type(found) and wanted == found
    return [] if is_same else [f"{where} is {found!r}, and was {wanted!r}"]


def is_names(key: str, is_within_names: bool) -> bool:
    return key == "properties" and not is_within_names


def test_schemas_of_tools_in_session_update_have_gained_descriptions_and_limits_at_most(
    peer: Any,
) -> None:
    with relayed(peer, "parrot", "realtime") as (relay, settings):
        with Talk(tools=TOOLS, **settings) as talk:
            talk.start()
        wait_until(relay.has_ended.is_set)
    updates = [each for each in relay.client_frames if each["type"] == "session.update"]
    tools = updates[0]["session"]["tools"]
    wanted = golden("tool_schemas.json", tools)
    assert [each.get("name", each["type"]) for each in tools] == [
        each.get("name", each["type"]) for each in wanted
    ]
    found = [
        each
        for before, now in zip(wanted, tools, strict=True)
        for each in differences(before, now, before.get("name", before["type"]))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("wanted", "found", "says"),
    [
        ({"type": "integer"}, {"type": "integer", "minimum": 0}, []),
        ({"type": "integer"}, {"type": "integer", "title": "T"}, ["a.title was added: 'T'"]),
        ({"type": "integer"}, {"minimum": 0}, ["a.type is missing"]),
        ({"default": 1}, {"default": True}, ["a.default is True, and was 1"]),
        ({"required": ["x"]}, {"required": []}, ["a.required is [], and was ['x']"]),
        (
            {"properties": {"x": {}}},
            {"properties": {"x": {"pattern": "y"}, "pattern": {}}},
            ["a.properties.pattern was added: {}"],
        ),
        (
            {"properties": {"properties": {"type": "integer"}}},
            {"properties": {"properties": {"type": "integer", "minimum": 1}}},
            [],
        ),
    ],
)
def test_the_comparison_of_schemas_allows_added_descriptions_and_limits_only(
    wanted: Any, found: Any, says: list[str]
) -> None:
    assert differences(wanted, found, "a") == says


# --------------------------------------------------------------------------- frames of a talk
def piece(number: int) -> np.ndarray:
    return np.full(3_600, 1000 * number, np.int16)


def tone(duration_s: float) -> np.ndarray:
    """Whole numbers only, so that they are the same everywhere."""
    return (np.arange(round(duration_s * RATE)) * 37 % 4_001 - 2_000).astype(np.int16)


def double(x: int) -> dict[str, int]:
    """Twice a number."""
    return {"twice": 2 * x}


class Answering:
    """A partner whose replies are the same in each run; `go_on` ends the one to "endless"."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, turn: Any) -> Iterator[Any]:
        if turn.role == "tool":
            yield Unvoiced(f"The tool says {turn.text}.")
        elif turn.text == "call":
            yield piece(5)
            yield CallTool("double", {"x": 4})
        elif turn.text == "endless":
            yield piece(6)
            self.go_on.wait(DEADLINE_S)
            yield piece(7)
        else:
            yield piece(1)
            yield Unvoiced("one ")
            yield piece(2)
            yield Unvoiced("two")


def spoken_question() -> np.ndarray:
    pcm, rate_hz = read_audio(QUESTION)
    assert rate_hz == RATE
    return np.concatenate((pcm, np.zeros(RATE // 2, np.int16)))


def interrupt_endless(talk: Talk) -> None:
    """Interrupt a reply amid its sound."""
    replies = len(talk.turns.assistant)
    talk.say("endless")
    wait_until(lambda: len(talk.turns.assistant) > replies and len(talk.turns[-1].pcm) == 3_600)
    talk.interrupt()
    assert talk.turns[-1].was_interrupted


@pytest.fixture
def spoken(request: pytest.FixtureRequest) -> np.ndarray:
    """The question of the golden files, made where it is missing."""
    if IS_UPDATE and not QUESTION.exists():
        write_wav(QUESTION, request.getfixturevalue("speech")("Hello there."))
    return spoken_question()


def test_the_frames_of_a_realtime_talk_are_those_of_the_golden_file(
    peer: Any, spoken: np.ndarray
) -> None:
    partner = Answering()
    options: dict[str, Any] = {
        "voice": "eve",
        "instructions": "Be brief.",
        "turn_detection": PushToTalk(),
        "tools": [double, WebSearch()],
    }
    with relayed(peer, partner, "realtime") as (relay, settings):
        with Talk(**options, **settings) as talk:
            talk.ask("Hello.")
            talk.ask(tone(0.25), RATE)
            talk.ask(tone(0.25), RATE, instructions="Whisper.", metadata={"number": "2"})
            assert talk.update(turn_detection=ServerVad(silence_duration_ms=300), speed=1.1) == []
            talk.ask(spoken, RATE)
            talk.ask("call")
            talk.send_audio(tone(0.05), RATE)
            talk.clear()
            wait_until(lambda: relay.count("input_audio_buffer.cleared"))
            done_count = relay.count("response.done")
            interrupt_endless(talk)
            wait_until(lambda: relay.count("response.done") > done_count)
            partner.go_on.set()
            talk.ask("Again?", instructions="Sing.", metadata={"number": "3"})
        check_equal("frames_realtime.json", relay.transcript())


def test_the_frames_of_a_live_talk_are_those_of_the_golden_file(
    peer: Any, spoken: np.ndarray
) -> None:
    partner = Answering()
    options: dict[str, Any] = {
        "voice": "nova",
        "instructions": "Be brief.",
        "turn_detection": PushToTalk(),
    }
    with relayed(peer, partner, "live") as (relay, settings):
        with Talk(**options, **settings) as talk:
            talk.ask("Hello.")
            talk.ask(tone(0.25), RATE)
            talk.update(turn_detection=ServerVad(silence_duration_ms=300))
            talk.ask(spoken, RATE)
            interrupt_endless(talk)
            # `live` cannot cancel a reply; it goes on, and its sound is not kept.
            delta_count = relay.count(*SOUND_DELTAS)
            partner.go_on.set()
            wait_until(lambda: relay.count(*SOUND_DELTAS) > delta_count)
        check_equal("frames_live.json", relay.transcript())


# --------------------------------------------------------------------------- a recording
async def record(folder: Path, question: np.ndarray) -> None:
    """Typed, spoken and a tool's call; a reply that was heard in full, one in part, one not."""
    ends: asyncio.Queue[ResponseDone] = asyncio.Queue()

    async def follow(session: Any) -> None:
        async for event in session:
            if isinstance(event, ResponseDone):
                ends.put_nowait(event)

    async def next_reply() -> None:
        await asyncio.wait_for(ends.get(), DEADLINE_S)

    def heard(turn: Turn, sample_count: int) -> PlaybackReported:
        return PlaybackReported(
            item_id=turn.item_id,
            sample_count=sample_count,
            first_sound_s=time.monotonic(),
            is_final=sample_count == len(turn.pcm),
        )

    with RehearsalServer(Answering(), speed=float("inf"), words=False) as server:
        async with connect(
            url=server.url("realtime"),
            dialect="realtime",
            api_key="any",
            voice="eve",
            instructions="Be brief.",
            tools=[double],
            turn_detection=ServerVad(silence_duration_ms=300),
            record=folder,
        ) as session:
            following = asyncio.create_task(follow(session))
            session.set_player(True)
            await session.send_text("Hello.")
            await session.respond()
            await next_reply()
            turn = session.turns[-1]
            await session.report_playback(heard(turn, len(turn.pcm)))
            await session.send_audio(question, RATE)
            await next_reply()
            await session.report_playback(heard(session.turns[-1], 5_000))
            await session.interrupt()
            session.set_player(False)
            await session.send_text("call")
            await session.respond()
            # The call is a reply of its own, and so is what is made of its output.
            await next_reply()
            await next_reply()
        following.cancel()


def described(turn: Turn) -> dict[str, Any]:
    names = (
        "role",
        "text",
        "text_source",
        "is_complete",
        "was_interrupted",
        "is_approximate",
        "heard_sample_count",
        "sample_rate",
        "seam",
        "turn_id",
        "item_id",
    )
    return {
        **{name: getattr(turn, name) for name in names},
        # A recording keeps microseconds.
        "started_s": round(turn.started_s, 6),
        "latency_ms": None if turn.latency_ms is None else round(turn.latency_ms, 3),
        "usage": dict(turn.usage),
        "pcm": digest(turn.pcm),
        "heard": digest(turn.heard),
        "duration_s": turn.duration_s,
    }


def test_a_recording_of_an_earlier_version_is_read_to_the_same_turns(spoken: np.ndarray) -> None:
    if IS_UPDATE and not RECORDING.exists():
        asyncio.run(record(RECORDING, spoken))
    saved = load(RECORDING)
    settings = saved.settings
    check_equal(
        "recording.json",
        {
            "clock_s": saved.clock_s,
            "dialect": saved.dialect,
            "event_count": len(saved.events),
            "first_event": [saved.events[0].at_s, saved.events[0].time.isoformat()],
            "last_event": [saved.events[-1].at_s, saved.events[-1].time.isoformat()],
            # Their sentences may be reworded.
            "note_count": len(saved.notes),
            "settings": {
                "dialect": settings.dialect,
                "instructions": settings.instructions,
                "sample_rate": settings.sample_rate,
                "turn_detection": repr(settings.turn_detection),
                "voice": settings.voice,
            },
            "turns": [described(turn) for turn in saved.turns],
        },
    )


def test_the_recording_has_each_kind_of_turn() -> None:
    turns = load(RECORDING).turns
    assert {turn.role for turn in turns} == {"user", "assistant"}
    assert {"typed", "transcript"} <= {turn.text_source for turn in turns}
    assert any(len(turn.pcm) for turn in turns.user)
    assert any(turn.was_interrupted for turn in turns.assistant)
    heard = [(turn.heard_sample_count, len(turn.pcm)) for turn in turns.assistant]
    assert any(count == length > 0 for count, length in heard)
    assert any(count is not None and 0 < count < length for count, length in heard)


# --------------------------------------------------------------------------- names and signatures
def bare(text: str) -> str:
    """Class names without the modules that they are in today."""
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+([A-Za-z_]\w*)", r"\1", text)


def spelled(annotation: Any) -> str:
    is_text = isinstance(annotation, str)
    return bare(annotation if is_text else inspect.formatannotation(annotation))


def signature_of(function: Any) -> str:
    """A signature whose annotations are texts without quotes, be they evaluated or not."""
    signature = inspect.signature(function)
    shown = []
    for each in signature.parameters.values():
        is_hinted = each.annotation is not each.empty
        plain_name = str(each.replace(annotation=each.empty, default=each.empty))
        hint = f": {spelled(each.annotation)}" if is_hinted else ""
        default = "" if each.default is each.empty else f" = {bare(repr(each.default))}"
        shown.append((each.kind, f"{plain_name}{hint}{default}"))
    parts: list[str] = []
    for at, (kind, text) in enumerate(shown):
        before = shown[at - 1][0] if at else None
        if kind is inspect.Parameter.KEYWORD_ONLY and before not in (
            inspect.Parameter.KEYWORD_ONLY,
            inspect.Parameter.VAR_POSITIONAL,
        ):
            parts.append("*")
        parts.append(text)
        after = shown[at + 1][0] if at + 1 < len(shown) else None
        if kind is inspect.Parameter.POSITIONAL_ONLY and after is not kind:
            parts.append("/")
    returned = signature.return_annotation
    arrow = "" if returned is signature.empty else f" -> {spelled(returned)}"
    return f"({', '.join(parts)}){arrow}"


def is_ours(kind: type) -> bool:
    return kind.__module__.split(".")[0] == grok_live_widget.__name__


def member_of(value: Any) -> str:
    if isinstance(value, property):
        assert value.fget is not None
        return f"property{'' if value.fset is None else ', settable'} {signature_of(value.fget)}"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__} {signature_of(value.__func__)}"
    if inspect.isroutine(value) and not inspect.ismemberdescriptor(value):
        prefix = "async " if inspect.iscoroutinefunction(value) else ""
        return f"{prefix}method {signature_of(value)}"
    return "attribute"


def members_of(kind: type) -> dict[str, str]:
    """Public names of a class and of its bases in this package, and how it is made."""
    found = {
        name: member_of(value)
        for base in reversed(kind.__mro__)
        if is_ours(base)
        for name, value in vars(base).items()
        if not name.startswith("_")
    }
    return {"(constructor)": signature_of(kind), **found}


def test_public_names_and_signatures_are_those_of_the_golden_file() -> None:
    names = sorted(dir(grok_live_widget))
    functions = {
        name: getattr(grok_live_widget, name)
        for name in names
        if inspect.isroutine(getattr(grok_live_widget, name))
    }
    assert functions["connect"] is connect
    check_equal(
        "public_api.json",
        {
            "__all__": sorted(grok_live_widget.__all__),
            "dir": names,
            "functions": {name: signature_of(each) for name, each in functions.items()},
            "classes": {
                kind.__name__: members_of(kind)
                for kind in (GrokLive, Talk, Turn, Turns, RehearsalServer)
            },
        },
    )


def test_a_signature_is_the_same_wherever_its_types_are_defined() -> None:
    def evaluated(x, /, y, *, z=None):  # type: ignore[no-untyped-def]
        pass

    def written(x, /, y, *, z=None):  # type: ignore[no-untyped-def]
        pass

    evaluated.__annotations__ = {"x": Point, "y": int | None, "return": list[Point]}
    written.__annotations__ = {"x": "a.b.Point", "y": "int | None", "return": "list[c.Point]"}
    assert signature_of(evaluated) == signature_of(written)
    assert signature_of(written) == "(x: Point, /, y: int | None, *, z = None) -> list[Point]"


# --------------------------------------------------------------------------- outcomes of faults
def outcome_of(row: Row) -> dict[str, Any]:
    """What a row asserts, without its sentences."""
    # A server's error is also noted, besides the notes that the row lists.
    is_repeated = row.is_noted or (row.raises is not None and row.raises.__name__ == "ServerError")
    return {
        "outcome": "Turn" if row.raises is None else row.raises.__name__,
        "note_count": len(row.notes) + is_repeated + len(row.after),
        "pieces": None if row.pieces is None else list(row.pieces),
        "text": row.text,
        "needs_stop": row.needs_stop,
        "is_silent": row.is_silent,
    }


def test_each_fault_has_the_outcome_of_the_golden_file() -> None:
    cases = [(f"{dialect}-{row}", outcome_of(row)) for row in TABLE for dialect in row.dialects]
    assert len(dict(cases)) == len(cases)
    check_equal("faults.json", dict(cases))
