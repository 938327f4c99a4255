/** Draws the parts of the axis. Each function draws one, from values in pixels. */

import { drawBar, loudness } from "../view/waveform";
import type { Range } from "./marks";
import { PITCH_PX, type Scale, type Tick, xAt } from "./scale";
import type { Envelope } from "./stretches";

type Canvas = CanvasRenderingContext2D;

/** The part of the canvas that one speaker has. */
export interface Lane {
  top: number;
  height: number;
}

export const TICKS_PX = 16;
const TICK_PX = 4;
const SPEECH_PX = 2;
const HATCH_PX = 6;
const LEAST_BAR_PX = 2;

/** The bars of an envelope that begins at a time, as far as they are in sight. */
export function drawEnvelope(
  canvas: Canvas,
  scale: Scale,
  lane: Lane,
  envelope: Envelope,
  startS: number,
): void {
  if (!envelope) return;
  const left = xAt(scale, startS);
  const first = Math.max(0, Math.floor(-left / PITCH_PX));
  const count = Math.min(envelope.length / 2, Math.ceil((scale.widthPx - left) / PITCH_PX));
  const middle = lane.top + lane.height / 2;
  for (let bar = first; bar < count; bar++) {
    const [low, high] = [envelope[2 * bar]! / 127, envelope[2 * bar + 1]! / 127];
    if (low === 0 && high === 0) continue;
    const top = middle - 0.48 * lane.height * loudness(high);
    const bottom = middle - 0.48 * lane.height * loudness(low);
    drawBar(canvas, left + bar * PITCH_PX, Math.min(top, middle), Math.max(LEAST_BAR_PX, bottom - top));
  }
}

export function drawCentreLine(canvas: Canvas, { top, height }: Lane, widthPx: number): void {
  canvas.fillRect(0, Math.round(top + height / 2), widthPx, 1);
}

/** Where the server heard speech, along the bottom of a lane. */
export function drawSpeech(canvas: Canvas, { top, height }: Lane, ranges: readonly Range[]): void {
  for (const { left, right } of ranges)
    canvas.fillRect(left, top + height - SPEECH_PX, right - left, SPEECH_PX);
}

/** Slanted lines over what was not heard. */
export function drawHatching(canvas: Canvas, { top, height }: Lane, ranges: readonly Range[]): void {
  for (const { left, right } of ranges) {
    canvas.save();
    canvas.beginPath();
    canvas.rect(left, top, right - left, height);
    canvas.clip();
    canvas.beginPath();
    for (let x = left - height; x < right; x += HATCH_PX) {
      canvas.moveTo(x, top + height);
      canvas.lineTo(x + height, top);
    }
    canvas.stroke();
    canvas.restore();
  }
}

/** A line through a lane, with a cap, for each place at which a reply was cut off. */
export function drawInterruptions(canvas: Canvas, { top, height }: Lane, xs: readonly number[]): void {
  for (const x of xs) {
    canvas.fillRect(Math.round(x) - 1, top, 2, height);
    canvas.fillRect(Math.round(x) - 4, top, 8, 3);
  }
}

/** A label that does not fit beside its tick is left out. */
export function drawTicks(canvas: Canvas, top: number, ticks: readonly Tick[], widthPx: number): void {
  canvas.textBaseline = "top";
  for (const { x, label } of ticks) {
    canvas.fillRect(Math.round(x), top, 1, TICK_PX);
    const left = Math.round(x) + 3;
    if (left + canvas.measureText(label).width <= widthPx) canvas.fillText(label, left, top + 3);
  }
}

/** The place that is looked at, or the one that is played. */
export function drawPlace(canvas: Canvas, x: number, height: number): void {
  canvas.fillRect(Math.round(x) - 1, 0, 2, height);
}
