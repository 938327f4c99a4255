"""The process of one talk's connection; see `SessionHost`. Started by `RemoteSession`."""

from __future__ import annotations

import asyncio
import socket
import sys

from ..._processes import end_with_parent, take_pipes
from .host import serve


def main() -> None:
    """Serve the kernel, which has passed the number of the socket for descriptors, or none."""
    read_fd, write_fd = take_pipes()
    descriptors = socket.socket(fileno=int(sys.argv[1])) if sys.argv[1:] else None

    def on_start(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
        end_with_parent(lambda: loop.call_soon_threadsafe(ended.set))

    asyncio.run(serve(read_fd, write_fd, descriptors, on_start))


if __name__ == "__main__":
    main()
