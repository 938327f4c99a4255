/** The frequency axis: mel, as hearing has it, from 0 to the highest frequency of 24 kHz sound that a voice has. */

export const HIGHEST_HZ = 8000;
export const TICKS_HZ = [250, 1000, 2000, 4000] as const;

/** O'Shaughnessy, D. (1987). Speech communication: human and machine. */
function mel(frequencyHz: number): number {
  return 2595 * Math.log10(1 + frequencyHz / 700);
}

/** Where a frequency is on the axis, from 0 at the bottom to 1 at the top. */
export function placeOf(frequencyHz: number): number {
  return mel(frequencyHz) / mel(HIGHEST_HZ);
}

/** The first bin of a spectrum for each row of pixels, from the top, and one more for the end of the last. */
export function binsOfRows(rowCount: number, binCount: number, sampleRateHz: number): Uint16Array {
  const binsPerHz = binCount / (sampleRateHz / 2);
  const edges = new Uint16Array(rowCount + 1);
  for (let row = 0; row <= rowCount; row++) {
    const share = 1 - row / rowCount;
    const frequencyHz = 700 * (10 ** ((share * mel(HIGHEST_HZ)) / 2595) - 1);
    edges[row] = Math.min(binCount - 1, Math.round(frequencyHz * binsPerHz));
  }
  return edges;
}
