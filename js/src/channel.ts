/**
 * The comm channel: all messages between page and kernel, sent as the widget's custom messages (docs/channel.md).
 * It tracks the session, epoch, phase and owner, counts acknowledgements, and monitors whether the kernel is alive.
 */

import { Downloads } from "./downloads";
import type { DrawerComm } from "./drawer-comm";
import {
  type AudioHeader,
  type KernelFields,
  type KernelMessage,
  type Note,
  type PageMessage,
  readKernelMessage,
  type SoundUse,
  type TalkState,
  type ToolCall,
  type Turn,
} from "./messages";
import { type BinaryBuffer, readPcm } from "./pcm";
import type { Scope } from "./scope";
import {
  SoundChannel,
  type SoundListener,
  type SoundMessage,
  type SoundPath,
  type SoundState,
} from "./sound-channel";
import { type OnTextAnswer, TypedTexts } from "./typed-texts";

const WATCH_PERIOD_MS = 500;
const BUSY_AFTER_MS = 1000;
/** A message received this recently means that the kernel process is alive. */
const ALIVE_WITHIN_MS = 3000;
const GONE_AFTER_MS = 15_000;
const UNANSWERED_AFTER_MS = 3000;
const HEARTBEATS_PER_ALIVE = 5;
const RESYNCHRONISE_PERIOD_MS = 2000;
/** The message types that set what the panel shows; a heartbeat carries how many of them the kernel has sent. */
const COUNTED_TYPES: ReadonlySet<string> = new Set(["state", "owner", "turn", "tool", "note"]);

/**
 * ok: the kernel answers. busy: it sends heartbeats but reads no messages (a cell is running). held: it sends nothing, and
 * the sound goes on through the direct channel, which ends with the kernel and acknowledges the microphone meanwhile.
 * unanswered: it has sent nothing since a text was sent to it. gone: it sends nothing, or messages to it cannot be sent.
 */
export type KernelHealth = "ok" | "busy" | "held" | "unanswered" | "gone";

/** The part of the widget's comm that the channel uses. */
export interface Comm {
  send(content: object, buffers: ArrayBuffer[]): void;
  listen(listener: (content: unknown, buffers: BinaryBuffer[]) => void): () => void;
  /** The host reports that nothing sent here reaches the kernel any more. */
  readonly isLost: boolean;
}

/** Receives the channel's events. */
export interface ChannelListener extends SoundListener {
  /** `pcm` is null if it is on its way to the playback worklet. */
  onAudio(header: AudioHeader, pcm: Int16Array | null, isJoin: boolean): void;
  onState(state: TalkState): void;
  onSnapshot(turns: Turn[], notes: Note[], calls: ToolCall[]): void;
  onOwner(isOwner: boolean): void;
  onTurn(turn: Turn): void;
  onToolCall(call: ToolCall): void;
  onNote(note: Note): void;
  onMicrophoneWanted(isWanted: boolean): void;
  onHealth(health: KernelHealth): void;
  /** How long the session can still last; null if that is unknown or more than five minutes away. */
  onTimeLeft(seconds: number | null): void;
  readonly drawers: Pick<DrawerComm, "receiveBundle" | "receiveMessage">;
  /** The server has detected the beginning of the user's speech, or its end. */
  onSpeech(isActive: boolean): void;
  /** The kernel asks for a hello, or one of its messages was lost. */
  onSnapshotWanted(): void;
  /** The kernel has a direct channel. */
  onInvitation(invitation: KernelFields<"invitation">): void;
}

