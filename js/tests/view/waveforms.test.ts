// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../../src/scope";
import { INITIAL_STATE } from "../../src/view/state";
import { WaveformHistory } from "../../src/view/waveform-history";
import { Waveforms } from "../../src/view/waveforms";

/** What a canvas was asked to draw. */
class FakePen {
  fillStyle = "";
  bars: { x: number; y: number; height: number }[] = [];
  pictureCount = 0;
  beginPath(): void {}
  fill(): void {}
  fillRect(): void {}
  setTransform(): void {}

  clearRect(): void {
    this.bars = [];
    this.pictureCount += 1;
  }

  roundRect(x: number, y: number, _width: number, height: number): void {
    this.bars.push({ x, y, height });
  }
}

const OPEN = { ...INITIAL_STATE, kernel: "ok", phase: "open" } as const;

let pens: FakePen[];
let scope: Scope;
let signals: { user: WaveformHistory; assistant: WaveformHistory };
let waveforms: Waveforms;
let onResize: () => void;
let isCalm: boolean;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  pens = [];
  isCalm = false;
  HTMLCanvasElement.prototype.getContext = (() => {
    pens.push(new FakePen());
    return pens.at(-1);
  }) as never;
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
  const query = (words: string) =>
    Object.assign(new EventTarget(), { matches: isCalm && words.includes("motion") });
  window.matchMedia = query as never;
  scope = new Scope();
  signals = { user: new WaveformHistory(), assistant: new WaveformHistory() };
  waveforms = new Waveforms(signals, scope);
  onResize();
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

function speak(): void {
  signals.user.write(Float32Array.of(-0.5, 0.25, -0.5, 0.25, -0.5, 0.25, -0.5, 0.25), 0.2, Date.now() - 200);
}

describe("the picture of a voice", () => {
  it("has bars from the lowest to the highest sample", () => {
    speak();
    waveforms.show(OPEN);
    vi.advanceTimersByTime(50);
    const [bar] = pens[0]!.bars;
    expect(pens[0]!.bars.length).toBeGreaterThan(0);
    expect(bar!.y).toBeLessThan(28);
    expect(bar!.y + bar!.height).toBeGreaterThan(28 + (28 - bar!.y));
    expect(pens[1]!.bars).toEqual([]);
  });

  it("scrolls to the left", () => {
    speak();
    waveforms.show(OPEN);
    vi.advanceTimersByTime(20);
    const before = pens[0]!.bars[0]!.x;
    vi.advanceTimersByTime(400);
    expect(pens[0]!.bars[0]!.x).toBeLessThan(before - 20);
  });

  it("rests when the line is closed and all sound has scrolled away", () => {
    speak();
    waveforms.show({ ...OPEN, phase: "closed" });
    vi.advanceTimersByTime(10_000);
    const { pictureCount } = pens[0]!;
    vi.advanceTimersByTime(1000);
    expect(pens[0]!.pictureCount).toBe(pictureCount);
  });

  it("rests while the page is hidden", () => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    waveforms.show(OPEN);
    vi.advanceTimersByTime(1000);
    const { pictureCount } = pens[0]!;
    vi.advanceTimersByTime(1000);
    expect(pens[0]!.pictureCount).toBe(pictureCount);
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    vi.advanceTimersByTime(100);
    expect(pens[0]!.pictureCount).toBeGreaterThan(pictureCount);
  });

  it("changes twice a second for those who prefer less motion", () => {
    vi.advanceTimersByTime(1000);
    isCalm = true;
    waveforms.show(OPEN);
    vi.advanceTimersByTime(100);
    const { pictureCount } = pens[0]!;
    vi.advanceTimersByTime(2000);
    expect(pens[0]!.pictureCount - pictureCount).toBe(4);
  });

  it("is drawn anew, with new colours, when the page's attributes change", async () => {
    const { pictureCount } = pens[0]!;
    document.body.dataset.jpThemeLight = "false";
    await vi.advanceTimersByTimeAsync(1);
    expect(pens[0]!.pictureCount).toBeGreaterThan(pictureCount);
  });
});

describe("a level meter", () => {
  it("tells the level in dBFS, four times a second", () => {
    const meter = waveforms.element.querySelector("[role=meter]")!;
    expect(meter.getAttribute("aria-label")).toBe("Level of your microphone");
    const say = vi.spyOn(meter, "setAttribute");
    waveforms.show(OPEN);
    for (let i = 0; i < 50; i++) {
      signals.user.write(Float32Array.of(-0.5, 0.25), 0.2, Date.now());
      vi.advanceTimersByTime(20);
    }
    expect(meter.getAttribute("aria-valuenow")).toBe("-14");
    expect(say.mock.calls.length).toBeLessThanOrEqual(4);
  });
});
