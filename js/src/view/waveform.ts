/** One speaker: its name, its level, and its last seconds as bars that scroll to the left. */

import { element, setAttribute, setText } from "./elements";
import { Meter } from "./meter";
import { COLUMN_MS, columnAt, type WaveformHistory } from "./waveform-history";

const BAR_PX = 2;
const PITCH_PX = 3;
const COLUMNS_PER_BAR = 2;
/** Columns are reported after up to 80 ms, and arrive up to 20 ms later; with this delay all that are drawn are there. */
export const DELAY_MS = 120;

export class Waveform {
  readonly element: HTMLElement;
  readonly #name = element("span", "glw-voice-name");
  readonly #meter: Meter;
  readonly #canvas = element("canvas", "glw-canvas", { "aria-hidden": "true" });
  readonly #context = this.#canvas.getContext("2d");
  #colour = "";
  #quietColour = "";
  /** Nothing but the line of silence was drawn last. */
  #isBlank = false;
  #widthPx = 0;
  #heightPx = 0;

  constructor(
    className: string,
    meterLabel: string,
    readonly history: WaveformHistory,
  ) {
    this.#meter = new Meter(meterLabel);
    const head = element("div", "glw-voice-head", {}, [this.#name, this.#meter.element]);
    this.element = element("div", `glw-voice ${className}`, {}, [head, this.#canvas]);
  }

  get canvas(): HTMLCanvasElement {
    return this.#canvas;
  }

  setName(name: string): void {
    setText(this.#name, name);
    setAttribute(this.#name, "title", name);
  }

  /** Read size and colours from the page, after a resize or a change of the theme or the pixel ratio. */
  measure(): void {
    const ratio = window.devicePixelRatio || 1;
    this.#widthPx = this.#canvas.clientWidth;
    this.#heightPx = this.#canvas.clientHeight;
    this.#canvas.width = Math.round(this.#widthPx * ratio);
    this.#canvas.height = Math.round(this.#heightPx * ratio);
    this.#context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(this.#canvas);
    this.#colour = style.color;
    this.#quietColour = style.outlineColor;
    this.#isBlank = false;
    this.#meter.measure();
  }

  /** Whether any column shown contains sound. */
  hasSound(nowMs: number): boolean {
    return this.history.hasSoundSince(columnAt(nowMs - DELAY_MS) - this.#columnsShown());
  }

  /** The sound of the last seconds unless it `isLive` no more, and the level. */
  draw(nowMs: number, isLive = true): void {
    this.#meter.draw(this.history.levelAt(nowMs), nowMs);
    const wasBlank = this.#isBlank;
    this.#isBlank = isLive && !this.hasSound(nowMs);
    if (!this.#context || (wasBlank && this.#isBlank)) return;
    this.#context.clearRect(0, 0, this.#widthPx, this.#heightPx);
    if (!isLive) return;
    this.#context.fillStyle = this.#quietColour;
    this.#context.fillRect(0, Math.round(this.#heightPx / 2), this.#widthPx, 1);
    this.#context.fillStyle = this.#colour;
    this.#drawBars(this.#context, (nowMs - DELAY_MS) / COLUMN_MS / COLUMNS_PER_BAR);
  }

  /** Bars are aligned to multiples of their duration, so that they keep their shape while they scroll. */
  #drawBars(context: CanvasRenderingContext2D, newestBar: number): void {
    const first = Math.floor(newestBar - this.#widthPx / PITCH_PX);
    for (let bar = first; bar <= newestBar; bar++) {
      const [low, high] = this.#extent(bar * COLUMNS_PER_BAR);
      if (low === 0 && high === 0) continue;
      const x = this.#widthPx - (newestBar - bar) * PITCH_PX;
      const top = this.#heightPx * (0.5 - 0.48 * loudness(high));
      const bottom = this.#heightPx * (0.5 - 0.48 * loudness(low));
      const height = Math.max(BAR_PX, bottom - top);
      drawBar(context, x, Math.min(top, this.#heightPx / 2), height);
    }
  }

  #extent(column: number): [number, number] {
    let low = 0;
    let high = 0;
    for (let i = column; i < column + COLUMNS_PER_BAR; i++) {
      low = Math.min(low, this.history.lowestAt(i));
      high = Math.max(high, this.history.highestAt(i));
    }
    return [low, high];
  }

  #columnsShown(): number {
    return Math.ceil((this.#widthPx / PITCH_PX) * COLUMNS_PER_BAR) + COLUMNS_PER_BAR;
  }
}

/** On whole pixels, which a browser without a GPU draws sooner than round ends. */
export function drawBar(context: CanvasRenderingContext2D, x: number, y: number, height: number): void {
  context.fillRect(Math.round(x), Math.round(y), BAR_PX, Math.round(height));
}

/** A scale between linear and decibels, so that quiet speech is visible. */
export function loudness(sample: number): number {
  return Math.sign(sample) * Math.min(1, Math.abs(sample)) ** 0.7;
}