export class CommChannel {
  /** What carries the sound at present. */
  sound: SoundPath;
  readonly #downloads: Downloads;
  readonly #texts = new TypedTexts((id, text) => this.send({ type: "text", id, text }));
  #state: TalkState | null = null;
  #isStarting = false;
  #health: KernelHealth = "ok";
  #receivedAtMs: number;
  #hasSentSinceAlive = false;
  #heartbeatCount = 0;
  /** How many messages of `COUNTED_TYPES` the kernel has sent; null until the first snapshot. */
  #messageCount: number | null = null;
  #resynchronisedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly page: string,
    readonly comm: Comm,
    readonly listener: ChannelListener,
    scope: Scope,
    readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#receivedAtMs = nowMs();
    this.#downloads = new Downloads(scope);
    this.sound = new SoundChannel(
      (message, buffers) => this.send(message, buffers),
      listener,
      () => this.#resynchronise(),
      nowMs,
    );
    scope.add(comm.listen((content, buffers) => this.#receive(content, buffers)));
    scope.interval(WATCH_PERIOD_MS, () => this.#watch());
  }

  get soundState(): SoundState {
    const { session = 0, epoch = 0, phase = "closed" } = this.#state ?? {};
    return { session, epoch, phase, isOwner: this.isOwner };
  }

  get isOwner(): boolean {
    return this.#state?.owner === this.page;
  }

  /** The connection to the server is open or opening, or this page has just asked for it. */
  get isConnectionWanted(): boolean {
    const phase = this.#state?.phase;
    return this.#isStarting || phase === "opening" || phase === "open";
  }

  send(message: PageMessage, buffers: ArrayBuffer[] = []): void {
    this.#hasSentSinceAlive = true;
    const { page } = this;
    const earlier = this.sound.takeHeld().map((held) => ({ ...held, page }));
    try {
      this.comm.send({ ...message, page, ...(earlier.length > 0 && { earlier }) }, buffers);
    } catch {
      // JupyterLab throws "Cannot send" and "Kernel is dead" here if the kernel is gone.
      this.#isStarting = false;
      this.#setHealth("gone");
    }
  }

  /** Send a typed text; `onAnswer` learns whether the kernel has sent it to the server. */
  sendText(text: string, onAnswer: OnTextAnswer): void {
    this.#texts.add(text, onAnswer, this.nowMs());
  }

  start(withMicrophone: boolean): void {
    this.#isStarting = true;
    this.#receivedAtMs = this.nowMs();
    this.send({ type: "start", with_microphone: withMicrophone });
  }

  stop(): void {
    this.#isStarting = false;
    this.sound.stop();
    this.send({ type: "stop" });
  }

  /** Announce a flush by this page: from now on only sound of a later epoch is played. */
  interrupt(type: "interrupt" | "stop_replay" = "interrupt"): void {
    this.send({ type, epoch: this.sound.beginEpoch() });
  }

  /** Ask for the replies that no page has played, also those of the session that this page has stopped. */
  play(): void {
    this.sound.allowStopped();
    this.send({ type: "play" });
  }

  /** Ask for the sound of a turn, or of a time on, also after this page has stopped its session. */
  requestSound(type: SoundUse, of: string | number): void {
    this.sound.allowStopped();
    this.send(type === "replay_from" ? { type, at_s: Number(of) } : { type, turn_id: of });
  }

  #receive(content: unknown, buffers: BinaryBuffer[]): void {
    const message = readKernelMessage(content);
    if (message === null) return;
    this.#receivedAtMs = this.nowMs();
    if (!this.#isReachable) this.#onKernelBack(message.type);
    if (this.#messageCount !== null && COUNTED_TYPES.has(message.type)) this.#messageCount += 1;
    // The comm is shared by all pages of the kernel.
    if (!("page" in message) || message.page === this.page) this.#dispatch(message, buffers);
  }

  #dispatch(message: KernelMessage, buffers: BinaryBuffer[]): void {
    switch (message.type) {
      case "snapshot":
        return this.#onSnapshot(message);
      case "state":
        return this.#onState(message);
      case "owner":
        return this.#onOwner(message.owner);
      case "turn":
        return this.listener.onTurn(message.turn);
      case "tool":
        return this.listener.onToolCall(message.call);
      case "note":
        return this.listener.onNote(message.note);
      case "audio":
      case "flush":
      case "microphone_received":
        return this.#onSound(message, buffers[0]);
      case "heartbeat":
        return this.#onHeartbeat(message);
      case "text_answer":
        return this.#texts.answer(message.id, message.is_sent);
      case "sound":
        return this.#downloads.add(message, buffers[0]);
      case "ping":
        return this.#onPing(message.id, buffers);
      case "bundle":
        return this.listener.drawers.receiveBundle(message, new TextDecoder().decode(buffers[0]));
      case "microphone_wanted":
        return this.listener.onMicrophoneWanted(message.wanted);
      case "drawer":
        return this.listener.drawers.receiveMessage(message.name, message.content);
      case "speech":
        return this.listener.onSpeech(message.is_active);
      case "snapshot_wanted":
        return this.listener.onSnapshotWanted();
      case "invitation":
        return this.listener.onInvitation(message);
      default:
        message satisfies never;
    }
  }

  #onPing(id: string | number, buffers: BinaryBuffer[]): void {
    const copies = buffers.map((buffer) => readPcm(buffer).buffer as ArrayBuffer);
    this.send({ type: "pong", id, clock_ms: Date.now() }, copies);
  }

  #onSnapshot(message: Extract<KernelMessage, { type: "snapshot" }>): void {
    const { turns, notes, tools, told_count, ...state } = message;
    this.#messageCount = told_count;
    this.#onState(state);
    this.listener.onSnapshot(turns, notes, tools);
  }

