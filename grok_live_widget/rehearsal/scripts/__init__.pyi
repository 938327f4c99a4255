from .model import Line as Line
from .model import Pause as Pause
from .model import Script as Script
from .model import Step as Step
from .reader import READY as READY
from .reader import read_script as read_script
