"""The process of `RehearsalProcess`: one server, until its parent closes the pipe or is gone."""

from __future__ import annotations

import json
import os
import pickle

from .._processes import end_with_parent, take_pipes


def main() -> None:
    """Read what to serve, tell where, and wait for the end."""
    read_fd, write_fd = take_pipes()
    end_with_parent(lambda: os._exit(0))
    with os.fdopen(read_fd, "rb") as down, os.fdopen(write_fd, "wb", 0) as up:
        spec = pickle.loads(down.read(int.from_bytes(down.read(4), "little")))
        up.write(json.dumps(_started(spec)).encode() + b"\n")
        down.read()
    os._exit(0)  # Nothing here has to be closed.


def _started(spec: dict[str, object]) -> dict[str, object]:
    from ..exceptions import GrokLiveError
    from ..settings import UNSET
    from .partner import PARTNERS, default_partner
    from .server import RehearsalServer

    partner = pickle.loads(spec["partner"])  # type: ignore[arg-type]
    try:
        server = RehearsalServer(
            None if partner is UNSET else partner, api_key=str(spec["api_key"])
        ).start()
    except GrokLiveError as error:
        return {"error": str(error)}
    _keep.append(server)
    made, why = default_partner()
    is_parrot = partner is UNSET and made is PARTNERS["parrot"]
    urls = {dialect: server.url(dialect) for dialect in ("realtime", "live")}
    return {"urls": urls, "remark": why if is_parrot else ""}


_keep: list[object] = []

if __name__ == "__main__":
    main()
