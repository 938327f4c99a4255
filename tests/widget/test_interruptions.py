"""Each reply that was cut off has the reason why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import Turn
from grok_live_widget.events import Interrupted
from grok_live_widget.widget.interruptions import Interruptions

from ..support.bridge_page import BridgePage
from ..support.sound import tone

LONG = tone(8.0)


@pytest.fixture
async def page_of() -> AsyncIterator[Callable[..., Any]]:
    """``await page_of()``: a page that plays the beginning of a long reply."""
    pages: list[BridgePage] = []

    async def make(**settings: Any) -> BridgePage:
        replies = [LONG, LONG, "Yes."]
        page = BridgePage(lambda turn: replies.pop(0) if replies else "Yes.", **settings)
        pages.append(page)
        await page.open()
        page.say("text", text="Tell me a story.")
        audio = await page.wait("audio")
        page.acknowledge(audio)
        page.report(audio, 2400)
        await _complete(page, 1)
        return page

    yield make
    for page in pages:
        await page.bridge.close()
        await page.talk.close()


async def _complete(page: BridgePage, order: int) -> None:
    await page.wait("turn", lambda m: m["turn"]["order"] == order and m["turn"]["is_complete"])


async def _reason(page: BridgePage) -> str:
    shown = await page.wait("turn", lambda message: message["turn"]["was_interrupted"])
    return str(shown["turn"]["interruption"])


@pytest.mark.parametrize("button", ["interrupt", "stop"])
async def test_a_button_of_the_panel(page_of: Any, button: str) -> None:
    page = await page_of()
    page.say(button, **({"epoch": 1} if button == "interrupt" else {}))
    assert await _reason(page) == button


async def test_python(page_of: Any) -> None:
    page = await page_of()
    await page.talk.interrupt()
    assert await _reason(page) == "python"


async def test_the_speech_of_the_user(page_of: Any, question: np.ndarray, silence: Any) -> None:
    page = await page_of()
    page.speak(np.concatenate((question, silence(1.0))))
    assert await _reason(page) == "speech"


async def test_the_sound_of_a_cell_with_one_note_that_explains_it(
    page_of: Any, question: np.ndarray
) -> None:
    page = await page_of()
    asker = page.asker
    await asker.ask(question, 24_000, 30.0)
    assert await _reason(page) == "cell"
    await asker.ask(question, 24_000, 30.0)
    notes = [note["note"]["text"] for note in page.all("note")]
    [note] = [text for text in notes if "interrupted by the sound that a cell sent" in text]
    assert "turn.wait(heard=True)" in note


async def test_skipping_to_the_newest_reply(page_of: Any) -> None:
    page = await page_of()
    page.say("text", text="And another one.")
    await _complete(page, 3)
    page.say("skip")
    assert await _reason(page) == "skip"


def test_requests_of_two_buttons_may_overlap() -> None:
    interruptions, first, second = Interruptions(), ExitStack(), ExitStack()
    first.enter_context(interruptions.by("stop"))
    second.enter_context(interruptions.by("interrupt"))
    first.close()
    assert _reason_of_cut(interruptions) == "interrupt"
    second.close()
    assert _reason_of_cut(interruptions) == "python"


def _reason_of_cut(interruptions: Interruptions) -> str:
    turn = Turn("assistant", tape=AudioBuffer())
    turn.was_interrupted = True
    interruptions.apply(Interrupted(), [turn], is_sending_sound=False)
    return interruptions.reason_of(turn)
