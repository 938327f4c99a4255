"""Checks that find out why a talk does not work: `doctor`, and the `Report` that it returns.

Each `Check` says what was found and what cures it. No key is in any of them.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
