/**
 * The microphone's way up: what waits, what is under way, what was dropped. No timers; time is an argument.
 *
 * holding: the line is still opening, the newest 10 s wait. flowing: at most 1.5 s under way without an
 * acknowledgement, the newest 1.5 s wait, older sound is dropped. discarding: the line has dropped, and old speech is
 * never sent as new.
 */

import { PCM_RATE_HZ } from "./pcm";

const CREDIT_SAMPLES = 1.5 * PCM_RATE_HZ;
const HELD_SAMPLES = 10 * PCM_RATE_HZ;
/** While no acknowledgement comes, one chunk goes out this often: perhaps only the acknowledgements were lost. */
const PROBE_AFTER_MS = 5000;

export interface MicrophoneChunk {
  pcm: Int16Array;
  sample_index: number;
  captured_at_ms: number;
}

export interface SentChunk extends MicrophoneChunk {
  seq: number;
  dropped_sample_count: number;
}

/** What kept speech from being sent. */
export type DropCause = "kernel" | "line";
export type Dropped = Readonly<Record<DropCause, number>>;

export type UplinkMode = "holding" | "flowing" | "discarding";
type Entry = { chunk: MicrophoneChunk } | { marker: () => void };

export class Uplink {
  #mode: UplinkMode = "holding";
  #waiting: Entry[] = [];
  #underWay: { seq: number; sampleCount: number; sentAtMs: number }[] = [];
  #backlogSamples = 0;
  #nextSeq = 0;
  #lastSentAtMs = 0;
  #dropped: Record<DropCause, number> = { kernel: 0, line: 0 };

  constructor(readonly send: (chunk: SentChunk) => void) {}

  get mode(): UplinkMode {
    return this.#mode;
  }

  /** How many samples were dropped, and why: running totals, since the page was loaded. */
  get dropped(): Dropped {
    return { ...this.#dropped };
  }

  get droppedSampleCount(): number {
    return this.#dropped.kernel + this.#dropped.line;
  }

  get waitingSamples(): number {
    return this.#waiting.reduce((sum, entry) => sum + samplesIn(entry), 0);
  }

  get underWaySamples(): number {
    return this.#underWay.reduce((sum, chunk) => sum + chunk.sampleCount, 0);
  }

  setMode(mode: UplinkMode, nowMs: number): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    if (mode === "discarding") this.discard("line");
    if (mode === "flowing") this.#backlogSamples = this.waitingSamples;
    this.pump(nowMs);
  }

  /** A new line counts its messages from 0, and nothing of the old one will be acknowledged. */
  beginSession(): void {
    this.#nextSeq = 0;
    this.#underWay = [];
  }

  add(chunk: MicrophoneChunk, nowMs: number): void {
    this.#waiting.push({ chunk });
    if (this.#mode === "discarding") this.discard("line");
    this.pump(nowMs);
    this.#dropBeyond(this.#mode === "holding" ? HELD_SAMPLES : CREDIT_SAMPLES + this.#backlogSamples);
  }

  /** Run an action when all that was added before has gone out. */
  afterWaiting(action: () => void, nowMs: number): void {
    this.#waiting.push({ marker: action });
    this.pump(nowMs);
  }

  /** Acknowledgements may be lost, so a later one stands for the earlier ones too. */
  acknowledge(seq: number, nowMs: number): void {
    this.#underWay = this.#underWay.filter((chunk) => chunk.seq > seq);
    this.pump(nowMs);
  }

  overdueMs(nowMs: number): number {
    const oldest = this.#underWay[0];
    return oldest ? nowMs - oldest.sentAtMs : 0;
  }

  /** Send what credit allows, in order. */
  pump(nowMs: number): void {
    while (this.#mode === "flowing" && this.#waiting.length > 0 && this.#mayGo(nowMs)) {
      const entry = this.#waiting.shift()!;
      if ("marker" in entry) entry.marker();
      else this.#sendChunk(entry.chunk, nowMs);
    }
  }

  /** Throw away what waits, and count it. */
  discard(cause: DropCause): void {
    this.#dropped[cause] += this.waitingSamples;
    this.#waiting = [];
    this.#backlogSamples = 0;
  }

  /** Throw away what waits without a count: the person has stopped. */
  clear(): void {
    this.#waiting = [];
    this.#backlogSamples = 0;
    this.#underWay = [];
  }

  #mayGo(nowMs: number): boolean {
    const size = samplesIn(this.#waiting[0]!);
    if (this.underWaySamples + size <= CREDIT_SAMPLES) return true;
    return nowMs - this.#lastSentAtMs >= PROBE_AFTER_MS;
  }

  #sendChunk(chunk: MicrophoneChunk, nowMs: number): void {
    const seq = this.#nextSeq++;
    const sampleCount = chunk.pcm.length;
    this.#underWay.push({ seq, sampleCount, sentAtMs: nowMs });
    this.#backlogSamples = Math.max(0, this.#backlogSamples - sampleCount);
    this.#lastSentAtMs = nowMs;
    this.send({ ...chunk, seq, dropped_sample_count: this.droppedSampleCount });
  }

  #dropBeyond(limitSamples: number): void {
    let excess = this.waitingSamples - limitSamples;
    while (excess > 0) {
      const oldest = this.#waiting.findIndex((entry) => "chunk" in entry);
      const size = samplesIn(this.#waiting[oldest]!);
      this.#waiting.splice(oldest, 1);
      this.#dropped[this.#mode === "holding" ? "line" : "kernel"] += size;
      excess -= size;
    }
  }
}

function samplesIn(entry: Entry): number {
  return "chunk" in entry ? entry.chunk.pcm.length : 0;
}
