/** The one module of the audio thread: both processors, which share the code of their levels and rates. */

import "./capture.worklet";
import "./playback.worklet";
