/**
 * The sound of a view, which comes from the kernel in pieces when it is needed.
 *
 * Up to a length that the kernel decides, all of it is read, in order, for the spectrogram. Of longer sound, the pieces
 * that are played are read and the oldest are dropped again.
 */

import type { Comm } from "../channel";
import type { BinaryBuffer } from "../pcm";
import type { Scope } from "../scope";
import { type Opened, readOpened, readPiece, readSamples } from "./messages";

/** A kernel reads no messages while a cell runs, so requests are repeated ever more slowly. */
const REPEAT_AFTER_MS = 4000;
const REPEAT_AT_MOST_MS = 60_000;
const WATCH_PERIOD_MS = 1000;
/** Enough to keep the connection busy; more would delay what the user wants to hear. */
const PIECES_AHEAD = 2;
/** Of sound that is not read as a whole: five minutes, 58 MB for two tracks at 24 kHz. */
const PIECES_KEPT = 60;

interface Request {
  sentAtMs: number;
  repeatAfterMs: number;
}

export class SoundStore {
  opened: Opened | null = null;
  /** For each track, least and greatest sample of each column in turn. */
  envelopes: Float32Array[] = [];
  /** All samples of each track, zeros where they are missing; empty for sound that is not read as a whole. */
  tracks: Float32Array[] = [];
  #pieces = new Map<number, Float32Array[]>();
  readonly #requests = new Map<number | "open", Request>();
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly comm: Comm,
    readonly scope: Scope,
    readonly nowMs: () => number = () => performance.now(),
  ) {
    scope.add(comm.listen((content, buffers) => this.#receive(content, buffers)));
    scope.interval(WATCH_PERIOD_MS, () => this.#repeat());
    scope.add(() => this.#forget());
  }

  get pieceCount(): number {
    return this.opened ? Math.ceil(this.opened.sampleCount / this.opened.pieceSamples) : 0;
  }

  get loadedCount(): number {
    return this.#pieces.size;
  }

  get isLoaded(): boolean {
    return this.opened !== null && this.#pieces.size === this.pieceCount;
  }

  /** Whether the kernel has not answered for a while: a cell is running, or it does not know this view. */
  get isWaiting(): boolean {
    return [...this.#requests.values()].some(({ repeatAfterMs }) => repeatAfterMs > REPEAT_AFTER_MS);
  }

  open(): void {
    this.#request("open");
  }

  /** Call `listener` after each change; the returned function ends this. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Samples of all tracks from `start`, up to the end of a piece; null if they must be waited for. */
  read(start: number, count: number): Float32Array[] | null {
    if (this.opened === null) return null;
    const { pieceSamples } = this.opened;
    const piece = Math.floor(start / pieceSamples);
    if (piece + 1 < this.pieceCount && !this.#pieces.has(piece + 1)) this.#request(piece + 1);
    const tracks = this.#pieces.get(piece);
    if (tracks === undefined) {
      this.#request(piece);
      return null;
    }
    const from = start - piece * pieceSamples;
    return tracks.map((track) => track.subarray(from, from + count));
  }

  #receive(content: unknown, buffers: BinaryBuffer[]): void {
    const opened = readOpened(content);
    const piece = readPiece(content);
    if (opened !== null && this.#requests.delete("open")) this.#onOpened(opened, buffers);
    else if (piece !== null && this.#requests.delete(piece)) this.#onPiece(piece, buffers);
  }

  #onOpened(opened: Opened, buffers: BinaryBuffer[]): void {
    this.opened = opened;
    this.envelopes = opened.roles.map((_, track) => readSamples(buffers[track]));
    this.tracks = opened.isWhole ? opened.roles.map(() => new Float32Array(opened.sampleCount)) : [];
    this.#readAhead();
    this.#notify();
  }

  #onPiece(piece: number, buffers: BinaryBuffer[]): void {
    const { roles, pieceSamples, sampleCount } = this.opened!;
    const start = piece * pieceSamples;
    const stop = Math.min(start + pieceSamples, sampleCount);
    const samples = roles.map((_, track) => {
      const part = this.tracks[track]?.subarray(start, stop) ?? new Float32Array(stop - start);
      part.set(readSamples(buffers[track]).subarray(0, part.length));
      return part;
    });
    this.#pieces.set(piece, samples);
    if (this.tracks.length === 0 && this.#pieces.size > PIECES_KEPT)
      this.#pieces.delete(this.#pieces.keys().next().value!);
    this.#readAhead();
    this.#notify();
  }

  #readAhead(): void {
    if (!this.opened?.isWhole) return;
    for (let piece = 0; piece < this.pieceCount && this.#requests.size < PIECES_AHEAD; piece++) {
      if (!this.#pieces.has(piece)) this.#request(piece);
    }
  }

  #request(what: number | "open"): void {
    if (this.scope.isDisposed || this.#requests.has(what)) return;
    this.#requests.set(what, { sentAtMs: this.nowMs(), repeatAfterMs: REPEAT_AFTER_MS });
    this.#send(what);
  }

  /** Jupyter drops messages of every type when output floods, and a restarted kernel has none of the sound. */
  #repeat(): void {
    const nowMs = this.nowMs();
    for (const [what, request] of this.#requests) {
      if (nowMs - request.sentAtMs < request.repeatAfterMs) continue;
      request.sentAtMs = nowMs;
      request.repeatAfterMs = Math.min(2 * request.repeatAfterMs, REPEAT_AT_MOST_MS);
      this.#send(what);
      this.#notify();
    }
  }

  #send(what: number | "open"): void {
    try {
      this.comm.send(what === "open" ? { type: "open" } : { type: "read", piece: what }, []);
    } catch {
      // JupyterLab throws if the kernel is gone; the request stays, and the view says that it waits.
    }
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #forget(): void {
    this.#pieces.clear();
    this.#listeners.clear();
    this.tracks = [];
    this.envelopes = [];
  }
}
