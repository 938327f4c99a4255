/**
 * The sound of one page on its way to the kernel and back: sends chunks on credit, acknowledges replies, and drops sound
 * of an older session or epoch. Knows no transport; `pump` is called regularly.
 */

import { HeldMessages } from "./held-messages";
import type {
  AudioHeader,
  KernelFields,
  KernelMessage,
  MicrophoneChunk,
  PageMessage,
  Playhead,
  ReportedMicrophone,
  TalkState,
} from "./messages";
import { type DroppedSamples, type QueuedEntry, SendQueue, type SentChunk } from "./send-queue";

/** The messages of the kernel that are about sound. */
export type SoundMessage = Extract<KernelMessage, { type: "audio" | "flush" | "microphone_received" }>;

/** What the sound has to know of the talk. */
export interface SoundState extends Pick<TalkState, "session" | "epoch" | "phase"> {
  isOwner: boolean;
}

export interface SoundListener {
  /** Called only while this page is the owner. */
  onAudio(header: AudioHeader, pcm: Int16Array, isJoin: boolean): void;
  onFlush(epoch: number, reply: number | null): void;
  onDropped(dropped: DroppedSamples): void;
}

/** What the talk needs of it, whatever carries the sound. */
export type SoundPath = Omit<SoundChannel, "send" | "listener" | "onLost" | "nowMs">;

const NO_SOUND: Int16Array = new Int16Array(0);

export class SoundChannel {
  /** Whether it needs neither the comm nor a kernel that is free. */
  readonly isDirect: boolean = false;
  readonly #sendQueue: SendQueue;
  readonly #held: HeldMessages;
  #isOwner = false;
  #session = 0;
  #epoch = 0;
  #endedSession = -1;
  #nextAudioSeq = 0;
  #reportedDroppedSamples = 0;

  constructor(
    readonly send: (message: PageMessage, buffers: ArrayBuffer[]) => void,
    readonly listener: SoundListener,
    /** A message of the kernel was lost. */
    readonly onLost: () => void,
    readonly nowMs: () => number,
  ) {
    const sendMessage = (message: PageMessage) => this.send(message, []);
    this.#sendQueue = new SendQueue((chunk) => this.#sendChunk(chunk), sendMessage);
    this.#held = new HeldMessages(sendMessage);
  }

  get session(): number {
    return this.#session;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get dropped(): DroppedSamples {
    return this.#sendQueue.dropped;
  }

  /** How long the oldest chunk of the microphone has waited for its acknowledgement. */
  get overdueMs(): number {
    return this.#sendQueue.overdueMs(this.nowMs());
  }

  /** What the message that is sent now carries. */
  takeHeld(): PageMessage[] {
    return this.#held.takeAll();
  }

  /** Send what is due. */
  pump(): void {
    this.#sendQueue.pump(this.nowMs());
    this.#held.sendOverdue(this.nowMs());
  }

  // From the talk.

  follow({ session, epoch, phase, isOwner }: SoundState): void {
    this.#followEpoch(epoch, null);
    if (session !== this.#session) this.#beginSession(session, epoch);
    this.#isOwner = isOwner;
    this.#updateSendMode(phase);
  }

  #beginSession(session: number, epoch: number): void {
    this.#session = session;
    this.#epoch = epoch;
    this.#nextAudioSeq = 0;
    this.#sendQueue.beginSession();
  }

