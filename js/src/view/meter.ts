/** The level of a voice as a bar. On a canvas, since a change of style has the browser go through the whole page. */

import { element } from "./elements";

const QUIETEST_DBFS = -60;
const TEXT_PERIOD_MS = 250;
/** How far the bar falls from one picture to the next. */
const FALL = 0.09;

export class Meter {
  readonly element: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D | null;
  #colour = "";
  #isRightToLeft = false;
  #level = 0;
  #shownPx = 0;
  #updatedAtMs = 0;

  constructor(label: string) {
    const quietest = String(QUIETEST_DBFS);
    const range = { "aria-valuemin": quietest, "aria-valuemax": "0", "aria-valuenow": quietest };
    this.element = element("canvas", "glw-meter", { role: "meter", "aria-label": label, ...range });
    this.#context = this.element.getContext("2d");
  }

  /** Read size, colour and direction from the page. */
  measure(): void {
    const { element } = this;
    const style = getComputedStyle(element);
    const ratio = window.devicePixelRatio || 1;
    element.width = Math.round(element.clientWidth * ratio);
    element.height = Math.round(element.clientHeight * ratio);
    this.#colour = style.color;
    this.#isRightToLeft = style.direction === "rtl";
    this.#shownPx = 0;
  }

  /** The bar rises at once and falls slowly, so that short peaks are visible. */
  draw(level: number, nowMs: number): void {
    const dbfs = Math.max(QUIETEST_DBFS, 20 * Math.log10(Math.max(1e-6, level)));
    this.#level = Math.max(Math.min(1, 1 - dbfs / QUIETEST_DBFS), this.#level - FALL);
    this.#drawBar(Math.round(this.#level * this.element.width));
    if (nowMs - this.#updatedAtMs < TEXT_PERIOD_MS) return;
    this.#updatedAtMs = nowMs;
    this.element.setAttribute("aria-valuenow", String(Math.round(dbfs)));
  }

  #drawBar(px: number): void {
    if (px === this.#shownPx || !this.#context) return;
    this.#shownPx = px;
    const { width, height } = this.element;
    this.#context.clearRect(0, 0, width, height);
    this.#context.fillStyle = this.#colour;
    this.#context.fillRect(this.#isRightToLeft ? width - px : 0, 0, px, height);
  }
}
