import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readPcm, toCode, toFloat32, toInt16 } from "../src/pcm";

const vector = JSON.parse(readFileSync(new URL("../../tests/vectors/pcm.json", import.meta.url), "utf8")) as {
  sample_to_code: [number, number][];
  code_to_sample: [number, number][];
};

const ALL_CODES = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);

describe("int16 and float32", () => {
  it("gives the codes of the vector that Python is held to", () => {
    for (const [sample, code] of vector.sample_to_code) expect(toCode(sample), String(sample)).toBe(code);
  });

  it("gives the samples of the vector that Python is held to", () => {
    const codes = vector.code_to_sample.map(([code]) => code);
    expect([...toFloat32(Int16Array.from(codes))]).toEqual(vector.code_to_sample.map(([, sample]) => sample));
  });

  it("brings all 65,536 codes back unchanged", () => {
    expect(toInt16(toFloat32(ALL_CODES))).toEqual(ALL_CODES);
  });

  it("makes silence of what is not a number", () => {
    expect(toInt16(Float32Array.of(Number.NaN))[0]).toBe(0);
  });
});

describe("a message's buffer", () => {
  const bytes = Uint8Array.of(9, 1, 0, 255, 255, 0, 128, 7);
  const samples = Int16Array.of(1, -1, -32768);

  it("is read from a DataView at an odd offset", () => {
    expect(readPcm(new DataView(bytes.buffer, 1, 6))).toEqual(samples);
  });

  it("is read from a Uint8Array", () => {
    expect(readPcm(bytes.subarray(1, 7))).toEqual(samples);
  });

  it("is read from an ArrayBuffer", () => {
    expect(readPcm(bytes.slice(1, 7).buffer)).toEqual(samples);
  });

  it("loses a trailing odd byte", () => {
    expect(readPcm(bytes.subarray(1, 8))).toEqual(samples);
  });

  it("is copied, so that the host may use its own again", () => {
    const host = bytes.slice(1, 7);
    const mine = readPcm(host);
    host.fill(0);
    expect(mine).toEqual(samples);
  });
});
