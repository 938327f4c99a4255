"""Fault injection: failures of real connections, on demand.

::

    from grok_live_widget.rehearsal import RehearsalServer, faults

    with RehearsalServer(faults=["close:1012", faults.Duplicate(at=AudioDelta, nth=2)]) as server:
        ...

A fault acts on the messages sent, between the connection and its socket, or on the handshake.
Several faults are applied one after another, in their order. Each happens once by default, so
that the next connection works.

Most were observed at the service, and their docstrings name the source; the others are failures
of networks or made up.

`base` is what faults have in common and how they act on frames, `catalogue` holds all of them,
`parse` reads their names.
"""

from ..._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
