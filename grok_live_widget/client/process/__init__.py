"""The connection of a talk in a process of its own, which a busy kernel does not hold up.

`RemoteSession` is what a talk drives in the kernel, in place of `ReconnectingSession`; `Supervisor`
starts the process, in which `SessionHost` drives that one. Between them are the messages of
`messages` over a `Pipe`, and the sound in shared memory (`tapes`).
"""

from ..._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
