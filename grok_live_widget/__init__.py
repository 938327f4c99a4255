"""Talk with a live voice model inside a notebook, and study what was said.

`GrokLive` is the panel, `Talk` the same without a notebook, `connect` the connection alone.
``__init__.pyi`` lists the public names; each is loaded when it is first used, so importing
this package is cheap.
"""

from ._names import attach

__version__ = "0.1.0"

__getattr__, _, __all__ = attach(__name__, __file__)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
