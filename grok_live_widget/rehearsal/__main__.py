"""The process of `RehearsalProcess`: one server, until its parent closes the pipe or is gone."""

from __future__ import annotations

from .._processes.imports import import_now, quick_imports

# numpy takes a third of the time, and is needed with the first sound. websockets imports the
# next two, for its version and for the proxies of clients; shutil is for recordings.
with quick_imports("numpy", "importlib.metadata", "urllib.request", "shutil"):
    import os
    import pickle
    import threading
    from contextlib import suppress

    from .._processes.child import end_with_parent, take_pipes
    from .._processes.pickled import MessageWriter, read_message
    from ..exceptions import GrokLiveError
    from ..settings import UNSET
    from .partner import partner_remark
    from .process import Begin, Started
    from .remote_partner import RemotePartner
    from .server import RehearsalServer

# A session that is opened at once is opened within this time [s].
_OPENED_WITHIN_S = 0.5


def main() -> None:
    """Read what to serve, tell where, and pass on what a partner elsewhere answers."""
    read_fd, write_fd = take_pipes()
    end_with_parent(lambda: os._exit(0))
    with os.fdopen(read_fd, "rb", 0) as down, os.fdopen(write_fd, "wb", 0) as up:
        writer = MessageWriter(up)
        begin: Begin = read_message(down)
        remote = RemotePartner(writer.send, needs_words=begin.needs_words)
        partner = remote if begin.partner is None else pickle.loads(begin.partner)
        try:
            server = RehearsalServer(None if partner is UNSET else partner, api_key=begin.api_key)
            server.start()
        except GrokLiveError as error:
            writer.send(error)
            return
        urls = {each: server.url(each) for each in ("realtime", "live")}
        writer.send(Started(urls, partner_remark(partner)))
        # Sound that comes before that imports it, too.
        threading.Timer(_OPENED_WITHIN_S, import_now, ["numpy"]).start()
        with suppress(EOFError):
            while True:
                remote.receive(read_message(down))
    os._exit(0)  # Nothing here has to be closed.


if __name__ == "__main__":
    main()
