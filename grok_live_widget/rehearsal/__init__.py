"""A live voice server in this package, for practice without a key or a network.

The server speaks the service's protocol on a loopback port, answers with a *partner* (the
parrot, the talker or a function of the user) and never claims to be Grok. It can also replay
a recording and inject faults.

Knows the protocol, the settings, recordings and audio, asyncio and websockets. Must not know
the client, the widget or the command line: the server is tested against them as a peer.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
