"""The process of one talk's connection; see `SessionHost`. Started by `Supervisor`."""

from __future__ import annotations

from ..._processes.imports import quick_imports

# numpy takes a third of the time, and is needed with the first sound. websockets imports the
# next two, for its version and for proxies, which are asked for where the server is elsewhere;
# shutil is for recordings.
with quick_imports("numpy", "importlib.metadata", "urllib.request", "shutil"):
    import asyncio
    import socket
    import sys

    from ..._processes.child import end_with_parent, take_pipes
    from .host import serve
    from .tapes import Memory, NamedMemory, PassedMemory


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
