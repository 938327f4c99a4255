/** The texts of the view. */

import type { Role } from "./messages";

export const STRINGS = {
  play: "Play",
  pause: "Pause",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit",
  plot: "Waveform and spectrogram",
  keys: "Click: play from there · Space: play, pause · Arrow keys: seek · + and −: zoom",
  opening: "Waiting for the sound…",
  waiting:
    "The kernel does not answer. The sound is in the kernel, not in the notebook: when a running cell ends, it comes; after a restart, run the cell again.",
  long: "More than ten minutes are shown without a spectrogram: explore(since_s=…, until_s=…) shows a part with it.",
  unheard: "not heard",
} as const;

export const SPEAKERS: Record<Role, string> = { user: "You", assistant: "Reply" };

export function loadingText(percent: number): string {
  return `Reading the sound: ${Math.round(percent)} %`;
}

/** `75.25` as "1:15.3"; hours where there are any. */
export function clockText(timeS: number, digits = 1): string {
  const scale = 10 ** digits;
  const rounded = Math.round(Math.max(0, timeS) * scale) / scale;
  const minutes = Math.floor(rounded / 60);
  const seconds = (rounded - 60 * minutes).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}
