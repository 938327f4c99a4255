/** Draws the axis on its canvas, which lies over both waveforms. */

import {
  drawCentreLine,
  drawEnvelope,
  drawHatching,
  drawInterruptions,
  drawPlace,
  drawSpeech,
  drawTicks,
  type Lane,
  TICKS_PX,
} from "./drawing";
import { interruptionXs, speechRanges, unheardRanges } from "./marks";
import { type Scale, ticksOf, xAt } from "./scale";
import type { Marks, Stretch } from "./stretches";

const NO_LANE: Lane = { top: 0, height: 0 };
const UNHEARD_OPACITY = 0.4;
const HATCHING_OPACITY = 0.5;

export interface Painted {
  /** Empty while the live waveforms show the sound. */
  stretches: readonly Stretch[];
  /** The place that is looked at, and the one that is played. */
  places: readonly number[];
  isLive: boolean;
}

export class Painter {
  widthPx = 0;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #waveforms: readonly HTMLCanvasElement[];
  #colours = { text: "", line: "", place: "", interruption: "", user: "", assistant: "" };
  #user = NO_LANE;
  #assistant = NO_LANE;
  #heightPx = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    element: HTMLElement,
  ) {
    this.#context = canvas.getContext("2d");
    this.#waveforms = [...element.querySelectorAll<HTMLCanvasElement>(".glw-canvas")];
  }

  /** Read size and colours from the page. */
  measure(): void {
    const ratio = window.devicePixelRatio || 1;
    const [user, assistant] = this.#waveforms as [HTMLCanvasElement, HTMLCanvasElement];
    this.widthPx = user.clientWidth;
    this.#user = { top: 0, height: user.clientHeight };
    this.#assistant = { top: assistant.offsetTop - user.offsetTop, height: assistant.clientHeight };
    this.#heightPx = this.#assistant.top + this.#assistant.height + TICKS_PX;
    Object.assign(this.canvas.style, {
      left: `${user.offsetLeft}px`,
      top: `${user.offsetTop}px`,
      width: `${this.widthPx}px`,
      height: `${this.#heightPx}px`,
    });
    this.canvas.width = Math.round(this.widthPx * ratio);
    this.canvas.height = Math.round(this.#heightPx * ratio);
    const style = getComputedStyle(this.canvas);
    this.#colours = {
      text: style.color,
      line: style.columnRuleColor,
      place: style.caretColor,
      interruption: style.borderTopColor,
      user: getComputedStyle(user).color,
      assistant: getComputedStyle(assistant).color,
    };
    this.#context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.#context) this.#context.font = `10px ${style.fontFamily}`;
  }

  paint(scale: Scale, marks: Marks, { stretches, places, isLive }: Painted): void {
    const canvas = this.#context;
    if (!canvas) return;
    const [user, assistant, colours] = [this.#user, this.#assistant, this.#colours];
    const lanesPx = this.#heightPx - TICKS_PX;
    canvas.clearRect(0, 0, scale.widthPx, this.#heightPx);
    if (!isLive) {
      canvas.fillStyle = colours.line;
      for (const lane of [user, assistant]) drawCentreLine(canvas, lane, scale.widthPx);
    }
    for (const stretch of stretches) this.#paintSound(canvas, scale, stretch);
    canvas.fillStyle = colours.user;
    drawSpeech(canvas, user, speechRanges(scale, marks.speech));
    canvas.strokeStyle = colours.text;
    canvas.globalAlpha = HATCHING_OPACITY;
    drawHatching(canvas, assistant, unheardRanges(scale, marks.turns));
    canvas.globalAlpha = 1;
    canvas.fillStyle = colours.interruption;
    drawInterruptions(canvas, assistant, interruptionXs(scale, marks.turns));
    canvas.fillStyle = colours.text;
    drawTicks(canvas, lanesPx, ticksOf(scale), scale.widthPx);
    canvas.fillStyle = colours.place;
    for (const placeS of places) drawPlace(canvas, xAt(scale, placeS), lanesPx);
  }

  #paintSound(canvas: CanvasRenderingContext2D, scale: Scale, stretch: Stretch): void {
    canvas.fillStyle = this.#colours.user;
    drawEnvelope(canvas, scale, this.#user, stretch.user, stretch.startS);
    canvas.fillStyle = this.#colours.assistant;
    drawEnvelope(canvas, scale, this.#assistant, stretch.assistant, stretch.startS);
    canvas.globalAlpha = UNHEARD_OPACITY;
    drawEnvelope(canvas, scale, this.#assistant, stretch.unheard, stretch.startS);
    canvas.globalAlpha = 1;
  }
}
