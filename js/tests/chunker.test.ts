import { beforeEach, expect, it } from "vitest";
import { Chunker } from "../src/worklets/chunker";

let chunks: { pcm: Int16Array; index: number }[];
let seenSamples: number;

beforeEach(() => {
  chunks = [];
  seenSamples = 0;
});

function chunker(rateHz = 24_000, isGateOpen = true): Chunker {
  return new Chunker(
    rateHz,
    isGateOpen,
    (pcm, index) => chunks.push({ pcm, index }),
    (samples) => {
      seenSamples += samples.length;
    },
  );
}

function push(target: Chunker, count: number, ...values: number[]): void {
  for (let at = 0; at < count; at += 128) {
    target.push(values.map((value) => new Float32Array(Math.min(128, count - at)).fill(value)));
  }
}

it("emits exactly 2400 samples per chunk, whatever the quanta are", () => {
  push(chunker(), 7300, 0.5);
  expect(chunks.map(({ pcm, index }) => [pcm.length, index])).toEqual([
    [2400, 0],
    [2400, 2400],
    [2400, 4800],
  ]);
  expect(chunks[2]!.pcm.every((code) => code === 16_384)).toBe(true);
});

it("mixes down the channels of a stereo microphone", () => {
  push(chunker(), 2400, 0.5, 0.25);
  expect(chunks[0]!.pcm[1000]).toBe(12_288);
});

it.each([44_100, 48_000, 16_000])("emits ten chunks per second at %i Hz", (rateHz) => {
  push(chunker(rateHz), rateHz + 1000, 0.1);
  expect(chunks).toHaveLength(10);
});

it("keeps the frequency of a tone", () => {
  const target = chunker(48_000);
  const tone = Float32Array.from(
    { length: 48_000 },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / 48_000),
  );
  for (let at = 0; at < tone.length; at += 128) target.push([tone.subarray(at, at + 128)]);
  const pcm = chunks.flatMap((chunk) => [...chunk.pcm]);
  const crossings = pcm.filter((code, i) => i > 0 && code >= 0 && pcm[i - 1]! < 0).length;
  expect(crossings / (pcm.length / 24_000)).toBeCloseTo(440, -1);
});

it("emits nothing while the gate is closed, and continues counting", () => {
  const target = chunker(24_000, false);
  push(target, 5000, 0.5);
  expect(chunks).toEqual([]);
  target.setGate(true);
  push(target, 2400, 0.5);
  expect(chunks.map(({ index }) => index)).toEqual([5000]);
  expect(seenSamples).toBe(7400);
});

it("emits a shorter last chunk when the gate closes", () => {
  const target = chunker();
  push(target, 3000, 0.5);
  target.setGate(false);
  expect(chunks.map(({ pcm, index }) => [pcm.length, index])).toEqual([
    [2400, 0],
    [600, 2400],
  ]);
  target.setGate(false);
  expect(chunks).toHaveLength(2);
});
