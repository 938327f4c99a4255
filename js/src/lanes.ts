/**
 * The comm lane: all that crosses between page and kernel, over the widget's custom messages (docs/lanes.md).
 *
 * It knows the line (session, epoch, phase, owner), counts what is acknowledged, and watches whether the kernel lives.
 * A direct lane would be another class with the same public face.
 */

import {
  type AudioHeader,
  type KernelFields,
  type KernelMessage,
  type LineState,
  type Note,
  type PageMessage,
  readKernelMessage,
  type ToolCall,
  type Turn,
} from "./messages";
import { type BinaryBuffer, readPcm } from "./pcm";
import type { Scope } from "./scope";
import { type Dropped, type MicrophoneChunk, type SentChunk, Uplink } from "./uplink";

const WATCH_PERIOD_MS = 500;
const BUSY_AFTER_MS = 1000;
const ALIVE_WITHIN_MS = 3000;
const GONE_AFTER_MS = 15_000;
const HEARTBEATS_PER_ANSWER = 5;
const RESYNCHRONISE_PERIOD_MS = 2000;
/** What goes on being shown; a heartbeat tells how many of these there were. */
const LASTING: ReadonlySet<string> = new Set(["state", "owner", "turn", "tool", "note"]);

/** ok: it answers. busy: it lives, and takes no messages (a cell runs). gone: it is silent, or cannot be reached. */
export type KernelHealth = "ok" | "busy" | "gone";

/** The widget's comm, as small as the lane needs it. */
export interface Wire {
  send(content: object, buffers: ArrayBuffer[]): void;
  listen(listener: (content: unknown, buffers: BinaryBuffer[]) => void): () => void;
}

/** What the lane tells. Sound arrives here only when this page is to play it. */
export interface LaneListener {
  onLine(state: LineState): void;
  onSnapshot(turns: Turn[], notes: Note[], calls: ToolCall[]): void;
  onOwner(isOwner: boolean): void;
  onTurn(turn: Turn): void;
  onToolCall(call: ToolCall): void;
  onNote(note: Note): void;
  onAudio(header: AudioHeader, pcm: Int16Array, isJoin: boolean): void;
  onFlush(epoch: number, reply: number | null): void;
  onMicrophoneWanted(isWanted: boolean): void;
  onHealth(health: KernelHealth): void;
  /** How long the session may still last; null where that is far off or not known. */
  onTimeLeft(seconds: number | null): void;
  onDropped(dropped: Dropped): void;
  /** The kernel asks for a hello, or something it said must have been lost on the way. */
  onSnapshotWanted(): void;
}

