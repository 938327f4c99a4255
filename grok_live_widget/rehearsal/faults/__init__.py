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

`fault` says what each has in common, `ends`, `door`, `missing`, `spoilt` and `timing` are the
catalogue, `naming` reads names given as text; `frames` are what they act on, `acting` has them
act.
"""

from .acting import Faults
from .door import Refuse, StallHandshake
from .ends import Close, Drop, Stall
from .fault import Fault
from .missing import Abandon, Report, Withhold
from .naming import FAULTS, fault_from, listing
from .spoilt import Garbage, Omit, OtherModel
from .timing import Burst, Duplicate, Late, Reorder, Tail, Trickle

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
    "listing",
]
