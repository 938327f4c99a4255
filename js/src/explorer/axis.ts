/** The axes: ticks of the time that is in sight, and frequencies beside a spectrogram. */

import { element } from "../view/elements";
import { clockText, frequencyText } from "./strings";

const LABEL_EVERY_PX = 70;
const TICKS_PER_LABEL = 5;
const STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const FREQUENCIES_HZ = [16_000, 8000, 4000, 2000, 1000, 500, 250];
const LEAST_DISTANCE_PX = 13;

export interface Tick {
  timeS: number;
  label: string;
}

/** Ticks from a time to another; every fifth one has a label, at least 70 px from the next. */
export function ticksBetween(fromS: number, toS: number, pxPerS: number): Tick[] {
  const stepS = STEPS_S.find((step) => step * pxPerS >= LABEL_EVERY_PX) ?? STEPS_S.at(-1)!;
  const digits = stepS >= 1 ? 0 : stepS >= 0.1 ? 1 : 2;
  const tickS = stepS / TICKS_PER_LABEL;
  const ticks: Tick[] = [];
  for (let i = Math.ceil(fromS / tickS - 1e-9); i * tickS <= toS + 1e-9; i++) {
    const timeS = i * tickS;
    ticks.push({ timeS, label: i % TICKS_PER_LABEL === 0 ? clockText(timeS, digits) : "" });
  }
  return ticks;
}

export class TimeAxis {
  readonly element = element("div", "", { part: "glw-axis", "aria-hidden": "true" });

  /** Draw the ticks of a view that begins at `fromS`; what is out of sight has none. */
  draw(originS: number, durationS: number, fromS: number, widthPx: number, pxPerS: number): void {
    const toS = Math.min(durationS, fromS + widthPx / pxPerS);
    const ticks = ticksBetween(originS + fromS, originS + toS, pxPerS).map(({ timeS, label }) => {
      const tick = element("div", "", { part: label ? "glw-tick glw-tick-labelled" : "glw-tick" }, [label]);
      tick.style.left = `${(timeS - originS) * pxPerS}px`;
      return tick;
    });
    this.element.replaceChildren(...ticks);
  }
}

/** Frequencies on the mel scale of the spectrogram, from its top, as wavesurfer draws it (O'Shaughnessy 1987). */
export function frequencyPlaces(nyquistHz: number, heightPx: number): { label: string; topPx: number }[] {
  const mel = (hz: number) => 2595 * Math.log10(1 + hz / 700);
  const places: { label: string; topPx: number }[] = [];
  let abovePx = 0;
  for (const hz of FREQUENCIES_HZ) {
    const topPx = heightPx * (1 - mel(hz) / mel(nyquistHz));
    if (topPx - abovePx < (places.length ? 1 : 0.5) * LEAST_DISTANCE_PX) continue;
    if (heightPx - topPx < LEAST_DISTANCE_PX / 2) break;
    places.push({ label: frequencyText(hz), topPx });
    abovePx = topPx;
  }
  return places;
}
