import { describe, expect, it } from "vitest";
import { colourMap, drawWaveform, extremes, waveformScale } from "../../src/explorer/drawing";

describe("a waveform", () => {
  it("has the least and the greatest sample of each pixel, up to the next one", () => {
    const samples = [0.1, -0.5, 0.2, 0.9, 0, 0, -0.3, 0.4];
    expect(extremes(samples, 0, 4)).toEqual([-0.5, 0.2]);
    expect(extremes(samples, 1, 4)).toEqual([0, 0.9]);
    expect(extremes(samples, 3, 4)).toEqual([-0.3, 0.4]);
    expect(extremes([0.5], 2, 4)).toEqual([0.5, 0.5]);
    expect(extremes([], 0, 4)).toEqual([0, 0]);
  });

  it("is drawn below the part that stays free, about its middle", () => {
    const drawn: number[][] = [];
    const context = {
      canvas: { width: 2, height: 100 },
      fillRect: (...place: number[]) => void drawn.push(place),
    };
    drawWaveform([Float32Array.of(0.5, 0.5, -1, -1)], context as unknown as CanvasRenderingContext2D, 1, 0.2);
    // The middle is at 60, half of the height is 40; a line has a 64th of the height.
    expect(drawn).toEqual([
      [0, 40, 1, 60],
      [1, 100 - 100 / 128, 1, 100 / 64],
    ]);
  });

  it("is as high as there is room for, but silence stays flat", () => {
    expect(waveformScale([Float32Array.of(0.1, -0.45)])).toBeCloseTo(2);
    expect(waveformScale([new Float32Array(3)])).toBe(8);
  });
});

describe("the colours of a spectrogram", () => {
  const lightness = ([r, g, b]: number[]) => 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;

  it.each([
    ["light", false, -1],
    ["dark", true, 1],
  ])("of the %s theme can be told apart by their lightness alone", (_, isDark, sign) => {
    const colours = colourMap(isDark);
    expect(colours).toHaveLength(256);
    expect(colours[0]![3]).toBe(0);
    // As they are seen, on white or black.
    const seen = colours.map((colour) => {
      const [alpha, ground] = [colour[3]!, isDark ? 0 : 1];
      return alpha * lightness(colour) + (1 - alpha) * ground;
    });
    seen.slice(1).forEach((value, i) => {
      expect(sign * (value - seen[i]!)).toBeGreaterThan(0);
    });
    expect(Math.abs(seen.at(-1)! - seen[0]!)).toBeGreaterThan(0.8);
  });
});
