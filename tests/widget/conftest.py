from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ..support.bridge_page import BridgePage


@pytest.fixture
async def page_of() -> AsyncIterator[Callable[..., BridgePage]]:
    pages: list[BridgePage] = []

    def make(*args: Any, **settings: Any) -> BridgePage:
        pages.append(BridgePage(*args, **settings))
        return pages[-1]

    yield make
    for page in pages:
        await page.bridge.close()
        await page.talk.close()
