/** The colours of a level, from dark to light: in equal steps of lightness, so that they can be told apart without hue. */

/** Control points of a map like matplotlib's "magma", as red, green, blue. */
const POINTS = [
  [0, 0, 4],
  [40, 17, 89],
  [114, 31, 129],
  [182, 54, 121],
  [241, 96, 93],
  [254, 175, 119],
  [252, 253, 191],
] as const;

/** The colour of each level from 0 to 255, as red, green, blue, alpha. */
export function colourTable(): Uint8ClampedArray {
  const table = new Uint8ClampedArray(4 * 256);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (POINTS.length - 1);
    const at = Math.min(POINTS.length - 2, Math.floor(place));
    const [low, high] = [POINTS[at]!, POINTS[at + 1]!];
    for (let channel = 0; channel < 3; channel++)
      table[4 * level + channel] = low[channel]! + (high[channel]! - low[channel]!) * (place - at);
    table[4 * level + 3] = 255;
  }
  return table;
}
