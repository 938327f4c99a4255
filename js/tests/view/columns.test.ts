import { beforeEach, describe, expect, it } from "vitest";
import { ColumnTape, columnAt } from "../../src/view/columns";

let tape: ColumnTape;
const NOW_MS = 1_000_000;

beforeEach(() => {
  tape = new ColumnTape();
});

const extent = (column: number) => [tape.lowestAt(column), tape.highestAt(column)];

describe("a tape of columns", () => {
  it("puts columns where their time is", () => {
    tape.write(Float32Array.of(-0.5, 0.25, -0.125, 0.5), 0.1, NOW_MS);
    expect(extent(columnAt(NOW_MS) - 1)).toEqual([-0.5, 0.25]);
    expect(extent(columnAt(NOW_MS))).toEqual([-0.125, 0.5]);
    expect(extent(columnAt(NOW_MS) + 1)).toEqual([0, 0]);
  });

  it("keeps columns together though reports come unevenly", () => {
    tape.write(Float32Array.of(-1, 1), 0.1, NOW_MS);
    tape.write(Float32Array.of(-0.5, 0.5), 0.1, NOW_MS + 90);
    expect(extent(columnAt(NOW_MS) + 1)).toEqual([-0.5, 0.5]);
  });

  it("is silent between two reports that lie far apart", () => {
    tape.write(Float32Array.of(-1, 1), 0.1, NOW_MS);
    tape.write(Float32Array.of(-0.5, 0.5), 0.1, NOW_MS + 2000);
    expect(extent(columnAt(NOW_MS) + 50)).toEqual([0, 0]);
    expect(extent(columnAt(NOW_MS + 2000))).toEqual([-0.5, 0.5]);
  });

  it("forgets the oldest, and does not show it again in a new place", () => {
    tape.write(Float32Array.of(-1, 1), 0.1, NOW_MS);
    tape.write(Float32Array.of(-0.5, 0.5), 0.1, NOW_MS + 20 * 2048 + 400);
    expect(extent(columnAt(NOW_MS))).toEqual([0, 0]);
    expect(extent(columnAt(NOW_MS) + 2048)).toEqual([0, 0]);
  });

  it("knows whether anything was to be heard lately", () => {
    tape.write(Float32Array.of(-1, 1, 0, 0), 0.1, NOW_MS);
    expect(tape.hasSoundSince(columnAt(NOW_MS) - 1)).toBe(true);
    expect(tape.hasSoundSince(columnAt(NOW_MS))).toBe(false);
  });

  it("lets the level fall to nothing when its source has gone quiet", () => {
    tape.write(Float32Array.of(-1, 1), 0.3, NOW_MS);
    expect(tape.levelAt(NOW_MS + 40)).toBe(0.3);
    expect(tape.levelAt(NOW_MS + 1000)).toBe(0);
  });
});
