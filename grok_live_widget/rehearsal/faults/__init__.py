"""Faults on demand: what goes wrong on a real line, to be practised with.

::

    from grok_live_widget.rehearsal import RehearsalServer, faults

    with RehearsalServer(faults=["close:1012", faults.Duplicate(at=AudioDelta, nth=2)]) as server:
        ...

A fault acts on what is sent, between the line and its socket, or on the handshake; the
session behind it knows nothing of it. Several work one after the other, in their order. Each
happens once unless `times` says more, so that the next line is sound again.

Most were seen by somebody; where a docstring names no source, it is the network or our own
imagination.

`base` is what faults have in common and how they act on frames, `catalogue` holds all of them,
`parse` reads their names.
"""

from .base import Fault, Faults
from .catalogue import (
    Abandon,
    Burst,
    Close,
    Drop,
    Duplicate,
    Garbage,
    Late,
    Omit,
    OtherModel,
    Refuse,
    Reorder,
    Report,
    Stall,
    StallHandshake,
    Tail,
    Trickle,
    Withhold,
)
from .parse import FAULTS, fault_from, faults_from, listing

__all__ = [
    "FAULTS",
    "Abandon",
    "Burst",
    "Close",
    "Drop",
    "Duplicate",
    "Fault",
    "Faults",
    "Garbage",
    "Late",
    "Omit",
    "OtherModel",
    "Refuse",
    "Reorder",
    "Report",
    "Stall",
    "StallHandshake",
    "Tail",
    "Trickle",
    "Withhold",
    "fault_from",
    "faults_from",
    "listing",
]
