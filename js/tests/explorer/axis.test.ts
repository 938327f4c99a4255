import { describe, expect, it } from "vitest";
import { frequencyPlaces, ticksBetween } from "../../src/explorer/axis";

describe("the time axis", () => {
  it("has labels that are 70 px apart or more, at round times", () => {
    const labels = ticksBetween(0, 2, 400).filter(({ label }) => label);
    expect(labels.map(({ label }) => label)).toEqual([
      "0:00.0",
      "0:00.2",
      "0:00.4",
      "0:00.6",
      "0:00.8",
      "0:01.0",
      "0:01.2",
      "0:01.4",
      "0:01.6",
      "0:01.8",
      "0:02.0",
    ]);
  });

  it("begins within the clock of a talk", () => {
    const ticks = ticksBetween(83.5, 90, 100);
    expect(ticks[0]!.timeS).toBeCloseTo(83.6);
    expect(ticks.filter(({ label }) => label).map(({ label }) => label)).toEqual([
      "1:24",
      "1:25",
      "1:26",
      "1:27",
      "1:28",
      "1:29",
      "1:30",
    ]);
  });

  it("has a bounded number of ticks, of hours too", () => {
    for (const [durationS, pxPerS] of [
      [36_000, 0.03],
      [3600, 0.3],
      [1, 4000],
    ] as const)
      expect(ticksBetween(0, durationS, pxPerS).length).toBeLessThan(310);
  });
});

it("frequencies are on the mel scale, and none covers another", () => {
  const places = frequencyPlaces(12_000, 150);
  expect(places.map(({ label }) => label)).toEqual(["8 kHz", "4 kHz", "2 kHz", "1 kHz", "500 Hz"]);
  places.slice(1).forEach(({ topPx }, i) => {
    expect(topPx - places[i]!.topPx).toBeGreaterThanOrEqual(13);
  });
  // 1000 mel are 1000 Hz by definition.
  const kilohertz = places.find(({ label }) => label === "1 kHz")!;
  expect(150 * (1 - 1000 / (2595 * Math.log10(1 + 12_000 / 700)))).toBeCloseTo(kilohertz.topPx, 1);
});
