// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { colourMap } from "../../src/explorer/drawing";
import { Spectrogram, tilesBetween } from "../../src/explorer/spectrogram";
import { Scope } from "../../src/scope";
import { RATE_HZ } from "./kernel";

const SEEN_PX = 800;

let scope: Scope;
let loud: Map<HTMLCanvasElement, Set<number>>;

/** A canvas that keeps in which columns something opaque was drawn. */
function contextOf(this: HTMLCanvasElement) {
  const columns = loud.get(this) ?? new Set();
  loud.set(this, columns);
  return {
    createImageData: (width: number, height: number) => ({ data: new Uint8ClampedArray(4 * width * height) }),
    putImageData: ({ data }: { data: Uint8ClampedArray }, x: number) => {
      if (data.some((value, i) => i % 4 === 3 && value > 250)) columns.add(x);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("devicePixelRatio", 1);
  scope = new Scope();
  loud = new Map();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(contextOf as never);
});

afterEach(() => {
  scope.dispose();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Beeps of a fifth of the time between them. */
function beeps(durationS: number, everyS: number): Float32Array {
  return Float32Array.from({ length: durationS * RATE_HZ }, (_, i) =>
    (i / RATE_HZ) % everyS < everyS / 5 ? 0.5 * Math.sin((2 * Math.PI * 1000 * i) / RATE_HZ) : 0,
  );
}

const made = (...tracks: Float32Array[]) => new Spectrogram(tracks, RATE_HZ, 96, colourMap(false), scope);
const tiles = ({ element }: Spectrogram) => [...element.querySelectorAll("canvas")];
const isBusy = ({ element }: Spectrogram) => element.getAttribute("aria-busy") === "true";
const percent = (value: string) => Number.parseFloat(value) / 100;

/** The times at which sounds begin in the visible tiles. */
function beginnings(shown: Spectrogram, durationS: number): number[] {
  const timesS = tiles(shown)
    .filter(({ style }) => style.visibility !== "hidden")
    .flatMap((canvas) =>
      [...(loud.get(canvas) ?? [])].map((x) => {
        const { left, width } = canvas.style;
        return durationS * (percent(left) + (percent(width) * x) / canvas.width);
      }),
    )
    .sort((a, b) => a - b);
  return timesS.filter((timeS, i) => i === 0 || timeS - timesS[i - 1]! > 0.3);
}

function expectTimes(found: number[], wanted: number[], withinS: number): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, timeS] of found.entries()) expect(Math.abs(timeS - wanted[i]!)).toBeLessThan(withinS);
}

describe("a spectrogram", () => {
  it.each([
    [300, 1],
    [800, 1],
    [801.5, 2],
    [1500, 1.5],
  ])("of 40 s in %d px, %d pixels each, has sounds at their times", (widthPx, ratio) => {
    vi.stubGlobal("devicePixelRatio", ratio);
    const shown = made(beeps(40, 5));
    shown.show(widthPx, 0, widthPx);
    vi.runAllTimers();
    expect(isBusy(shown)).toBe(false);
    expectTimes(beginnings(shown, 40), [0, 5, 10, 15, 20, 25, 30, 35], (2 * 40) / widthPx);
  });

  it("that is zoomed and scrolled has what is in sight, and the same times", () => {
    const shown = made(beeps(40, 5));
    shown.show(SEEN_PX, 0, SEEN_PX);
    vi.runAllTimers();
    shown.show(8000, 3000, SEEN_PX);
    vi.runAllTimers();
    // 200 px/s: 15 to 19 s are in sight, and it is drawn from 13 s up to 21 s in whole tiles.
    expectTimes(beginnings(shown, 40), [15, 20], 0.02);
    shown.show(8000, 0, SEEN_PX);
    vi.runAllTimers();
    expectTimes(beginnings(shown, 40).slice(0, 2), [0, 5], 0.02);
  });

  it("shows what it had, at its times, until the new one is drawn", () => {
    const shown = made(beeps(40, 5));
    shown.show(SEEN_PX, 0, SEEN_PX);
    vi.runAllTimers();
    const former = tiles(shown);
    vi.spyOn(performance, "now").mockImplementation(clock(8));
    shown.show(1000, 0, 1000);
    shown.show(1200, 0, 1200);
    expect(isBusy(shown)).toBe(true);
    expect(tiles(shown).filter(({ style }) => style.visibility !== "hidden")).toEqual(former);
    expectTimes(beginnings(shown, 40), [0, 5, 10, 15, 20, 25, 30, 35], 0.1);
    vi.runAllTimers();
    expect(isBusy(shown)).toBe(false);
    expect(tiles(shown).some((canvas) => former.includes(canvas))).toBe(false);
    expect(tiles(shown)).toHaveLength(tilesBetween(0, 1200).length);
    expectTimes(beginnings(shown, 40), [0, 5, 10, 15, 20, 25, 30, 35], 0.07);
  });

  it("leaves the page its time", () => {
    vi.spyOn(performance, "now").mockImplementation(clock(5));
    const shown = made(beeps(10, 5));
    shown.show(SEEN_PX, 0, SEEN_PX);
    expect(loud.get(tiles(shown)[0]!)?.size).toBeLessThan(10);
    vi.runAllTimers();
    expect(isBusy(shown)).toBe(false);
  });

  it("keeps no more than a few screens, and begins no work when it has ended", () => {
    const shown = made(new Float32Array(40 * RATE_HZ));
    for (let fromPx = 0; fromPx < 20_000; fromPx += 400) {
      shown.show(100_000, fromPx, SEEN_PX);
      vi.runAllTimers();
    }
    expect(tiles(shown).length).toBeLessThan(25);
    vi.spyOn(performance, "now").mockImplementation(clock(8));
    shown.show(SEEN_PX, 0, SEEN_PX);
    scope.dispose();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("has a row for each track", () => {
    const silent = new Float32Array(RATE_HZ);
    const shown = made(silent, silent);
    expect(shown.element.style.height).toBe("192px");
    shown.show(0, 0, 0);
    expect(tiles(shown)).toEqual([]);
  });
});

/** Each look at it is so many milliseconds later. */
function clock(stepMs: number): () => number {
  let nowMs = 0;
  return () => {
    nowMs += stepMs;
    return nowMs;
  };
}
