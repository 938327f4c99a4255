/**
 * The page's main thread and the direct channel: tells the worker what the worklets and the talk need, and passes on what
 * it says. When the channel ends, its sound goes on through the comm.
 */

import type { ChannelListener, CommChannel } from "../channel";
import type { AudioHeader, MicrophoneChunk, Playhead, ReportedMicrophone } from "../messages";
import type { Playback } from "../playback";
import type { Scope } from "../scope";
import type { DroppedSamples, QueuedEntry } from "../send-queue";
import type { SoundMessage, SoundPath, SoundState } from "../sound-channel";
import type { DirectCommand, DirectEvent, Invitation } from "./protocol";

/** The part of a worker that is used. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** A microphone or a playback, whose worklet may use another port than its own. */
interface WorkletUser {
  readonly node: AudioWorkletNode | null;
  onNode: ((node: AudioWorkletNode | null) => void) | null;
}

export interface DirectContext {
  page: string;
  invitation: Invitation;
  channel: Pick<CommChannel, "sound" | "soundState" | "lose">;
  microphone: WorkletUser & {
    readonly streamCount: number;
    onPortUsed: ((stream: number) => void) | null;
    onGate(isOpen: boolean): void;
  };
  playback: WorkletUser & Pick<Playback, "onReport">;
  listener: Pick<ChannelListener, "onAudio" | "onFlush" | "onDropped" | "onSnapshotWanted"> & {
    onChunk(chunk: MicrophoneChunk): void;
  };
  scope: Scope;
  /** The channel was open, and is no more, so that another one may be opened. */
  onEnd(): void;
}

const EMPTY = new Int16Array(0);

export class DirectSound implements SoundPath {
  readonly isDirect = true;
  readonly #comm: SoundPath;
  #session = 0;
  #epoch = 0;
  #endedSession = -1;
  /** The newest message about audio. */
  #seq = -1;
  /** What the comm has brought and this channel has not, for when it ends. */
  #early: [SoundMessage, Int16Array | undefined][] = [];
  #isUsed = false;
  /** The playback worklet, and how many there were. */
  #node: AudioWorkletNode | null = null;
  #nodeCount = 0;
  /** That of the newest capture worklet, until it uses the other end. */
  #capturePort: MessagePort | null = null;
  #droppedBefore: DroppedSamples;
  #dropped: DroppedSamples = { kernel: 0, connection: 0 };
  #overdueMs = 0;
  /** What the worklet reports through the worker is told to the kernel by the worker. */
  #isPassingOn = false;

  constructor(
    readonly context: DirectContext,
    readonly worker: WorkerLike,
  ) {
    this.#comm = context.channel.sound;
    this.#droppedBefore = this.#comm.dropped;
    worker.onmessage = ({ data }) => this.#receive(data as DirectEvent);
    // A policy may forbid workers; the sound then stays where it is.
    worker.onerror = () => worker.terminate();
    const { page, invitation, scope } = context;
    scope.add(() => worker.terminate());
    const url = resolvedUrl(invitation.url);
    if (url) this.#tell({ type: "open", page, invitation: { ...invitation, url } });
  }

