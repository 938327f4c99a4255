from .explorer import Explorer as Explorer
from .explorer import explore_turn as explore_turn
from .explorer import explore_turns as explore_turns
from .microphone import MicrophoneStatus as MicrophoneStatus
from .widget import GrokLive as GrokLive
