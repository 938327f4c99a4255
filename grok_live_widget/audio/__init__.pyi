from .buffer import AudioBuffer as AudioBuffer  # internal
from .buffer import Span as Span  # internal
from .files import read_audio as read_audio  # internal
from .files import wav_bytes as wav_bytes  # internal
from .files import write_wav as write_wav  # internal
from .files import write_wav_blocks as write_wav_blocks  # internal
from .g711 import PCM as PCM  # internal
from .g711 import Codec as Codec  # internal
from .g711 import codec_of as codec_of  # internal
from .level import Levels as Levels
from .level import k_weighting as k_weighting  # internal
from .level import level_dbfs as level_dbfs
from .level import level_over_time as level_over_time
from .level import loudness_lufs as loudness_lufs
from .level import loudness_over_time as loudness_over_time
from .pcm import SAMPLE_RATE_HZ as SAMPLE_RATE_HZ  # internal
from .pcm import Pcm as Pcm  # internal
from .pcm import checked as checked  # internal
from .pcm import checked_rate as checked_rate  # internal
from .pcm import float_samples as float_samples  # internal
from .pcm import mono_clip as mono_clip  # internal
from .pcm import mono_from as mono_from  # internal
from .pcm import pcm_from_bytes as pcm_from_bytes  # internal
from .pcm import pcm_from_samples as pcm_from_samples  # internal
from .pcm import samples_from_pcm as samples_from_pcm  # internal
from .pitch_tracking import Pitch as Pitch
from .pitch_tracking import pitch as pitch
from .pitch_tracking import yin as yin
from .resample import ClipConverter as ClipConverter  # internal
from .resample import Resampler as Resampler  # internal
from .spectrum import db_from_power as db_from_power  # internal
from .spectrum import frame_count as frame_count  # internal
from .spectrum import hz_from_mel as hz_from_mel  # internal
from .spectrum import mel_filters as mel_filters
from .spectrum import mel_from_hz as mel_from_hz  # internal
from .spectrum import mel_spectrogram as mel_spectrogram
from .spectrum import mfcc as mfcc
from .spectrum import power_blocks as power_blocks  # internal
from .spectrum import stft as stft
