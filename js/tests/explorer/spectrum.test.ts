import { describe, expect, it } from "vitest";
import { frequencyPlaces } from "../../src/explorer/axis";
import { ROWS, Spectrum } from "../../src/explorer/spectrum";
import { RATE_HZ } from "./kernel";

const AMPLITUDE = 0.5;
/** A colour that is reached 20 dB below the loudest one: 65 dB have 255 colours. */
const CLEAR = 255 - (20 / 65) * 255;

function tone(hz: number, count: number, from = 0, to = count): Float32Array {
  return Float32Array.from({ length: count }, (_, i) =>
    i >= from && i < to ? AMPLITUDE * Math.sin((2 * Math.PI * hz * i) / RATE_HZ) : 0,
  );
}

const spectrum = new Spectrum(RATE_HZ, AMPLITUDE);

/** Where a sound is clear in a picture of so many columns, as first and last sample. */
function clearBetween(samples: Float32Array, columns: number): [number, number] {
  const step = samples.length / columns;
  const clear = Array.from({ length: columns }, (_, x) =>
    spectrum.column(samples, x * step, (x + 1) * step).some((colour) => colour > CLEAR),
  );
  return [clear.indexOf(true) * step, (clear.lastIndexOf(true) + 1) * step];
}

describe("a column", () => {
  it("has a tone at its frequency on the axis", () => {
    for (const hz of [500, 1000, 4000]) {
      const column = spectrum.column(tone(hz, RATE_HZ), 0, RATE_HZ);
      const loudest = Math.max(...column);
      const row = (column.indexOf(loudest) + column.lastIndexOf(loudest)) / 2;
      const { topPx } = frequencyPlaces(RATE_HZ / 2, ROWS).find(
        ({ label }) => label === (hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`),
      )!;
      expect(Math.abs(ROWS - row - topPx)).toBeLessThan(4);
    }
  });

  it.each([10, 100, 1000])("of %i has a sound at the time of its samples, within a column", (columns) => {
    const [from, to] = [0.4 * RATE_HZ, 0.8 * RATE_HZ];
    const [start, stop] = clearBetween(tone(1000, RATE_HZ, from, to), columns);
    // A quarter of a Hann window holds less than a tenth of its amplitude.
    const within = RATE_HZ / columns + 512 / 4;
    expect(Math.abs(start - from)).toBeLessThanOrEqual(within);
    expect(Math.abs(stop - to)).toBeLessThanOrEqual(within);
    expect(Math.abs((start + stop) / 2 - (from + to) / 2)).toBeLessThanOrEqual(RATE_HZ / columns);
  });

  it("has the time of its samples at both ends of a short sound too", () => {
    const samples = tone(1000, 4800);
    samples.fill(0, 480, 4320);
    const at = (middle: number) => Math.max(...spectrum.column(samples, middle - 3, middle + 3));
    expect(at(240)).toBeGreaterThan(CLEAR);
    expect(at(4560)).toBeGreaterThan(CLEAR);
    for (const silent of [480 + 256 + 3, 2400, 4320 - 256 - 3]) expect(at(silent)).toBe(0);
  });

  it("shows a short sound in a wide column, by its part of the time", () => {
    const long = Math.max(...spectrum.column(tone(1000, RATE_HZ), 0, RATE_HZ));
    const short = Math.max(...spectrum.column(tone(1000, RATE_HZ, 9600, 9600 + 240), 0, RATE_HZ));
    expect(short).toBeGreaterThan(0);
    expect(short).toBeLessThan(long);
  });

  it("of noise is as bright in any width", () => {
    let state = 1;
    const noise = Float32Array.from({ length: RATE_HZ }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return AMPLITUDE * (state / 1_073_741_823 - 1);
    });
    const mean = (start: number, stop: number) =>
      spectrum.column(noise, start, stop).reduce((sum, colour) => sum + colour, 0) / ROWS;
    // 3 dB are 12 colours.
    expect(Math.abs(mean(0, RATE_HZ) - mean(6000, 12_000))).toBeLessThan(12);
  });

  it("of silence, and beyond the sound, is empty", () => {
    expect(spectrum.column(new Float32Array(1000), 0, 1000)).toEqual(new Uint8Array(ROWS));
    expect(spectrum.column(tone(1000, 1000), 5000, 6000)).toEqual(new Uint8Array(ROWS));
    expect(spectrum.column(new Float32Array(0), 0, 1)).toEqual(new Uint8Array(ROWS));
  });
});
