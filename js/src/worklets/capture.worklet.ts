/** The capture processor: posts the microphone's quanta as chunks to a port. Runs in the audio thread. */

import { Chunker } from "./chunker";
import { LevelMeter } from "./levels";

type CaptureCommand =
  | { type: "gate"; is_open: boolean }
  | { type: "use_port"; port: MessagePort; stream: number }
  /** The channel behind that port has ended. */
  | { type: "leave_port" }
  | { type: "levels"; is_on: boolean }
  | { type: "stop" };

class CaptureProcessor extends AudioWorkletProcessor {
  /** Where chunks are posted: the node's own port, or one passed later by a direct channel. */
  #outputPort: MessagePort = this.port;
  #isAlive = true;
  readonly #meter = new LevelMeter((levels) => this.port.postMessage({ type: "levels", levels }));
  readonly #chunker: Chunker;

  constructor(options?: { processorOptions?: { is_gate_open?: boolean } }) {
    super();
    this.#chunker = new Chunker(
      sampleRate,
      options?.processorOptions?.is_gate_open ?? true,
      (pcm, sampleIndex) => this.#post(pcm, sampleIndex),
      (samples) => this.#meter.push(samples),
    );
    this.port.onmessage = (event) => this.#receive(event.data as CaptureCommand);
  }

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0];
    if (this.#isAlive && channels?.[0]) this.#chunker.push(channels);
    return this.#isAlive;
  }

  #receive(command: CaptureCommand): void {
    switch (command.type) {
      case "gate":
        return this.#setGate(command.is_open);
      case "use_port":
        return this.#usePort(command);
      case "leave_port":
        return this.#chunker.setDirect(false);
      case "levels":
        this.#meter.isOn = command.is_on;
        return;
      case "stop":
        this.#isAlive = false;
        return;
      default:
        command satisfies never;
    }
  }

  /** The last message through the port before says so: between two ports no order is guaranteed. */
  #usePort({ port, stream }: { port: MessagePort; stream: number }): void {
    this.#outputPort.postMessage({ type: "port_used", stream });
    this.#outputPort = port;
    port.onmessage = this.port.onmessage;
    this.#chunker.setDirect(true);
  }

  #setGate(isOpen: boolean): void {
    this.#chunker.setGate(isOpen);
    this.#outputPort.postMessage({ type: "gate", is_open: isOpen });
  }

  #post(pcm: Int16Array, sampleIndex: number): void {
    const chunk = { type: "chunk", pcm, sample_index: sampleIndex, captured_at_ms: Date.now() };
    this.#outputPort.postMessage(chunk, [pcm.buffer as ArrayBuffer]);
  }
}

registerProcessor(`grok-live-capture-${__VERSION__}`, CaptureProcessor);
