/** Playback of replies: chunks go to one long-lived worklet, which counts the samples that leave it. */

import workletSource from "worklet:audio";
import type { Playhead } from "./messages";
import { audioPage, followVisibility, loadWorklet, resume, useContext } from "./page";
import type { Scope } from "./scope";
import { text } from "./texts";
import type { PlaybackChunk } from "./worklets/jitter-buffer";
import type { Levels } from "./worklets/levels";

const WORKLET = `grok-live-playback-${__VERSION__}`;
/** The time constant of a change of volume, which would be a click without it. */
const VOLUME_RAMP_S = 0.01;
/** A context that is allowed to play still reports "suspended" for a moment after it was created. */
const WAITING_AFTER_MS = 400;
/** A flush is answered before its fade of 5 ms, and the 3 ms that the resampler holds, have left the worklet. */
const FADED_AFTER_MS = 100;

export interface PlaybackListener {
  onPlayhead(playhead: Playhead): void;
  onFlushed(playhead: Playhead): void;
  onPlaybackLevels(levels: Levels): void;
  /** A reply has begun to be played, pauses included, or the last sample of the last one has left the worklet. */
  onSounding(isSounding: boolean): void;
  /** There is sound to play, and the browser requires a click first. */
  onSoundWaiting(isWaiting: boolean): void;
  onPlaybackFailed(reason: string): void;
}

export type PlaybackCommand =
  | ({ type: "chunk" } & PlaybackChunk)
  | { type: "flush"; epoch: number; reply: number | null }
  | { type: "complete" };

/** `chunk_count`: how many chunks the worklet has received. */
export type PlaybackReport = { type: "playhead" | "flushed"; position: Playhead; chunk_count: number };
type PlaybackMessage = PlaybackReport | { type: "levels"; levels: Levels } | { type: "probe" };

export class Playback {
  #active: Scope | null = null;
  #context: AudioContext | null = null;
  node: AudioWorkletNode | null = null;
  #gain: GainNode | null = null;
  #volume = 1;
  #waiting: PlaybackCommand[] = [];
  #hasBufferedSound = false;
  /** How many chunks were sent to the worklet; what it reports before it has received all of them is not its newest. */
  #chunkCount = 0;
  /** The last position of a reply that is not over. */
  #position: Playhead | null = null;
  #isSounding = false;
  #isEnding = false;
  #hasFailed = false;
  /** Called with a new worklet node, and with null when it is released. */
  onNode: ((node: AudioWorkletNode | null) => void) | null = null;

  constructor(
    readonly scope: Scope,
    readonly listener: PlaybackListener,
  ) {}

