/**
 * int16 in transit, float32 in hand: `n / 32768` and `clip(rint(x * 32768))`, lossless for all 65,536 codes.
 * tests/vectors/pcm.json holds this file and grok_live_widget/audio.py to the same numbers.
 */

/** The rate of all sound between page and kernel. */
export const PCM_RATE_HZ = 24_000;

// Adding and taking away 1.5 * 2^52 leaves a double no room for a fraction, so that the processor's own rounding
// (to nearest, ties to even) does what numpy's rint does. Math.round would send ties upwards.
const ROUNDING = 1.5 * 2 ** 52;

/** One float sample as an int16 code; NaN becomes 0. */
export function toCode(sample: number): number {
  const rounded = sample * 32768 + ROUNDING - ROUNDING;
  if (rounded >= 32767) return 32767;
  if (rounded <= -32768) return -32768;
  return rounded || 0;
}

export function toInt16(samples: Float32Array, pcm = new Int16Array(samples.length)): Int16Array {
  for (let i = 0; i < samples.length; i++) pcm[i] = toCode(samples[i]!);
  return pcm;
}

export function toFloat32(pcm: Int16Array, samples = new Float32Array(pcm.length)): Float32Array {
  for (let i = 0; i < pcm.length; i++) samples[i] = pcm[i]! / 32768;
  return samples;
}

export type BinaryBuffer = ArrayBuffer | ArrayBufferView;

/**
 * The samples in a message's buffer, as a copy of their own. Hosts hand over a DataView (JupyterLab, marimo) or a
 * Uint8Array (Colab), now and then at an odd byteOffset where no Int16Array may begin. A trailing odd byte is dropped.
 */
export function readPcm(buffer: BinaryBuffer): Int16Array {
  const isView = ArrayBuffer.isView(buffer);
  const bytes = isView ? buffer.buffer : buffer;
  const start = isView ? buffer.byteOffset : 0;
  const length = buffer.byteLength - (buffer.byteLength % 2);
  return new Int16Array(bytes.slice(start, start + length) as ArrayBuffer);
}
