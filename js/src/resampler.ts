/**
 * A streaming windowed-sinc polyphase resampler for any pair of whole-numbered rates.
 *
 * The position is an integer sample plus an integer numerator over the reduced ratio's denominator, so it never drifts.
 * The phase is kept between calls, so chunk boundaries are inaudible. Output sample 0 coincides with input sample 0.
 */

/**
 * Half of the filter, in samples of the slower rate (3.3 ms of look-ahead at 24 kHz), the -6 dB point relative to the
 * slower Nyquist rate, and the Kaiser window. Together they follow the pass band, transition (0.913 to 1) and
 * attenuation of soxr's HQ recipe, which the kernel uses (speech through both differs by less than -100 dB).
 */
const HALF_WIDTH = 80;
const CUTOFF = 0.957;
const KAISER_BETA = 9;
/** Ratios with larger terms use the nearest of this many phases (error below -70 dB). */
const PHASES_MAX = 4096;

export class Resampler {
  /** How many input samples after an output sample's position are needed to compute it. */
  readonly lookAheadSamples: number;
  readonly #up: number;
  readonly #down: number;
  readonly #phaseCount: number;
  readonly #behindSamples: number;
  readonly #table: Float32Array;
  #input: Float32Array;
  #length = 0;
  #centre = 0;
  #numerator = 0;

  constructor(inputRateHz: number, outputRateHz: number) {
    const divisor = greatestCommonDivisor(Math.round(inputRateHz), Math.round(outputRateHz));
    this.#up = Math.round(outputRateHz) / divisor;
    this.#down = Math.round(inputRateHz) / divisor;
    this.#phaseCount = Math.min(this.#up, PHASES_MAX);
    const narrowing = Math.min(1, this.#up / this.#down);
    const half = this.#up === this.#down ? 0 : Math.ceil(HALF_WIDTH / narrowing);
    this.lookAheadSamples = half;
    this.#behindSamples = Math.max(0, half - 1);
    this.#table = half === 0 ? Float32Array.of(1) : filterTable(half, this.#phaseCount, narrowing);
    this.#input = new Float32Array(4096 + 4 * half);
    this.reset();
  }

  /** How many samples must still be pushed before `count` can be pulled. */
  neededSamples(count: number): number {
    if (count <= 0) return 0;
    const last = this.#centre + Math.floor((this.#numerator + (count - 1) * this.#down) / this.#up);
    return Math.max(0, last + this.lookAheadSamples + 1 - this.#length);
  }

  push(samples: Float32Array): void {
    this.#reserve(samples.length);
    this.#input.set(samples, this.#length);
    this.#length += samples.length;
  }

  /** Write up to `until - from` samples; returns how many there were. */
  pull(output: Float32Array, from = 0, until = output.length): number {
    let at = from;
    while (at < until && this.#centre + this.lookAheadSamples < this.#length) {
      output[at++] = this.#convolve();
      this.#advance();
    }
    return at - from;
  }

  /** Discard all state: the next sample pushed is the first of a new stream. */
  reset(): void {
    this.#input.fill(0);
    this.#length = this.#behindSamples;
    this.#centre = this.#behindSamples;
    this.#numerator = 0;
  }

  #convolve(): number {
    const taps = this.#behindSamples + this.lookAheadSamples + 1;
    const phase = Math.floor((this.#numerator * this.#phaseCount) / this.#up);
    const table = this.#table;
    const input = this.#input;
    let row = phase * taps;
    let at = this.#centre - this.#behindSamples;
    const end = row + taps;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    // Within one sum each addition waits for the one before it; with four a sample takes half the time.
    for (; row + 3 < end; row += 4, at += 4) {
      a += table[row]! * input[at]!;
      b += table[row + 1]! * input[at + 1]!;
      c += table[row + 2]! * input[at + 2]!;
      d += table[row + 3]! * input[at + 3]!;
    }
    for (; row < end; row++, at++) a += table[row]! * input[at]!;
    return a + b + (c + d);
  }

  #advance(): void {
    this.#numerator += this.#down;
    const whole = Math.floor(this.#numerator / this.#up);
    this.#centre += whole;
    this.#numerator -= whole * this.#up;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#input.length) return;
    const keepFrom = Math.min(this.#centre - this.#behindSamples, this.#length);
    const kept = this.#input.subarray(keepFrom, this.#length);
    const capacity = Math.max(this.#input.length, 2 * (kept.length + count));
    const input = capacity === this.#input.length ? this.#input : new Float32Array(capacity);
    input.set(kept);
    this.#input = input;
    this.#length -= keepFrom;
    this.#centre -= keepFrom;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** One row of 2 * half taps for each phase; each row sums to 1, so that all phases have the same gain. */
function filterTable(half: number, phaseCount: number, narrowing: number): Float32Array {
  const taps = 2 * half;
  const table = new Float32Array(phaseCount * taps);
  for (let phase = 0; phase < phaseCount; phase++) {
    const row = table.subarray(phase * taps, (phase + 1) * taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = tap - (half - 1) - phase / phaseCount;
      row[tap] = sinc(distance * narrowing * CUTOFF) * kaiser(distance / half);
      sum += row[tap]!;
    }
    for (let tap = 0; tap < taps; tap++) row[tap]! /= sum;
  }
  return table;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : besselI0(KAISER_BETA * Math.sqrt(1 - x * x)) / besselI0(KAISER_BETA);
}

/** The modified Bessel function of order 0, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
