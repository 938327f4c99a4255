/** The plot: wavesurfer with a spectrogram, in the colours of the page, and its zoom. */

import WaveSurfer from "wavesurfer.js/dist/wavesurfer.js";
import { Scope } from "../scope";
import { TimeAxis } from "./axis";
import { colourMap, drawWaveform, waveformScale } from "./drawing";
import type { Region } from "./messages";
import type { SoundPlayer } from "./player";
import { regionLayer } from "./regions";
import type { SoundStore } from "./sound";
import { Spectrogram } from "./spectrogram";

/** The height of a strip with the text of a turn, of which a single turn has none. */
const STRIP_PX = 18;
const WAVEFORM_PX = 68;
const SPECTROGRAM_PX = { one: 150, two: 96 };
/** Beyond these, the elements are wider than browsers draw, and samples are far apart. */
const WIDEST_PX = 8_000_000;
const MOST_PX_PER_S = 4000;
const ZOOM_STEP = 1.6;

/** The colours of the page for the plot. */
export interface Palette {
  /** For each track, of what was not played yet and of what was. */
  voices: [ahead: string, played: string][];
  cursor: string;
  isDark: boolean;
}

/** Where the tracks are, from the top of the plot [px]. */
export interface Layout {
  stripPx: number;
  trackPx: number;
  spectrogramPx: number;
}

export function layoutOf(trackCount: number): Layout {
  const isOne = trackCount === 1;
  const stripPx = isOne ? 0 : STRIP_PX;
  return {
    stripPx,
    trackPx: stripPx + WAVEFORM_PX,
    spectrogramPx: isOne ? SPECTROGRAM_PX.one : SPECTROGRAM_PX.two,
  };
}

export interface PlotListener {
  onTime(timeS: number): void;
  onPlaying(isPlaying: boolean): void;
  onClick(): void;
  onRegion(region: Region): void;
}

export class Plot {
  #surfer: WaveSurfer | null = null;
  #scope: Scope;
  #spectrogram: Spectrogram | null = null;
  readonly #axis = new TimeAxis();
  /** 0: all of the sound is as wide as the view. */
  #pxPerS = 0;

