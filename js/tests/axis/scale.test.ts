import { describe, expect, it } from "vitest";
import { BARS_S, centredAt, clockText, pxPerS, spanS, ticksOf, timeAt, xAt } from "../../src/axis/scale";

describe("the axis", () => {
  it.each(BARS_S.map((_, level) => level))("maps times to pixels and back at level %i", (level) => {
    const scale = centredAt(1800, level, 600);
    expect(xAt(scale, 1800)).toBeCloseTo(300);
    for (const x of [0, 1, 299.5, 600]) expect(xAt(scale, timeAt(scale, x))).toBeCloseTo(x);
    expect(timeAt(scale, 600) - timeAt(scale, 0)).toBeCloseTo(spanS(scale));
  });

  it("is as wide as the live waveforms, or four, sixteen and sixty-four times as long", () => {
    expect(pxPerS(0)).toBe(75);
    expect([0, 1, 2, 3].map((level) => spanS({ level, widthPx: 600 }))).toEqual([8, 32, 128, 512]);
  });
});

describe("labels", () => {
  it.each([0, 1, 2, 3])("have room at level %i, at whole steps", (level) => {
    const ticks = ticksOf(centredAt(4000, level, 600));
    expect(ticks.length).toBeGreaterThan(2);
    for (const [i, { x, timeS }] of ticks.entries()) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(600);
      if (i > 0) expect(x - ticks[i - 1]!.x).toBeGreaterThanOrEqual(64);
      expect(timeS % 1).toBe(0);
    }
  });

  it("begin with the talk", () => {
    expect(ticksOf(centredAt(1, 0, 600)).map(({ label }) => label)).toEqual([
      "0:00",
      "0:01",
      "0:02",
      "0:03",
      "0:04",
      "0:05",
    ]);
  });

  it.each([
    [-3, "0:00"],
    [59.9, "0:59"],
    [754, "12:34"],
    [3661, "1:01:01"],
  ])("of %d s are %s", (timeS, label) => expect(clockText(timeS)).toBe(label));
});
