/** A spectrogram of both voices that follows the talk. It listens to the page's audio graph and changes nothing in it. */

import { audioPage } from "../page";
import type { Scope } from "../scope";
import { number, text } from "../texts";
import type { DrawerContext } from "../view/drawers";
import { element, setText } from "../view/elements";
import { colourTable } from "./colours";
import { binsOfRows, placeOf, TICKS_HZ } from "./scale";

const FFT_SIZE = 1024;
const COLUMN_MS = 33;
const REDUCED_MOTION_COLUMN_MS = 500;
const COLOURS = colourTable();

export function createDrawer({ store, scope }: DrawerContext): HTMLElement {
  const page = audioPage();
  const user = new Lane(text("you"), () => page.captures, scope);
  const assistant = new Lane("", () => page.playbacks, scope);
  scope.add(store.subscribe((state) => assistant.setName(state.serverName)));
  const isReduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let drawnAtMs = 0;
  const draw = (nowMs: number): void => {
    if (nowMs - drawnAtMs >= (isReduced ? REDUCED_MOTION_COLUMN_MS : COLUMN_MS)) {
      drawnAtMs = nowMs;
      for (const lane of [user, assistant]) lane.draw(page.context);
    }
    scope.frame(draw);
  };
  scope.frame(draw);
  return element("div", "glw-spectrograms", {}, [user.element, assistant.element]);
}

class Lane {
  readonly element: HTMLElement;
  readonly #name = element("p", "glw-spectrogram-name");
  readonly #canvas = element("canvas", "glw-spectrogram");
  readonly #context = this.#canvas.getContext("2d");
  readonly #connected = new Set<AudioNode>();
  #analyser: AnalyserNode | null = null;
  #levels = new Uint8Array(FFT_SIZE / 2);
  #bins: Uint16Array = new Uint16Array(0);
  /** The width of a column [pixels of the screen]. A whole number: moving the picture by less than one blurs it. */
  #columnPx = 1;

  constructor(
    name: string,
    readonly sources: () => ReadonlySet<AudioNode>,
    scope: Scope,
  ) {
    this.setName(name);
    const ticks = TICKS_HZ.map((frequencyHz) => {
      const tick = element("span", "glw-spectrogram-tick", {}, [
        `${number(frequencyHz / 1000, frequencyHz < 1000 ? 2 : 0)} kHz`,
      ]);
      tick.style.bottom = `${100 * placeOf(frequencyHz)}%`;
      return tick;
    });
    const picture = element("div", "glw-spectrogram-picture", {}, [this.#canvas, ...ticks]);
    this.element = element("div", "glw-spectrogram-lane", {}, [this.#name, picture]);
    scope.onPixelResize(this.#canvas, () => this.#measure());
    scope.add(() => this.#disconnect());
  }

  setName(name: string): void {
    setText(this.#name, name);
    this.#canvas.setAttribute("aria-label", text("spectrogram_of", { name }));
    this.#canvas.setAttribute("role", "img");
  }

  draw(context: AudioContext | null): void {
    this.#connect(context);
    const { width, height } = this.#canvas;
    const canvas = this.#context;
    if (!canvas) return;
    canvas.drawImage(this.#canvas, -this.#columnPx, 0);
    const column = canvas.createImageData(this.#columnPx, height);
    if (this.#analyser) this.#analyser.getByteFrequencyData(this.#levels);
    else this.#levels.fill(0);
    for (let row = 0; row < height; row++) {
      let level = 0;
      // Rows at the top have several bins, those at the bottom share one.
      for (let bin = this.#bins[row + 1] ?? 0; bin <= (this.#bins[row] ?? 0); bin++)
        level = Math.max(level, this.#levels[bin]!);
      const colour = COLOURS.subarray(4 * level, 4 * level + 4);
      for (let at = 0; at < this.#columnPx; at++) column.data.set(colour, 4 * (row * this.#columnPx + at));
    }
    canvas.putImageData(column, width - this.#columnPx, 0);
  }

  /** Give the canvas the pixels of the screen, and what it shows already the place that it has then. */
  #measure(): void {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight].map((px) =>
      Math.round(px * ratio),
    ) as [number, number];
    if (width === 0 || height === 0) return;
    const columnPx = Math.max(1, Math.round(ratio));
    const shown = element("canvas", "", {
      width: String(this.#canvas.width),
      height: String(this.#canvas.height),
    });
    shown.getContext("2d")?.drawImage(this.#canvas, 0, 0);
    const shownWidth = (shown.width * columnPx) / this.#columnPx;
    Object.assign(this.#canvas, { width, height });
    this.#context?.drawImage(shown, width - shownWidth, 0, shownWidth, height);
    this.#columnPx = columnPx;
    this.#findBins();
  }

  #findBins(): void {
    if (this.#analyser)
      this.#bins = binsOfRows(
        this.#canvas.height,
        this.#analyser.frequencyBinCount,
        this.#analyser.context.sampleRate,
      );
  }

  /** Follow the nodes of the page: each reply and each microphone may have another one. */
  #connect(context: AudioContext | null): void {
    if (this.#analyser && this.#analyser.context !== context) this.#disconnect();
    if (!context) return;
    if (!this.#analyser) {
      this.#analyser = context.createAnalyser();
      this.#analyser.fftSize = FFT_SIZE;
      this.#analyser.smoothingTimeConstant = 0;
      this.#analyser.minDecibels = -90;
      this.#analyser.maxDecibels = -20;
      this.#findBins();
    }
    const sources = this.sources();
    for (const node of sources) {
      if (this.#connected.has(node) || node.context !== context) continue;
      node.connect(this.#analyser);
      this.#connected.add(node);
    }
    for (const node of this.#connected) if (!sources.has(node)) this.#connected.delete(node);
  }

  #disconnect(): void {
    for (const node of this.#connected) {
      if (this.#analyser && this.sources().has(node)) node.disconnect(this.#analyser);
    }
    this.#connected.clear();
    this.#analyser = null;
  }
}
