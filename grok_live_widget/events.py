"""The events of a session, under their public name: ``from grok_live_widget.events import ...``.

They are defined in `grok_live_widget.protocol`.
"""

from .protocol.events import *
