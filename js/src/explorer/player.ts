/**
 * What wavesurfer takes for its media element: it plays the sound of a store, any stretch of it, from memory.
 *
 * wavesurfer names the parts of HTMLMediaElement that it uses where its player casts its own substitute
 * (src/player.ts, wavesurfer.js 8.0).
 */

import type { Scope } from "../scope";
import { Run } from "./run";
import type { SoundStore } from "./sound";

/** HTMLMediaElement.HAVE_ENOUGH_DATA: a seek takes effect at once. */
const ENOUGH_DATA = 4;

export class SoundPlayer extends EventTarget {
  readonly readyState = ENOUGH_DATA;
  readonly volume = 1;
  readonly muted = false;
  readonly playbackRate = 1;
  readonly seeking = false;
  readonly error = null;
  src = "";
  currentSrc = "";
  #run: Run | null = null;
  #position = 0;

  constructor(
    readonly sound: SoundStore,
    readonly scope: Scope,
  ) {
    super();
    scope.add(() => this.#end());
  }

  get duration(): number {
    const { opened } = this.sound;
    return opened ? opened.sampleCount / opened.rateHz : 0;
  }

  get paused(): boolean {
    return this.#run === null;
  }

  get ended(): boolean {
    return this.paused && this.duration > 0 && this.#position >= this.#sampleCount;
  }

  /** Whether it would play, and waits for sound. */
  get isWaiting(): boolean {
    return this.#run?.isWaiting ?? false;
  }

  get currentTime(): number {
    return (this.#run?.position ?? this.#position) / this.#rateHz;
  }

  set currentTime(timeS: number) {
    const wasPlaying = !this.paused;
    this.#end();
    this.#position = Math.max(0, Math.min(Math.round(timeS * this.#rateHz), this.#sampleCount));
    if (wasPlaying && this.#position < this.#sampleCount) this.#begin(this.#sampleCount);
    else if (wasPlaying) this.#emit("pause");
    this.#emit("seeking", "seeked", "timeupdate");
  }

  /** Play from the position to the end, and from the beginning if it is at the end. */
  async play(): Promise<void> {
    if (!this.paused || this.sound.opened === null) return;
    if (this.#position >= this.#sampleCount) this.#position = 0;
    this.#begin(this.#sampleCount);
    this.#emit("play");
  }

  /** Play a stretch, and stay at its end. */
  playStretch(startS: number, stopS: number): void {
    const wasPlaying = !this.paused;
    this.#end();
    this.#position = Math.max(0, Math.min(Math.round(startS * this.#rateHz), this.#sampleCount));
    this.#begin(Math.min(Math.round(stopS * this.#rateHz), this.#sampleCount));
    this.#emit("seeking", "seeked", "timeupdate");
    if (!wasPlaying) this.#emit("play");
  }

  pause(): void {
    if (this.paused) return;
    this.#end();
    this.#emit("pause", "timeupdate");
  }

  load(): void {}
  remove(): void {}
  removeAttribute(): void {}

  canPlayType(): string {
    return "";
  }

  get #rateHz(): number {
    return this.sound.opened?.rateHz ?? 1;
  }

  get #sampleCount(): number {
    return this.sound.opened?.sampleCount ?? 0;
  }

  #begin(stop: number): void {
    const run = new Run(this.sound, this.#position, stop, this.scope.child(), () => this.#onEnd(run, stop));
    this.#run = run;
  }

  #onEnd(run: Run, stop: number): void {
    if (this.#run !== run) return;
    this.#end();
    this.#position = stop;
    this.#emit("pause", "timeupdate");
    if (this.ended) this.#emit("ended");
  }

  #end(): void {
    if (this.#run === null) return;
    this.#position = Math.round(this.#run.position);
    this.#run.end(this.scope);
    this.#run = null;
  }

  #emit(...types: string[]): void {
    for (const type of types) this.dispatchEvent(new Event(type));
  }
}
