/**
 * What is to be heard, as 24 kHz samples in the order of the replies: the ring of the playback worklet.
 *
 * Sound is added in chunks that know their place (session, epoch, reply, offset) and taken in whatever count the
 * resampler asks for. A reply begins behind a cushion, which grows after an underrun. Sound lost on the way becomes
 * silence, so that positions stay true. Edges at gaps and flushes are faded; whole replies leave bit for bit.
 */

import { PCM_RATE_HZ } from "../pcm";

const FADE_SAMPLES = 0.005 * PCM_RATE_HZ;
const CUSHION_SAMPLES = 0.18 * PCM_RATE_HZ;
const CUSHION_GROWTH = 1.5;
const CUSHION_MAX_SAMPLES = 0.9 * PCM_RATE_HZ;

export interface ReplyPlace {
  session: number;
  epoch: number;
  reply: number;
}

export interface PlaybackChunk extends ReplyPlace {
  sample_offset: number;
  is_last: boolean;
  /** This page came in the middle: what went before was not lost here. */
  is_join: boolean;
  pcm: Int16Array;
}

/** The same fields as `Playhead` of messages.ts, which a worklet does not import. */
export interface Position extends ReplyPlace {
  sample_count: number;
  is_final: boolean;
  first_sound_at_ms: number | null;
  buffered_sample_count: number;
  underrun_count: number;
  lost_sample_count: number;
}

/** A stretch of one reply; without samples it is silence in place of lost sound. */
interface Run extends ReplyPlace {
  pcm: Int16Array | null;
  start: number;
  length: number;
  taken: number;
  isLast: boolean;
}

/** idle: nothing to play. filling: the cushion fills. playing. settling: the reply's end is on its way out. */
type QueueState = "idle" | "filling" | "playing" | "settling";

const NOWHERE: ReplyPlace = { session: -1, epoch: -1, reply: -1 };

export class ChunkQueue {
  #runs: Run[] = [];
  #state: QueueState = "idle";
  #current: ReplyPlace = NOWHERE;
  /** Where the current reply stands: the next sample to be taken. */
  #position = 0;
  #firstSoundAtMs: number | null = null;
  #newest: ReplyPlace = NOWHERE;
  #expectedOffset = 0;
  #epoch = -1;
  #cushionSamples = CUSHION_SAMPLES;
  #calmCushionSamples = CUSHION_SAMPLES;
  #isStarved = false;
  #waitedSamples = 0;
  readonly #drainSamples: number;
  #idleSamples: number;
  #steadySamples = 0;
  #underrunCount = 0;
  #lostSamples = 0;
  #gain = 1;
  #fading = new Float32Array(0);
  #probe: Int16Array[] | null = null;

  /**
   * @param onFinal told when a reply has left to its last sample
   * @param lookAheadSamples how many samples the resampler still holds of what it was given; it rings for as many
   */
  constructor(
    readonly onFinal: (position: Position) => void,
    readonly lookAheadSamples: number,
    readonly nowMs: () => number,
  ) {
    this.#drainSamples = 2 * lookAheadSamples + 2;
    this.#idleSamples = this.#drainSamples;
  }

  /** Silence has gone through the resampler to its end: what comes next may begin on a fresh one. */
  get isDrained(): boolean {
    return this.#idleSamples >= this.#drainSamples && this.#fading.length === 0;
  }

  /** Nothing is left to play, neither here nor in the resampler. */
  get isSilent(): boolean {
    return this.#state === "idle" && this.isDrained;
  }

  get isPlaying(): boolean {
    return this.#state === "playing";
  }

  /** The reply that is heard, or was last. */
  get reply(): number {
    return this.#current.reply;
  }

  get bufferedSamples(): number {
    return this.#runs.reduce((sum, run) => sum + run.length - run.taken, 0);
  }

