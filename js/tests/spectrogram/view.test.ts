// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { audioPage } from "../../src/page";
import { Scope } from "../../src/scope";
import { colourTable } from "../../src/spectrogram/colours";
import { binsOfRows, placeOf } from "../../src/spectrogram/scale";
import { createDrawer } from "../../src/spectrogram/view";
import type { DrawerContext } from "../../src/view/drawers";
import { INITIAL_STATE, Store } from "../../src/view/state";
import { installAudio } from "../fakes";

describe("the frequency axis", () => {
  it("is mel: 0 at the bottom, 8 kHz at the top, 1 kHz above the middle third", () => {
    expect([placeOf(0), placeOf(8000)]).toEqual([0, 1]);
    expect(placeOf(1000)).toBeCloseTo(0.352, 3);
  });

  it("gives each row the bins between its two frequencies", () => {
    const bins = binsOfRows(96, 512, 48_000);
    expect([bins[0], bins[96]]).toEqual([171, 0]);
    expect([...bins]).toEqual([...bins].sort((a, b) => b - a));
  });
});

it("colours grow lighter with the level", () => {
  const table = colourTable();
  const lightness = Array.from({ length: 256 }, (_, level) => {
    const [red, green, blue] = table.subarray(4 * level, 4 * level + 3);
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  });
  expect(lightness[0]).toBeLessThan(2);
  expect(lightness[255]).toBeGreaterThan(240);
  for (let level = 8; level < 256; level += 8)
    expect(lightness[level]!).toBeGreaterThan(lightness[level - 8]!);
});

describe("the drawer", () => {
  let scope: Scope;
  let columns: Uint8ClampedArray[];
  let frames: ((nowMs: number) => void)[];
  let onResize: (() => void)[];
  const canvases = () => [...drawer.querySelectorAll("canvas")];
  let drawer: HTMLElement;
  const analyser = { context: null as unknown, frequencyBinCount: 512, getByteFrequencyData: vi.fn() };

  beforeEach(() => {
    installAudio();
    columns = [];
    frames = [];
    vi.stubGlobal("requestAnimationFrame", (action: (nowMs: number) => void) => frames.push(action));
    onResize = [];
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(action: () => void) {
          onResize.push(action);
        }
        observe(): void {}
        disconnect(): void {}
      },
    );
    vi.spyOn(window, "matchMedia").mockReturnValue({ matches: false } as MediaQueryList);
    Object.defineProperties(HTMLCanvasElement.prototype, {
      clientWidth: { value: 400, configurable: true },
      clientHeight: { value: 96, configurable: true },
    });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({
      drawImage: () => {},
      createImageData: (width: number, height: number) => ({
        data: new Uint8ClampedArray(4 * width * height),
      }),
      putImageData: ({ data }: ImageData) => columns.push(data),
    } as never);
    analyser.getByteFrequencyData.mockImplementation((levels: Uint8Array) => levels.fill(255));
    scope = new Scope();
    drawer = createDrawer({ store: new Store(INITIAL_STATE), scope } as unknown as DrawerContext);
    for (const measure of onResize) measure();
  });

  afterEach(() => {
    scope.dispose();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  const draw = (nowMs: number) => {
    for (const action of frames.splice(0)) action(nowMs);
  };

  function useAudio(): { connect: ReturnType<typeof vi.fn>; disconnect: ReturnType<typeof vi.fn> } {
    const context = { sampleRate: 48_000, createAnalyser: () => Object.assign(analyser, { context }) };
    const node = { context, connect: vi.fn(), disconnect: vi.fn() };
    audioPage().context = context as unknown as AudioContext;
    audioPage().playbacks.add(node as unknown as AudioNode);
    return node;
  }

  it("is dark while there is no sound, and draws thirty columns a second", () => {
    draw(100);
    draw(110);
    draw(140);
    expect(columns).toHaveLength(4);
    expect([...columns[0]!.subarray(0, 3)]).toEqual([0, 0, 4]);
  });

  it.each([1, 1.5, 2])("has the pixels of a screen with %f of them for each of CSS", (ratio) => {
    vi.stubGlobal("devicePixelRatio", ratio);
    for (const measure of onResize) measure();
    expect(canvases().map(({ width, height }) => [width, height])).toEqual(
      Array(2).fill([400 * ratio, 96 * ratio]),
    );
    draw(100);
    // Columns of whole pixels, which can be moved without being blurred.
    expect(columns[0]).toHaveLength(4 * Math.round(ratio) * 96 * ratio);
  });

  it("shows what the page plays, without changing what is connected", () => {
    const node = useAudio();
    draw(100);
    draw(200);
    expect(node.connect).toHaveBeenCalledExactlyOnceWith(analyser);
    expect([...columns.at(-1)!.subarray(0, 3)]).toEqual([252, 253, 191]);
    scope.dispose();
    expect(node.disconnect).toHaveBeenCalledExactlyOnceWith(analyser);
  });

  it("forgets a node that the page has released", () => {
    const node = useAudio();
    draw(100);
    audioPage().playbacks.clear();
    draw(200);
    scope.dispose();
    expect(node.disconnect).not.toHaveBeenCalled();
  });
});
