from .event_json import plain as plain
from .folder import ASSISTANT_WAV as ASSISTANT_WAV
from .folder import USER_WAV as USER_WAV
from .folder import check_new_folder as check_new_folder
from .reader import SavedEvent as SavedEvent
from .reader import SavedTalk as SavedTalk
from .reader import load as load
from .recorder import Recording as Recording