  /** Call this in a click handler: from then on the browser allows playback. */
  unlock(): void {
    this.#hasFailed = false;
    this.#open();
    if (this.#context) resume(this.#context);
  }

  /** A factor of the samples. */
  setVolume(volume: number): void {
    this.#volume = volume;
    if (this.#gain) this.#gain.gain.setTargetAtTime(volume, this.#gain.context.currentTime, VOLUME_RAMP_S);
  }

  /** `pcm` is null if another port brings the chunk to the worklet. */
  play({ pcm, ...place }: Omit<PlaybackChunk, "pcm"> & { pcm: Int16Array | null }): void {
    if (this.#hasFailed) return;
    this.#open();
    this.#hasBufferedSound ||= pcm?.length !== 0 || place.is_last;
    this.#chunkCount += 1;
    this.#reportSounding();
    if (pcm) this.#command({ type: "chunk", ...place, pcm });
    if (this.#context?.state !== "running")
      this.#active?.timeout(WAITING_AFTER_MS, () => this.#reportWaiting());
  }

  /** Answered by `onFlushed`, also when nothing was playing. */
  flush(session: number, epoch: number, reply: number | null): void {
    if (this.#context?.state === "running") return this.#command({ type: "flush", epoch, reply });
    // The worklet of a context that is not running does not answer, and nothing of the sound was heard since.
    if (this.#isSounding) this.release();
    this.listener.onFlushed(nothingPlayed(session, epoch, reply));
  }

  /**
   * Play the sound of the last reply to its end, after the click that the browser may want, then release the audio
   * output. `isComplete`: no more of it will be received.
   */
  end(isComplete = false): void {
    this.#isEnding = true;
    if (!this.#hasBufferedSound) this.#releaseAtEnd();
    else if (isComplete) this.#command({ type: "complete" });
  }

  release(): void {
    this.#active?.dispose();
    this.#active = null;
    this.#waiting = [];
    this.#hasBufferedSound = false;
    this.#chunkCount = 0;
    this.#position = null;
    this.#reportSounding();
    this.listener.onSoundWaiting(false);
  }

  #open(): void {
    this.#isEnding = false;
    if (this.#active) return;
    const active = this.scope.child();
    this.#active = active;
    this.#connect(active).catch((error: Error) => {
      if (!active.isDisposed) this.#fail(error.message);
    });
  }

  async #connect(active: Scope): Promise<void> {
    const context = useContext(active);
    this.#context = context;
    active.add(() => {
      this.node = this.#gain = this.#context = null;
    });
    active.listen(context, "statechange", () => {
      this.#reportPaused();
      this.#reportWaiting();
    });
    await loadWorklet(context, `grok-live-${__VERSION__}`, workletSource);
    if (active.isDisposed) return;
    this.node = this.#createNode(context, active);
    for (const command of this.#waiting.splice(0)) this.#command(command);
  }

  #createNode(context: AudioContext, active: Scope): AudioWorkletNode {
    const node = new AudioWorkletNode(context, WORKLET, { numberOfInputs: 0, outputChannelCount: [1] });
    const gain = context.createGain();
    gain.gain.value = this.#volume;
    node.connect(gain).connect(context.destination);
    this.#gain = gain;
    audioPage().playbacks.add(node);
    active.listenToPort(node.port, (message) => this.#receive(message as PlaybackMessage));
    active.listen(node, "processorerror", () => this.#fail(text("audio_thread_stopped")));
    followVisibility(active, node);
    this.onNode?.(node);
    active.add(() => {
      this.onNode?.(null);
      node.port.postMessage({ type: "stop" });
      node.disconnect();
      gain.disconnect();
      audioPage().playbacks.delete(node);
    });
    return node;
  }

  #command(command: PlaybackCommand): void {
    if (!this.node) this.#waiting.push(command);
    else if (command.type === "chunk")
      this.node.port.postMessage(command, [command.pcm.buffer as ArrayBuffer]);
    else this.node.port.postMessage(command);
  }

  #receive(message: PlaybackMessage): void {
    if (message.type === "levels") return this.listener.onPlaybackLevels(message.levels);
    if (message.type !== "probe") this.onReport(message);
  }

  onReport({ type, position, chunk_count }: PlaybackReport): void {
    this.#position = position.is_final ? null : position;
    this.#hasBufferedSound = position.buffered_sample_count > 0 || chunk_count < this.#chunkCount;
    this.#reportSounding();
    if (type === "flushed") this.listener.onFlushed(position);
    else this.#reportPlayhead(position);
    if (position.is_final) this.#releaseAtEnd();
  }

  #releaseAtEnd(): void {
    this.#active?.timeout(FADED_AFTER_MS, () => {
      if (this.#isEnding && !this.#hasBufferedSound) this.release();
    });
  }

  /**
   * The kernel is told of a pause; otherwise it takes the missing reports for messages that a running cell holds up.
   * A report that the worklet sent before the pause may arrive after it.
   */
  #reportPlayhead(position: Playhead): void {
    const isPaused = this.#context?.state !== "running" && !position.is_final;
    this.listener.onPlayhead(isPaused ? { ...position, is_paused: true } : position);
  }

  #reportPaused(): void {
    if (this.#context?.state !== "running" && this.#position) this.#reportPlayhead(this.#position);
  }

  #reportSounding(): void {
    const isSounding = this.#hasBufferedSound || this.#position !== null;
    if (isSounding === this.#isSounding) return;
    this.#isSounding = isSounding;
    this.listener.onSounding(isSounding);
  }

  #reportWaiting(): void {
    this.listener.onSoundWaiting(this.#hasBufferedSound && this.#context?.state !== "running");
  }

  #fail(reason: string): void {
    this.#hasFailed = true;
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
