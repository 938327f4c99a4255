/** Levels of a recording, in dBFS. Pure. */

const WINDOW_S = 0.1;
const CLIPPED = 0.999;
/** A single sample at full scale is no distortion. */
const LEAST_CLIPPED = 4;

export interface RecordingLevel {
  /** Root mean square of the loudest tenth of a second; −Infinity for silence. */
  loudestDbfs: number;
  peakDbfs: number;
  isClipped: boolean;
}

export function dbfs(amplitude: number): number {
  return 20 * Math.log10(amplitude);
}

export function rmsOf(samples: Float32Array): number {
  let squares = 0;
  for (const sample of samples) squares += sample * sample;
  return samples.length ? Math.sqrt(squares / samples.length) : 0;
}

export function levelOf(samples: Float32Array, rateHz: number): RecordingLevel {
  const size = Math.round(WINDOW_S * rateHz);
  let loudest = 0;
  for (let at = 0; at + size <= samples.length; at += size)
    loudest = Math.max(loudest, rmsOf(samples.subarray(at, at + size)));
  let peak = 0;
  let clippedCount = 0;
  for (const sample of samples) {
    peak = Math.max(peak, Math.abs(sample));
    if (Math.abs(sample) >= CLIPPED) clippedCount += 1;
  }
  return { loudestDbfs: dbfs(loudest), peakDbfs: dbfs(peak), isClipped: clippedCount >= LEAST_CLIPPED };
}
