/**
 * The page's main thread and the direct channel: tells the worker what the worklets and the talk need, and passes on what
 * it says. When the channel ends, its sound goes on through the comm.
 */

import type { ChannelListener, CommChannel } from "../channel";
import type { MicrophoneChunk, Playhead, ReportedMicrophone } from "../messages";
import type { Playback } from "../playback";
import type { Scope } from "../scope";
import type { DroppedSamples, QueuedEntry } from "../send-queue";
import type { SoundPath, SoundState } from "../sound-channel";
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
  onNode: ((node: AudioWorkletNode | null) => void) | null;
}

export interface DirectContext {
  page: string;
  invitation: Invitation;
  channel: Pick<CommChannel, "sound" | "soundState">;
  microphone: WorkletUser & { onGate(isOpen: boolean): void; readonly streamCount: number };
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
  readonly #comm: SoundPath;
  #session = 0;
  #epoch = 0;
  #isUsed = false;
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
      case "audio":
        this.#session = Math.max(this.#session, event.header.session);
        this.#epoch = Math.max(this.#epoch, event.header.epoch);
        return listener.onAudio(event.header, event.pcm, event.isJoin);
      case "flush":
        this.#epoch = Math.max(this.#epoch, event.epoch);
        if (!event.isDone) listener.onFlush(event.epoch, event.reply);
        return;
      case "playback_connected":
        return this.#tell({ type: "use_playback" });
      case "report":
        this.#isPassingOn = this.#isUsed;
        playback.onReport(event.report);
        this.#isPassingOn = false;
        return;
      case "gate":
        return microphone.onGate(event.is_open);
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
    const state = channel.soundState;
    [this.#session, this.#epoch] = [state.session, state.epoch];
    this.#tell({ type: "begin", state, entries: this.#comm.handOver() });
    channel.sound = this;
    // Those that are there keep their ports: what they have posted would be overtaken.
    playback.onNode = (node) => this.#connect("playback", node);
    microphone.onNode = (node) => this.#connect("capture", node);
  }

  #connect(type: "playback" | "capture", node: AudioWorkletNode | null): void {
    if (!node) return type === "playback" ? this.#tell({ type: "no_playback" }) : undefined;
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ type: "use_port", port: port2 }, [port2]);
    const stream = this.context.microphone.streamCount;
    this.#tell(type === "capture" ? { type, port: port1, stream } : { type, port: port1 }, [port1]);
  }

  /** The worklets' ports go through the worker until they are released. */
  #end(entries: QueuedEntry[]): void {
    if (!this.#isUsed) return this.worker.terminate();
    this.#isUsed = false;
    const { channel, microphone, playback } = this.context;
    playback.onNode = microphone.onNode = null;
    channel.sound = this.#comm;
    this.#comm.follow(channel.soundState);
    this.#comm.takeOver(entries);
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

  /** What the comm brings was sent before the kernel knew of this channel, which sends it again. */
  receive(): void {}

  follow(state: SoundState): void {
    if (state.session !== this.#session) [this.#session, this.#epoch] = [state.session, state.epoch];
    this.#epoch = Math.max(this.#epoch, state.epoch);
    this.#tell({ type: "follow", state });
  }

  beginEpoch(): number {
    this.#epoch += 1;
    this.#tell({ type: "begin_epoch" });
    return this.#epoch;
  }

  stop(): void {
    this.#tell({ type: "stop" });
  }

  allowStopped(): void {
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
