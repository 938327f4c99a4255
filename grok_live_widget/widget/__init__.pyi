from .explorer import Explorer as Explorer
from .explorer import explore_turn as explore_turn
from .explorer import explore_turns as explore_turns
from .front_end import BUNDLES as BUNDLES  # internal
from .front_end import check_built as check_built  # internal
from .loudspeaker import LoudspeakerStatus as LoudspeakerStatus
from .microphone import MicrophoneStatus as MicrophoneStatus
from .widget import GrokLive as GrokLive
