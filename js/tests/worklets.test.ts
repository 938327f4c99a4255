/** The two processors as shipped: bundled, minified and evaluated with the globals of an audio thread. */

import { beforeAll, describe, expect, it } from "vitest";
import { bundleWorklet } from "../bundle.mjs";

interface Processor {
  port: Port;
  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

type ProcessorClass = new (options?: object) => Processor;

class Port {
  posted: Record<string, unknown>[] = [];
  onmessage: (event: { data: unknown }) => void = () => {};

  postMessage(message: Record<string, unknown>): void {
    this.posted.push(message);
  }

  ofType(type: string): Record<string, unknown>[] {
    return this.posted.filter((message) => message.type === type);
  }
}

let registered: Map<string, ProcessorClass>;

beforeAll(async () => {
  registered = new Map();
  const source = await bundleWorklet("audio", "1.2.3");
  const base = class {
    port = new Port();
  };
  const register = (key: string, made: ProcessorClass) => registered.set(key, made);
  new Function("AudioWorkletProcessor", "registerProcessor", "sampleRate", source)(base, register, 48_000);
});

function make(name: string, options?: object): Processor {
  return new (registered.get(`grok-live-${name}-1.2.3`)!)(options);
}

function post(processor: Processor, message: unknown): void {
  processor.port.onmessage({ data: message });
}

function run(processor: Processor, quantumCount: number, input: number | null = null): Float32Array {
  const samples = new Float32Array(128 * quantumCount);
  for (let i = 0; i < quantumCount; i++) {
    const output = new Float32Array(128);
    const channels = input === null ? [] : [new Float32Array(128).fill(input)];
    processor.process([channels], [[output]]);
    samples.set(output, 128 * i);
  }
  return samples;
}

const chunk = (pcm: Int16Array, more = {}) => ({
  ...{ type: "chunk", session: 1, epoch: 0, reply: 1, sample_offset: 0, is_last: true, is_join: false, pcm },
  ...more,
});

it("the processors are registered under names that contain the version", () => {
  expect([...registered.keys()]).toEqual(["grok-live-capture-1.2.3", "grok-live-playback-1.2.3"]);
});

describe("the capture processor", () => {
  it("posts chunks and levels", () => {
    const processor = make("capture");
    run(processor, 80, 0.25);
    expect(processor.port.ofType("chunk").map(({ sample_index }) => sample_index)).toEqual([0, 2400]);
    expect(processor.port.ofType("chunk")[1]).toHaveProperty("captured_at_ms");
    expect(processor.port.ofType("levels").length).toBeGreaterThan(1);
  });

  it("posts chunks of 20 ms to a port that it receives later, and of 100 ms when its channel has ended", () => {
    const processor = make("capture");
    const port = new Port();
    post(processor, { type: "use_port", port, stream: 3 });
    run(processor, 80, 0.25);
    const chunks = port.ofType("chunk");
    expect(chunks.map(({ sample_index }) => sample_index)).toEqual(chunks.map((_, i) => 480 * i));
    expect(chunks).toHaveLength(10);
    expect(processor.port.ofType("chunk")).toHaveLength(0);
    expect(processor.port.ofType("port_used")).toEqual([{ type: "port_used", stream: 3 }]);
    port.onmessage({ data: { type: "leave_port" } });
    run(processor, 160, 0.25);
    const lengths = port.ofType("chunk").map(({ pcm }) => (pcm as Int16Array).length);
    expect(lengths.slice(10)).toEqual([2400, 2400, 2400, 2400].slice(0, lengths.length - 10));
    expect(lengths.length).toBeGreaterThan(12);
  });

  it("goes on in a port that it receives while it captures, and says so through the port before", () => {
    const processor = make("capture");
    const [first, second] = [new Port(), new Port()];
    run(processor, 60, 0.25);
    post(processor, { type: "use_port", port: first, stream: 1 });
    run(processor, 60, 0.25);
    first.onmessage({ data: { type: "leave_port" } });
    post(processor, { type: "use_port", port: second, stream: 1 });
    run(processor, 60, 0.25);
    const ports = [processor.port, first, second];
    const chunks = ports.flatMap((port) => port.ofType("chunk"));
    let next = 0;
    for (const { sample_index, pcm } of chunks) {
      expect(sample_index).toBe(next);
      next += (pcm as Int16Array).length;
    }
    expect(ports.map((port) => port.ofType("chunk").length > 0)).toEqual([true, true, true]);
    const last = ports.map((port) => port.posted.filter(({ type }) => type !== "levels").at(-1)!.type);
    expect(last).toEqual(["port_used", "port_used", "chunk"]);
  });

  it("measures no levels while the page is hidden", () => {
    const processor = make("capture");
    post(processor, { type: "levels", is_on: false });
    run(processor, 80, 0.25);
    expect(processor.port.ofType("levels")).toEqual([]);
    expect(processor.port.ofType("chunk")).toHaveLength(2);
    post(processor, { type: "levels", is_on: true });
    run(processor, 80, 0.25);
    const [{ levels }] = processor.port.ofType("levels") as [{ levels: { rms: number } }];
    expect(levels.rms).toBeCloseTo(0.25, 3);
  });

  it("confirms a closed gate after the last chunk", () => {
    const processor = make("capture");
    run(processor, 10, 0.25);
    post(processor, { type: "gate", is_open: false });
    const types = processor.port.posted.map(({ type }) => type).filter((type) => type !== "levels");
    expect(types).toEqual(["chunk", "gate"]);
  });

  it("starts with a closed gate if requested", () => {
    const processor = make("capture", { processorOptions: { is_gate_open: false } });
    run(processor, 80, 0.25);
    expect(processor.port.ofType("chunk")).toHaveLength(0);
  });

  it("stays alive while no microphone is connected, and ends when it is stopped", () => {
    const processor = make("capture");
    expect(processor.process([[]], [[]])).toBe(true);
    post(processor, { type: "stop" });
    expect(processor.process([[]], [[]])).toBe(false);
  });
});

describe("the playback processor", () => {
  it("plays a reply to its end at the device's rate, and reports it as final", () => {
    const processor = make("playback");
    post(processor, chunk(new Int16Array(2400).fill(8192)));
    const output = run(processor, 60);
    expect(output.filter((sample) => sample > 0.125)).toHaveLength(4800);
    expect(output[2400]).toBeCloseTo(0.25, 4);
    expect(processor.port.ofType("playhead").at(-1)?.position).toMatchObject({
      sample_count: 2400,
      is_final: true,
    });
  });

  it("plays what it has when no more will come, and reports how many chunks that were", () => {
    const processor = make("playback");
    post(processor, { ...chunk(new Int16Array(2400).fill(8192)), is_last: false });
    post(processor, { type: "complete" });
    run(processor, 60);
    const report = processor.port.ofType("playhead").at(-1);
    expect(report?.position).toMatchObject({ sample_count: 2400, is_final: true });
    expect(report?.chunk_count).toBe(1);
  });

  it("aligns the start of a reply with a sample of the device", () => {
    const click = new Int16Array(2400);
    click[0] = 16_384;
    const processor = make("playback");
    post(processor, chunk(click));
    expect(run(processor, 1)[0]).toBeGreaterThan(0.4);
  });

  it("reports its progress at the start and every 100 ms", () => {
    const processor = make("playback");
    post(processor, chunk(new Int16Array(24_000).fill(8192)));
    run(processor, 200);
    const counts = processor.port
      .ofType("playhead")
      .map(({ position }) => (position as Position).sample_count);
    expect(counts.length).toBeGreaterThanOrEqual(6);
    expect(counts[0]).toBeLessThan(128);
    expect(counts[2]! - counts[1]!).toBeGreaterThanOrEqual(2400);
    expect(counts[2]! - counts[1]!).toBeLessThan(2600);
  });

  it("answers a flush at once, and is silent within 10 ms", () => {
    const processor = make("playback");
    post(processor, chunk(new Int16Array(24_000).fill(8192)));
    run(processor, 20);
    post(processor, { type: "flush", epoch: 1, reply: 1 });
    expect(processor.port.ofType("flushed")).toHaveLength(1);
    const output = run(processor, 20);
    expect(Math.max(...output.subarray(480).map(Math.abs))).toBeLessThan(1e-4);
  });

  it("posts the samples taken from its buffer while the probe is on", () => {
    const processor = make("playback");
    const pcm = Int16Array.from({ length: 2400 }, (_, i) => i - 1200);
    post(processor, { type: "probe", is_on: true });
    post(processor, chunk(pcm));
    run(processor, 60);
    const taken = processor.port.ofType("probe").flatMap((message) => [...(message.pcm as Int16Array)]);
    expect(taken).toEqual([...pcm]);
  });

  it("waits for less sound before it plays what comes through such a port", () => {
    const processor = make("playback");
    const port = new Port();
    const part = () => ({ ...chunk(new Int16Array(1500).fill(8192)), is_last: false });
    post(processor, part());
    expect(Math.max(...run(processor, 5))).toBe(0);
    const other = make("playback");
    post(other, { type: "use_port", port });
    port.onmessage({ data: part() });
    expect(Math.max(...run(other, 5))).toBeGreaterThan(0);
  });

  it("uses a port that it receives later for chunks and reports", () => {
    const processor = make("playback");
    const port = new Port();
    post(processor, { type: "use_port", port });
    port.onmessage({ data: chunk(new Int16Array(2400).fill(8192)) });
    run(processor, 60);
    expect(port.ofType("playhead").length).toBeGreaterThan(0);
    expect(processor.port.ofType("playhead")).toHaveLength(0);
  });

  it("ends when it is stopped", () => {
    const processor = make("playback");
    post(processor, { type: "stop" });
    expect(processor.process([], [[new Float32Array(128)]])).toBe(false);
  });
});

interface Position {
  sample_count: number;
}
