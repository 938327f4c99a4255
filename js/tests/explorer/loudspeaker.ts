/** An AudioContext whose clock the test moves, and which keeps what was scheduled. */

import { vi } from "vitest";

export class Loudspeaker extends EventTarget {
  static made: Loudspeaker[] = [];
  readonly destination = {};
  readonly scheduled: { atS: number; tracks: Float32Array[] }[] = [];
  readonly resume = vi.fn(async () => {});
  readonly gains: { isConnected: boolean }[] = [];
  state = "running";
  currentTime = 0;

  constructor(readonly sampleRate: number) {
    super();
    Loudspeaker.made.push(this);
  }

  async close(): Promise<void> {
    this.state = "closed";
  }

  createGain() {
    const parameter = () => {};
    const gain = {
      setValueAtTime: parameter,
      linearRampToValueAtTime: parameter,
      cancelScheduledValues: parameter,
      setTargetAtTime: parameter,
    };
    const node = {
      isConnected: false,
      gain,
      connect: () => {
        node.isConnected = true;
      },
      disconnect: () => {
        node.isConnected = false;
      },
    };
    this.gains.push(node);
    return node;
  }

  createBuffer(trackCount: number, length: number) {
    const tracks = Array.from({ length: trackCount }, () => new Float32Array(length));
    return { tracks, getChannelData: (track: number) => tracks[track]! };
  }

  createBufferSource() {
    const source = {
      buffer: null as { tracks: Float32Array[] } | null,
      connect: () => {},
      start: (atS: number) => {
        this.scheduled.push({ atS, tracks: source.buffer!.tracks });
      },
    };
    return source;
  }

  /** What one track plays, from the first sample on; gaps are zeros. */
  played(track: number): Float32Array {
    const startS = this.scheduled[0]?.atS ?? 0;
    const frame = (atS: number) => Math.round((atS - startS) * this.sampleRate);
    const last = this.scheduled.at(-1);
    const output = new Float32Array(last ? frame(last.atS) + last.tracks[track]!.length : 0);
    for (const { atS, tracks } of this.scheduled) output.set(tracks[track]!, frame(atS));
    return output;
  }
}

/** Every new context is one of these. */
export function installLoudspeaker(sampleRate: number): void {
  Loudspeaker.made = [];
  vi.stubGlobal(
    "AudioContext",
    class extends Loudspeaker {
      constructor() {
        super(sampleRate);
      }
    },
  );
  Reflect.deleteProperty(globalThis, Symbol.for("grok_live_widget.page"));
}
