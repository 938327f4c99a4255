/** Grok's voice: chunks go to one long-lived worklet, which counts what leaves. */

import playbackSource from "worklet:playback";
import type { Playhead } from "./messages";
import { audioPage, loadWorklet, resume, useContext } from "./page";
import type { Scope } from "./scope";
import type { PlaybackChunk } from "./worklets/chunk-queue";
import type { Levels } from "./worklets/levels";

const WORKLET = `grok-live-playback-${__VERSION__}`;
/** A context that may play at once still reports "suspended" for a moment after it was made. */
const WAITING_AFTER_MS = 400;

export interface PlaybackListener {
  onPlayhead(playhead: Playhead): void;
  onFlushed(playhead: Playhead): void;
  onPlaybackLevels(levels: Levels): void;
  /** Sound is there and the browser wants a click first. */
  onSoundWaiting(isWaiting: boolean): void;
  onPlaybackFailed(reason: string): void;
}

type PlaybackCommand =
  | ({ type: "chunk" } & PlaybackChunk)
  | { type: "flush"; epoch: number; reply: number | null };

type PlaybackMessage =
  | { type: "playhead" | "flushed"; position: Playhead }
  | { type: "levels"; levels: Levels }
  | { type: "probe" };

export class Playback {
  #live: Scope | null = null;
  #context: AudioContext | null = null;
  #node: AudioWorkletNode | null = null;
  #waiting: PlaybackCommand[] = [];
  #hasSound = false;
  #isEnding = false;
  #isBroken = false;

  constructor(
    readonly scope: Scope,
    readonly listener: PlaybackListener,
  ) {}

  /** To be called in a click: from then on the browser lets sound out. */
  unlock(): void {
    this.#isBroken = false;
    this.#open();
    if (this.#context) resume(this.#context);
  }

  play(chunk: PlaybackChunk): void {
    if (this.#isBroken) return;
    this.#open();
    this.#hasSound ||= chunk.pcm.length > 0;
    this.#command({ type: "chunk", ...chunk });
    if (this.#context?.state !== "running") this.#live?.timeout(WAITING_AFTER_MS, () => this.#tellWaiting());
  }

  /** Answered by `onFlushed`, also when nothing was playing. */
  flush(session: number, epoch: number, reply: number | null): void {
    if (this.#live) return this.#command({ type: "flush", epoch, reply });
    this.listener.onFlushed(nothingPlayed(session, epoch, reply));
  }

  /** Let the sound that is here play to its end, then give the loudspeaker back. */
  end(): void {
    this.#isEnding = true;
    if (!this.#hasSound || this.#context?.state !== "running") this.release();
  }

  release(): void {
    this.#live?.dispose();
    this.#live = null;
    this.#waiting = [];
    this.#hasSound = false;
    this.listener.onSoundWaiting(false);
  }

  #open(): void {
    this.#isEnding = false;
    if (this.#live) return;
    const live = this.scope.child();
    this.#live = live;
    this.#connect(live).catch((error: Error) => {
      if (!live.isDisposed) this.#fail(error.message);
    });
  }

  async #connect(live: Scope): Promise<void> {
    const context = useContext(live);
    this.#context = context;
    live.add(() => {
      this.#node = this.#context = null;
    });
    live.listen(context, "statechange", () => this.#tellWaiting());
    await loadWorklet(context, WORKLET, playbackSource);
    if (live.isDisposed) return;
    this.#node = this.#wire(context, live);
    for (const command of this.#waiting.splice(0)) this.#command(command);
  }

  #wire(context: AudioContext, live: Scope): AudioWorkletNode {
    const node = new AudioWorkletNode(context, WORKLET, { numberOfInputs: 0, outputChannelCount: [1] });
    node.connect(context.destination);
    audioPage().playbacks.add(node);
    live.listenToPort(node.port, (message) => this.#receive(message as PlaybackMessage));
    live.listen(node, "processorerror", () => this.#fail("the browser's audio thread stopped"));
    live.add(() => {
      node.port.postMessage({ type: "stop" });
      node.disconnect();
      audioPage().playbacks.delete(node);
    });
    return node;
  }

  #command(command: PlaybackCommand): void {
    if (!this.#node) this.#waiting.push(command);
    else if (command.type === "chunk")
      this.#node.port.postMessage(command, [command.pcm.buffer as ArrayBuffer]);
    else this.#node.port.postMessage(command);
  }

  #receive(message: PlaybackMessage): void {
    if (message.type === "levels") return this.listener.onPlaybackLevels(message.levels);
    if (message.type === "probe") return;
    const { type, position } = message;
    this.#hasSound = position.buffered_sample_count > 0;
    if (type === "flushed") this.listener.onFlushed(position);
    else this.listener.onPlayhead(position);
    if (this.#isEnding && position.is_final && !this.#hasSound) this.release();
  }

  #tellWaiting(): void {
    this.listener.onSoundWaiting(this.#hasSound && this.#context?.state !== "running");
  }

  #fail(reason: string): void {
    this.#isBroken = true;
    this.release();
    this.listener.onPlaybackFailed(reason);
  }
}

function nothingPlayed(session: number, epoch: number, reply: number | null): Playhead {
  return {
    session,
    epoch,
    reply: reply ?? -1,
    sample_count: 0,
    is_final: true,
    first_sound_at_ms: null,
    buffered_sample_count: 0,
    underrun_count: 0,
    lost_sample_count: 0,
  };
}
