"""Every event of both dialects survives a round trip, and reading never raises."""

from __future__ import annotations

import base64
import contextlib
import typing
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT, json
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

from ...support.examples import examples

# --------------------------------------------------------------------------- events
# Fields that are left out when empty come back as None, so None stands for both.
TEXT, SAID = st.text(max_size=8), st.text(min_size=1, max_size=8)
# JSON has neither NaN nor infinities; integers are read up to 64 bits.
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
    Mapping[str, Any] | None: st.none() | OBJECT,
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
    # `live` does not send the padding.
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
    # `live` has no tools.
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
        # Servers do not know whether an item was replayed.
        CreateItem: {"item": _new_items(dialect)},
        McpToolsListed: {"status": stages},
        McpCallFollowed: {"status": stages},
        OutputBufferFollowed: {"status": st.sampled_from(["started", "stopped", "cleared"])},
        # Servers do not know whether a border is approximate.
        SpeechStarted: {"is_approximate": st.just(False)},
        # Without a status a reply counts as completed.
        ResponseDone: {"status": SAID},
        AudioDelta: {"odd_byte_count": st.sampled_from([0, 1])},
        # Its id is part of the message.
        Unrecognized: {
            "message": OBJECT.map(lambda o: {"type": "unknown.type", **o}),
            "event_id": st.just(""),
        },
    }.get(kind, {})


def _created(session_id: str, model: str, voice: str, more: dict[str, Any]) -> SessionCreated:
    """A session whose separate fields are also in its `session`."""
    named = {"id": session_id, "model": model, "voice": voice}
    # Voices are confirmed with a prefix, which is removed.
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


def events_in(dialect: Dialect, side: Any) -> list[type]:
    return [kind for kind in get_args(side) if dialect.supports(example(kind))]


def example(kind: type) -> Any:
    """An event of this class with its defaults."""
    needed = {
        "item": Item(), "item_id": "i", "pcm": b"", "api_key": "k", "response_id": "r",
        "audio_end_ms": 1,
    }  # fmt: skip
    return kind(
        **{
            each.name: needed[each.name]
            for each in fields(kind)
            if each.default is each.default_factory is NODEFAULT
        }
    )


EVERY_EVENT = [
    pytest.param(dialect, side, kind, id=f"{dialect.name}-{kind.__name__}")
    for dialect in DIALECTS.values()
    for side in (ClientEvent, ServerEvent)
    for kind in events_in(dialect, side)
]


# --------------------------------------------------------------------------- round trips
@pytest.mark.parametrize(("dialect", "side", "kind"), EVERY_EVENT)
def test_an_encoded_event_decodes_to_an_equal_event(
    dialect: Dialect, side: Any, kind: type
) -> None:
    decode = dialect.decode_client if side is ClientEvent else dialect.decode_server

    @given(events_of(kind, dialect))
    @examples(40)
    def check(event: Any) -> None:
        frame = dialect.encode(event)
        assert isinstance(json.decode(frame), dict)
        assert decode(frame) == event
        assert decode(dialect.encode(event, {"event_id": "e1"})) == event or kind is Unrecognized

    check()


UNSUPPORTED = {
    "realtime": {"Authenticate"},
    "live": {"CancelResponse", "DeleteItem", "TruncateItem"},
}
LIVE_SERVER_EVENTS = {
    "AudioDelta", "TranscriptDelta", "SpeechStarted", "SpeechStopped", "ErrorReported",
    "Unrecognized",
}  # fmt: skip


def unsupported(dialect: Dialect, side: Any) -> set[str]:
    return {kind.__name__ for kind in get_args(side) if not dialect.supports(example(kind))}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_every_client_event_has_a_message_type_or_is_known_to_have_none(dialect: Dialect) -> None:
    assert unsupported(dialect, ClientEvent) == UNSUPPORTED[dialect.name]


def test_every_server_event_has_a_message_type_in_realtime() -> None:
    assert unsupported(REALTIME, ServerEvent) == set()


def test_the_server_of_the_seed_sends_five_message_types() -> None:
    every = {kind.__name__ for kind in get_args(ServerEvent)}
    assert every - unsupported(LIVE, ServerEvent) == LIVE_SERVER_EVENTS
    assert {each.wire_type for each in LIVE.server_messages} | {LIVE.audio_delta_types[0]} == {
        "response.audio.delta", "response.audio_transcript.delta", "error",
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
    }  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_the_first_of_several_wire_types_is_sent(dialect: Dialect) -> None:
    sent: dict[type, str] = {}
    for each in (*dialect.client_messages, *dialect.server_messages):
        sent.setdefault(each.event, each.wire_type)
    for kind, wire_type in sent.items():
        assert json.decode(dialect.encode(example(kind)))["type"] == wire_type


def test_items_of_other_kinds_than_messages_are_unsupported_in_live() -> None:
    for kind, is_supported in (("message", True), ("force_message", False)):
        event = CreateItem(Item(kind=kind))
        assert LIVE.supports(event) is is_supported
        assert REALTIME.supports(event)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_encoding_an_unsupported_event_names_it(dialect: Dialect) -> None:
    for side in (ClientEvent, ServerEvent):
        for kind in get_args(side):
            if not dialect.supports(example(kind)):
                with pytest.raises(UnsupportedByServer, match=kind.__name__):
                    dialect.encode(example(kind))


