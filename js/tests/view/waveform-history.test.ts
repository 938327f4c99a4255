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

describe("speech", () => {
  it("lasts from where the server detects it to where it detects its end", () => {
    const history = new WaveformHistory();
    history.markSpeech(true, 1000);
    expect(history.speech).toEqual([{ startMs: 1000, endMs: Number.POSITIVE_INFINITY }]);
    history.markSpeech(false, 2500);
    expect(history.speech).toEqual([{ startMs: 1000, endMs: 2500 }]);
  });

  it("begins once, and has no end without a beginning", () => {
    const history = new WaveformHistory();
    history.markSpeech(false, 500);
    history.markSpeech(true, 1000);
    history.markSpeech(true, 1500);
    history.markSpeech(false, 2000);
    history.markSpeech(false, 3000);
    expect(history.speech).toEqual([{ startMs: 1000, endMs: 2000 }]);
  });

  it("is kept for the last fifty times", () => {
    const history = new WaveformHistory();
    for (let i = 0; i < 60; i++) {
      history.markSpeech(true, 10 * i);
      history.markSpeech(false, 10 * i + 5);
    }
    expect(history.speech).toHaveLength(50);
    expect(history.speech[0]!.startMs).toBe(100);
  });
});
