/** How a waveform and a spectrogram are drawn: plain functions of samples and colours. */

/**
 * Draws the least and greatest sample of each pixel, below a part of the height that stays free; wavesurfer's own
 * drawing shows the magnitude only.
 */
export function drawWaveform(
  channels: (Float32Array | number[])[],
  context: CanvasRenderingContext2D,
  scale: number,
  freePart = 0,
): void {
  const samples = channels[0] ?? [];
  const { width, height } = context.canvas;
  const half = (height * (1 - freePart)) / 2;
  const middle = height - half;
  const hairline = Math.max(1, height / 64);
  for (let x = 0; x < width; x++) {
    const [low, high] = extremes(samples, x, width);
    const top = middle - half * Math.min(1, high * scale);
    const bottom = middle - half * Math.max(-1, low * scale);
    const thickness = Math.max(hairline, bottom - top);
    context.fillRect(x, (top + bottom - thickness) / 2, 1, thickness);
  }
}

/** Least and greatest sample in column `x` of `width`, with the first of the next one, so that a line is unbroken. */
export function extremes(samples: ArrayLike<number>, x: number, width: number): [number, number] {
  const first = Math.floor((x * samples.length) / width);
  const last = Math.min(samples.length - 1, Math.floor(((x + 1) * samples.length) / width));
  let low = samples[first] ?? 0;
  let high = low;
  for (let i = first + 1; i <= last; i++) {
    const sample = samples[i]!;
    if (sample < low) low = sample;
    if (sample > high) high = sample;
  }
  return [low, high];
}

/** The factor that brings the largest sample to nine tenths; at most 8, so that silence stays flat. */
export function waveformScale(tracks: Float32Array[]): number {
  return Math.min(8, 0.9 / Math.max(peakOf(tracks), 1e-6));
}

export function peakOf(tracks: Float32Array[]): number {
  let peak = 0;
  for (const track of tracks)
    for (const sample of track) if (Math.abs(sample) > peak) peak = Math.abs(sample);
  return peak;
}

type Colour = readonly [red: number, green: number, blue: number, alpha: number];

/**
 * Colours from silence to loud. Their lightness changes in one direction, so that they can be told apart without colour
 * and by colour-blind people; silence is transparent and has the colour of the page.
 */
const LIGHT: readonly Colour[] = [
  [1, 0.96, 0.82, 0],
  [0.99, 0.86, 0.6, 0.55],
  [0.96, 0.6, 0.35, 1],
  [0.78, 0.27, 0.36, 1],
  [0.43, 0.1, 0.42, 1],
  [0.11, 0.05, 0.26, 1],
];
const DARK: readonly Colour[] = [
  [0.12, 0.07, 0.25, 0],
  [0.26, 0.1, 0.42, 0.7],
  [0.58, 0.15, 0.45, 1],
  [0.9, 0.36, 0.33, 1],
  [0.99, 0.68, 0.36, 1],
  [0.99, 0.97, 0.78, 1],
];
const COLOUR_COUNT = 256;

/** The 256 colours of a spectrogram, as wavesurfer takes them. */
export function colourMap(isDark: boolean): number[][] {
  const stops = isDark ? DARK : LIGHT;
  return Array.from({ length: COLOUR_COUNT }, (_, i) => {
    const place = (i / (COLOUR_COUNT - 1)) * (stops.length - 1);
    const below = Math.min(Math.floor(place), stops.length - 2);
    const part = place - below;
    return stops[below]!.map((value, channel) => value + part * (stops[below + 1]![channel]! - value));
  });
}
