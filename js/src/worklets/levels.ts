/** Measures what the panel shows of a sound: its level, and the lowest and highest sample of every 20 ms. */

import { PCM_RATE_HZ } from "../pcm";

const COLUMN_MS = 20;
const COLUMN_SAMPLES = (COLUMN_MS / 1000) * PCM_RATE_HZ;
const COLUMNS_PER_REPORT = 4;
const REPORT_MS = COLUMNS_PER_REPORT * COLUMN_MS;

export interface Levels {
  /** Root mean square, full scale is 1. */
  rms: number;
  /** minimum, maximum, minimum, maximum … */
  columns: Float32Array;
  durationMs: number;
}

export class LevelMeter {
  #columns: number[] = [];
  #lowest = 0;
  #highest = 0;
  #squares = 0;
  #columnSamples = 0;
  #reportSamples = 0;
  /** Nothing is measured while the page is hidden. */
  isOn = true;

  constructor(readonly onLevels: (levels: Levels) => void) {}

  push(samples: Float32Array): void {
    if (!this.isOn) return;
    for (const sample of samples) {
      if (sample < this.#lowest) this.#lowest = sample;
      if (sample > this.#highest) this.#highest = sample;
      this.#squares += sample * sample;
      this.#reportSamples += 1;
      this.#columnSamples += 1;
      if (this.#columnSamples === COLUMN_SAMPLES) this.#endColumn();
    }
  }

  #endColumn(): void {
    this.#columns.push(this.#lowest, this.#highest);
    this.#lowest = this.#highest = this.#columnSamples = 0;
    if (this.#columns.length === 2 * COLUMNS_PER_REPORT) this.#report();
  }

  #report(): void {
    const columns = Float32Array.from(this.#columns);
    const rms = Math.sqrt(this.#squares / this.#reportSamples);
    this.onLevels({ rms, columns, durationMs: REPORT_MS });
    this.#columns = [];
    this.#squares = this.#reportSamples = 0;
  }
}
