/** One voice: its name, its level, and its last seconds as bars that scroll to the left. */

import { element, setText } from "./elements";
import type { WaveformHistory } from "./waveform-history";
import { columnAt } from "./waveform-history";

const BAR_PX = 2;
const PITCH_PX = 3;
const COLUMNS_PER_BAR = 2;
const QUIETEST_DBFS = -60;
/** Reports of the worklets come up to 60 ms late; a picture this old is complete. */
const DELAY_MS = 80;
const METER_TEXT_PERIOD_MS = 250;

export class Waveform {
  readonly element: HTMLElement;
  readonly #name = element("span", "glw-voice-name");
  readonly #fill = element("span", "glw-meter-fill");
  readonly #meter: HTMLElement;
  readonly #canvas = element("canvas", "glw-canvas", { "aria-hidden": "true" });
  readonly #pen = this.#canvas.getContext("2d");
  #colour = "";
  #quietColour = "";
  #shownLevel = 0;
  #meterSaidAtMs = 0;
  #widthPx = 0;
  #heightPx = 0;

  constructor(
    className: string,
    meterLabel: string,
    readonly history: WaveformHistory,
  ) {
    const range = { "aria-valuemin": String(QUIETEST_DBFS), "aria-valuemax": "0" };
    this.#meter = element("span", "glw-meter", { role: "meter", "aria-label": meterLabel, ...range }, [
      this.#fill,
    ]);
    const head = element("div", "glw-voice-head", {}, [this.#name, this.#meter]);
    this.element = element("div", `glw-voice ${className}`, {}, [head, this.#canvas]);
  }

  get canvas(): HTMLCanvasElement {
    return this.#canvas;
  }

  setName(name: string): void {
    setText(this.#name, name);
  }

  /** Read size and colours from the page: after a resize, a change of theme or of the screen's pixel ratio. */
  measure(): void {
    const ratio = window.devicePixelRatio || 1;
    this.#widthPx = this.#canvas.clientWidth;
    this.#heightPx = this.#canvas.clientHeight;
    this.#canvas.width = Math.round(this.#widthPx * ratio);
    this.#canvas.height = Math.round(this.#heightPx * ratio);
    this.#pen?.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(this.#canvas);
    this.#colour = style.color;
    this.#quietColour = style.outlineColor;
  }

  /** Whether anything but silence is in the picture. */
  hasSound(nowMs: number): boolean {
    return this.history.hasSoundSince(columnAt(nowMs - DELAY_MS) - this.#columnsShown());
  }

  draw(nowMs: number): void {
    this.#drawMeter(nowMs);
    if (!this.#pen) return;
    this.#pen.clearRect(0, 0, this.#widthPx, this.#heightPx);
    this.#pen.fillStyle = this.#quietColour;
    this.#pen.fillRect(0, Math.round(this.#heightPx / 2), this.#widthPx, 1);
    this.#pen.fillStyle = this.#colour;
    this.#drawBars(this.#pen, (nowMs - DELAY_MS) / 20 / COLUMNS_PER_BAR);
  }

  /** Bars stand on whole multiples of their width in time, so that they keep their shape while they move. */
  #drawBars(pen: CanvasRenderingContext2D, newestBar: number): void {
    const first = Math.floor(newestBar - this.#widthPx / PITCH_PX);
    for (let bar = first; bar <= newestBar; bar++) {
      const [low, high] = this.#extent(bar * COLUMNS_PER_BAR);
      if (low === 0 && high === 0) continue;
      const x = this.#widthPx - (newestBar - bar) * PITCH_PX;
      const top = this.#heightPx * (0.5 - 0.48 * loudness(high));
      const bottom = this.#heightPx * (0.5 - 0.48 * loudness(low));
      const height = Math.max(BAR_PX, bottom - top);
      drawBar(pen, Math.round(2 * x) / 2, Math.min(top, this.#heightPx / 2), height);
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

  /** The level rises at once and falls slowly, as the eye likes it. */
  #drawMeter(nowMs: number): void {
    const dbfs = 20 * Math.log10(Math.max(1e-6, this.history.levelAt(nowMs)));
    const level = Math.min(1, Math.max(0, 1 - dbfs / QUIETEST_DBFS));
    this.#shownLevel = Math.max(level, this.#shownLevel - 0.03);
    this.#fill.style.transform = `scaleX(${this.#shownLevel.toFixed(3)})`;
    if (nowMs - this.#meterSaidAtMs < METER_TEXT_PERIOD_MS) return;
    this.#meterSaidAtMs = nowMs;
    this.#meter.setAttribute("aria-valuenow", String(Math.round(Math.max(QUIETEST_DBFS, dbfs))));
  }
}

function drawBar(pen: CanvasRenderingContext2D, x: number, y: number, height: number): void {
  pen.beginPath();
  if (pen.roundRect) pen.roundRect(x, y, BAR_PX, height, BAR_PX / 2);
  else pen.rect(x, y, BAR_PX, height);
  pen.fill();
}

/** Quiet speech is to be seen, too: between linear and decibels. */
function loudness(sample: number): number {
  return Math.sign(sample) * Math.min(1, Math.abs(sample)) ** 0.7;
}
