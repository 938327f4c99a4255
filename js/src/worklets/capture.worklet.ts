/** In the audio thread: the microphone's quanta become chunks on a port. */

import { ChunkCutter } from "./chunk-cutter";
import { LevelMeter } from "./levels";

type CaptureCommand =
  | { type: "gate"; is_open: boolean }
  | { type: "outlet"; port: MessagePort }
  | { type: "stop" };

class CaptureProcessor extends AudioWorkletProcessor {
  /** Where chunks go: the node's own port, or one that is handed in later (a lane that bypasses the page). */
  #outlet: MessagePort = this.port;
  #isAlive = true;
  readonly #meter = new LevelMeter((levels) => this.port.postMessage({ type: "levels", levels }));
  readonly #cutter: ChunkCutter;

  constructor(options?: { processorOptions?: { is_gate_open?: boolean } }) {
    super();
    this.#cutter = new ChunkCutter(
      sampleRate,
      options?.processorOptions?.is_gate_open ?? true,
      (pcm, sampleIndex) => this.#post(pcm, sampleIndex),
      (samples) => this.#meter.push(samples),
    );
    this.port.onmessage = (event) => this.#receive(event.data as CaptureCommand);
  }

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0];
    if (this.#isAlive && channels?.[0]) this.#cutter.push(channels);
    return this.#isAlive;
  }

  #receive(command: CaptureCommand): void {
    if (command.type === "outlet") this.#outlet = command.port;
    else if (command.type === "stop") this.#isAlive = false;
    else if (command.type === "gate") this.#setGate(command.is_open);
  }

  #setGate(isOpen: boolean): void {
    this.#cutter.setGate(isOpen);
    this.#outlet.postMessage({ type: "gate", is_open: isOpen });
  }

  #post(pcm: Int16Array, sampleIndex: number): void {
    const chunk = { type: "chunk", pcm, sample_index: sampleIndex, captured_at_ms: Date.now() };
    this.#outlet.postMessage(chunk, [pcm.buffer as ArrayBuffer]);
  }
}

registerProcessor(`grok-live-capture-${__VERSION__}`, CaptureProcessor);
