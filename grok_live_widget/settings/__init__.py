"""The settings of a talk, validated before any I/O; prices and budgets.

May know the events that carry settings, and the tools. Must not know connections, turns, an
event loop or threads.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
