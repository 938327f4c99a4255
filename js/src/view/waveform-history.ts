/**
 * The last seconds of a sound as columns of 20 ms, each with the lowest and highest sample in it. Pure arithmetic.
 *
 * A column's index is its time divided by 20 ms, so that two waveforms share one time axis and silence needs no message.
 */

export const COLUMN_MS = 20;
const CAPACITY = 2048;
const MAX_SPEECH = 50;
/** Reports arrive in bursts and the clocks differ slightly: only a larger distance moves the write position. */
const SLACK_COLUMNS = 12;

/** A stretch of time in which the server heard speech; `endMs` is infinite while it still does. */
export interface Speech {
  startMs: number;
  endMs: number;
}

export class WaveformHistory {
  readonly #speech: Speech[] = [];
  readonly #lowest = new Float32Array(CAPACITY);
  readonly #highest = new Float32Array(CAPACITY);
  /** The index of the next column to be written. */
  #next = 0;
  #lastLoud = Number.NEGATIVE_INFINITY;
  level = 0;

  /** Append columns that have just ended, as minimum, maximum, minimum, maximum … */
  write(columns: Float32Array, rms: number, nowMs: number): void {
    const count = columns.length / 2;
    const index = columnAt(nowMs) - count + 1;
    if (Math.abs(index - this.#next) > SLACK_COLUMNS) this.#moveTo(index);
    for (let i = 0; i < count; i++) this.#put(columns[2 * i]!, columns[2 * i + 1]!);
    this.level = rms;
  }

  /** The server has detected the beginning of speech, or its end. */
  markSpeech(isActive: boolean, nowMs: number): void {
    const last = this.#speech.at(-1);
    if (last?.endMs === Number.POSITIVE_INFINITY) {
      if (!isActive) last.endMs = nowMs;
    } else if (isActive) this.#speech.push({ startMs: nowMs, endMs: Number.POSITIVE_INFINITY });
    if (this.#speech.length > MAX_SPEECH) this.#speech.shift();
  }

  /** When the server heard speech, oldest first. */
  get speech(): readonly Speech[] {
    return this.#speech;
  }

  /** The last level, or 0 if nothing was written lately. */
  levelAt(nowMs: number): number {
    return columnAt(nowMs) - this.#next > SLACK_COLUMNS ? 0 : this.level;
  }

  /** The lowest sample of a column; 0 if nothing was written. */
  lowestAt(column: number): number {
    return this.#holds(column) ? this.#lowest[column % CAPACITY]! : 0;
  }

  /** The highest sample of a column; 0 if nothing was written. */
  highestAt(column: number): number {
    return this.#holds(column) ? this.#highest[column % CAPACITY]! : 0;
  }

  /** Whether any column from `first` on contains sound. */
  hasSoundSince(first: number): boolean {
    return this.#lastLoud >= first;
  }

  #put(lowest: number, highest: number): void {
    const index = this.#next % CAPACITY;
    this.#lowest[index] = lowest;
    this.#highest[index] = highest;
    if (highest > lowest) this.#lastLoud = this.#next;
    this.#next += 1;
  }

  /** Fill with silence up to a new index; if that is an earlier one, overwrite from there. */
  #moveTo(index: number): void {
    const from = Math.max(this.#next, index - CAPACITY);
    for (let column = from; column < index; column++) {
      this.#lowest[column % CAPACITY] = 0;
      this.#highest[column % CAPACITY] = 0;
    }
    this.#next = index;
  }

  #holds(column: number): boolean {
    return column < this.#next && column >= this.#next - CAPACITY;
  }
}

export function columnAt(timeMs: number): number {
  return Math.floor(timeMs / COLUMN_MS);
}
