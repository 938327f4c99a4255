// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../../src/scope";
import { INITIAL_STATE } from "../../src/view/state";
import { WaveformHistory } from "../../src/view/waveform-history";
import { Waveforms } from "../../src/view/waveforms";

/** Records what is drawn on a canvas. */
class FakeContext2d {
  fillStyle = "";
  bars: { x: number; y: number; height: number }[] = [];
  drawCount = 0;
  beginPath(): void {}
  fill(): void {}
  rectangles: { left: number; width: number }[] = [];

  fillRect(left: number, top: number, width: number): void {
    if (top > 50) this.rectangles.push({ left, width });
  }
  setTransform(): void {}

  clearRect(): void {
    this.bars = [];
    this.rectangles = [];
    this.drawCount += 1;
  }

  roundRect(x: number, y: number, _width: number, height: number): void {
    this.bars.push({ x, y, height });
  }
}

const OPEN = { ...INITIAL_STATE, kernel: "ok", phase: "open" } as const;

let contexts: FakeContext2d[];
let scope: Scope;
let signals: { user: WaveformHistory; assistant: WaveformHistory };
let waveforms: Waveforms;
let onResize: () => void;
let prefersReducedMotion: boolean;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  contexts = [];
  prefersReducedMotion = false;
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation((() => {
    contexts.push(new FakeContext2d());
    return contexts.at(-1);
  }) as never);
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
  waveforms = new Waveforms(signals, scope);
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
  it("has a line below where the server hears speech, which grows until the speech ends", () => {
    signals.user.markSpeech(true, Date.now() - 1080);
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    // 40 ms are 3 pixels, drawn 80 ms late.
    const [line] = contexts[0]!.rectangles;
    expect(line!.left).toBeCloseTo(300 - 75, -1);
    expect(line!.left + line!.width).toBe(300);
    signals.user.markSpeech(false, Date.now() - 480);
    vi.advanceTimersByTime(50);
    expect(contexts[0]!.rectangles[0]!.width).toBeCloseTo(45, -1);
    expect(contexts[1]!.rectangles).toEqual([]);
  });

  it("has bars from the lowest to the highest sample", () => {
    speak();
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    const [bar] = contexts[0]!.bars;
    expect(contexts[0]!.bars.length).toBeGreaterThan(0);
    expect(bar!.y).toBeLessThan(28);
    expect(bar!.y + bar!.height).toBeGreaterThan(28 + (28 - bar!.y));
    expect(contexts[1]!.bars).toEqual([]);
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

  it("is redrawn at most thirty times a second, and not while it is still", () => {
    waveforms.show(OPEN);
    vi.advanceTimersByTime(100);
    const still = contexts.map(({ drawCount }) => drawCount);
    vi.advanceTimersByTime(1000);
    expect(contexts.map(({ drawCount }) => drawCount)).toEqual(still);
    speak();
    vi.advanceTimersByTime(1000);
    const drawn = contexts.map(({ drawCount }, at) => drawCount - still[at]!);
    expect(drawn[0]).toBeGreaterThan(15);
    expect(drawn[0]).toBeLessThanOrEqual(31);
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
});
