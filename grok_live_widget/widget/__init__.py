"""The Jupyter widget `GrokLive`: a panel in the notebook, and its link to a talk.

`widget` has the class; `bridge` translates between a talk's events and the `messages` of the
pages, which `channel` carries; `downlink` and `uplink` control the flow of audio, `lease` decides
which page has it, and `tool_output` shows what tools display. `explorer` has another
widget, the interactive view of turns.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
