from .widget import GrokLive as GrokLive