  constructor(
    readonly container: HTMLElement,
    readonly sound: SoundStore,
    readonly player: SoundPlayer,
    readonly listener: PlotListener,
    readonly scope: Scope,
  ) {
    this.#scope = new Scope();
    scope.add(() => this.#scope.dispose());
  }

  /** Draw what there is of the sound, with these colours; position and zoom are kept. */
  draw(palette: Palette): void {
    const scrolledS = this.visibleFromS;
    this.#scope.dispose();
    this.#scope = new Scope();
    const surfer = WaveSurfer.create(this.#options(palette));
    this.#surfer = surfer;
    this.#scope.add(() => surfer.destroy());
    const { opened, tracks, envelopes, isLoaded } = this.sound;
    const isWhole = isLoaded && tracks.length > 0;
    const { trackPx, spectrogramPx } = layoutOf(opened!.roles.length);
    const colours = colourMap(palette.isDark);
    this.#spectrogram = isWhole
      ? new Spectrogram(tracks, opened!.rateHz, spectrogramPx, colours, this.#scope)
      : null;
    if (this.#spectrogram) surfer.getWrapper().append(this.#spectrogram.element);
    const regions = regionLayer(opened!, trackPx, (region) => this.listener.onRegion(region), this.#scope);
    surfer.getWrapper().append(this.#axis.element, regions);
    for (const event of ["redraw", "scroll", "zoom", "resize"] as const) {
      surfer.on(event, () => this.#showSight());
    }
    surfer.on("ready", () => {
      if (this.#pxPerS) surfer.zoom(this.#pxPerS);
      surfer.setScrollTime(scrolledS);
    });
    surfer.on("timeupdate", (timeS) => this.listener.onTime(timeS));
    surfer.on("play", () => this.listener.onPlaying(true));
    surfer.on("pause", () => this.listener.onPlaying(false));
    surfer.on("click", () => this.listener.onClick());
    surfer.load("", isWhole ? tracks : envelopes, this.player.duration);
  }

  /** Draw what follows the stretch that is in sight. */
  #showSight(): void {
    const surfer = this.#surfer!;
    this.#spectrogram?.show(
      surfer.getWrapper().getBoundingClientRect().width,
      surfer.getScroll(),
      this.#widthPx,
    );
    const pxPerS = Math.max(this.#pxPerS, this.#fitPxPerS);
    const { originS } = this.sound.opened!;
    this.#axis.draw(originS, this.player.duration, this.visibleFromS, this.#widthPx, pxPerS);
  }

  get isDrawn(): boolean {
    return Boolean(this.#surfer?.getDecodedData());
  }

  get #widthPx(): number {
    return this.#surfer?.getWidth() || 1;
  }

  get #fitPxPerS(): number {
    return this.#widthPx / Math.max(this.player.duration, 1e-3);
  }

  get visibleS(): number {
    return this.#widthPx / Math.max(this.#pxPerS, this.#fitPxPerS);
  }

  get visibleFromS(): number {
    return this.#surfer ? this.#surfer.getScroll() / Math.max(this.#pxPerS, this.#fitPxPerS) : 0;
  }

  seek(timeS: number): void {
    this.#surfer?.setTime(Math.max(0, Math.min(timeS, this.player.duration)));
  }

  fit(): void {
    this.#zoomTo(0, 0, 0);
  }

  /** Zoom by steps, about a place of the view [px], or about the playhead, or the middle if it is out of sight. */
  zoom(steps: number, aboutPx?: number): void {
    if (!this.isDrawn) return;
    const current = Math.max(this.#pxPerS, this.#fitPxPerS);
    const playheadPx = (this.player.currentTime - this.visibleFromS) * current;
    const isInSight = playheadPx >= 0 && playheadPx <= this.#widthPx;
    const placePx = aboutPx ?? (isInSight ? playheadPx : this.#widthPx / 2);
    const placeS = this.visibleFromS + placePx / current;
    const wanted = Math.min(current * ZOOM_STEP ** steps, this.#mostPxPerS);
    this.#zoomTo(wanted <= this.#fitPxPerS ? 0 : wanted, placeS, placePx);
  }

  #zoomTo(pxPerS: number, placeS: number, placePx: number): void {
    if (!this.isDrawn) return;
    this.#pxPerS = pxPerS;
    this.#surfer!.zoom(pxPerS);
    this.#surfer!.setScroll(pxPerS ? placeS * pxPerS - placePx : 0);
  }

  get #mostPxPerS(): number {
    const { opened, tracks } = this.sound;
    const finest = tracks.length ? MOST_PX_PER_S : opened!.rateHz / opened!.columnSamples;
    return Math.max(this.#fitPxPerS, Math.min(finest, WIDEST_PX / this.player.duration));
  }

  #options(palette: Palette): ConstructorParameters<typeof WaveSurfer>[0] {
    const scale = waveformScale(this.sound.envelopes);
    const { trackPx, stripPx } = layoutOf(palette.voices.length);
    return {
      container: this.container,
      // wavesurfer casts its own substitute in the same way.
      media: this.player as unknown as HTMLMediaElement,
      height: trackPx,
      splitChannels: palette.voices.map(([waveColor, progressColor]) => ({
        waveColor,
        progressColor,
        height: trackPx,
      })),
      cursorColor: palette.cursor,
      cursorWidth: 2,
      dragToSeek: true,
      autoScroll: true,
      // Otherwise the picture moves all the time; without it, it moves by a page.
      autoCenter: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      renderFunction: (channels, context) =>
        drawWaveform(channels as Float32Array[], context, scale, stripPx / trackPx),
    };
  }
}
