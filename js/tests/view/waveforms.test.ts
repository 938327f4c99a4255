// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Bundle } from "../../src/drawer-comm";
import { Scope } from "../../src/scope";
import type { DrawerContext } from "../../src/view/drawers";
import { INITIAL_STATE } from "../../src/view/state";
import { WaveformHistory } from "../../src/view/waveform-history";
import { type Axis, Waveforms } from "../../src/view/waveforms";
import { settle, turnOf } from "../fakes";

/** Records what is drawn on a canvas. */
class FakeContext2d {
  fillStyle = "";
  bars: { x: number; y: number; height: number }[] = [];
  drawCount = 0;
  rectangle = [0, 0];

  fillRect(x: number, y: number, width: number, height: number): void {
    this.rectangle = [x, width];
    if (width === 2) this.bars.push({ x, y, height });
  }

  setTransform(): void {}

  clearRect(): void {
    this.bars = [];
    this.drawCount += 1;
  }
}

const OPEN = { ...INITIAL_STATE, kernel: "ok", phase: "open" } as const;

/** Those of the waveforms, and of the meters. */
let contexts: FakeContext2d[];
let meters: FakeContext2d[];
let scope: Scope;
let signals: { user: WaveformHistory; assistant: WaveformHistory };
let waveforms: Waveforms;
let onResize: () => void;
let prefersReducedMotion: boolean;
const loadBundle = vi.fn<(name: string) => Promise<Bundle>>();

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  contexts = [];
  meters = [];
  loadBundle.mockReset();
  prefersReducedMotion = false;
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function (this: HTMLCanvasElement) {
    const list = this.classList.contains("glw-meter") ? meters : contexts;
    list.push(new FakeContext2d());
    return list.at(-1);
  } as never);
  Object.defineProperties(HTMLCanvasElement.prototype, {
    clientWidth: { value: 300, configurable: true },
    clientHeight: { value: 56, configurable: true },
  });
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(action: () => void) {
        onResize = action;
      }
      observe(): void {}
      disconnect(): void {}
    },
  );
  const query = (media: string) =>
    Object.defineProperty(new EventTarget(), "matches", {
      get: () => prefersReducedMotion && media.includes("motion"),
    });
  vi.spyOn(window, "matchMedia").mockImplementation(query as never);
  scope = new Scope();
  signals = { user: new WaveformHistory(), assistant: new WaveformHistory() };
  const actions = { drawers: { load: loadBundle } };
  waveforms = new Waveforms({ signals, scope, actions } as unknown as DrawerContext);
  onResize();
});

