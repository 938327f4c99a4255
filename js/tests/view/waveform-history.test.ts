import { beforeEach, describe, expect, it } from "vitest";
import { columnAt, WaveformHistory } from "../../src/view/waveform-history";

let history: WaveformHistory;
const NOW_MS = 1_000_000;

beforeEach(() => {
  history = new WaveformHistory();
});

const extent = (column: number) => [history.lowestAt(column), history.highestAt(column)];

describe("a waveform history", () => {
  it("stores columns at their time", () => {
    history.write(Float32Array.of(-0.5, 0.25, -0.125, 0.5), 0.1, NOW_MS);
    expect(extent(columnAt(NOW_MS) - 1)).toEqual([-0.5, 0.25]);
    expect(extent(columnAt(NOW_MS))).toEqual([-0.125, 0.5]);
    expect(extent(columnAt(NOW_MS) + 1)).toEqual([0, 0]);
  });

  it("keeps columns contiguous if reports arrive unevenly", () => {
    history.write(Float32Array.of(-1, 1), 0.1, NOW_MS);
    history.write(Float32Array.of(-0.5, 0.5), 0.1, NOW_MS + 90);
    expect(extent(columnAt(NOW_MS) + 1)).toEqual([-0.5, 0.5]);
  });

  it("is silent between two reports that are far apart", () => {
    history.write(Float32Array.of(-1, 1), 0.1, NOW_MS);
    history.write(Float32Array.of(-0.5, 0.5), 0.1, NOW_MS + 2000);
    expect(extent(columnAt(NOW_MS) + 50)).toEqual([0, 0]);
    expect(extent(columnAt(NOW_MS + 2000))).toEqual([-0.5, 0.5]);
  });

  it("overwrites the oldest columns and never repeats them at a new index", () => {
    history.write(Float32Array.of(-1, 1), 0.1, NOW_MS);
    history.write(Float32Array.of(-0.5, 0.5), 0.1, NOW_MS + 20 * 2048 + 400);
    expect(extent(columnAt(NOW_MS))).toEqual([0, 0]);
    expect(extent(columnAt(NOW_MS) + 2048)).toEqual([0, 0]);
  });

  it("tells whether there was sound since a column", () => {
    history.write(Float32Array.of(-1, 1, 0, 0), 0.1, NOW_MS);
    expect(history.hasSoundSince(columnAt(NOW_MS) - 1)).toBe(true);
    expect(history.hasSoundSince(columnAt(NOW_MS))).toBe(false);
  });

  it("has level 0 when nothing was written lately", () => {
    history.write(Float32Array.of(-1, 1), 0.3, NOW_MS);
    expect(history.levelAt(NOW_MS + 40)).toBe(0.3);
    expect(history.levelAt(NOW_MS + 1000)).toBe(0);
  });
});