  #onState(state: TalkState): void {
    const wasOwner = this.isOwner;
    if (state.phase !== "closed") this.#isStarting = false;
    this.#state = state;
    this.sound.follow(this.soundState);
    this.listener.onState(state);
    if (wasOwner !== this.isOwner) this.listener.onOwner(this.isOwner);
  }

  #onOwner(owner: string | null): void {
    if (this.#state) this.#onState({ ...this.#state, owner });
  }

  #onSound(message: SoundMessage, buffer: BinaryBuffer | undefined): void {
    this.sound.receive(message, buffer && readPcm(buffer));
    if (message.type === "microphone_received") this.#watch();
  }

  #onHeartbeat({ session, ends_in_s, told_count }: KernelFields<"heartbeat">): void {
    this.listener.onTimeLeft(ends_in_s);
    const isMissing = this.#messageCount !== null && told_count !== null && told_count !== this.#messageCount;
    if (session > this.sound.session || isMissing) this.#resynchronise();
    this.#heartbeatCount += 1;
    if (this.#heartbeatCount % HEARTBEATS_PER_ALIVE !== 0) return;
    if (!this.#hasSentSinceAlive) this.send({ type: "alive", clock_ms: Date.now() });
    this.#hasSentSinceAlive = false;
  }

  /** Jupyter drops messages of every type when output floods, so a turn or a state may be lost together with sound. */
  #resynchronise(): void {
    if (this.nowMs() - this.#resynchronisedAtMs < RESYNCHRONISE_PERIOD_MS) return;
    this.#resynchronisedAtMs = this.nowMs();
    this.listener.onSnapshotWanted();
  }

  /** Compares clocks instead of counting calls, because browsers throttle timers in hidden tabs. */
  #watch(): void {
    const nowMs = this.nowMs();
    const silentMs = nowMs - this.#receivedAtMs;
    this.sound.pump();
    if (this.comm.isLost) return this.#setHealth("gone");
    if (!this.#isReachable) return;
    const isOverdue = this.sound.overdueMs > BUSY_AFTER_MS;
    if (this.sound.isDirect && !isOverdue && this.isConnectionWanted && silentMs >= ALIVE_WITHIN_MS) {
      this.#texts.repeat(nowMs);
      return this.#setHealth("held");
    }
    if (this.isConnectionWanted && silentMs >= GONE_AFTER_MS) return this.#setHealth("gone");
    if (Math.min(this.#texts.waitedMs(nowMs), silentMs) >= UNANSWERED_AFTER_MS)
      return this.#setHealth("unanswered");
    this.#texts.repeat(nowMs);
    const isAlive = silentMs < ALIVE_WITHIN_MS || this.#health === "busy";
    this.#setHealth(isOverdue && isAlive ? "busy" : "ok");
  }

  /** The kernel has ended. */
  lose(): void {
    this.#setHealth("gone");
  }

  #setHealth(health: KernelHealth): void {
    if (health === this.#health) return;
    this.#health = health;
    if (health === "gone") {
      this.#isStarting = false;
      this.sound.discard();
    }
    if (!this.#isReachable) this.#texts.giveBack();
    this.listener.onHealth(health);
  }

  get #isReachable(): boolean {
    return this.#health !== "gone" && this.#health !== "unanswered";
  }

  /** What the kernel sent meanwhile may be missing, so the page asks for all of it. */
  #onKernelBack(type: KernelMessage["type"]): void {
    this.#setHealth("ok");
    if (type !== "snapshot") this.#resynchronise();
  }
}
