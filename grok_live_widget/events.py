"""The events of a session, under their public name: ``from grok_live_widget.events import ...``.

They are defined in `grok_live_widget.protocol`.
"""

from ._names import unknown_name
from .protocol.events import *

# What `protocol.events` imports and does not define.
_IMPORTED = {
    *("Any", "Checked", "Identified", "Literal", "Mapping", "Message", "Tagged"),
    *("annotations", "field", "force_setattr", "unknown_name"),
}


def __dir__() -> list[str]:
    return sorted(name for name in globals() if name[0] != "_" and name not in _IMPORTED)


def __getattr__(name: str) -> object:
    raise unknown_name(__name__, name, __dir__())
