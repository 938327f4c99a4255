"""Messages of a page leave the kernel's threads at once, and invalid ones are ignored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .conftest import NEWEST, Partner
from .kernel import Kernel
from .page import CHUNK_SAMPLES, Page, numbered

CHUNK = bytes(2 * CHUNK_SAMPLES)
HUGE = 10**400
SOUND = {
    "type": "microphone",
    "session": 1,
    "seq": 0,
    "sample_index": 0,
    "captured_at_ms": 0.0,
    "dropped_sample_count": 0,
}
PLAYHEAD = {"type": "playhead", "session": 1, "epoch": 0, "reply": 1, "sample_count": 10}

ODD: list[tuple[Any, tuple[bytes, ...]]] = [
    *((content, ()) for content in (None, [], "hello", 3, True, {}, {"page": "page-1"})),
    *(({"type": kind}, ()) for kind in (None, 3, [], {}, "", "nothing", "__class__")),
    # Messages without a page.
    *(({"type": kind, "page": None}, ()) for kind in ("hello", "start", "stop", "bye")),
    *(({"type": kind, "page": 3}, ()) for kind in ("take_over", "commit", "interrupt")),
    ({"type": "text"}, ()),
    *(({"type": "text", "text": text}, ()) for text in (None, 3, [], "", "  \n")),
    *(({"type": "interrupt", "epoch": epoch}, ()) for epoch in (None, True, 1.5, "1", -1)),
    *(({"type": "received", "session": 1, "seq": seq}, ()) for seq in (None, "0", -1, HUGE)),
    *(({"type": "pong", "id": ping}, ()) for ping in (None, 1.5, -1, HUGE)),
    *(({"type": "microphone_state", "state": state}, ()) for state in (None, 3, {})),
    *(({"type": "alive", "clock_ms": clock}, ()) for clock in (None, "now", True, HUGE, -HUGE)),
    *(({**PLAYHEAD, "reply": reply}, ()) for reply in (None, "1", -1, HUGE, 1.0)),
    *(({**PLAYHEAD, "sample_count": count}, ()) for count in (None, -5, HUGE, 1.5)),
    ({**PLAYHEAD, "first_sound_at_ms": HUGE}, ()),
    # Audio of odd sizes, or none.
    *((SOUND, (buffer,)) for buffer in (b"", b"\0", CHUNK[:-1], bytes(10_000_001))),
    *((SOUND, (buffer,)) for buffer in (bytes(10_000_000), bytes(2**16 + 2))),
    (SOUND, ()),
    *(({**SOUND, name: None}, (CHUNK,)) for name in SOUND),
    *(({**SOUND, name: "0"}, (CHUNK,)) for name in SOUND),
    *(({**SOUND, name: True}, (CHUNK,)) for name in SOUND),
    *(({**SOUND, name: HUGE}, (CHUNK,)) for name in SOUND),
    *(({**SOUND, "session": session}, (CHUNK,)) for session in (-1, 0, 99)),
]


def speak_and_answer(page: Page, partner: Partner) -> None:
    """The talk works as before."""
    sent = numbered(5 * CHUNK_SAMPLES)
    page.speak(sent)
    page.wait_for_acknowledgements(5)
    page.say("commit")
    heard = page.kernel.wait(lambda: partner.turns)[0].pcm
    np.testing.assert_array_equal(heard, sent)
    page.wait_for_turn(role="assistant", is_complete=True)


@pytest.mark.parametrize("kernel", ["6.31.0", NEWEST], indirect=True)
def test_invalid_messages_are_ignored(kernel: Kernel, page: Any, partner: Partner) -> None:
    shown = page()
    before = shown.say_hello()
    for content, buffers in ODD:
        named = content
        if isinstance(content, dict) and "page" not in content:
            named = content | {"page": shown.name}
        shown.send(named, *buffers)
    after = shown.say_hello()
    for snapshot in (before, after):
        assert snapshot.pop("epoch") >= 0
    assert before == after
    assert partner.turns == []
    speak_and_answer(shown, partner)


def test_nan_and_infinity_are_ignored_too(kernel: Kernel, page: Any, partner: Partner) -> None:
    shown = page()
    shown.forget()
    partner.reply = numbered(CHUNK_SAMPLES)
    kernel.run(
        f"""
for odd in (float("nan"), float("inf"), -float("inf")):
    for field in ("captured_at_ms", "sample_index", "seq"):
        live._handle_custom_msg({SOUND!r} | {{"page": "page-1", field: odd}}, [{CHUNK!r}])
    for content in ({{"type": "alive", "clock_ms": odd}},
                    {PLAYHEAD!r} | {{"first_sound_at_ms": odd, "clock_ms": odd}}):
        live._handle_custom_msg(content | {{"page": "page-1"}}, [])
"""
    )
    assert shown.received("microphone_received") == []
    speak_and_answer(shown, partner)
    sound = shown.wait("audio")
    shown.report(sound, CHUNK_SAMPLES, is_final=True, first_sound_at_ms=shown.clock_ms())
    turn = shown.wait_for_turn(lambda turn: turn["latency_ms"], role="assistant")
    assert 0 < turn["latency_ms"] < 60_000


def test_the_talk_runs_on_its_own_thread_only(kernel: Kernel, subshell: str, page: Any) -> None:
    shown = page(subshell=subshell)
    kernel.run(
        """
ran_on, came_on = set(), set()
live._channel.listen(lambda *message: (
    ran_on.add(threading.current_thread().name), live._bridge.receive(*message)))
live.on_msg(lambda *message: came_on.add(threading.current_thread().name))
"""
    )
    for where in ("", subshell):
        shown.subshell = where
        shown.say("text", text="Hello.")
        shown.say("interrupt", epoch=0)
        shown.speak(numbered(CHUNK_SAMPLES))
        shown.say_hello()
    assert kernel.value("list(ran_on)") == ["grok-live-talk"]
    came_on = kernel.value("list(came_on)")
    assert len(came_on) == 2
    assert "MainThread" in came_on


def test_no_message_runs_the_hooks_of_a_cell(kernel: Kernel, subshell: str, page: Any) -> None:
    """Matplotlib's hook would draw and close the figure that a cell is drawing."""
    shown = page(subshell=subshell)
    kernel.run(
        """
ran_on = []
for hook in ("pre_execute", "post_execute"):
    get_ipython().events.register(hook, lambda: ran_on.append(threading.current_thread().name))
"""
    )
    shown.speak(numbered(5 * CHUNK_SAMPLES))
    shown.wait_for_acknowledgements(5)
    assert set(kernel.value("ran_on")) <= {"MainThread"}


def test_the_handler_does_not_wait_for_the_talk(kernel: Kernel, page: Any) -> None:
    shown = page()
    kernel.run(
        f"""
from grok_live_widget.client import TALK_THREAD
may_go_on, is_held = threading.Event(), threading.Event()
TALK_THREAD.call(lambda: (is_held.set(), may_go_on.wait(30)))
assert is_held.wait(30)
took_s = []
for at in range(100):
    began_s = time.perf_counter()
    live._handle_custom_msg({SOUND!r} | {{"page": "page-1", "seq": at}}, [{CHUNK!r}])
    took_s.append(time.perf_counter() - began_s)
may_go_on.set()
"""
    )
    # The talk's thread was blocked meanwhile, so a handler that waits for it would take 30 s.
    assert sorted(kernel.value("took_s"))[50] < 0.005
    shown.wait_for_acknowledgements(100)
