"""What a talk uses of the process in which its connection is: keys, tools, the rehearsal."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from .._threads import ThreadQueue
from ..audio import AudioBuffer
from ..settings import Settings
from .credentials import Secret
from .endpoint import Endpoint, resolve_endpoint
from .tool_thread import ToolThreads


class Server(Protocol):
    """A server of this package that runs."""

    @property
    def api_key(self) -> str | None:
        """The only key that it accepts; None: any."""

    def url(self, dialect: str | None = None) -> str:
        """The URL of a dialect."""


class Rehearsal(Server, Protocol):
    """A rehearsal server that runs for one talk."""

    @property
    def remark(self) -> str:
        """What the user should know of it; empty for nothing."""

    @property
    def is_running(self) -> bool:
        """Whether it runs; otherwise another one is started with the next session."""

    def close(self) -> None:
        """End it, which may take a while; from any thread."""


class Surroundings(Protocol):
    """See the module."""

    @property
    def tool_threads(self) -> Any:
        """`ToolThreads`, or what has its methods `read_arguments`, `call` and `close`."""

    @property
    def tapes(self) -> tuple[AudioBuffer, AudioBuffer] | None:
        """Where the user's sound and the replies are stored; None: in new memory."""

    @property
    def keeps_events(self) -> bool:
        """Whether events are kept for `Talk.save`."""

    def resolve(self, settings: Settings) -> Endpoint:
        """The server for these settings; may block, and raises what is wrong with them."""

    async def start_rehearsal(self, settings: Settings) -> Rehearsal:
        """A rehearsal server that runs."""


class KernelSurroundings:
    """The process in which the talk was made.

    Parameters
    ----------
    api_key : Secret or None
        As it was given; None: it is looked for.
    main : ThreadQueue or None
        See `ToolThreads`.
    """

    tapes = None
    keeps_events = True

    def __init__(self, api_key: Secret | None, main: ThreadQueue | None = None) -> None:
        self._api_key = api_key
        self.tool_threads = ToolThreads(main)

    def resolve(self, settings: Settings) -> Endpoint:
        """See `Surroundings`."""
        return resolve_endpoint(settings, self._api_key)

    async def start_rehearsal(self, settings: Settings) -> Rehearsal:
        """See `Surroundings`."""
        return await asyncio.to_thread(
            self.tool_threads.context.copy().run, lambda: EmbeddedRehearsal(settings)
        )


class EmbeddedRehearsal:
    """A rehearsal server in a thread of this process; see `Rehearsal`."""

    is_running = True

    def __init__(self, settings: Settings) -> None:
        from ..rehearsal import partner_remark
        from .connector import new_rehearsal

        # Both load libraries: voice, words, voice activity.
        self._server = new_rehearsal(settings).start()
        self.api_key = self._server.api_key
        self.remark = partner_remark(settings.partner)

    def url(self, dialect: str | None = None) -> str:
        """The URL of a dialect."""
        return self._server.url(dialect)

    def close(self) -> None:
        """End it."""
        self._server.close()
