import { describe, expect, it } from "vitest";
import { readOpened, readPiece, readSamples } from "../../src/explorer/messages";
import { openedMessage } from "./kernel";

describe("what the kernel sends first", () => {
  it("is read with all its fields", () => {
    const opened = readOpened(openedMessage({ origin_s: 83, is_whole: false }))!;
    expect(opened).toMatchObject({ roles: ["user", "assistant"], rateHz: 24_000 });
    expect(opened).toMatchObject({
      sampleCount: 240_000,
      originS: 83,
      pieceSamples: 120_000,
      isWhole: false,
    });
    expect(opened.regions[1]).toEqual({ track: 1, startS: 4, stopS: 9, kind: "turn", text: "Hello." });
  });

  it.each([
    ["another type", { type: "piece" }],
    ["no samples", { sample_count: 0 }],
    ["no tracks", { roles: [] }],
    ["a rate that is no number", { sample_rate: "24000" }],
    ["regions that are no list", { regions: null }],
    ["no piece length", { piece_samples: Number.NaN }],
  ])("is ignored with %s", (_, changes) => {
    expect(readOpened(openedMessage(changes))).toBeNull();
  });

  it("keeps what can be read of a region", () => {
    const regions = [null, { track: 1, start_s: "0", stop_s: 2, kind: "loud", text: 3 }];
    expect(readOpened(openedMessage({ regions }))!.regions).toEqual([
      { track: 0, startS: 0, stopS: 0, kind: "turn", text: "" },
      { track: 1, startS: 0, stopS: 2, kind: "turn", text: "" },
    ]);
  });
});

describe("a piece", () => {
  it("has a number", () => {
    expect(readPiece({ type: "piece", piece: 3 })).toBe(3);
    for (const content of [null, {}, { type: "opened" }, { type: "piece", piece: "3" }])
      expect(readPiece(content)).toBeNull();
  });

  it("has int16 samples, from a view at any place of a buffer", () => {
    const bytes = new Uint8Array([9, 0, 0x80, 0xff, 0x7f, 0, 0]);
    const expected = Float32Array.of(-1, 32767 / 32768, 0);
    expect(readSamples(new DataView(bytes.buffer, 1))).toEqual(expected);
    expect(readSamples(undefined)).toEqual(new Float32Array(0));
  });
});
