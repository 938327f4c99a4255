/**
 * One playback without a jump: from a sample to another, through the page's AudioContext.
 *
 * The sound is resampled as one stream and scheduled at whole samples of the context, so that pieces join without a
 * click; it is scheduled a little ahead, since timers of hidden pages come once a second. If sound is missing, playback
 * stands still until it comes. The gain node is among `playbacks` of the page while it plays (see page.ts).
 */

import { audioPage, useContext } from "../page";
import { Resampler } from "../resampler";
import type { Scope } from "../scope";
import type { SoundStore } from "./sound";

const BLOCK_S = 0.25;
const AHEAD_S = 2;
/** Resampling a block takes some milliseconds, so the first pump does not compute all that is wanted ahead. */
const BLOCKS_PER_PUMP = 3;
const PUMP_PERIOD_MS = 100;
const START_DELAY_S = 0.03;
const FADE_S = 0.003;
const STOP_WITHIN_MS = 30;

export class Run {
  readonly #context: AudioContext;
  readonly #gain: GainNode;
  readonly #rateHz: number;
  #resamplers: Resampler[] = [];
  /** The context's sample and the sound's sample that coincide; null while nothing is scheduled. */
  #anchor: { frame: number; sample: number } | null = null;
  #scheduledFrames = 0;
  #nextSample: number;
  #isFlushed = false;

  constructor(
    readonly sound: SoundStore,
    readonly start: number,
    readonly stop: number,
    readonly scope: Scope,
    readonly onEnd: () => void,
  ) {
    this.#rateHz = sound.opened!.rateHz;
    this.#nextSample = start;
    this.#context = useContext(scope);
    this.#gain = this.#context.createGain();
    this.#gain.connect(this.#context.destination);
    audioPage().playbacks.add(this.#gain);
    scope.add(() => audioPage().playbacks.delete(this.#gain));
    // A context stays suspended until a click, and this promise may stay open until then.
    if (this.#context.state !== "running") this.#context.resume().catch(() => {});
    scope.add(sound.listen(() => this.#pump()));
    scope.interval(PUMP_PERIOD_MS, () => this.#pump());
    this.#pump();
  }

  /** The sample that leaves now. */
  get position(): number {
    if (this.#anchor === null) return this.#nextSample;
    const frames = this.#context.currentTime * this.#context.sampleRate - this.#anchor.frame;
    const played = Math.min(Math.max(0, frames), this.#scheduledFrames);
    return Math.min(this.stop, this.#anchor.sample + played / this.#framesPerSample);
  }

  get isWaiting(): boolean {
    return this.#anchor === null || this.#aheadS <= 0;
  }

  /** Fade out, and release the context shortly afterwards. */
  end(lifetime: Scope): void {
    const now = this.#context.currentTime;
    this.#gain.gain.cancelScheduledValues(now);
    this.#gain.gain.setTargetAtTime(0, now, FADE_S);
    const finish = () => {
      this.#gain.disconnect();
      this.scope.dispose();
    };
    if (lifetime.isDisposed) finish();
    else lifetime.timeout(STOP_WITHIN_MS, finish);
  }

  get #framesPerSample(): number {
    return this.#context.sampleRate / this.#rateHz;
  }

  get #aheadS(): number {
    if (this.#anchor === null) return 0;
    const end = (this.#anchor.frame + this.#scheduledFrames) / this.#context.sampleRate;
    return end - this.#context.currentTime;
  }

  #pump(): void {
    if (this.scope.isDisposed) return;
    if (this.#isFlushed && this.#aheadS <= 0) return this.onEnd();
    for (let i = 0; i < BLOCKS_PER_PUMP && !this.#isFlushed && this.#aheadS < AHEAD_S; i++) {
      if (!this.#scheduleBlock()) return;
    }
  }

  #scheduleBlock(): boolean {
    // What was scheduled has ended because sound was missing: begin anew where it ended.
    if (this.#anchor !== null && this.#aheadS <= 0) {
      this.#nextSample = Math.round(this.#anchor.sample + this.#scheduledFrames / this.#framesPerSample);
      this.#anchor = null;
    }
    const count = Math.min(Math.round(BLOCK_S * this.#rateHz), this.stop - this.#nextSample);
    const block = this.sound.read(this.#nextSample, count);
    if (block === null || block[0] === undefined) return false;
    if (this.#anchor === null)
      this.#resamplers = block.map(() => new Resampler(this.#rateHz, this.#context.sampleRate));
    this.#isFlushed = this.#nextSample + block[0].length >= this.stop;
    this.#schedule(block.map((samples, track) => this.#resample(this.#resamplers[track]!, samples)));
    this.#nextSample += block[0].length;
    return true;
  }

  #resample(resampler: Resampler, samples: Float32Array): Float32Array {
    resampler.push(samples);
    if (this.#isFlushed) resampler.push(new Float32Array(resampler.lookAheadSamples));
    const output = new Float32Array(Math.ceil((samples.length + 200) * this.#framesPerSample));
    return output.subarray(0, resampler.pull(output));
  }

  #schedule(tracks: Float32Array[]): void {
    const rateHz = this.#context.sampleRate;
    if (this.#anchor === null) {
      const frame = Math.ceil((this.#context.currentTime + START_DELAY_S) * rateHz);
      this.#anchor = { frame, sample: this.#nextSample };
      this.#scheduledFrames = 0;
      this.#gain.gain.setValueAtTime(0, frame / rateHz);
      this.#gain.gain.linearRampToValueAtTime(1, frame / rateHz + FADE_S);
    }
    const count = tracks[0]!.length;
    if (count === 0) return;
    const buffer = this.#context.createBuffer(tracks.length, count, rateHz);
    tracks.forEach((samples, track) => {
      buffer.getChannelData(track).set(samples);
    });
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#gain);
    source.start((this.#anchor.frame + this.#scheduledFrames) / rateHz);
    this.#scheduledFrames += count;
  }
}
