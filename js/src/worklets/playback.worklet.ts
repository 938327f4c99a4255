/** The playback processor: plays buffered chunks and counts every sample that leaves. Runs in the audio thread. */

import { PCM_RATE_HZ } from "../pcm";
import { Resampler } from "../resampler";
import { JitterBuffer, type PlaybackChunk, type Position } from "./jitter-buffer";
import { LevelMeter } from "./levels";

const REPORT_PERIOD_S = 0.1;

type PlaybackCommand =
  | ({ type: "chunk" } & PlaybackChunk)
  | { type: "flush"; epoch: number; reply: number | null }
  | { type: "complete" }
  | { type: "use_port"; port: MessagePort }
  /** The channel behind that port has ended. */
  | { type: "leave_port" }
  | { type: "probe" | "levels"; is_on: boolean }
  | { type: "stop" };

class PlaybackProcessor extends AudioWorkletProcessor {
  /** Where the progress is posted: the node's own port, or one passed later by a direct channel. */
  #outputPort: MessagePort = this.port;
  #isAlive = true;
  #unreportedSamples = 0;
  #reportedReply = -1;
  #chunkCount = 0;
  #scratch = new Float32Array(512);
  readonly #resampler = new Resampler(PCM_RATE_HZ, sampleRate);
  readonly #meter = new LevelMeter((levels) => this.port.postMessage({ type: "levels", levels }));
  readonly #buffer = new JitterBuffer(
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
    if (!output || this.#buffer.isSilent) return this.#isAlive;
    // Aligns a reply's first sample with a sample of the device.
    if (this.#buffer.isDrained) this.#resampler.reset();
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
    this.#buffer.take(samples);
    return samples;
  }

  /** Report every 100 ms, and at once when another reply has begun. */
  #reportProgress(sampleCount: number): void {
    if (!this.#buffer.isPlaying) return;
    this.#unreportedSamples += sampleCount;
    const isDue = this.#unreportedSamples >= REPORT_PERIOD_S * sampleRate;
    if (isDue || this.#buffer.reply !== this.#reportedReply)
      this.#report("playhead", this.#buffer.position());
  }

  #report(type: "playhead" | "flushed", position: Position): void {
    this.#unreportedSamples = 0;
    this.#reportedReply = position.reply;
    this.#outputPort.postMessage({ type, position, chunk_count: this.#chunkCount });
    for (const pcm of this.#buffer.readProbe()) this.port.postMessage({ type: "probe", pcm });
  }

  #receive(command: PlaybackCommand): void {
    switch (command.type) {
      case "chunk":
        this.#chunkCount += 1;
        return this.#buffer.add(command);
      case "complete":
        return this.#buffer.complete();
      case "flush":
        return this.#report("flushed", this.#buffer.flush(command.epoch, command.reply));
      case "levels":
        this.#meter.isOn = command.is_on;
        return;
      case "probe":
        return this.#buffer.setProbe(command.is_on);
      case "use_port":
        return this.#usePort(command.port);
      case "leave_port":
        return this.#buffer.setDirect(false);
      case "stop":
        this.#isAlive = false;
        return;
      default:
        command satisfies never;
    }
  }

  #usePort(port: MessagePort): void {
    this.#outputPort = port;
    port.onmessage = this.port.onmessage;
    this.#buffer.setDirect(true);
  }
}

registerProcessor(`grok-live-playback-${__VERSION__}`, PlaybackProcessor);
