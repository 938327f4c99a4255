import { expect, it } from "vitest";
import { LevelMeter, type Levels } from "../src/worklets/levels";

function measure(samples: Float32Array): Levels[] {
  const reports: Levels[] = [];
  const meter = new LevelMeter((levels) => reports.push(levels));
  for (let at = 0; at < samples.length; at += 128) meter.push(samples.subarray(at, at + 128));
  return reports;
}

it("reports the extremes of four columns of 20 ms every 80 ms", () => {
  const samples = new Float32Array(3840);
  samples[10] = 0.5;
  samples[20] = -0.25;
  samples[500] = -0.75;
  const reports = measure(samples);
  expect(reports).toHaveLength(2);
  expect([...reports[0]!.columns]).toEqual([-0.25, 0.5, -0.75, 0, 0, 0, 0, 0]);
  expect(reports[1]!.rms).toBe(0);
});

it("reports the root mean square since the last report", () => {
  const tone = Float32Array.from(
    { length: 1920 },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * 500 * i) / 24_000),
  );
  expect(measure(tone)[0]!.rms).toBeCloseTo(0.5 / Math.SQRT2, 4);
});
