/**
 * The jitter buffer of the playback worklet: the queued replies as 24 kHz samples.
 *
 * Sound is added in chunks that carry their position (session, epoch, reply, offset) and taken in whatever count the
 * resampler needs. Playback of a reply starts when the cushion is full; the cushion grows after an underrun. Lost sound
 * is replaced by silence, so that positions stay correct. Edges at gaps and flushes are faded; a reply without gaps is
 * played bit for bit.
 */

import { PCM_RATE_HZ, toSample } from "../pcm";

const FADE_SAMPLES = 0.005 * PCM_RATE_HZ;
/** Buffered before playback starts. */
const CUSHION_SAMPLES = 0.18 * PCM_RATE_HZ;
/** The same for sound of a direct channel, which comes in time. */
const DIRECT_CUSHION_SAMPLES = 0.06 * PCM_RATE_HZ;
const CUSHION_GROWTH = 1.5;
const CUSHION_MAX_SAMPLES = 0.9 * PCM_RATE_HZ;

export interface ReplyId {
  session: number;
  epoch: number;
  reply: number;
}

export interface PlaybackChunk extends ReplyId {
  sample_offset: number;
  is_last: boolean;
  /** This page joined in the middle of the reply: the sound before this chunk does not count as lost. */
  is_join: boolean;
  pcm: Int16Array;
}

/** The same fields as `Playhead` of messages.ts, which a worklet does not import. */
export interface Position extends ReplyId {
  sample_count: number;
  is_final: boolean;
  first_sound_at_ms: number | null;
  buffered_sample_count: number;
  underrun_count: number;
  lost_sample_count: number;
}

/** A part of one reply; if `pcm` is null, silence in place of lost sound. */
interface Segment extends ReplyId {
  pcm: Int16Array | null;
  start: number;
  length: number;
  taken: number;
  isLast: boolean;
}

/** idle: nothing to play. filling: the cushion fills. draining: the end of the reply is leaving the resampler. */
type BufferState = "idle" | "filling" | "playing" | "draining";

const NO_REPLY: ReplyId = { session: -1, epoch: -1, reply: -1 };

export class JitterBuffer {
  #segments: Segment[] = [];
  #state: BufferState = "idle";
  #current: ReplyId = NO_REPLY;
  /** The offset in the current reply of the next sample to be taken. */
  #position = 0;
  #firstSoundAtMs: number | null = null;
  #newest: ReplyId = NO_REPLY;
  #expectedOffset = 0;
  #epoch = -1;
  #cushionSamples = CUSHION_SAMPLES;
  #previousCushionSamples = CUSHION_SAMPLES;
  #isUnderrun = false;
  #waitedSamples = 0;
  readonly #drainSamples: number;
  #idleSamples: number;
  #contiguousSamples = 0;
  #underrunCount = 0;
  #lostSamples = 0;
  #gain = 1;
  #fade = new Float32Array(0);
  #probe: Int16Array[] | null = null;

  /**
   * @param onFinal called when the last sample of a reply has left the resampler
   * @param lookAheadSamples how many samples the resampler holds back; its filter rings for as many
   */
  constructor(
    readonly onFinal: (position: Position) => void,
    readonly lookAheadSamples: number,
    readonly nowMs: () => number,
  ) {
    this.#drainSamples = 2 * lookAheadSamples + 2;
    this.#idleSamples = this.#drainSamples;
  }

  /** The resampler contains only silence, so it may be reset before the next reply. */
  get isDrained(): boolean {
    return this.#idleSamples >= this.#drainSamples && this.#fade.length === 0;
  }

  /** Nothing is left to play, in the buffer or in the resampler. */
  get isSilent(): boolean {
    return this.#state === "idle" && this.isDrained;
  }

  get isPlaying(): boolean {
    return this.#state === "playing";
  }

  /** The reply that is playing or was played last. */
  get reply(): number {
    return this.#current.reply;
  }