def test_realtime_has_the_nine_client_messages_of_the_service() -> None:
    assert [each.wire_type for each in REALTIME.client_messages] == [
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


@pytest.mark.parametrize(("dialect", "side", "kind"), EVERY_EVENT)
def test_the_event_id_is_read_and_not_compared(dialect: Dialect, side: Any, kind: type) -> None:
    decode = dialect.decode_client if side is ClientEvent else dialect.decode_server
    message = {"type": "x", "event_id": "e7"}
    event = Unrecognized(message) if kind is Unrecognized else example(kind)
    named = replace(event, event_id="e7")
    found = decode(dialect.encode(named))
    assert found.event_id == "e7"
    assert named == event


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_no_wire_type_reads_as_two_events(dialect: Dialect) -> None:
    for message_types in (dialect.client_messages, dialect.server_messages):
        types = [each.wire_type for each in message_types]
        assert len(types) == len(set(types))
        assert not set(types) & set(dialect.audio_delta_types)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_lone_surrogate_is_refused_with_a_sentence(dialect: Dialect) -> None:
    event = CreateItem(Item(role="user", part="input_text", text="\ud83d"))
    with pytest.raises(LocalProtocolError, match=r"conversation\.item\.create"):
        dialect.encode(event)


# --------------------------------------------------------------------------- any frame
@given(st.binary(max_size=60) | JSON.map(json.encode) | st.text(max_size=40).map(str.encode))
@examples(150)
def test_a_frame_that_is_not_a_message_is_unrecognized(frame: bytes) -> None:
    for dialect in DIALECTS.values():
        for decode in (dialect.decode_server, dialect.decode_client):
            event = decode(frame)
            assert isinstance(event, Unrecognized)
            assert isinstance(event.wire_type, str)


@pytest.mark.parametrize(("dialect", "side", "kind"), EVERY_EVENT)
def test_any_message_is_read_without_an_exception(dialect: Dialect, side: Any, kind: type) -> None:
    decode = dialect.decode_client if side is ClientEvent else dialect.decode_server

    @given(events_of(kind, dialect), st.data())
    @examples(25)
    def fuzz(event: Any, data: st.DataObject) -> None:
        frame = dialect.encode(event)
        message = json.decode(frame)
        broken_off = decode(frame[: data.draw(st.integers(0, len(frame)))])
        assert isinstance(broken_off, (*get_args(side), Unrecognized))
        if kind is Unrecognized:
            return
        for key in data.draw(st.lists(st.sampled_from(sorted(message)), max_size=3)):
            message[key] = data.draw(JSON) if key != "type" else message[key]
        for inner in [each for each in message.values() if isinstance(each, dict) and each]:
            inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
        found = decode(json.encode(message))
        assert type(found) in (kind, Unrecognized)
        if type(found) is not Unrecognized and dialect.supports(found):
            _encode_again(dialect, found)

    fuzz()


def _encode_again(dialect: Dialect, found: Any) -> None:
    # A message of another client may have what `live` does not support.
    with contextlib.suppress(UnsupportedByServer):
        dialect.encode(found)


@given(st.binary(max_size=9), st.sampled_from([LIVE, REALTIME]), st.booleans())
@examples(60)
def test_half_a_sample_is_dropped_counted_and_not_carried_over(
    audio: bytes, dialect: Dialect, is_fast: bool
) -> None:
    message = {"type": dialect.audio_delta_types[0], "delta": base64.b64encode(audio).decode()}
    # An escape sends the frame to the general path.
    frame = json.encode(message if is_fast else {**message, "item_id": ""})
    if not is_fast:
        frame = frame.replace(b'"delta":', b'"d\\u0065lta":')
    event = dialect.decode_server(frame)
    assert isinstance(event, AudioDelta)
    assert (event.pcm, event.odd_byte_count) == (audio[: len(audio) // 2 * 2], len(audio) % 2)


@pytest.mark.parametrize("broken", ["A", "AA=", "AAA", "A A=", "AAA\n", "é", "AA==AA", "~", "AA--"])
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_delta_that_is_not_base64_is_unrecognized(dialect: Dialect, broken: str) -> None:
    for wire_type in dialect.audio_delta_types:
        found = dialect.decode_server(json.encode({"type": wire_type, "delta": broken}))
        assert found == Unrecognized({"type": wire_type, "delta": broken})
    append = {"type": "input_audio_buffer.append", "audio": broken}
    assert dialect.decode_client(json.encode(append)) == Unrecognized(append)


def test_messages_of_the_other_side_are_unrecognized() -> None:
    for dialect in DIALECTS.values():
        assert type(dialect.decode_server(dialect.encode(AppendAudio(b"")))) is Unrecognized
        assert type(dialect.decode_client(dialect.encode(ErrorReported()))) is Unrecognized


# --------------------------------------------------------------------------- the key
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_the_key_is_in_no_repr_of_an_opening(dialect: Dialect) -> None:
    opening = dialect.opening("wss://host/v1", "the-key", UpdateSession(), "")
    assert "the-key" not in repr(opening)
    rest = (opening.url, *(dialect.encode(event) for event in opening.first[1:]))
    assert "the-key" not in repr(rest)
