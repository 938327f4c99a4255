import { expect, it } from "vitest";
import { SilenceDetector } from "../src/silence";

function push(detector: SilenceDetector, seconds: number, rms: number): boolean {
  for (let i = 0; i < 25 * seconds; i++) detector.push(rms, 40);
  return detector.isSilent;
}

it("a microphone that was never heard is silent after 4 s of zeros", () => {
  const detector = new SilenceDetector();
  expect([push(detector, 3, 0), push(detector, 1, 0), push(detector, 1, 1e-6)]).toEqual([false, true, false]);
});

it("a microphone that was heard is silent after 10 s of zeros, and a quiet room never", () => {
  const detector = new SilenceDetector();
  expect([push(detector, 60, 1e-6), push(detector, 9, 0), push(detector, 1, 0)]).toEqual([
    false,
    false,
    true,
  ]);
  detector.reset();
  expect(detector.isSilent).toBe(false);
});
