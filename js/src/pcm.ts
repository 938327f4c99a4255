/**
 * Conversion between int16 and float32: `n / 32768` and `clip(rint(x * 32768))`, lossless for all 65,536 codes.
 * The tests of this file and of the Python package use the same vector, tests/vectors/pcm.json.
 */

/** The rate of all sound between page and kernel. */
export const PCM_RATE_HZ = 24_000;

// Adding and subtracting 1.5 * 2^52 leaves a double no bits for a fraction, so that the processor's own rounding
// (to nearest, ties to even) matches numpy's rint. Math.round would round ties up.
const ROUNDING = 1.5 * 2 ** 52;

/** One float sample as an int16 code; NaN becomes 0. */
export function toCode(sample: number): number {
  const rounded = sample * 32768 + ROUNDING - ROUNDING;
  if (rounded >= 32767) return 32767;
  if (rounded <= -32768) return -32768;
  return rounded || 0;
}

/** One int16 code as a sample in [-1, 1). */
export function toSample(code: number): number {
  return code / 32768;
}

export type BinaryBuffer = ArrayBuffer | ArrayBufferView;

/**
 * A copy of the samples in a message's buffer. Hosts pass a DataView (JupyterLab, marimo) or a Uint8Array (Colab),
 * sometimes at an odd byteOffset, where an Int16Array cannot begin. A trailing odd byte is dropped.
 */
export function readPcm(buffer: BinaryBuffer): Int16Array {
  const isView = ArrayBuffer.isView(buffer);
  const bytes = isView ? buffer.buffer : buffer;
  const start = isView ? buffer.byteOffset : 0;
  const length = buffer.byteLength - (buffer.byteLength % 2);
  return new Int16Array(bytes.slice(start, start + length) as ArrayBuffer);
}
