/**
 * The last seconds of a voice as columns of 20 ms, each the lowest and highest sample in it. Plain arithmetic.
 *
 * A column's place is its time, so that two tapes drawn above each other share one axis and silence needs no message.
 */

export const COLUMN_MS = 20;
const CAPACITY = 2048;
/** Reports come in bursts and the two clocks differ a little: only a larger distance is a new beginning. */
const SLACK_COLUMNS = 12;

export class WaveformHistory {
  readonly #lowest = new Float32Array(CAPACITY);
  readonly #highest = new Float32Array(CAPACITY);
  /** The number since the epoch of the next column to be written. */
  #next = 0;
  #lastLoud = Number.NEGATIVE_INFINITY;
  level = 0;

  /** Columns that have just ended, as minimum, maximum, minimum, maximum … */
  write(columns: Float32Array, rms: number, nowMs: number): void {
    const count = columns.length / 2;
    const place = columnAt(nowMs) - count + 1;
    if (Math.abs(place - this.#next) > SLACK_COLUMNS) this.#leap(place);
    for (let i = 0; i < count; i++) this.#put(columns[2 * i]!, columns[2 * i + 1]!);
    this.level = rms;
  }

  /** The level falls to nothing when its source has gone quiet. */
  levelAt(nowMs: number): number {
    return columnAt(nowMs) - this.#next > SLACK_COLUMNS ? 0 : this.level;
  }

  /** Lowest and highest sample of a column, 0 where nothing was written. */
  lowestAt(column: number): number {
    return this.#holds(column) ? this.#lowest[column % CAPACITY]! : 0;
  }

  highestAt(column: number): number {
    return this.#holds(column) ? this.#highest[column % CAPACITY]! : 0;
  }

  /** Whether anything but silence lies in the columns from `first` on. */
  hasSoundSince(first: number): boolean {
    return this.#lastLoud >= first;
  }

  #put(lowest: number, highest: number): void {
    const place = this.#next % CAPACITY;
    this.#lowest[place] = lowest;
    this.#highest[place] = highest;
    if (highest > lowest) this.#lastLoud = this.#next;
    this.#next += 1;
  }

  /** Silence up to a new place; or, where the tape has run ahead, write over what is there. */
  #leap(place: number): void {
    const from = Math.max(this.#next, place - CAPACITY);
    for (let column = from; column < place; column++) {
      this.#lowest[column % CAPACITY] = 0;
      this.#highest[column % CAPACITY] = 0;
    }
    this.#next = place;
  }

  #holds(column: number): boolean {
    return column < this.#next && column >= this.#next - CAPACITY;
  }
}

export function columnAt(timeMs: number): number {
  return Math.floor(timeMs / COLUMN_MS);
}
