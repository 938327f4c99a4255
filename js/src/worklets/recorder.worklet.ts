/** Records what is connected to it, for the doctor's tests: samples at the context's rate, with the frame of the first. */

const QUANTA = 16;

class RecorderProcessor extends AudioWorkletProcessor {
  #isAlive = true;
  #first = 0;
  #quanta: Float32Array[] = [];

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#isAlive = false;
    };
  }

  process(inputs: Float32Array[][]): boolean {
    if (this.#quanta.length === 0) this.#first = currentFrame;
    // Without an input there is no channel; its time passes nevertheless.
    this.#quanta.push(inputs[0]?.[0]?.slice() ?? new Float32Array(128));
    if (this.#quanta.length === QUANTA) {
      this.port.postMessage({ first: this.#first, quanta: this.#quanta });
      this.#quanta = [];
    }
    return this.#isAlive;
  }
}

registerProcessor(`grok-live-recorder-${__VERSION__}`, RecorderProcessor);
