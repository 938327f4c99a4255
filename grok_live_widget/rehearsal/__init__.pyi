from . import faults as faults
from .asr import recognition_is_available as recognition_is_available  # internal
from .chat import ChatPartner as ChatPartner
from .identity import ServerKind as ServerKind  # internal
from .identity import kind_of_header as kind_of_header  # internal
from .identity import running_kind as running_kind  # internal
from .partner import PARTNERS as PARTNERS
from .partner import CallTool as CallTool
from .partner import Partner as Partner
from .partner import PartnerTurn as PartnerTurn
from .partner import SpokenLine as SpokenLine
from .partner import Unvoiced as Unvoiced
from .partner import check_script as check_script  # internal
from .partner import default_partner as default_partner  # internal
from .partner import partner_remark as partner_remark  # internal
from .process import RehearsalProcess as RehearsalProcess  # internal
from .scripts import READY as READY  # internal
from .scripts import Line as Line
from .scripts import Pause as Pause
from .scripts import Script as Script
from .scripts import Step as Step
from .scripts import read_script as read_script
from .server import RehearsalServer as RehearsalServer
from .tts import VOICES as VOICES
from .tts import has_voice as has_voice  # internal
from .tts import speak as speak  # internal
from .tts import voice_is_available as voice_is_available  # internal
from .vad import speech_probability as speech_probability
