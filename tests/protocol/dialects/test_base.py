"""The law of round trips, for every word of both dialects, and reading that never raises."""

from __future__ import annotations

import base64
import contextlib
import typing
from collections.abc import Mapping
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    ClientEvent,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    McpCallFollowed,
    McpToolsListed,
    OutputBufferFollowed,
    Part,
    PushToTalk,
    ResponseDone,
    ServerEvent,
    ServerVad,
    SessionCreated,
    SpeechStarted,
    ToolOffer,
    Transcription,
    TurnDetection,
    Unrecognized,
    UpdateSession,
)
from grok_live_widget.exceptions import LocalProtocolError, UnsupportedByServer
from grok_live_widget.protocol.dialects import DIALECTS, LIVE, REALTIME, Dialect

from ...support.events import example

# --------------------------------------------------------------------------- what can be said
# What a field leaves out when it is empty comes back as None, so None stands for both.
TEXT, SAID = st.text(max_size=8), st.text(min_size=1, max_size=8)
# JSON has neither NaN nor infinities; whole numbers are read up to 64 bits.
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
PCM = st.binary(max_size=12).map(lambda b: b[: len(b) // 2 * 2])

BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: WHOLE,
    bool: st.booleans(),
    bytes: PCM,
    str | None: st.none() | SAID,
    int | None: st.none() | WHOLE,
    float | None: st.none() | NUMBER,
    Mapping[str, Any]: OBJECT,
    Mapping[str, str] | None: st.none() | st.dictionaries(TEXT, TEXT, max_size=2),
    tuple[str, ...] | None: st.none() | st.lists(TEXT, max_size=2).map(tuple),
    bool | None: st.none() | st.booleans(),
    AudioFormat | None: st.none()
    | st.builds(
        AudioFormat,
        sample_rate=st.integers(1, 96_000),
        transport=st.sampled_from(["json", "binary"]),
    )
    | st.builds(AudioFormat, encoding=st.sampled_from(["pcmu", "pcma"])),
    Transcription | None: st.none()
    | st.builds(
        Transcription,
        model=TEXT,
        language_hint=st.none() | SAID,
        keyterms=st.lists(TEXT, max_size=2).map(tuple),
    ),
}


def _items() -> st.SearchStrategy[Item]:
    plain = st.builds(
        Item, kind=TEXT, role=st.sampled_from(["user", "assistant", "system", "tool", ""]),
        item_id=TEXT, status=TEXT, name=TEXT, call_id=TEXT, is_replayed=st.booleans(),
        is_interruptible=st.booleans(),
    )  # fmt: skip
    kinds = SAID | st.sampled_from(["audio", "input_audio", "input_text"])
    further = st.lists(st.builds(Part, kind=kinds, text=TEXT, sound=PCM), max_size=2).map(tuple)
    with_part = st.builds(replace, plain, part=kinds, text=TEXT, sound=PCM, further=further)
    # Without a part, text has a place only as the arguments or the output of a function.
    function = st.sampled_from(["function_call", "function_call_output"])
    return plain | with_part | st.builds(replace, plain, kind=function, text=TEXT)


def _messages() -> st.SearchStrategy[Item]:
    return (
        _items()
        .filter(lambda item: item.part or not item.text)
        .map(lambda item: replace(item, kind="message"))
    )


def _detections(dialect: Dialect) -> st.SearchStrategy[Any]:
    milliseconds = st.integers(0, 10_000)
    # `live` has no word for the padding.
    padding = milliseconds if dialect is REALTIME else st.just(ServerVad().prefix_padding_ms)
    more: dict[str, Any] = {}
    if dialect is REALTIME:
        more["idle_timeout_ms"] = st.none() | milliseconds
        more |= dict.fromkeys(("create_response", "interrupt_response"), st.booleans())
    vad = st.builds(
        ServerVad, threshold=st.floats(0.1, 0.9), silence_duration_ms=milliseconds,
        prefix_padding_ms=padding, **more,
    )  # fmt: skip
    return st.none() | st.just(PushToTalk()) | vad


def _offers(dialect: Dialect) -> st.SearchStrategy[Any]:
    function = st.builds(ToolOffer, name=TEXT, description=TEXT, parameters=OBJECT)
    settings = OBJECT.map(lambda found: {k: v for k, v in found.items() if k != "type"})
    kind = TEXT.filter(lambda kind: kind != "function")
    of_provider = st.builds(ToolOffer, kind=kind, parameters=settings)
    offers = st.lists(function | of_provider, max_size=2).map(tuple)
    # `live` has no word for tools.
    return st.none() | offers if dialect is REALTIME else st.none()


def _new_items(dialect: Dialect) -> st.SearchStrategy[Item]:
    items = _items() if dialect is REALTIME else _messages()
    return items.map(lambda item: replace(item, is_replayed=False))


def _narrowed(kind: type, dialect: Dialect) -> dict[str, st.SearchStrategy[Any]]:
    stages = st.sampled_from(["in_progress", "completed", "failed"])
    unsaid = {
        name: st.none() for name in dialect.unsupported if name in UpdateSession.__struct_fields__
    }
    return {
        UpdateSession: {"turn_detection": _detections(dialect), **unsaid},
        CreateResponse: {"metadata": st.none()} if "metadata" in dialect.unsupported else {},
        # Whether an item was said before is our own knowledge.
        CreateItem: {"item": _new_items(dialect)},
        McpToolsListed: {"status": stages},
        McpCallFollowed: {"status": stages},
        OutputBufferFollowed: {"status": st.sampled_from(["started", "stopped", "cleared"])},
        # Whether a border is a guess is our own knowledge.
        SpeechStarted: {"is_approximate": st.just(False)},
        # Without a status a reply counts as completed.
        ResponseDone: {"status": SAID},
        AudioDelta: {"odd_byte_count": st.sampled_from([0, 1])},
        # What it is called is in the message, as all of it.
        Unrecognized: {
            "message": OBJECT.map(lambda o: {"type": "of.nobody", **o}),
            "event_id": st.just(""),
        },
    }.get(kind, {})


def _created(session_id: str, model: str, voice: str, more: dict[str, Any]) -> SessionCreated:
    """What is told by itself stands in the session too."""
    named = {"id": session_id, "model": model, "voice": voice}
    # The id of a voice is echoed with a prefix, which is taken off.
    bare = voice.removeprefix("xai_")
    return SessionCreated(session_id=session_id, model=model, voice=bare, session={**more, **named})


def events_of(kind: type, dialect: Dialect) -> st.SearchStrategy[Any]:
    if kind is SessionCreated:
        return st.builds(_created, TEXT, TEXT, TEXT | st.just("xai_eve"), OBJECT)
    hints, narrowed = typing.get_type_hints(kind), _narrowed(kind, dialect)
    by_type = {
        **BY_TYPE,
        Item: _items(),
        tuple[Item, ...]: st.lists(_items(), max_size=2).map(tuple),
        TurnDetection | None: _detections(dialect),
        tuple[ToolOffer, ...] | None: _offers(dialect),
    }
    values = {f.name: narrowed.get(f.name, by_type[hints[f.name]]) for f in fields(kind)}
    return st.builds(kind, **values)


def words_of(dialect: Dialect, side: Any) -> list[type]:
    return [kind for kind in get_args(side) if dialect.supports(example(kind))]


EVERY_WORD = [
    pytest.param(dialect, side, kind, id=f"{dialect.name}-{kind.__name__}")
    for dialect in DIALECTS.values()
    for side in (ClientEvent, ServerEvent)
    for kind in words_of(dialect, side)
]


# --------------------------------------------------------------------------- the law
@pytest.mark.parametrize(("dialect", "side", "kind"), EVERY_WORD)
def test_what_is_spelled_reads_as_what_was_meant(dialect: Dialect, side: Any, kind: type) -> None:
    decode = dialect.decode_client if side is ClientEvent else dialect.decode_server

    @given(events_of(kind, dialect))
    @settings(max_examples=40, deadline=None)
    def law(event: Any) -> None:
        frame = dialect.encode(event)
        assert isinstance(orjson.loads(frame), dict)
        assert decode(frame) == event
        assert decode(dialect.encode(event, {"event_id": "e1"})) == event or kind is Unrecognized

    law()


@pytest.mark.parametrize(
    ("dialect", "side", "unsaid"),
    [
        (REALTIME, ClientEvent, {"Authenticate"}),
        (REALTIME, ServerEvent, set()),
        (LIVE, ClientEvent, {"CancelResponse", "DeleteItem", "TruncateItem"}),
    ],
)
def test_a_dialect_lacks_only_the_words_it_is_known_to_lack(
    dialect: Dialect, side: Any, unsaid: set[str]
) -> None:
    assert {
        kind.__name__ for kind in get_args(side) if not dialect.supports(example(kind))
    } == unsaid


def test_the_seeds_server_says_five_things() -> None:
    said = {word.wire_type for word in LIVE.server_words} | {LIVE.audio_delta_types[0]}
    assert said == {
        "response.audio.delta", "response.audio_transcript.delta", "error",
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
    }  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_what_has_no_word_is_refused_by_its_name(dialect: Dialect) -> None:
    for side in (ClientEvent, ServerEvent):
        for kind in get_args(side):
            if not dialect.supports(example(kind)):
                with pytest.raises(UnsupportedByServer, match=kind.__name__):
                    dialect.encode(example(kind))


def test_the_services_nine_client_words_are_there() -> None:
    assert [word.wire_type for word in REALTIME.client_words] == [
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.delete",
        "response.create",
        "response.cancel",
        "conversation.item.truncate",
    ]


@pytest.mark.parametrize(("dialect", "side", "kind"), EVERY_WORD)
def test_the_name_of_a_message_is_read_and_no_part_of_what_it_says(
    dialect: Dialect, side: Any, kind: type
) -> None:
    decode = dialect.decode_client if side is ClientEvent else dialect.decode_server
    message = {"type": "x", "event_id": "e7"}
    event = Unrecognized(message) if kind is Unrecognized else example(kind)
    named = replace(event, event_id="e7")
    found = decode(dialect.encode(named))
    assert found.event_id == "e7"
    assert named == event


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_no_wire_type_is_read_in_two_ways(dialect: Dialect) -> None:
    for words in (dialect.client_words, dialect.server_words):
        types = [word.wire_type for word in words]
        assert len(types) == len(set(types))
        assert not set(types) & set(dialect.audio_delta_types)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_half_a_character_is_refused_with_a_sentence(dialect: Dialect) -> None:
    event = CreateItem(Item(role="user", part="input_text", text="\ud83d"))
    with pytest.raises(LocalProtocolError, match=r"conversation\.item\.create"):
        dialect.encode(event)


# --------------------------------------------------------------------------- whatever comes
@given(st.binary(max_size=60) | JSON.map(orjson.dumps) | st.text(max_size=40).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_what_is_no_message_is_unrecognized(frame: bytes) -> None:
    for dialect in DIALECTS.values():
        for decode in (dialect.decode_server, dialect.decode_client):
            event = decode(frame)
            assert isinstance(event, Unrecognized)
            assert isinstance(event.wire_type, str)


@pytest.mark.parametrize(("dialect", "side", "kind"), EVERY_WORD)
def test_a_message_with_anything_in_it_is_read_without_a_fault(
    dialect: Dialect, side: Any, kind: type
) -> None:
    decode = dialect.decode_client if side is ClientEvent else dialect.decode_server

    @given(events_of(kind, dialect), st.data())
    @settings(max_examples=25, deadline=None)
    def fuzz(event: Any, data: st.DataObject) -> None:
        frame = dialect.encode(event)
        message = orjson.loads(frame)
        broken_off = decode(frame[: data.draw(st.integers(0, len(frame)))])
        assert isinstance(broken_off, (*get_args(side), Unrecognized))
        if kind is Unrecognized:
            return
        for key in data.draw(st.lists(st.sampled_from(sorted(message)), max_size=3)):
            message[key] = data.draw(JSON) if key != "type" else message[key]
        for inner in [each for each in message.values() if isinstance(each, dict) and each]:
            inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
        found = decode(orjson.dumps(message))
        assert type(found) in (kind, Unrecognized)
        if type(found) is not Unrecognized and dialect.supports(found):
            _say_again(dialect, found)

    fuzz()


def _say_again(dialect: Dialect, found: Any) -> None:
    # What `live` lacks may be in a message that somebody else sent.
    with contextlib.suppress(UnsupportedByServer):
        dialect.encode(found)


@given(st.binary(max_size=9), st.sampled_from([LIVE, REALTIME]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_half_a_sample_is_dropped_counted_and_not_carried_over(
    audio: bytes, dialect: Dialect, is_fast: bool
) -> None:
    message = {"type": dialect.audio_delta_types[0], "delta": base64.b64encode(audio).decode()}
    # An escape sends the frame the slow way.
    frame = orjson.dumps(message if is_fast else {**message, "item_id": ""})
    if not is_fast:
        frame = frame.replace(b'"delta":', b'"d\\u0065lta":')
    event = dialect.decode_server(frame)
    assert isinstance(event, AudioDelta)
    assert (event.pcm, event.odd_byte_count) == (audio[: len(audio) // 2 * 2], len(audio) % 2)


@pytest.mark.parametrize("broken", ["A", "AA=", "AAA", "A A=", "AAA\n", "é", "AA==AA", "~", "AA--"])
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_what_is_no_base64_is_no_sound(dialect: Dialect, broken: str) -> None:
    for wire_type in dialect.audio_delta_types:
        found = dialect.decode_server(orjson.dumps({"type": wire_type, "delta": broken}))
        assert found == Unrecognized({"type": wire_type, "delta": broken})
    append = {"type": "input_audio_buffer.append", "audio": broken}
    assert dialect.decode_client(orjson.dumps(append)) == Unrecognized(append)


def test_nobody_reads_the_words_of_the_other_side() -> None:
    for dialect in DIALECTS.values():
        assert type(dialect.decode_server(dialect.encode(AppendAudio(b"")))) is Unrecognized
        assert type(dialect.decode_client(dialect.encode(ErrorReported()))) is Unrecognized


# --------------------------------------------------------------------------- the key
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_the_key_is_in_no_repr_of_an_opening(dialect: Dialect) -> None:
    opening = dialect.opening("wss://host/v1", "the-key", UpdateSession(), "")
    assert "the-key" not in repr(opening)
    spelled = (opening.url, *(dialect.encode(event) for event in opening.first[1:]))
    assert "the-key" not in repr(spelled)
