/**
 * The spectrogram below the waveforms, in tiles that are computed when they come in sight.
 *
 * The plugin of wavesurfer 8.0 is not used, since it draws at other times than the waveform. In a view of all of the sound
 * it assumes at least 50 px/s (`computeWindowedPixelsPerSecond` in its spectrogram-windowing.js), and that no more than
 * 80 % of the window's width are in sight (`getViewportWidth`). Everywhere, it stretches the spectra of a stretch until
 * they fill it, which moves the outer ones by half of an FFT window.
 */

import type { Scope } from "../scope";
import { element } from "../view/elements";
import { peakOf } from "./drawing";
import { ROWS, Spectrum } from "./spectrum";

const TILE_PX = 256;
/** Half as much as is in sight is computed on both sides of it, and four times as much is kept. */
const AHEAD_PART = 0.5;
const KEPT_PART = 4;
/** Leaves the page time for its own work in each frame of 16 ms. */
const WORK_MS = 12;

interface Tile {
  canvas: HTMLCanvasElement;
  leftPx: number;
  widthPx: number;
  /** The columns that are drawn. */
  drawn: number;
}

export class Spectrogram {
  readonly element = element("div", "", { part: "glw-spectrogram", "aria-hidden": "true" });
  readonly #spectrum: Spectrum;
  readonly #colours: Uint8ClampedArray;
  #tiles = new Map<number, Tile>();
  /** Tiles of another width of the talk, which are shown stretched until those in sight are drawn. */
  #former: Tile[] = [];
  #talkPx = 0;
  #pixelRatio = 1;
  #sightPx: [number, number] = [0, 0];
  #isWorking = false;

  constructor(
    readonly tracks: Float32Array[],
    rateHz: number,
    heightPx: number,
    colours: number[][],
    readonly scope: Scope,
  ) {
    this.#spectrum = new Spectrum(rateHz, peakOf(tracks));
    this.#colours = Uint8ClampedArray.from(colours.flat(), (part) => 255 * part);
    Object.assign(this.element.style, {
      position: "relative",
      height: `${tracks.length * heightPx}px`,
      overflow: "hidden",
    });
  }

  /** Show a stretch, all of the talk being `talkPx` wide. */
  show(talkPx: number, fromPx: number, seenPx: number): void {
    if (talkPx <= 0) return;
    if (talkPx !== this.#talkPx || devicePixelRatio !== this.#pixelRatio) this.#resize(talkPx);
    this.#sightPx = [Math.max(0, fromPx), Math.min(talkPx, fromPx + seenPx)];
    const aheadPx = AHEAD_PART * seenPx;
    const fromAheadPx = Math.max(0, fromPx - aheadPx);
    const toAheadPx = Math.min(talkPx, fromPx + seenPx + aheadPx);
    for (const index of tilesBetween(fromAheadPx, toAheadPx)) this.#need(index);
    this.#drop(KEPT_PART * seenPx);
    this.#settle();
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#continue();
  }

  /** Begin anew at another width of the talk; what there is stays in sight, stretched. */
  #resize(talkPx: number): void {
    // What was not shown yet may be incomplete, so what was before it stays.
    const isShown = this.#former.length === 0;
    const shown = isShown ? [...this.#tiles.values()] : this.#former;
    if (!isShown) for (const { canvas } of this.#tiles.values()) canvas.remove();
    this.#former = shown;
    this.#tiles = new Map();
    this.#talkPx = talkPx;
    this.#pixelRatio = devicePixelRatio;
  }

  #need(index: number): void {
    if (this.#tiles.has(index)) return;
    const leftPx = index * TILE_PX;
    const widthPx = Math.min(TILE_PX, this.#talkPx - leftPx);
    const canvas = element("canvas", "");
    canvas.width = Math.max(1, Math.round(widthPx * this.#pixelRatio));
    canvas.height = this.tracks.length * ROWS;
    // Parts of the width stay at their times when it changes; wavesurfer tells of that 100 ms later.
    Object.assign(canvas.style, {
      position: "absolute",
      top: "0",
      height: "100%",
      left: `${(100 * leftPx) / this.#talkPx}%`,
      width: `${(100 * widthPx) / this.#talkPx}%`,
      // Silence is transparent, so what is drawn cannot cover what was there before.
      visibility: this.#former.length ? "hidden" : "",
    });
    this.#tiles.set(index, { canvas, leftPx, widthPx, drawn: 0 });
    this.element.append(canvas);
  }

  #drop(beyondPx: number): void {
    const [from, to] = this.#sightPx;
    for (const [index, { canvas, leftPx, widthPx }] of this.#tiles) {
      if (leftPx + widthPx >= from - beyondPx && leftPx <= to + beyondPx) continue;
      canvas.remove();
      this.#tiles.delete(index);
    }
  }

  /** Show the new tiles when all that are in sight are drawn. */
  #settle(): void {
    const isBusy = tilesBetween(...this.#sightPx).some((index) => !isDrawn(this.#tiles.get(index)!));
    this.element.setAttribute("aria-busy", String(isBusy));
    if (isBusy || !this.#former.length) return;
    for (const { canvas } of this.#former) canvas.remove();
    this.#former = [];
    for (const { canvas } of this.#tiles.values()) canvas.style.visibility = "";
  }

  /** What is in sight comes first; the page gets its turn after some milliseconds. */
  #continue(): void {
    const untilMs = performance.now() + WORK_MS;
    let tile = this.#next();
    while (tile && performance.now() < untilMs) {
      this.#draw(tile, untilMs);
      tile = this.#next();
    }
    this.#settle();
    this.#isWorking = tile !== undefined;
    if (tile) this.scope.timeout(0, () => this.#continue());
  }

  #next(): Tile | undefined {
    const inSight = tilesBetween(...this.#sightPx).map((index) => this.#tiles.get(index)!);
    return [...inSight, ...this.#tiles.values()].find((tile) => !isDrawn(tile));
  }

  #draw(tile: Tile, untilMs: number): void {
    const context = tile.canvas.getContext("2d")!;
    const samplesPerColumn = ((this.tracks[0]!.length / this.#talkPx) * tile.widthPx) / tile.canvas.width;
    const first = (tile.leftPx / this.#talkPx) * this.tracks[0]!.length;
    do {
      const start = first + tile.drawn * samplesPerColumn;
      const image = context.createImageData(1, tile.canvas.height);
      this.tracks.forEach((track, i) => {
        this.#paint(this.#spectrum.column(track, start, start + samplesPerColumn), image.data, i * ROWS);
      });
      context.putImageData(image, tile.drawn, 0);
      tile.drawn++;
    } while (!isDrawn(tile) && performance.now() < untilMs);
  }

  #paint(column: Uint8Array, pixels: Uint8ClampedArray, top: number): void {
    for (let row = 0; row < ROWS; row++) {
      const colour = 4 * column[ROWS - 1 - row]!;
      pixels.set(this.#colours.subarray(colour, colour + 4), 4 * (top + row));
    }
  }
}

/** The numbers of the tiles that have a part of a stretch. */
export function tilesBetween(fromPx: number, toPx: number): number[] {
  const first = Math.floor(fromPx / TILE_PX);
  return Array.from({ length: Math.max(0, Math.ceil(toPx / TILE_PX) - first) }, (_, i) => first + i);
}

function isDrawn({ canvas, drawn }: Tile): boolean {
  return drawn >= canvas.width;
}
