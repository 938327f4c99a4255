from .stimuli import Interruption as Interruption
from .stimuli import Sound as Sound
from .stimuli import add_noise as add_noise
from .stimuli import noise_sweep as noise_sweep
from .stimuli import silence as silence
