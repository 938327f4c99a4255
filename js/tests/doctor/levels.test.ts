import { expect, it } from "vitest";
import { levelOf, rmsOf } from "../../src/doctor/levels";

const RATE_HZ = 48_000;
const tone = (amplitude: number, count = RATE_HZ) =>
  Float32Array.from({ length: count }, (_, i) => amplitude * Math.sin((2 * Math.PI * 1000 * i) / RATE_HZ));

it("the level of a tone is that of its root mean square", () => {
  expect(rmsOf(tone(1))).toBeCloseTo(Math.SQRT1_2, 4);
  const { loudestDbfs, peakDbfs, isClipped } = levelOf(tone(0.1), RATE_HZ);
  expect(loudestDbfs).toBeCloseTo(-23.01, 1);
  expect(peakDbfs).toBeCloseTo(-20, 1);
  expect(isClipped).toBe(false);
});

it("a short word in silence has the level of the word", () => {
  const recording = new Float32Array(2 * RATE_HZ);
  recording.set(tone(0.1, RATE_HZ / 4), RATE_HZ / 2);
  expect(levelOf(recording, RATE_HZ).loudestDbfs).toBeCloseTo(-23.01, 1);
});

it("silence has no level", () => {
  expect(levelOf(new Float32Array(RATE_HZ), RATE_HZ)).toEqual({
    loudestDbfs: -Infinity,
    peakDbfs: -Infinity,
    isClipped: false,
  });
  expect(rmsOf(new Float32Array(0))).toBe(0);
});

it("sound beyond full scale is distorted, a single sample is not", () => {
  const limited = tone(2).map((sample) => Math.max(-1, Math.min(1, sample)));
  expect(levelOf(limited, RATE_HZ).isClipped).toBe(true);
  const click = tone(0.1);
  click[100] = 1;
  expect(levelOf(click, RATE_HZ).isClipped).toBe(false);
});
