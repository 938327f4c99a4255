"""Messages that cannot be understood, lack something, or say something else."""

from __future__ import annotations

from typing import Any

import pybase64
import pytest

from grok_live_widget.events import ResponseCreated
from grok_live_widget.rehearsal.faults import Garbage, Omit, OtherModel

from .client import DONE, EVERYWHERE, PIECE, SOUND, line_to, message_of, sound_of, type_of


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("kind", ["no-json", "no-object", "binary"])
async def test_garbage_comes_before_an_event_which_comes_all_the_same(
    faulty: Any, dialect: str, kind: Any
) -> None:
    async with line_to(faulty(Garbage(kind, nth=2)), dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
        odd = [frame for frame in line.frames if not message_of(frame)]
    assert len(odd) == 1
    assert isinstance(odd[0], bytes) == (kind == "binary")
    assert (kind == "no-object") == (kind != "binary" and str(odd[0]).startswith("["))
    assert type_of(line.frames[line.frames.index(odd[0]) + 1]) == SOUND
    assert len(line.sound()) == 4 * 2 * PIECE


async def test_a_text_that_is_no_utf8_is_sent_as_it_is(faulty: Any) -> None:
    async with line_to(faulty(Garbage("no-utf8", at=ResponseCreated))) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert line.closed.sent is not None
    assert line.closed.sent.code == 1007


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_field_of_an_event_can_be_of_another_type(faulty: Any, place: str) -> None:
    spoilt, sound = faulty(Garbage("wrong-types", at=place)), faulty()
    messages = []
    for server in (spoilt, sound):
        async with line_to(server) as line:
            await line.type_text()
            await line.until(DONE)
            messages.append(line.of(place)[0])
    wrong, right = messages
    assert wrong.keys() == right.keys()
    assert all(type(wrong[key]) is not type(right[key]) for key in wrong if key != "type")


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_piece_of_sound_can_be_no_base64(faulty: Any, dialect: str) -> None:
    async with line_to(faulty(Garbage("no-base64", nth=2)), dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
    second = line.of(SOUND)[1]["delta"]
    with pytest.raises(ValueError, match="base64"):
        pybase64.b64decode(second, validate=True)
    assert pybase64.b64decode(second[1:], validate=True) == sound_of(2).tobytes()


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_piece_of_sound_can_end_in_half_a_sample(faulty: Any, dialect: str) -> None:
    async with line_to(faulty(Garbage("odd-bytes", nth=2)), dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
    assert len(pybase64.b64decode(line.of(SOUND)[1]["delta"])) == 2 * PIECE + 1


async def test_named_fields_are_left_out_and_no_others(faulty: Any) -> None:
    server = faulty(Omit("response_id, response.id,response.nothing,no.such"))
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
        await line.type_text()
        await line.until(DONE)
    spoilt, whole = line.of(DONE)
    assert whole.keys() - spoilt.keys() == {"response_id"}
    assert whole["response"].keys() - spoilt["response"].keys() == {"id"}


async def test_the_session_names_another_model_than_was_asked_for(faulty: Any) -> None:
    server = faulty(OtherModel("substitute"))
    async with line_to(server) as line:
        await line.until("session.updated")
    named = [message["session"]["model"] for message in line.messages if "session" in message]
    assert named == ["substitute", "substitute"]
    async with line_to(server) as line:
        await line.until("session.updated")
    assert line.messages[0]["session"]["model"] == "grok-voice-latest"