  get bufferedSamples(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.length - segment.taken, 0);
  }

  /** The playback position: the samples taken, minus those that the resampler still holds. */
  position(isFinal = false): Position {
    const held = Math.max(0, Math.min(this.lookAheadSamples - this.#idleSamples, this.#contiguousSamples));
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

  /** Turn on or off the copying of every sample taken, before fades; see `readProbe`. */
  setProbe(isOn: boolean): void {
    this.#probe = isOn ? [] : null;
  }

  /** Whether sound comes through a direct channel from now on. */
  setDirect(isDirect: boolean): void {
    this.#cushionSamples = this.#previousCushionSamples = isDirect ? DIRECT_CUSHION_SAMPLES : CUSHION_SAMPLES;
  }

  /** The samples copied since the last call. */
  readProbe(): Int16Array[] {
    const taken = this.#probe ?? [];
    if (this.#probe) this.#probe = [];
    return taken;
  }

  add(chunk: PlaybackChunk): void {
    if (this.#isOutdated(chunk)) return;
    if (chunk.session > this.#newest.session) this.#beginSession(chunk);
    if (chunk.reply > this.#newest.reply) this.#beginReply(chunk);
    this.#epoch = Math.max(this.#epoch, chunk.epoch);
    this.#newest = { session: chunk.session, epoch: chunk.epoch, reply: chunk.reply };
    this.#append(chunk);
    if (chunk.is_last) this.#completeNewest();
    if (this.#state !== "idle") return;
    if (this.#segments.length > 0) this.#beginFilling();
    else if (chunk.is_last) this.#endWithoutSound();
  }

  /** No more sound comes: the newest reply ends with what is in the buffer. A final position is reported in any case. */
  complete(): void {
    this.#completeNewest();
    if (this.#state === "idle" && this.#segments.length === 0) this.onFinal(this.position(true));
  }

  /** Fill `output` with the next samples, or with silence. */
  take(output: Float32Array): void {
    let at = this.#takeFade(output);
    while (at < output.length) {
      const count = this.#takeOnce(output.subarray(at));
      if (count === 0) break;
      at += count;
    }
    if (at < output.length) this.#fillSilence(output.subarray(at));
  }

  /**
   * Stop at once: the sound fades out within 5 ms and the buffer is emptied. The returned position includes the samples
   * of the fade, which are certain to be played; for a reply that has not begun (`reply`, or the first in the buffer)
   * it is 0.
   */
  flush(epoch: number, reply: number | null = null): Position {
    if (this.#state === "playing") this.#prepareFade();
    const next = this.#segments[0];
    const requested = { ...this.#newest, reply: reply ?? next?.reply ?? -1 };
    this.#segments = [];
    this.#contiguousSamples = 0;
    this.#epoch = Math.max(this.#epoch, epoch);
    this.#state = "idle";
    this.#isUnderrun = false;
    const position = { ...this.position(true), epoch: this.#epoch };
    if (requested.reply <= this.#current.reply) return position;
    return { ...position, ...requested, epoch: this.#epoch, sample_count: 0, first_sound_at_ms: null };
  }

  #isOutdated({ session, epoch, reply }: ReplyId): boolean {
    if (session !== this.#newest.session) return session < this.#newest.session;
    return epoch < this.#epoch || reply < this.#newest.reply;
  }

  /** The rest of a reply may arrive after another session has begun; it goes on where it was. */
  #beginSession({ session, reply }: PlaybackChunk): void {
    const goesOn = reply === this.#newest.reply;
    if (!goesOn) this.#completeNewest();
    this.#newest = goesOn ? { ...this.#newest, session } : NO_REPLY;
    this.#epoch = -1;
    this.#underrunCount = 0;
    this.#lostSamples = 0;
  }

  #beginReply(chunk: PlaybackChunk): void {
    this.#completeNewest();
    this.#expectedOffset = chunk.is_join ? chunk.sample_offset : 0;
  }

  /** The newest reply is complete; if it was waiting for more sound, that was its end and not an underrun. */
  #completeNewest(): void {
    const last = this.#segments.at(-1);
    if (last) last.isLast = true;
    else if (this.#isUnderrun) {
      this.#underrunCount -= 1;
      this.#cushionSamples = this.#previousCushionSamples;
      this.#isUnderrun = false;
      this.#state = "draining";
    } else if (this.#state === "playing") this.#state = "draining";
  }

  /** Nothing of the newest reply is left to play: its end came after all of its sound, or it was sent again. */
  #endWithoutSound(): void {
    if (this.#newest.reply !== this.#current.reply || this.#newest.session !== this.#current.session) {
      this.#enterReply(this.#newest);
      this.#position = this.#expectedOffset;
    }
    this.onFinal(this.position(true));
  }

  /** Append a chunk: insert silence for missing sound before it, and skip samples that were added already. */
  #append(chunk: PlaybackChunk): void {
    const missing = chunk.sample_offset - this.#expectedOffset;
    if (missing > 0) {
      this.#pushSegment(chunk, null, this.#expectedOffset, missing);
      this.#lostSamples += missing;
    }
    const pcm = chunk.pcm.subarray(Math.min(chunk.pcm.length, Math.max(0, -missing)));
    const start = Math.max(chunk.sample_offset, this.#expectedOffset);
    if (pcm.length > 0) this.#pushSegment(chunk, pcm, start, pcm.length);
    this.#expectedOffset = Math.max(this.#expectedOffset, start + pcm.length);
  }

  #pushSegment(place: ReplyId, pcm: Int16Array | null, start: number, length: number): void {
    const { session, epoch, reply } = place;
    this.#segments.push({ session, epoch, reply, pcm, start, length, taken: 0, isLast: false });
  }

  #beginFilling(): void {
    this.#state = "filling";
    this.#waitedSamples = 0;
  }

  /** Take samples from the first segment, or change the state; 0 means that nothing can be taken now. */
  #takeOnce(output: Float32Array): number {
    if (this.#state === "draining") this.#finishDraining();
    if (this.#state === "filling" && this.#isFull()) this.#beginPlaying();
    if (this.#state !== "playing") return 0;
    const segment = this.#segments[0];
    if (!segment) return this.#beginUnderrun();
    const count = Math.min(output.length, segment.length - segment.taken);
    this.#copy(segment, output.subarray(0, count));
    if (segment.taken === segment.length) this.#dropSegment(segment);
    return count;
  }

  /** The cushion is full, or the reply is complete, or no sound has arrived for so long that none may follow. */
  #isFull(): boolean {
    const first = this.#segments[0];
    if (!first) return false;
    let buffered = 0;
    for (const segment of this.#segments) {
      if (segment.reply !== first.reply) return true;
      buffered += segment.length - segment.taken;
      if (segment.isLast) return true;
    }
    return buffered >= this.#cushionSamples || this.#waitedSamples >= 2 * this.#cushionSamples;
  }

  #beginPlaying(): void {
    const segment = this.#segments[0]!;
    this.#state = "playing";
    this.#contiguousSamples = 0;
    if (segment.reply !== this.#current.reply || segment.session !== this.#current.session)
      this.#enterReply(segment);
    else if (!segment.pcm && this.#isUnderrun) this.#skipWaited(segment);
    this.#isUnderrun = false;
  }

  #enterReply({ session, epoch, reply }: ReplyId): void {
    this.#current = { session, epoch, reply };
    this.#firstSoundAtMs = null;
    this.#gain = 1;
  }

  /** The silence of the underrun already replaces part of the lost sound. */
  #skipWaited(segment: Segment): void {
    const waited = Math.min(segment.length - 1, this.#waitedSamples);
    segment.taken += waited;
  }

  #dropSegment(segment: Segment): void {
    this.#segments.shift();
    if (segment.isLast) this.#state = "draining";
  }

  #finishDraining(): void {
    if (this.#idleSamples < this.#drainSamples) return;
    this.#state = "idle";
    this.onFinal(this.position(true));
    if (this.#segments.length > 0) this.#beginFilling();
  }

  #beginUnderrun(): 0 {
    this.#underrunCount += 1;
    this.#previousCushionSamples = this.#cushionSamples;
    this.#cushionSamples = Math.min(CUSHION_MAX_SAMPLES, this.#cushionSamples * CUSHION_GROWTH);
    this.#gain = 0;
    this.#beginFilling();
    this.#isUnderrun = true;
    return 0;
  }

  #copy(segment: Segment, output: Float32Array): void {
    if (segment.pcm)
      this.#copySound(segment.pcm.subarray(segment.taken, segment.taken + output.length), output);
    else {
      output.fill(0);
      this.#gain = 0;
    }
    segment.taken += output.length;
    this.#position = segment.start + segment.taken;
    this.#contiguousSamples += output.length;
    this.#idleSamples = 0;
  }

  /** Before a gap the gain falls to 0 within 5 ms; after one it rises; otherwise it is exactly 1. */
  #copySound(pcm: Int16Array, output: Float32Array): void {
    this.#probe?.push(pcm.slice());
    this.#firstSoundAtMs ??= this.nowMs();
    const untilGap = this.#samplesUntilGap();
    const step = 1 / FADE_SAMPLES;
    for (let i = 0; i < pcm.length; i++) {
      const direction = untilGap - i <= FADE_SAMPLES ? -step : step;
      this.#gain = Math.min(1, Math.max(0, this.#gain + direction));
      output[i] = toSample(pcm[i]!) * this.#gain;
    }
  }

  /** How many samples follow without a gap; infinitely many if the end of the reply is in the buffer. */
  #samplesUntilGap(): number {
    let count = 0;
    for (const segment of this.#segments) {
      if (!segment.pcm) return count;
      if (segment.isLast) return Number.POSITIVE_INFINITY;
      count += segment.length - segment.taken;
    }
    return count;
  }

  #prepareFade(): void {
    const count = Math.min(FADE_SAMPLES, this.#samplesUntilGap(), this.bufferedSamples);
    const fade = new Float32Array(count);
    let at = 0;
    while (at < count) at += this.#takeOnce(fade.subarray(at)) || count;
    for (let i = 0; i < count; i++) fade[i]! *= 1 - (i + 1) / count;
    this.#fade = fade;
  }

  #takeFade(output: Float32Array): number {
    const count = Math.min(output.length, this.#fade.length);
    output.set(this.#fade.subarray(0, count));
    this.#fade = this.#fade.subarray(count);
    return count;
  }

  #fillSilence(output: Float32Array): void {
    output.fill(0);
    this.#idleSamples += output.length;
    if (this.#state === "filling") this.#waitedSamples += output.length;
  }
}
