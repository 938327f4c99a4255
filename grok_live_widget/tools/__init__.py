"""Python functions that the model may call: schema, arguments, output; tools of the provider.

May know type hints, docstrings and annotations. Must not know events, connections, threads or
an event loop: `client` runs the functions.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
