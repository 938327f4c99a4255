"""The rehearsal: a live voice server inside this package, for practice without key or network.

It answers with a *partner* (a parrot, a talker, or a function of yours) and never claims to
be Grok.
"""

from . import faults
from .partner import PARTNERS, Partner, PartnerTurn, SpokenLine, ToolCall, Unvoiced, default_partner
from .server import RehearsalServer

__all__ = [
    "PARTNERS",
    "Partner",
    "PartnerTurn",
    "RehearsalServer",
    "SpokenLine",
    "ToolCall",
    "Unvoiced",
    "default_partner",
    "faults",
]
