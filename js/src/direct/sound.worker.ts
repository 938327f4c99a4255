/**
 * The direct channel, in a worker: a WebSocket to the kernel, and ports to the worklets. Neither the page's main thread
 * nor Jupyter's server has a part in the sound.
 */

import type { AudioHeader, MicrophoneChunk, PageMessage } from "../messages";
import { readKernelMessage } from "../messages";
import type { PlaybackCommand, PlaybackReport } from "../playback";
import type { QueuedEntry } from "../send-queue";
import { SoundChannel, type SoundState } from "../sound-channel";
import { packFrame, unpackFrame } from "../sound-frames";
import type { DirectCommand, DirectEvent, Invitation } from "./protocol";

const PUMP_MS = 100;
/** A page that is blocked by a policy, or whose user is asked for permission, gets no event at all. */
const OPEN_WITHIN_MS = 3000;
/** The process of the connection closes with this code when the kernel has ended. */
const KERNEL_GONE = 4410;
/** More is never on its way to a kernel that reads. */
const MOST_UNSENT_BYTES = 1 << 20;

type CaptureMessage =
  | ({ type: "chunk" } & Omit<MicrophoneChunk, "stream">)
  | { type: "gate"; is_open: boolean }
  | { type: "port_used"; stream: number };
type Port = Pick<MessagePort, "postMessage" | "onmessage">;
type Socket = Pick<WebSocket, "send" | "close" | "bufferedAmount"> & {
  binaryType: BinaryType;
  onopen: (() => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
};

export class DirectWorker {
  readonly #sound: SoundChannel;
  #page = "";
  #socket: Socket | null = null;
  #isOpen = false;
  #hasBegun = false;
  #playback: Port | null = null;
  #capture: Port | null = null;
  /** What waits for the port of the playback worklet; null: there is no worklet, or it has a port. */
  #waiting: PlaybackCommand[] | null = null;
  /** Frames that came before the page's main thread has said how the talk stands. */
  #early: unknown[] = [];
  /** The newest stream of the microphone of which the page knows that it captures. */
  #capturedStream = 0;
  #overdueMs = 0;

  constructor(
    readonly post: (event: DirectEvent, transfer: Transferable[]) => void,
    readonly makeSocket: (url: string) => Socket,
    readonly nowMs: () => number,
  ) {
    this.#sound = new SoundChannel(
      (message, buffers) => this.#send(message, buffers),
      {
        onAudio: (header, pcm, isJoin) => this.#onAudio(header, pcm, isJoin),
        onFlush: (epoch, reply) => this.#onFlush(epoch, reply),
        onDropped: (dropped) => this.#tell({ type: "dropped", dropped }),
      },
      () => this.#tell({ type: "lost" }),
      nowMs,
    );
  }

  #tell(event: DirectEvent, transfer: Transferable[] = []): void {
    this.post(event, transfer);
  }

  receive(command: DirectCommand): void {
    const sound = this.#sound;
    switch (command.type) {
      case "open":
        this.#page = command.page;
        return this.#open(command.invitation);
      case "begin":
        return this.#begin(command.state, command.entries);
      case "follow":
        // While the connection opened, the page could not use what it was told of the microphone.
        this.#capturedStream = 0;
        return sound.follow(command.state);
      case "capture":
        return this.#useCapture(command.port, command.stream);
      case "await_playback":
        this.#playback = null;
        this.#waiting = [];
        return this.#tell({ type: "playback_awaited", node: command.node });
      case "playback":
        return this.#usePlayback(command.port);
      case "no_playback":
        this.#playback = this.#waiting = null;
        return;
      case "chunk":
        return sound.sendMicrophone(command.chunk);
      case "end_press":
        return sound.endPress(command.press);
      case "report_microphone":
        return sound.reportMicrophone(command.state);
      case "report_playhead":
        return sound.reportPlayhead(command.playhead);
      case "report_flushed":
        return sound.reportFlushed(command.playhead);
      case "stop":
        return sound.stop();
      case "allow_stopped":
        return sound.allowStopped();
      case "begin_epoch":
        sound.beginEpoch();
        return;
      case "discard":
        return sound.discard();
      default:
        command satisfies never;
    }
  }

  #begin(state: SoundState, entries: readonly QueuedEntry[]): void {
    this.#hasBegun = true;
    this.#sound.follow(state);
    this.#sound.takeOver(entries);
    for (const frame of this.#early.splice(0)) this.#receiveFrame(frame);
  }

  /** Called regularly. */
  pump(): void {
    if (!this.#hasBegun) return;
    this.#sound.pump();
    const { overdueMs } = this.#sound;
    if (overdueMs !== this.#overdueMs) this.#tell({ type: "overdue", overdueMs });
    this.#overdueMs = overdueMs;
  }

  // The socket.

  #open({ url, token, proof }: Invitation): void {
    const socket = this.makeSocket(url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(token);
    socket.onclose = ({ code }) => {
      this.close();
      if (code === KERNEL_GONE) this.#tell({ type: "kernel_gone" });
    };
    socket.onmessage = ({ data }) => {
      if (this.#hasBegun) return this.#receiveFrame(data);
      // The kernel uses the channel since it has shown the proof.
      if (this.#isOpen) return void this.#early.push(data);
      // Another program at this port does not know the proof, and is told nothing.
      if (data !== proof) return this.close();
      this.#isOpen = true;
      this.#tell({ type: "open" });
    };
  }

  /** Without a proof in time, too. */
  checkOpen(): void {
    if (!this.#isOpen) this.close();
  }

  close(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    this.#isOpen = this.#hasBegun = false;
    this.#early = [];
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
    for (const port of [this.#capture, this.#playback]) port?.postMessage({ type: "leave_port" });
    this.#tell({ type: "closed", entries: this.#sound.handOver() });
  }

  #receiveFrame(data: unknown): void {
    const frame = data instanceof ArrayBuffer ? unpackFrame(data) : null;
    const message = frame && readKernelMessage(frame.content);
    if (message?.type === "audio" || message?.type === "flush" || message?.type === "microphone_received")
      this.#sound.receive(message, frame?.pcm);
  }

  #send(message: PageMessage, [pcm]: ArrayBuffer[]): void {
    const socket = this.#socket;
    if (!socket) return;
    if (socket.bufferedAmount > MOST_UNSENT_BYTES) return this.close();
    const page = this.#page;
    const earlier = this.#sound.takeHeld().map((held) => ({ ...held, page }));
    socket.send(packFrame({ ...message, page, ...(earlier.length > 0 && { earlier }) }, pcm));
  }

  // The worklets.

  #useCapture(port: MessagePort, stream: number): void {
    this.#capture = port;
    if (!this.#hasBegun) port.postMessage({ type: "leave_port" });
    port.onmessage = ({ data }) => this.#onCapture(data as CaptureMessage, stream);
  }

  #onCapture(message: CaptureMessage, stream: number): void {
    if (message.type !== "chunk") return this.#tell(message);
    const { pcm, sample_index, captured_at_ms } = message;
    const chunk = { pcm, stream, sample_index, captured_at_ms };
    if (!this.#hasBegun) return this.#tell({ type: "chunk", chunk }, [pcm.buffer as ArrayBuffer]);
    this.#sound.sendMicrophone(chunk);
    // The last chunks of an earlier stream may come after the port of this one.
    if (stream > this.#capturedStream) this.#tell({ type: "captured" });
    this.#capturedStream = Math.max(this.#capturedStream, stream);
  }

  #onAudio(header: AudioHeader, pcm: Int16Array, isJoin: boolean): void {
    if (!this.#playback && !this.#waiting)
      return this.#tell({ type: "audio", header, pcm, isJoin }, [pcm.buffer as ArrayBuffer]);
    // Before the chunk, so that the page knows of it when the worklet reports it.
    this.#tell({ type: "audio", header, pcm: null, isJoin });
    const { session, epoch, reply, sample_offset, is_last } = header;
    const place = { session, epoch, reply, sample_offset, is_last, is_join: isJoin };
    this.#play({ type: "chunk", ...place, pcm }, [pcm.buffer as ArrayBuffer]);
  }

  #usePlayback(port: MessagePort): void {
    const waiting = this.#waiting ?? [];
    this.#playback = port;
    this.#waiting = null;
    port.onmessage = ({ data }) => this.#onReport(data as PlaybackReport);
    for (const command of waiting) this.#play(command);
    if (!this.#hasBegun) port.postMessage({ type: "leave_port" });
  }

  #play(command: PlaybackCommand, transfer: Transferable[] = []): void {
    if (this.#waiting) this.#waiting.push(command);
    else this.#playback?.postMessage(command, transfer);
  }

  #onFlush(epoch: number, reply: number | null): void {
    const isDone = this.#playback !== null || this.#waiting !== null;
    this.#play({ type: "flush", epoch, reply });
    this.#tell({ type: "flush", epoch, reply, isDone });
  }

  #onReport(report: PlaybackReport): void {
    if (this.#hasBegun) {
      if (report.type === "flushed") this.#sound.reportFlushed(report.position);
      else this.#sound.reportPlayhead(report.position);
    }
    this.#tell({ type: "report", report });
  }
}

/** The part of DedicatedWorkerGlobalScope that is used; its library cannot be combined with that of pages. */
interface WorkerScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: { data: unknown }) => void) | null;
}

/** Tests make their own. */
export function beginWorker(scope: WorkerScope): void {
  const worker = new DirectWorker(
    (event, transfer) => scope.postMessage(event, transfer),
    (url) => new WebSocket(url) as unknown as Socket,
    () => performance.now(),
  );
  scope.onmessage = ({ data }) => {
    worker.receive(data as DirectCommand);
    if ((data as DirectCommand).type === "open") setTimeout(() => worker.checkOpen(), OPEN_WITHIN_MS);
  };
  setInterval(() => worker.pump(), PUMP_MS);
}
