/** In the audio thread: queued chunks become the device's quanta, and every sample that leaves is counted. */

import { PCM_RATE_HZ } from "../pcm";
import { Resampler } from "../resampler";
import { ChunkQueue, type PlaybackChunk, type Position } from "./chunk-queue";
import { LevelMeter } from "./levels";

const REPORT_PERIOD_S = 0.1;

type PlaybackCommand =
  | ({ type: "chunk" } & PlaybackChunk)
  | { type: "flush"; epoch: number; reply: number | null }
  | { type: "outlet"; port: MessagePort }
  | { type: "probe"; is_on: boolean }
  | { type: "stop" };

class PlaybackProcessor extends AudioWorkletProcessor {
  /** Who feeds this and hears of its progress: the node's own port, or one that is handed in later. */
  #outlet: MessagePort = this.port;
  #isAlive = true;
  #unreportedSamples = 0;
  #reportedReply = -1;
  #scratch = new Float32Array(512);
  readonly #resampler = new Resampler(PCM_RATE_HZ, sampleRate);
  readonly #meter = new LevelMeter((levels) => this.port.postMessage({ type: "levels", levels }));
  readonly #queue = new ChunkQueue(
    (position) => this.#report("playhead", position),
    this.#resampler.lookAheadSamples,
    () => Date.now(),
  );

  constructor() {
    super();
    this.port.onmessage = (event) => this.#receive(event.data as PlaybackCommand);
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const output = outputs[0]?.[0];
    if (!output || this.#queue.isSilent) return this.#isAlive;
    // A reply's first sample falls on a sample of the device, not between two.
    if (this.#queue.isDrained) this.#resampler.reset();
    const samples = this.#takeSamples(this.#resampler.neededSamples(output.length));
    this.#resampler.push(samples);
    this.#resampler.pull(output);
    this.#meter.push(samples);
    this.#reportProgress(output.length);
    return this.#isAlive;
  }

  #takeSamples(count: number): Float32Array {
    if (count > this.#scratch.length) this.#scratch = new Float32Array(2 * count);
    const samples = this.#scratch.subarray(0, count);
    this.#queue.take(samples);
    return samples;
  }

  /** Every 100 ms, and at once when another reply has begun. */
  #reportProgress(sampleCount: number): void {
    if (!this.#queue.isPlaying) return;
    this.#unreportedSamples += sampleCount;
    const isDue = this.#unreportedSamples >= REPORT_PERIOD_S * sampleRate;
    if (isDue || this.#queue.reply !== this.#reportedReply) this.#report("playhead", this.#queue.position());
  }

  #report(type: "playhead" | "flushed", position: Position): void {
    this.#unreportedSamples = 0;
    this.#reportedReply = position.reply;
    this.#outlet.postMessage({ type, position });
    for (const pcm of this.#queue.readProbe()) this.port.postMessage({ type: "probe", pcm });
  }

  #receive(command: PlaybackCommand): void {
    if (command.type === "chunk") this.#queue.add(command);
    else if (command.type === "flush")
      this.#report("flushed", this.#queue.flush(command.epoch, command.reply));
    else if (command.type === "probe") this.#queue.setProbe(command.is_on);
    else if (command.type === "stop") this.#isAlive = false;
    else if (command.type === "outlet") this.#useOutlet(command.port);
  }

  #useOutlet(port: MessagePort): void {
    this.#outlet = port;
    port.onmessage = (event) => this.#receive(event.data as PlaybackCommand);
  }
}

registerProcessor(`grok-live-playback-${__VERSION__}`, PlaybackProcessor);
