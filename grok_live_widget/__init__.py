"""Talk with a live voice model inside a notebook, and study what was said.

`GrokLive` is the panel, `Talk` the same without a notebook, `connect` the line alone. Names
are loaded when they are first used, so importing this package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .budget import Budget as Budget
    from .budget import Prices as Prices
    from .connecting import connect as connect
    from .events import AudioFormat as AudioFormat
    from .events import PushToTalk as PushToTalk
    from .events import ServerVad as ServerVad
    from .events import Transcription as Transcription
    from .exceptions import AudioFormatError as AudioFormatError
    from .exceptions import AuthenticationError as AuthenticationError
    from .exceptions import BudgetSpent as BudgetSpent
    from .exceptions import ConfigurationError as ConfigurationError
    from .exceptions import ConnectError as ConnectError
    from .exceptions import FrontendBusyError as FrontendBusyError
    from .exceptions import GrokLiveError as GrokLiveError
    from .exceptions import LocalProtocolError as LocalProtocolError
    from .exceptions import ProtocolError as ProtocolError
    from .exceptions import RehearsalError as RehearsalError
    from .exceptions import RehearsalWarning as RehearsalWarning
    from .exceptions import RemoteProtocolError as RemoteProtocolError
    from .exceptions import ReplyTimeout as ReplyTimeout
    from .exceptions import ServerError as ServerError
    from .exceptions import SessionClosed as SessionClosed
    from .exceptions import SessionClosedError as SessionClosedError
    from .exceptions import SessionClosedOK as SessionClosedOK
    from .exceptions import SessionError as SessionError
    from .exceptions import ToolError as ToolError
    from .exceptions import UnsupportedByServer as UnsupportedByServer
    from .nested import allow_nested_asyncio as allow_nested_asyncio
    from .provider_tools import FileSearch as FileSearch
    from .provider_tools import Mcp as Mcp
    from .provider_tools import WebSearch as WebSearch
    from .provider_tools import XSearch as XSearch
    from .recording import SavedTalk as SavedTalk
    from .recording import load as load
    from .rehearsal import RehearsalServer as RehearsalServer
    from .session import Session as Session
    from .settings import Settings as Settings
    from .talk import Talk as Talk
    from .tools import tool as tool
    from .turns import Turn as Turn
    from .turns import Turns as Turns
    from .usage import Usage as Usage
    from .widget import GrokLive as GrokLive

_ROOMS = {
    "AudioFormat": "events",
    "Budget": "budget",
    "FileSearch": "provider_tools",
    "GrokLive": "widget",
    "Mcp": "provider_tools",
    "Prices": "budget",
    "PushToTalk": "events",
    "RehearsalServer": "rehearsal",
    "SavedTalk": "recording",
    "ServerVad": "events",
    "Session": "session",
    "Settings": "settings",
    "Talk": "talk",
    "Transcription": "events",
    "Turn": "turns",
    "Turns": "turns",
    "Usage": "usage",
    "WebSearch": "provider_tools",
    "XSearch": "provider_tools",
    "allow_nested_asyncio": "nested",
    "connect": "connecting",
    "load": "recording",
    "plots": "",
    "tool": "tools",
}


def _room_of(name: str) -> str | None:
    if name in _ROOMS:
        return _ROOMS[name]
    exceptions = importlib.import_module(".exceptions", __name__)
    return "exceptions" if name in exceptions.__all__ else None


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return [each for each in __dir__() if not each.startswith("_")]
    room = None if name.startswith("_") else _room_of(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not room:
        return importlib.import_module(f".{name}", __name__)
    value = getattr(importlib.import_module(f".{room}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    exceptions = importlib.import_module(".exceptions", __name__)
    return sorted([*_ROOMS, *exceptions.__all__, "__version__"])