  #tell(command: DirectCommand, transfer: Transferable[] = []): void {
    this.worker.postMessage(command, transfer);
  }

  #receive(event: DirectEvent): void {
    const { listener, microphone, playback } = this.context;
    switch (event.type) {
      case "open":
        return this.#begin();
      case "closed":
        return this.#end(event.entries);
      case "kernel_gone":
        // Jupyter notices it up to three seconds later.
        return this.context.channel.lose();
      case "audio":
        return this.#onAudio(event.header, event.pcm, event.isJoin);
      case "flush":
        return this.#onFlush(event);
      case "playback_awaited":
        return this.#connectPlayback(event.node);
      case "report":
        this.#isPassingOn = this.#isUsed;
        playback.onReport(event.report);
        this.#isPassingOn = false;
        return;
      case "gate":
        return microphone.onGate(event.is_open);
      case "port_used":
        return microphone.onPortUsed?.(event.stream);
      case "captured":
        return listener.onChunk({ pcm: EMPTY, stream: 0, sample_index: 0, captured_at_ms: 0 });
      case "chunk":
        return listener.onChunk(event.chunk);
      case "dropped":
        this.#dropped = event.dropped;
        return listener.onDropped(this.dropped);
      case "overdue":
        this.#overdueMs = event.overdueMs;
        return;
      case "lost":
        return listener.onSnapshotWanted();
      default:
        event satisfies never;
    }
  }

  #begin(): void {
    const { channel, microphone, playback } = this.context;
    this.#isUsed = true;
    const state = stateAfter(this.#comm, channel.soundState);
    [this.#session, this.#epoch] = [state.session, state.epoch];
    this.#tell({ type: "begin", state, entries: this.#comm.handOver() });
    channel.sound = this;
    playback.onNode = (node) => this.#followPlayback(node);
    microphone.onNode = (node) => this.#followCapture(node);
    microphone.onPortUsed = (stream) => this.#connectCapture(stream);
    if (playback.node) this.#followPlayback(playback.node);
    this.#followCapture(microphone.node);
  }

  /** The worker has its end of the port when all that the worklet has posted before is here. */
  #followCapture(node: AudioWorkletNode | null): void {
    this.#capturePort = null;
    if (node) this.#capturePort = newPort(node, this.context.microphone.streamCount);
  }

  #connectCapture(stream: number): void {
    const port = this.#capturePort;
    if (!port || stream !== this.context.microphone.streamCount) return;
    this.#capturePort = null;
    this.#tell({ type: "capture", port, stream }, [port]);
  }

  /** The worklet gets its port after all that was sent to the node: between two ports no order is guaranteed. */
  #followPlayback(node: AudioWorkletNode | null): void {
    this.#node = node;
    if (!node) return this.#tell({ type: "no_playback" });
    this.#nodeCount += 1;
    this.#tell({ type: "await_playback", node: this.#nodeCount });
  }

  #connectPlayback(number: number): void {
    if (!this.#node || number !== this.#nodeCount) return;
    const port = newPort(this.#node, 0);
    this.#tell({ type: "playback", port }, [port]);
  }

  #onAudio(header: AudioHeader, pcm: Int16Array | null, isJoin: boolean): void {
    const { session, epoch } = header;
    // The worker may have sent it before it learned of a stop or a flush.
    if (session < this.#session || session <= this.#endedSession) return;
    if (session > this.#session) this.#session = session;
    else if (epoch < this.#epoch) return;
    [this.#seq, this.#epoch] = [header.seq, epoch];
    this.#early = this.#early.filter(([message]) => this.#isNews(message));
    this.context.listener.onAudio(header, pcm, isJoin);
  }

  #onFlush({ epoch, reply, isDone }: Extract<DirectEvent, { type: "flush" }>): void {
    this.#epoch = Math.max(this.#epoch, epoch);
    // A worklet whose context is not running does not answer.
    if (!isDone || this.#node?.context.state !== "running") this.context.listener.onFlush(epoch, reply);
  }

  /** The worklets' ports go through the worker until they are released. */
  #end(entries: QueuedEntry[]): void {
    if (!this.#isUsed) return this.worker.terminate();
    this.#isUsed = false;
    const { channel, microphone, playback } = this.context;
    playback.onNode = microphone.onNode = null;
    channel.sound = this.#comm;
    this.#comm.follow(stateAfter(this, channel.soundState));
    this.#comm.takeOver(entries);
    for (const [message, pcm] of this.#early.splice(0)) this.#comm.receive(message, pcm);
    this.context.onEnd();
  }

  // What the talk wants of the sound.

  get session(): number {
    return this.#session;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get dropped(): DroppedSamples {
    return {
      kernel: this.#droppedBefore.kernel + this.#dropped.kernel,
      connection: this.#droppedBefore.connection + this.#dropped.connection,
    };
  }

  get overdueMs(): number {
    return this.#overdueMs;
  }

  takeHeld(): [] {
    return [];
  }

  pump(): void {}

  /**
   * What the comm brings was sent before the kernel used this channel, on which it is sent again; or the kernel knows
   * before this page that the channel has ended.
   */
  receive(message: SoundMessage, pcm?: Int16Array): void {
    if (this.#isNews(message)) this.#early.push([message, pcm]);
  }

  #isNews(message: SoundMessage): boolean {
    if (message.type === "microphone_received") return false;
    if (message.session !== this.#session) return message.session > this.#session;
    return message.type === "audio" ? message.seq > this.#seq : message.epoch > this.#epoch;
  }

  follow(state: SoundState): void {
    if (state.session !== this.#session)
      [this.#session, this.#seq, this.#epoch] = [state.session, -1, state.epoch];
    this.#epoch = Math.max(this.#epoch, state.epoch);
    this.#tell({ type: "follow", state });
  }

  beginEpoch(): number {
    this.#epoch += 1;
    this.#tell({ type: "begin_epoch" });
    return this.#epoch;
  }

  stop(): void {
    this.#endedSession = this.#session;
    this.#tell({ type: "stop" });
  }

  allowStopped(): void {
    this.#endedSession = -1;
    this.#tell({ type: "allow_stopped" });
  }

  discard(): void {
    this.#tell({ type: "discard" });
  }

  sendMicrophone(chunk: MicrophoneChunk): void {
    if (chunk.pcm.length > 0) this.#tell({ type: "chunk", chunk }, [chunk.pcm.buffer as ArrayBuffer]);
  }

  endPress(press: "commit" | "discard"): void {
    this.#tell({ type: "end_press", press });
  }

  reportMicrophone(state: ReportedMicrophone): void {
    this.#tell({ type: "report_microphone", state });
  }

  reportPlayhead(playhead: Playhead): void {
    if (!this.#isPassingOn || playhead.is_paused) this.#tell({ type: "report_playhead", playhead });
  }

  reportFlushed(playhead: Playhead): void {
    if (!this.#isPassingOn) this.#tell({ type: "report_flushed", playhead });
  }

  handOver(): [] {
    return [];
  }

  takeOver(): void {}
}

/** What holds, where a path has followed a flush of which the kernel's state does not tell yet. */
function stateAfter({ session, epoch }: SoundPath, state: SoundState): SoundState {
  return session === state.session ? { ...state, epoch: Math.max(epoch, state.epoch) } : state;
}

/** A port of the worklet of this node, which uses it from the message on that brings the other end. */
function newPort(node: AudioWorkletNode, stream: number): MessagePort {
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage({ type: "use_port", port: port2, stream }, [port2]);
  return port1;
}

/** An address below the notebook server's, where the page knows that; another one as it is. */
function resolvedUrl(url: string): string | null {
  if (url.startsWith("ws:")) return url;
  try {
    const config = document.getElementById("jupyter-config-data")?.textContent ?? "";
    const { baseUrl } = JSON.parse(config) as { baseUrl?: unknown };
    const base = typeof baseUrl === "string" ? new URL(baseUrl, location.href).href : "";
    return base && new URL(url, base.replace(/^http/, "ws")).href;
  } catch {
    // Another front end than Jupyter's.
    return null;
  }
}
