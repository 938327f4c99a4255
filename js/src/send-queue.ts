/**
 * The credit-based send queue of the microphone's chunks. No timers; time is an argument.
 *
 * buffering: the connection is still opening; the newest 10 s are kept. sending: at most 1.5 s are in flight without
 * an acknowledgement; the newest 1.5 s are queued, and older sound is dropped. discarding: the connection has dropped;
 * sound is discarded so that old speech is never sent as new.
 */

import type { MicrophoneChunk, PageMessage } from "./messages";
import { PCM_RATE_HZ } from "./pcm";

const CREDIT_SAMPLES = 1.5 * PCM_RATE_HZ;
const BUFFER_SAMPLES = 10 * PCM_RATE_HZ;
/** While no acknowledgement arrives, one chunk is sent this often: perhaps only the acknowledgements were lost. */
const PROBE_AFTER_MS = 5000;

export interface SentChunk extends MicrophoneChunk {
  seq: number;
  dropped_sample_count: number;
}

/** Why speech was not sent: the kernel read no messages, or the connection to the server was not open. */
export type DropCause = "kernel" | "connection";
export type DroppedSamples = Readonly<Record<DropCause, number>>;

export type SendMode = "buffering" | "sending" | "discarding";
/** A report is sent even if the chunks before it are dropped; another message is then dropped too. */
export type QueuedEntry = { chunk: MicrophoneChunk } | { message: PageMessage; isReport: boolean };

export class SendQueue {
  #mode: SendMode = "buffering";
  #queued: QueuedEntry[] = [];
  #inFlight: { seq: number; chunk: MicrophoneChunk; sampleCount: number; sentAtMs: number }[] = [];
  #backlogSamples = 0;
  #nextSeq = 0;
  #lastSentAtMs = 0;
  #dropped: Record<DropCause, number> = { kernel: 0, connection: 0 };

  constructor(
    readonly send: (chunk: SentChunk) => void,
    readonly sendMessage: (message: PageMessage) => void,
  ) {}

  get mode(): SendMode {
    return this.#mode;
  }

  /** How many samples were dropped for each cause: running totals since the page was loaded. */
  get dropped(): DroppedSamples {
    return { ...this.#dropped };
  }

  get droppedSampleCount(): number {
    return this.#dropped.kernel + this.#dropped.connection;
  }

  get queuedSamples(): number {
    return this.#queued.reduce((sum, entry) => sum + samplesIn(entry), 0);
  }

  get inFlightSamples(): number {
    return this.#inFlight.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
  }

  setMode(mode: SendMode, nowMs: number): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    if (mode === "discarding") this.discard("connection");
    if (mode === "sending") this.#backlogSamples = this.queuedSamples;
    this.pump(nowMs);
  }

  /** A new session numbers its messages from 0, and chunks of the old one will not be acknowledged. */
  beginSession(): void {
    this.#nextSeq = 0;
    this.#inFlight = [];
  }

  add(chunk: MicrophoneChunk, nowMs: number): void {
    this.#queued.push({ chunk });
    if (this.#mode === "discarding") this.discard("connection");
    this.pump(nowMs);
    this.#dropBeyond(this.#mode === "buffering" ? BUFFER_SAMPLES : CREDIT_SAMPLES + this.#backlogSamples);
  }

  /** Send a message when everything added before it has been sent. */
  sendAfterQueued(message: PageMessage, nowMs: number): void {
    this.#queued.push({ message, isReport: false });
    this.pump(nowMs);
  }

  /** As `sendAfterQueued`, at once if nothing is queued, and also if what is queued is dropped. */
  reportAfterQueued(message: PageMessage, nowMs: number): void {
    if (this.#queued.length === 0) return this.sendMessage(message);
    this.#queued.push({ message, isReport: true });
    this.pump(nowMs);
  }

  /** All that was not acknowledged, in order, for another queue; this one has nothing any more. */
  handOver(): QueuedEntry[] {
    const entries = [...this.#inFlight.map(({ chunk }) => ({ chunk })), ...this.#queued];
    this.#inFlight = [];
    this.#queued = [];
    this.#backlogSamples = 0;
    return entries;
  }

  /** Go on with what another queue has handed over. */
  takeOver(entries: readonly QueuedEntry[], nowMs: number): void {
    this.#queued.unshift(...entries);
    this.#backlogSamples = this.queuedSamples;
    this.pump(nowMs);
  }

  /** An acknowledgement covers all earlier chunks too, because earlier acknowledgements may have been lost. */
  acknowledge(seq: number, nowMs: number): void {
    this.#inFlight = this.#inFlight.filter((chunk) => chunk.seq > seq);
    this.pump(nowMs);
  }

  /** How long the oldest chunk in flight has waited for its acknowledgement. */
  overdueMs(nowMs: number): number {
    const oldest = this.#inFlight[0];
    return oldest ? nowMs - oldest.sentAtMs : 0;
  }

  /** Send what the credit allows, in order. */
  pump(nowMs: number): void {
    while (this.#mode === "sending" && this.#queued.length > 0 && this.#maySendNext(nowMs)) {
      const entry = this.#queued.shift()!;
      if ("message" in entry) this.sendMessage(entry.message);
      else this.#sendChunk(entry.chunk, nowMs);
    }
  }

  /** Drop all queued chunks and count their samples. */
  discard(cause: DropCause): void {
    this.#dropped[cause] += this.queuedSamples;
    this.#dropQueued();
  }

  /** Drop all queued chunks without counting them: the user pressed Stop. */
  clear(): void {
    this.#dropQueued();
    this.#inFlight = [];
  }

  #dropQueued(): void {
    const dropped = this.#queued;
    this.#queued = [];
    this.#backlogSamples = 0;
    for (const entry of dropped) if ("message" in entry && entry.isReport) this.sendMessage(entry.message);
  }

  #maySendNext(nowMs: number): boolean {
    const sampleCount = samplesIn(this.#queued[0]!);
    if (this.inFlightSamples + sampleCount <= CREDIT_SAMPLES) return true;
    return nowMs - this.#lastSentAtMs >= PROBE_AFTER_MS;
  }

  #sendChunk(chunk: MicrophoneChunk, nowMs: number): void {
    const seq = this.#nextSeq++;
    const sampleCount = chunk.pcm.length;
    this.#inFlight.push({ seq, chunk, sampleCount, sentAtMs: nowMs });
    this.#backlogSamples = Math.max(0, this.#backlogSamples - sampleCount);
    this.#lastSentAtMs = nowMs;
    this.send({ ...chunk, seq, dropped_sample_count: this.droppedSampleCount });
  }

  #dropBeyond(limitSamples: number): void {
    let excess = this.queuedSamples - limitSamples;
    while (excess > 0) {
      const oldest = this.#queued.findIndex((entry) => "chunk" in entry);
      const sampleCount = samplesIn(this.#queued[oldest]!);
      this.#queued.splice(oldest, 1);
      this.#dropped[this.#mode === "buffering" ? "connection" : "kernel"] += sampleCount;
      excess -= sampleCount;
    }
  }
}

function samplesIn(entry: QueuedEntry): number {
  return "chunk" in entry ? entry.chunk.pcm.length : 0;
}