export class CommLane {
  readonly #uplink: Uplink;
  #line: LineState | null = null;
  #session = 0;
  #epoch = 0;
  #endedSession = -1;
  #nextAudioSeq = 0;
  #isStarting = false;
  #health: KernelHealth = "ok";
  #heardAtMs: number;
  #sentSinceAnswer = false;
  #heartbeatCount = 0;
  /** How many messages there were of what lasts; null until a snapshot has told. */
  #toldCount: number | null = null;
  #toldDroppedSamples = 0;
  #resynchronisedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly page: string,
    readonly wire: Wire,
    readonly listener: LaneListener,
    scope: Scope,
    readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#heardAtMs = nowMs();
    this.#uplink = new Uplink((chunk) => this.#sendChunk(chunk));
    scope.add(wire.listen((content, buffers) => this.#receive(content, buffers)));
    scope.interval(WATCH_PERIOD_MS, () => this.#watch());
  }

  get session(): number {
    return this.#session;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get owner(): string | null {
    return this.#line?.owner ?? null;
  }

  get dropped(): Dropped {
    return this.#uplink.dropped;
  }

  get isOwner(): boolean {
    return this.owner === this.page;
  }

  /** The line is open or on its way, or this page has just asked for it. */
  get isLineWanted(): boolean {
    const phase = this.#line?.phase;
    return this.#isStarting || phase === "opening" || phase === "open";
  }

  send(message: PageMessage, buffers: ArrayBuffer[] = []): void {
    this.#sentSinceAnswer = true;
    try {
      this.wire.send({ ...message, page: this.page }, buffers);
    } catch {
      // JupyterLab throws "Cannot send" and "Kernel is dead" from here when the kernel has gone.
      this.#isStarting = false;
      this.#setHealth("gone");
    }
  }

  start(withMicrophone: boolean): void {
    this.#isStarting = true;
    this.#heardAtMs = this.nowMs();
    this.send({ type: "start", with_microphone: withMicrophone });
  }

  stop(): void {
    this.#isStarting = false;
    this.#endedSession = this.#session;
    this.#uplink.clear();
    this.send({ type: "stop" });
  }

  /** The page has flushed by itself: from here on only sound of a later epoch counts. */
  interrupt(): void {
    this.#epoch += 1;
    this.send({ type: "interrupt", epoch: this.#epoch });
  }

  sendMicrophone(chunk: MicrophoneChunk): void {
    this.#uplink.add(chunk, this.nowMs());
    this.#tellDropped();
  }

  /** After the last chunk of a push-to-talk turn. */
  commit(): void {
    this.#uplink.afterWaiting(() => this.send({ type: "commit" }), this.nowMs());
  }

  #sendChunk({ pcm, ...fields }: SentChunk): void {
    this.send({ type: "microphone", session: this.#session, ...fields }, [pcm.buffer as ArrayBuffer]);
  }

  #receive(content: unknown, buffers: BinaryBuffer[]): void {
    const message = readKernelMessage(content);
    if (message === null) return;
    this.#heardAtMs = this.nowMs();
    if (this.#health === "gone") this.#setHealth("ok");
    if (this.#toldCount !== null && LASTING.has(message.type)) this.#toldCount += 1;
    this.#dispatch(message, buffers);
  }

  #dispatch(message: KernelMessage, buffers: BinaryBuffer[]): void {
    switch (message.type) {
      case "snapshot":
        return this.#onSnapshot(message);
      case "state":
        return this.#onLine(message);
      case "owner":
        return this.#onOwner(message.owner);
      case "turn":
        return this.listener.onTurn(message.turn);
      case "tool":
        return this.listener.onToolCall(message.call);
      case "note":
        return this.listener.onNote(message.note);
      case "audio":
        return this.#onAudio(message, buffers[0]);
      case "flush":
        return this.#onFlush(message);
      case "microphone_received":
        return this.#onMicrophoneReceived(message);
      case "heartbeat":
        this.listener.onTimeLeft(message.ends_in_s);
        return this.#onHeartbeat(message.session, message.told_count);
      case "ping":
        return this.send({ type: "pong", id: message.id, clock_ms: Date.now() });
      case "microphone_wanted":
        return this.listener.onMicrophoneWanted(message.wanted);
      case "snapshot_wanted":
        return this.listener.onSnapshotWanted();
    }
  }

  #onSnapshot(message: Extract<KernelMessage, { type: "snapshot" }>): void {
    if (message.page !== this.page) return;
    const { turns, notes, tools, told_count, ...state } = message;
    this.#toldCount = told_count;
    this.#onLine(state);
    this.listener.onSnapshot(turns, notes, tools);
  }

  #onLine(state: LineState): void {
    const wasOwner = this.isOwner;
    if (state.phase !== "closed") this.#isStarting = false;
    if (state.session !== this.#session) this.#beginSession(state.session, state.epoch);
    this.#epoch = Math.max(this.#epoch, state.epoch);
    this.#line = state;
    this.#steerUplink();
    this.listener.onLine(state);
    if (wasOwner !== this.isOwner) this.listener.onOwner(this.isOwner);
  }

  #beginSession(session: number, epoch: number): void {
    this.#session = session;
    this.#epoch = epoch;
    this.#nextAudioSeq = 0;
    this.#uplink.beginSession();
  }

  #onOwner(owner: string | null): void {
    if (this.#line) this.#onLine({ ...this.#line, owner });
  }

  /** Held while the line first opens; discarded between a line that dropped and the next one. */
  #steerUplink(): void {
    const phase = this.#line?.phase ?? "closed";
    const wasFlowing = this.#uplink.mode !== "holding";
    const mode =
      phase === "open" && this.isOwner
        ? "flowing"
        : wasFlowing && phase !== "closed" && this.isOwner
          ? "discarding"
          : "holding";
    if (wasFlowing && mode === "holding") this.#uplink.discard("line");
    this.#uplink.setMode(mode, this.nowMs());
    this.#tellDropped();
  }

  #onAudio(header: AudioHeader, buffer: BinaryBuffer | undefined): void {
    if (!this.isOwner) return;
    const { session, seq } = header;
    this.send({ type: "received", session, seq, clock_ms: Date.now() });
    if (session > this.#session) this.#beginSession(session, header.epoch);
    if (this.#isStale(header)) return;
    if (header.epoch > this.#epoch) this.#onFlush({ ...header, reply: null });
    const isJoin = this.#nextAudioSeq === 0 && seq > 0;
    if (seq > this.#nextAudioSeq && !isJoin) this.#resynchronise();
    this.#nextAudioSeq = seq + 1;
    this.listener.onAudio(header, buffer ? readPcm(buffer) : new Int16Array(0), isJoin);
  }

  #isStale({ session, epoch }: AudioHeader): boolean {
    return session < this.#session || session <= this.#endedSession || epoch < this.#epoch;
  }

  #onFlush({ session, epoch, reply }: KernelFields<"flush">): void {
    if (session < this.#session) return;
    this.#epoch = Math.max(this.#epoch, epoch);
    if (this.isOwner) this.listener.onFlush(this.#epoch, reply);
  }

  #onMicrophoneReceived({ session, seq }: { session: number; seq: number }): void {
    if (session === this.#session) this.#uplink.acknowledge(seq, this.nowMs());
    this.#watch();
  }

  #onHeartbeat(session: number, toldCount: number | null): void {
    const isMissing = this.#toldCount !== null && toldCount !== null && toldCount !== this.#toldCount;
    if (session > this.#session || isMissing) this.#resynchronise();
    this.#heartbeatCount += 1;
    if (this.#heartbeatCount % HEARTBEATS_PER_ANSWER !== 0) return;
    if (!this.#sentSinceAnswer) this.send({ type: "alive", clock_ms: Date.now() });
    this.#sentSinceAnswer = false;
  }

  /** Jupyter drops messages of every kind when output floods: what is lost with the sound may be a turn or a state. */
  #resynchronise(): void {
    if (this.nowMs() - this.#resynchronisedAtMs < RESYNCHRONISE_PERIOD_MS) return;
    this.#resynchronisedAtMs = this.nowMs();
    this.listener.onSnapshotWanted();
  }

  /** Timers are slowed down in hidden tabs, so this only looks at clocks and never counts its own calls. */
  #watch(): void {
    const nowMs = this.nowMs();
    const silentMs = nowMs - this.#heardAtMs;
    this.#uplink.pump(nowMs);
    if (this.#health === "gone") return;
    if (this.isLineWanted && silentMs >= GONE_AFTER_MS) return this.#setHealth("gone");
    const isOverdue = this.#uplink.overdueMs(nowMs) > BUSY_AFTER_MS;
    const isAlive = silentMs < ALIVE_WITHIN_MS || this.#health === "busy";
    this.#setHealth(isOverdue && isAlive ? "busy" : "ok");
  }

  #setHealth(health: KernelHealth): void {
    if (health === this.#health) return;
    this.#health = health;
    if (health === "gone") {
      this.#isStarting = false;
      this.#uplink.discard("kernel");
    }
    this.listener.onHealth(health);
  }

  #tellDropped(): void {
    if (this.#uplink.droppedSampleCount === this.#toldDroppedSamples) return;
    this.#toldDroppedSamples = this.#uplink.droppedSampleCount;
    this.listener.onDropped(this.dropped);
  }
}
