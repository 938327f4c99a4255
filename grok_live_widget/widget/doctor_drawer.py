"""The kernel's part of the doctor in the panel: checks as they become known, and the page's tests.

Knows no transport. The messages are those of docs/channel.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import asdict

from .._structs import Value
from .._threads import BackgroundTasks
from ..diagnostics import Check, failed
from ..exceptions import GrokLiveError

_LOG = logging.getLogger("grok_live_widget")

Examine = Callable[[str], AsyncIterator[list[Check]]]
"""``(page)``: the checks of a talk and of this page, in groups as they become known."""

SendContent = Callable[[str, dict[str, Any]], None]
"""``(page, content)``: sends to the drawer of this page."""

TESTS: tuple[str, ...] = ("browser", "microphone test", "loudspeaker test")
"""The checks that a page makes itself."""

_Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Run(Value, frozen=True, kw_only=True, tag_field="type", tag="run"):
    """Make the checks; the page repeats it until it has all of them.

    Parameters
    ----------
    run : int
        Of the run in this page; another one begins anew.
    """

    run: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Tested(Value, frozen=True, kw_only=True, tag_field="type", tag="tested"):
    """What the page has found out itself; the fields are those of `Check`."""

    name: Literal["browser", "microphone test", "loudspeaker test"]
    result: Literal["ok", "warning", "failed", "skipped"]
    found: _Text
    cure: _Text = ""


class _Envelope(msgspec.Struct, frozen=True):
    message: Run | Tested


class _Checking:
    """One run of the checks for one page."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.checks: dict[str, Check] = {}
        self.is_done = False
        self.task: asyncio.Task[None] | None = None


class DoctorDrawer:
    """Runs the checks for the pages that ask for them; used on the talk's loop.

    Parameters
    ----------
    examine : callable
        See `Examine`.
    send : callable
        See `SendContent`.
    """

    def __init__(self, examine: Examine, send: SendContent) -> None:
        self._examine, self._send = examine, send
        self._tasks = BackgroundTasks()
        self._by_page: dict[str, _Checking] = {}
        self._tested: dict[str, dict[str, Check]] = {}

    def close(self) -> None:
        """Check nothing more."""
        self._tasks.cancel()

    def tested(self, page: str) -> Mapping[str, Check]:
        """What this page has found out itself, by the names of the checks."""
        return self._tested.get(page, {})

    def leave(self, page: str) -> None:
        """A page is gone."""
        known = self._by_page.pop(page, None)
        if known is not None and known.task is not None:
            known.task.cancel()
        self._tested.pop(page, None)

    def receive(self, page: str, content: Mapping[str, Any]) -> None:
        """Act on a request of the drawer; what is none is ignored."""
        try:
            message = msgspec.convert({"message": content}, _Envelope).message
        except msgspec.ValidationError:
            return
        if isinstance(message, Tested):
            self._tested.setdefault(page, {})[message.name] = Check(**asdict(message))
            return
        known = self._by_page.get(page)
        if known is not None and known.run == message.run:
            self._tell(page, known)  # What was sent may have been lost.
            return
        if known is not None and known.task is not None:
            known.task.cancel()
        self._by_page[page] = begun = _Checking(message.run)
        begun.task = self._tasks.spawn(self._check(page, begun))

    async def _check(self, page: str, checking: _Checking) -> None:
        try:
            async for checks in self._examine(page):
                # A later check of the same name knows better.
                checking.checks |= {check.name: check for check in checks}
                self._tell(page, checking)
        except GrokLiveError as error:
            checking.checks["doctor"] = failed("doctor", error)
        except Exception:  # noqa: BLE001  (a bug of ours must not leave the page waiting)
            _LOG.exception("The doctor of the panel failed; please report this.")
        checking.is_done = True
        self._tell(page, checking)

    def _tell(self, page: str, checking: _Checking) -> None:
        content = {
            "type": "checks",
            "run": checking.run,
            "checks": [asdict(check) for check in checking.checks.values()],
            "is_done": checking.is_done,
        }
        self._send(page, content)
