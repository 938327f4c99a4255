"""Handshakes that are refused, or never answered."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from grok_live_widget.rehearsal.faults import Refuse, StallHandshake

from .client import answers_soundly, line_to


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
async def test_a_handshake_is_refused_with_a_status_and_a_body(
    faulty: Any, dialect: str, status: int
) -> None:
    server = faulty(Refuse(status))
    with pytest.raises(InvalidStatus) as refused:
        async with line_to(server, dialect):
            pass
    response = refused.value.response
    body = json.loads(response.body)
    assert response.status_code == status
    assert ("API key" in body["error"]) == (status == 400)
    assert body["code"]
    assert response.headers["Content-Type"] == "application/json"
    assert await answers_soundly(server, dialect)


async def test_refusals_happen_as_often_as_asked_one_kind_after_the_other(faulty: Any) -> None:
    server = faulty(Refuse(429, times=2), Refuse(503, '{"error": "down"}'))
    statuses = []
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused:
            async with line_to(server):
                pass
        statuses.append(refused.value.response.status_code)
    assert statuses == [429, 429, 503]
    assert refused.value.response.body == b'{"error": "down"}'
    assert await answers_soundly(server)


async def test_a_stalled_handshake_gets_no_answer_and_does_not_hold_up_the_others(
    faulty: Any,
) -> None:
    server = faulty(StallHandshake())
    with pytest.raises((TimeoutError, InvalidHandshake)):
        await connect(server.url(), proxy=None, open_timeout=0.2)
    assert await answers_soundly(server)


async def test_a_stalled_handshake_does_not_hold_up_the_end(faulty: Any) -> None:
    server = faulty(StallHandshake())
    waiting = asyncio.create_task(connect(server.url(), proxy=None).__aenter__())
    while server._faults._at_door[0][1]._left._count:
        await asyncio.to_thread(time.sleep, 0.01)
    await asyncio.to_thread(server.close)
    with pytest.raises(InvalidStatus) as refused:
        await waiting
    assert refused.value.response.status_code == 503
