/** Acknowledgements and reports that the next message carries: each message makes JupyterLab repaint. */

import type { PageMessage, Playhead } from "./messages";

/** Chunks and reports come every 100 ms; after this time none is expected. */
const NEXT_WITHIN_MS = 150;
const HELD_AT_MOST_MS = 250;

export class HeldMessages {
  #held: PageMessage[] = [];
  #heldSinceMs = 0;
  #chunkSentAtMs = Number.NEGATIVE_INFINITY;
  #playheadAtMs = Number.NEGATIVE_INFINITY;
  #playingReply = -1;

  /** `send` sends one message, which takes the others along with `takeAll`. */
  constructor(readonly send: (message: PageMessage) => void) {}

  /** What the message that is sent now carries. */
  takeAll(): PageMessage[] {
    return this.#held.splice(0);
  }

  acknowledge(session: number, seq: number, nowMs: number): void {
    this.#hold({ type: "received", session, seq, clock_ms: Date.now() }, nowMs);
    if (!this.#isChunkNext(nowMs) && nowMs - this.#playheadAtMs >= NEXT_WITHIN_MS) this.#sendAll();
  }

  /** The beginning and the end of a reply, and a pause, are told at once; what is between them less often. */
  reportPlayhead(playhead: Playhead, nowMs: number): void {
    const message = { type: "playhead" as const, clock_ms: Date.now(), ...playhead };
    const isAwaited = playhead.is_final || playhead.is_paused || playhead.reply !== this.#playingReply;
    const isSecond = !this.#isChunkNext(nowMs) && this.#held.some(({ type }) => type === "playhead");
    this.#playingReply = playhead.is_final ? -1 : playhead.reply;
    this.#playheadAtMs = playhead.is_final || playhead.is_paused ? Number.NEGATIVE_INFINITY : nowMs;
    this.#hold(message, nowMs);
    if (isAwaited || isSecond) this.#sendAll();
  }

  /** A chunk of the microphone was sent; another one will follow soon. */
  noteChunk(nowMs: number): void {
    this.#chunkSentAtMs = nowMs;
  }

  /** Send what no message has carried in time. */
  sendOverdue(nowMs: number): void {
    if (nowMs - this.#heldSinceMs >= HELD_AT_MOST_MS) this.#sendAll();
  }

  /** It replaces one of the same type, which it covers. */
  #hold(message: PageMessage, nowMs: number): void {
    if (this.#held.length === 0) this.#heldSinceMs = nowMs;
    this.#held = [...this.#held.filter(({ type }) => type !== message.type), message];
  }

  #sendAll(): void {
    const last = this.#held.pop();
    if (last) this.send(last);
  }

  #isChunkNext(nowMs: number): boolean {
    return nowMs - this.#chunkSentAtMs < NEXT_WITHIN_MS;
  }
}
