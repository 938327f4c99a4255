"""Python functions that the model may call: schema, arguments, output; provider tools.

Knows type hints and docstrings. Must not know events or connections: who calls a tool, and
when, is `client.tool_runner`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
