"""The process of one talk's connection; see `SessionHost`. Started by `RemoteSession`."""

from __future__ import annotations

import gc

# Nothing of what is imported is garbage: to look for it takes a twentieth of the time.
gc.disable()

import asyncio  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402

from ..._processes import end_with_parent, take_pipes  # noqa: E402
from .host import serve  # noqa: E402
from .tapes import Memory, NamedMemory, PassedMemory  # noqa: E402

gc.freeze()
gc.enable()


def main() -> None:
    """Serve the kernel, which has passed how it shares memory: the number of a socket for
    descriptors, ``names``, or nothing.
    """
    read_fd, write_fd = take_pipes()
    memory: Memory | None = None
    if sys.argv[1:] == ["names"]:
        memory = NamedMemory()
    elif sys.argv[1:]:
        memory = PassedMemory(socket.socket(fileno=int(sys.argv[1])))

    def on_start(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
        end_with_parent(lambda: loop.call_soon_threadsafe(ended.set))

    asyncio.run(serve(read_fd, write_fd, memory, on_start))


if __name__ == "__main__":
    main()
