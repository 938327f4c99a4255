/** Collects the microphone's quanta into chunks of 24 kHz mono int16: of 100 ms, or of 20 ms for a direct channel. */

import { PCM_RATE_HZ, toCode } from "../pcm";
import { Resampler } from "../resampler";

const CHUNK_SAMPLES = 0.1 * PCM_RATE_HZ;
const DIRECT_CHUNK_SAMPLES = 0.02 * PCM_RATE_HZ;

export class Chunker {
  readonly #resampler: Resampler;
  #chunk = new Int16Array(CHUNK_SAMPLES);
  #chunkSamples = CHUNK_SAMPLES;
  #filled = 0;
  /** Samples since the microphone was switched on, including those discarded by a closed gate. */
  #sampleIndex = 0;
  #isGateOpen: boolean;
  #mono = new Float32Array(0);
  #resampled = new Float32Array(0);

  /**
   * @param onChunk receives each chunk and owns it
   * @param onSamples receives all captured samples, also while the gate is closed; the view is valid during the call
   */
  constructor(
    rateHz: number,
    isGateOpen: boolean,
    readonly onChunk: (pcm: Int16Array, sampleIndex: number) => void,
    readonly onSamples: (samples: Float32Array) => void,
  ) {
    this.#resampler = new Resampler(rateHz, PCM_RATE_HZ);
    this.#isGateOpen = isGateOpen;
  }

  /** Closing the gate emits the collected samples as a shorter last chunk. */
  setGate(isOpen: boolean): void {
    if (this.#isGateOpen && !isOpen) this.#emit();
    this.#isGateOpen = isOpen;
  }

  /** Each message of the comm makes the page around the panel repaint; those of a direct channel cost little. */
  setDirect(isDirect: boolean): void {
    this.#chunkSamples = isDirect ? DIRECT_CHUNK_SAMPLES : CHUNK_SAMPLES;
  }

  push(channels: Float32Array[]): void {
    this.#resampler.push(this.#mixDown(channels));
    for (;;) {
      const count = this.#resampler.pull(this.#resampled);
      if (count === 0) return;
      const samples = this.#resampled.subarray(0, count);
      this.onSamples(samples);
      this.#collect(samples);
    }
  }

  #mixDown(channels: Float32Array[]): Float32Array {
    const length = channels[0]?.length ?? 0;
    if (this.#mono.length !== length) this.#reserve(length);
    const mono = this.#mono.fill(0);
    for (const channel of channels) {
      for (let i = 0; i < length; i++) mono[i]! += channel[i]! / channels.length;
    }
    return mono;
  }

  #reserve(length: number): void {
    this.#mono = new Float32Array(length);
    this.#resampled = new Float32Array(Math.max(1, length));
  }

  #collect(samples: Float32Array): void {
    if (!this.#isGateOpen) {
      this.#sampleIndex += samples.length;
      return;
    }
    for (const sample of samples) {
      this.#chunk[this.#filled++] = toCode(sample);
      if (this.#filled >= this.#chunkSamples) this.#emit();
    }
  }

  #emit(): void {
    if (this.#filled === 0) return;
    const pcm = this.#chunk.slice(0, this.#filled);
    this.onChunk(pcm, this.#sampleIndex);
    this.#sampleIndex += this.#filled;
    this.#filled = 0;
  }
}
