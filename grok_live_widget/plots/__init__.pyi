from .comparisons import compare_turns as compare_turns
from .curves import level as level
from .curves import pitch as pitch
from .curves import waveform as waveform
from .delays import LatencyArtists as LatencyArtists
from .delays import latency as latency
from .following import LiveFigure as LiveFigure
from .following import live as live
from .palette import COLORS as COLORS
from .palette import Palette as Palette
from .palette import palette_of as palette_of
from .rates import speaking_rate as speaking_rate
from .spectra import mel_spectrogram as mel_spectrogram
from .spectra import mfcc as mfcc
from .spectra import spectrogram as spectrogram
from .subjects import axes_of as axes_of  # internal
from .subjects import drawn as drawn  # internal
from .subjects import say as say  # internal
from .timelines import TimelineArtists as TimelineArtists
from .timelines import timeline as timeline