  /** Where the sound stands: what was taken, less what the resampler still holds. */
  position(isFinal = false): Position {
    const held = Math.max(0, Math.min(this.lookAheadSamples - this.#idleSamples, this.#steadySamples));
    return {
      ...this.#current,
      sample_count: Math.max(0, this.#position - held),
      is_final: isFinal,
      first_sound_at_ms: this.#firstSoundAtMs,
      buffered_sample_count: this.bufferedSamples + held,
      underrun_count: this.#underrunCount,
      lost_sample_count: this.#lostSamples,
    };
  }

  /** From now on keep a copy of every sample that is taken, as it came; see `readProbe`. */
  setProbe(isOn: boolean): void {
    this.#probe = isOn ? [] : null;
  }

  readProbe(): Int16Array[] {
    const taken = this.#probe ?? [];
    if (this.#probe) this.#probe = [];
    return taken;
  }

  add(chunk: PlaybackChunk): void {
    if (this.#isOutdated(chunk)) return;
    if (chunk.session > this.#newest.session) this.#beginSession();
    if (chunk.reply > this.#newest.reply) this.#beginReply(chunk);
    this.#epoch = Math.max(this.#epoch, chunk.epoch);
    this.#newest = { session: chunk.session, epoch: chunk.epoch, reply: chunk.reply };
    this.#append(chunk);
    if (chunk.is_last) this.#completeNewest();
    if (this.#state === "idle" && this.#runs.length > 0) this.#beginFilling();
  }

  /** Fill `output` with the next samples, or with silence. */
  take(output: Float32Array): void {
    let at = this.#takeFading(output);
    while (at < output.length) {
      const count = this.#takeOnce(output.subarray(at));
      if (count === 0) break;
      at += count;
    }
    if (at < output.length) this.#stayIdle(output.subarray(at));
  }

  /**
   * Stop at once: the sound fades within 5 ms and what is queued is dropped. The answer counts the samples of the
   * fade, which are certain to leave; for a reply that has not begun (`reply`, or the first in the queue) it says 0.
   */
  flush(epoch: number, reply: number | null = null): Position {
    if (this.#state === "playing") this.#stageFade();
    const next = this.#runs[0];
    const asked = { ...this.#newest, reply: reply ?? next?.reply ?? -1 };
    this.#runs = [];
    this.#steadySamples = 0;
    this.#epoch = Math.max(this.#epoch, epoch);
    this.#state = "idle";
    this.#isStarved = false;
    const position = { ...this.position(true), epoch: this.#epoch };
    if (asked.reply <= this.#current.reply) return position;
    return { ...position, ...asked, epoch: this.#epoch, sample_count: 0, first_sound_at_ms: null };
  }

  #isOutdated({ session, epoch, reply }: ReplyPlace): boolean {
    if (session !== this.#newest.session) return session < this.#newest.session;
    return epoch < this.#epoch || reply < this.#newest.reply;
  }

  #beginSession(): void {
    this.#completeNewest();
    this.#newest = NOWHERE;
    this.#epoch = -1;
    this.#underrunCount = 0;
    this.#lostSamples = 0;
  }

  #beginReply(chunk: PlaybackChunk): void {
    this.#completeNewest();
    this.#expectedOffset = chunk.is_join ? chunk.sample_offset : 0;
  }

  /** The newest reply has all its sound; a starving one has ended and was not interrupted at all. */
  #completeNewest(): void {
    const last = this.#runs.at(-1);
    if (last) last.isLast = true;
    else if (this.#isStarved) {
      this.#underrunCount -= 1;
      this.#cushionSamples = this.#calmCushionSamples;
      this.#isStarved = false;
      this.#state = "settling";
    } else if (this.#state === "playing") this.#state = "settling";
  }

  /** Queue a chunk: silence before it where sound is missing, without what is here already. */
  #append(chunk: PlaybackChunk): void {
    const missing = chunk.sample_offset - this.#expectedOffset;
    if (missing > 0) {
      this.#pushRun(chunk, null, this.#expectedOffset, missing);
      this.#lostSamples += missing;
    }
    const pcm = chunk.pcm.subarray(Math.min(chunk.pcm.length, Math.max(0, -missing)));
    const start = Math.max(chunk.sample_offset, this.#expectedOffset);
    if (pcm.length > 0) this.#pushRun(chunk, pcm, start, pcm.length);
    this.#expectedOffset = Math.max(this.#expectedOffset, start + pcm.length);
  }

  #pushRun(place: ReplyPlace, pcm: Int16Array | null, start: number, length: number): void {
    const { session, epoch, reply } = place;
    this.#runs.push({ session, epoch, reply, pcm, start, length, taken: 0, isLast: false });
  }

  #beginFilling(): void {
    this.#state = "filling";
    this.#waitedSamples = 0;
  }

  /** Take from the first run, or change state; 0 means that there is nothing for now. */
  #takeOnce(output: Float32Array): number {
    if (this.#state === "settling") this.#finishSettled();
    if (this.#state === "filling" && this.#isFull()) this.#beginPlaying();
    if (this.#state !== "playing") return 0;
    const run = this.#runs[0];
    if (!run) return this.#starve();
    const count = Math.min(output.length, run.length - run.taken);
    this.#copy(run, output.subarray(0, count));
    if (run.taken === run.length) this.#dropRun(run);
    return count;
  }

  /** Enough to begin with, or the reply is complete, or it has waited so long that no more may come. */
  #isFull(): boolean {
    const first = this.#runs[0];
    if (!first) return false;
    let buffered = 0;
    for (const run of this.#runs) {
      if (run.reply !== first.reply) return true;
      buffered += run.length - run.taken;
      if (run.isLast) return true;
    }
    return buffered >= this.#cushionSamples || this.#waitedSamples >= 2 * this.#cushionSamples;
  }

  #beginPlaying(): void {
    const run = this.#runs[0]!;
    this.#state = "playing";
    this.#steadySamples = 0;
    if (run.reply !== this.#current.reply || run.session !== this.#current.session) this.#enterReply(run);
    else if (!run.pcm && this.#isStarved) this.#shorten(run);
    this.#isStarved = false;
  }

  #enterReply(run: Run): void {
    this.#current = { session: run.session, epoch: run.epoch, reply: run.reply };
    this.#firstSoundAtMs = null;
    this.#gain = 1;
  }

  /** The wait for sound that was lost has been silence already. */
  #shorten(run: Run): void {
    const waited = Math.min(run.length - 1, this.#waitedSamples);
    run.taken += waited;
  }

  #dropRun(run: Run): void {
    this.#runs.shift();
    if (run.isLast) this.#state = "settling";
  }

  #finishSettled(): void {
    if (this.#idleSamples < this.#drainSamples) return;
    this.#state = "idle";
    this.onFinal(this.position(true));
    if (this.#runs.length > 0) this.#beginFilling();
  }

  #starve(): 0 {
    this.#underrunCount += 1;
    this.#calmCushionSamples = this.#cushionSamples;
    this.#cushionSamples = Math.min(CUSHION_MAX_SAMPLES, this.#cushionSamples * CUSHION_GROWTH);
    this.#gain = 0;
    this.#beginFilling();
    this.#isStarved = true;
    return 0;
  }

  #copy(run: Run, output: Float32Array): void {
    if (run.pcm) this.#copySound(run.pcm.subarray(run.taken, run.taken + output.length), output);
    else {
      output.fill(0);
      this.#gain = 0;
    }
    run.taken += output.length;
    this.#position = run.start + run.taken;
    this.#steadySamples += output.length;
    this.#idleSamples = 0;
  }

  /** Towards a gap the gain falls to nothing within 5 ms; after one it rises; elsewhere it is exactly 1. */
  #copySound(pcm: Int16Array, output: Float32Array): void {
    this.#probe?.push(pcm.slice());
    this.#firstSoundAtMs ??= this.nowMs();
    const stretch = this.#samplesUntilGap();
    const step = 1 / FADE_SAMPLES;
    for (let i = 0; i < pcm.length; i++) {
      const direction = stretch - i <= FADE_SAMPLES ? -step : step;
      this.#gain = Math.min(1, Math.max(0, this.#gain + direction));
      output[i] = (pcm[i]! / 32768) * this.#gain;
    }
  }

  /** How many samples follow without a break; without limit where the reply's end is in the queue. */
  #samplesUntilGap(): number {
    let count = 0;
    for (const run of this.#runs) {
      if (!run.pcm) return count;
      if (run.isLast) return Number.POSITIVE_INFINITY;
      count += run.length - run.taken;
    }
    return count;
  }

  #stageFade(): void {
    const count = Math.min(FADE_SAMPLES, this.#samplesUntilGap(), this.bufferedSamples);
    const fading = new Float32Array(count);
    let at = 0;
    while (at < count) at += this.#takeOnce(fading.subarray(at)) || count;
    for (let i = 0; i < count; i++) fading[i]! *= 1 - (i + 1) / count;
    this.#fading = fading;
  }

  #takeFading(output: Float32Array): number {
    const count = Math.min(output.length, this.#fading.length);
    output.set(this.#fading.subarray(0, count));
    this.#fading = this.#fading.subarray(count);
    return count;
  }

  #stayIdle(output: Float32Array): void {
    output.fill(0);
    this.#idleSamples += output.length;
    if (this.#state === "filling") this.#waitedSamples += output.length;
  }
}
