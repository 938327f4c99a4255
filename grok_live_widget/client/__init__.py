"""The client of a live voice service: from a socket to a conversation, and to a talk.

`Talk` (threads) drives a reconnecting session (policy), which drives a `Session` (one
connection) over the pure protocol and a transport. Must not know notebooks, widgets or plots.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
