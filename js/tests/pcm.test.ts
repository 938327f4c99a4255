import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readPcm, toCode, toSample } from "../src/pcm";

const vector = JSON.parse(readFileSync(new URL("../../tests/vectors/pcm.json", import.meta.url), "utf8")) as {
  sample_to_code: [number, number][];
  code_to_sample: [number, number][];
};

describe("the conversion between int16 and float32", () => {
  it("gives the codes of the vector that the Python package is tested with", () => {
    for (const [sample, code] of vector.sample_to_code) expect(toCode(sample), String(sample)).toBe(code);
  });

  it("gives the samples of the vector that the Python package is tested with", () => {
    for (const [code, sample] of vector.code_to_sample) expect(toSample(code), String(code)).toBe(sample);
  });

  it("is lossless for all 65,536 codes, also as float32", () => {
    const codes = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
    const samples = Float32Array.from(codes, toSample);
    expect(Int16Array.from(samples, toCode)).toEqual(codes);
  });

  it("turns NaN into silence", () => {
    expect(toCode(Number.NaN)).toBe(0);
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

  it("is read without a trailing odd byte", () => {
    expect(readPcm(bytes.subarray(1, 8))).toEqual(samples);
  });

  it("is copied, so that the host may reuse its own", () => {
    const buffer = bytes.slice(1, 7);
    const copy = readPcm(buffer);
    buffer.fill(0);
    expect(copy).toEqual(samples);
  });
});
