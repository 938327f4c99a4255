"""Experiments: the same questions asked of several voices and settings, and what came back.

`compare` asks, `Results` has the answers, and `stimuli` makes questions of sound: noise at a given
signal-to-noise ratio, silence, speech over a reply.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