afterEach(() => {
  scope.dispose();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function speak(): void {
  signals.user.write(Float32Array.of(-0.5, 0.25, -0.5, 0.25, -0.5, 0.25, -0.5, 0.25), 0.2, Date.now() - 200);
}

describe("a waveform", () => {
  it("has bars from the lowest to the highest sample", () => {
    speak();
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    const [bar] = contexts[0]!.bars;
    expect(contexts[0]!.bars.length).toBeGreaterThan(0);
    expect(bar!.y).toBeLessThan(28);
    expect(bar!.y + bar!.height).toBeGreaterThan(28 + (28 - bar!.y));
    expect(contexts[1]!.bars).toEqual([]);
    expect(Object.values(bar!).every(Number.isInteger)).toBe(true);
  });

  it("scrolls to the left", () => {
    speak();
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    const before = contexts[0]!.bars[0]!.x;
    vi.advanceTimersByTime(400);
    expect(contexts[0]!.bars[0]!.x).toBeLessThan(before - 20);
  });

  it("is not redrawn when the connection is closed and all sound has scrolled away", () => {
    speak();
    waveforms.show({ ...OPEN, phase: "closed" });
    vi.advanceTimersByTime(10_000);
    const { drawCount } = contexts[0]!;
    vi.advanceTimersByTime(1000);
    expect(contexts[0]!.drawCount).toBe(drawCount);
  });

  it("is redrawn at most twenty times a second, and not while it is still", () => {
    waveforms.show(OPEN);
    vi.advanceTimersByTime(100);
    const still = contexts.map(({ drawCount }) => drawCount);
    vi.advanceTimersByTime(1000);
    expect(contexts.map(({ drawCount }) => drawCount)).toEqual(still);
    speak();
    vi.advanceTimersByTime(1000);
    const drawn = contexts.map(({ drawCount }, at) => drawCount - still[at]!);
    expect(drawn[0]).toBeGreaterThan(15);
    expect(drawn[0]).toBeLessThanOrEqual(21);
    expect(drawn[1]).toBe(0);
  });

  it("is not redrawn while the page is hidden", () => {
    speak();
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    waveforms.show(OPEN);
    vi.advanceTimersByTime(1000);
    const { drawCount } = contexts[0]!;
    vi.advanceTimersByTime(1000);
    expect(contexts[0]!.drawCount).toBe(drawCount);
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    vi.advanceTimersByTime(100);
    expect(contexts[0]!.drawCount).toBeGreaterThan(drawCount);
  });

  it("is redrawn twice a second with reduced motion", () => {
    vi.advanceTimersByTime(1000);
    speak();
    prefersReducedMotion = true;
    waveforms.show(OPEN);
    vi.advanceTimersByTime(100);
    const { drawCount } = contexts[0]!;
    vi.advanceTimersByTime(2000);
    expect(contexts[0]!.drawCount - drawCount).toBe(4);
  });

  it("is redrawn with new colours when the page's attributes change", async () => {
    const { drawCount } = contexts[0]!;
    document.body.dataset.jpThemeLight = "false";
    await vi.advanceTimersByTimeAsync(1);
    expect(contexts[0]!.drawCount).toBeGreaterThan(drawCount);
  });
});

describe("the time axis", () => {
  const turns = new Map([["t1", turnOf({})]]);
  const axis = { measure: vi.fn(), draw: vi.fn(() => true), showPlace: vi.fn() } satisfies Axis;
  const createAxis = vi.fn(() => axis);

  beforeEach(() => {
    vi.clearAllMocks();
    loadBundle.mockResolvedValue({ module: { createAxis }, style: "" });
  });

  it("is loaded once, with the first turn, and draws with the waveforms", async () => {
    waveforms.show(OPEN);
    expect(loadBundle).not.toHaveBeenCalled();
    waveforms.showPlace("t1");
    waveforms.show({ ...OPEN, turns });
    waveforms.show({ ...OPEN, turns });
    await settle();
    expect(loadBundle.mock.calls).toEqual([["axis"]]);
    expect(axis.measure).toHaveBeenCalledOnce();
    waveforms.showPlace("t1");
    expect(axis.showPlace).toHaveBeenCalledExactlyOnceWith("t1");
    const drawCount = axis.draw.mock.calls.length;
    speak();
    vi.advanceTimersByTime(100);
    expect(axis.draw.mock.calls.length).toBeGreaterThan(drawCount);
    expect(contexts[0]!.bars.length).toBeGreaterThan(0);
    axis.draw.mockReturnValue(false);
    vi.advanceTimersByTime(100);
    expect(contexts[0]!.bars).toEqual([]);
    axis.draw.mockReturnValue(true);
    const { drawCount: before } = contexts[0]!;
    vi.advanceTimersByTime(10_000);
    expect(contexts[0]!.drawCount).toBeGreaterThan(before);
  });

  it("may be missing: the live waveforms are drawn without it", async () => {
    loadBundle.mockRejectedValue(new Error("not allowed"));
    speak();
    waveforms.show({ ...OPEN, turns });
    await settle();
    vi.advanceTimersByTime(100);
    expect(contexts[0]!.bars.length).toBeGreaterThan(0);
  });
});

describe("a level meter", () => {
  it("shows the level in dBFS, four times a second", () => {
    const meter = waveforms.element.querySelector("[role=meter]")!;
    expect(meter.getAttribute("aria-label")).toBe("Level of your microphone");
    const setAttribute = vi.spyOn(meter, "setAttribute");
    waveforms.show(OPEN);
    for (let i = 0; i < 50; i++) {
      signals.user.write(Float32Array.of(-0.5, 0.25), 0.2, Date.now());
      vi.advanceTimersByTime(20);
    }
    expect(meter.getAttribute("aria-valuenow")).toBe("-14");
    expect(setAttribute.mock.calls.length).toBeLessThanOrEqual(4);
  });

  it("is as long as the level is high, rises at once and falls slowly", () => {
    signals.user.write(Float32Array.of(-0.5, 0.25), 0.1, Date.now());
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    // -20 dBFS of a range that begins at -60.
    expect(meters[0]!.rectangle).toEqual([0, 200]);
    expect(meters[1]!.drawCount).toBe(0);
    signals.user.write(Float32Array.of(0, 0), 0, Date.now());
    vi.advanceTimersByTime(50);
    expect(meters[0]!.rectangle[1]).toBeGreaterThan(150);
    expect(meters[0]!.rectangle[1]).toBeLessThan(200);
    vi.advanceTimersByTime(1000);
    expect(meters[0]!.rectangle[1]).toBe(0);
  });

  it("begins on the right where the page is written from right to left", () => {
    vi.spyOn(window, "getComputedStyle").mockReturnValue({ direction: "rtl" } as CSSStyleDeclaration);
    onResize();
    signals.user.write(Float32Array.of(-0.5, 0.25), 0.1, Date.now());
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    expect(meters[0]!.rectangle).toEqual([100, 200]);
  });
});