  /** Buffer while the connection first opens; discard between a dropped connection and the next one. */
  #updateSendMode(phase: SoundState["phase"]): void {
    const wasSending = this.#sendQueue.mode !== "buffering";
    const mode =
      phase === "open" && this.#isOwner
        ? "sending"
        : wasSending && phase !== "closed" && this.#isOwner
          ? "discarding"
          : "buffering";
    if (wasSending && mode === "buffering") this.#sendQueue.discard("connection");
    this.#sendQueue.setMode(mode, this.nowMs());
    this.#reportDropped();
  }

  /** The user has stopped the session. */
  stop(): void {
    this.#endedSession = this.#session;
    this.#sendQueue.clear();
  }

  /** The user has asked for sound, perhaps also of the session that was stopped. */
  allowStopped(): void {
    this.#endedSession = -1;
  }

  /** This page flushes: from now on only sound of a later epoch is played. */
  beginEpoch(): number {
    this.#epoch += 1;
    return this.#epoch;
  }

  /** The kernel reads nothing any more. */
  discard(): void {
    this.#sendQueue.discard("kernel");
  }

  // From the microphone and the playback.

  sendMicrophone(chunk: MicrophoneChunk): void {
    this.#sendQueue.add(chunk, this.nowMs());
    this.#reportDropped();
  }

  /** Commit a push-to-talk turn, or discard it, after its last chunk has been sent. */
  endPress(type: "commit" | "discard"): void {
    this.#sendQueue.sendAfterQueued({ type }, this.nowMs());
  }

  /** Report the microphone's state in order with its sound: the kernel ends speech when it falls silent. */
  reportMicrophone(state: ReportedMicrophone): void {
    this.#sendQueue.reportAfterQueued({ type: "microphone_state", ...state }, this.nowMs());
  }

  reportPlayhead(playhead: Playhead): void {
    this.#held.reportPlayhead(playhead, this.nowMs());
  }

  reportFlushed(playhead: Playhead): void {
    this.send({ type: "flushed", clock_ms: Date.now(), ...playhead }, []);
  }

  /** What was not acknowledged, for another channel; this one has nothing any more. */
  handOver(): QueuedEntry[] {
    this.#isOwner = false;
    return this.#sendQueue.handOver();
  }

  /** Go on where another channel ended. What the kernel sends next need not follow what it sent here. */
  takeOver(entries: readonly QueuedEntry[]): void {
    this.#nextAudioSeq = 0;
    this.#sendQueue.takeOver(entries, this.nowMs());
  }

  #sendChunk({ pcm, ...fields }: SentChunk): void {
    this.#held.noteChunk(this.nowMs());
    this.send({ type: "microphone", session: this.#session, ...fields }, [pcm.buffer as ArrayBuffer]);
  }

  #reportDropped(): void {
    if (this.#sendQueue.droppedSampleCount === this.#reportedDroppedSamples) return;
    this.#reportedDroppedSamples = this.#sendQueue.droppedSampleCount;
    this.listener.onDropped(this.dropped);
  }

  // From the kernel.

  receive(message: SoundMessage, pcm = NO_SOUND): void {
    if (message.type === "audio") return this.#onAudio(message, pcm);
    if (message.type === "flush") return this.#onFlush(message);
    if (message.session === this.#session) this.#sendQueue.acknowledge(message.seq, this.nowMs());
  }

  #onAudio(header: AudioHeader, pcm: Int16Array): void {
    if (!this.#isOwner) return;
    const { session, epoch, seq } = header;
    this.#held.acknowledge(session, seq, this.nowMs());
    if (this.#isStale(header)) return;
    this.#followEpoch(epoch, null);
    if (session > this.#session) this.#beginSession(session, epoch);
    const isJoin = this.#nextAudioSeq === 0 && seq > 0;
    if (seq > this.#nextAudioSeq && !isJoin) this.onLost();
    this.#nextAudioSeq = seq + 1;
    this.listener.onAudio(header, pcm, isJoin);
  }

  #isStale({ session, epoch }: AudioHeader): boolean {
    if (session > this.#session) return false;
    return session < this.#session || session <= this.#endedSession || epoch < this.#epoch;
  }

  #onFlush({ session, epoch, reply }: Omit<KernelFields<"flush">, "type">): void {
    if (session >= this.#session) this.#followEpoch(epoch, reply);
  }

  /** Each epoch begins with one flush, also where the kernel's was lost, or has come before through another channel. */
  #followEpoch(epoch: number, reply: number | null): void {
    if (epoch <= this.#epoch) return;
    this.#epoch = epoch;
    if (this.#isOwner) this.listener.onFlush(epoch, reply);
  }
}
