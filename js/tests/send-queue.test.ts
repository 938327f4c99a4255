import { beforeEach, describe, expect, it } from "vitest";
import { SendQueue, type SentChunk } from "../src/send-queue";

const CHUNK_SAMPLES = 2400;
const CREDIT_CHUNKS = 15;

let queue: SendQueue;
let sent: SentChunk[];
let captured: number;

beforeEach(() => {
  sent = [];
  captured = 0;
  queue = new SendQueue(
    (chunk) => sent.push(chunk),
    () => {},
  );
});

/** Add chunks like a microphone, one every 100 ms. */
function speak(count: number, fromMs = 0): void {
  for (let i = 0; i < count; i++) {
    const pcm = new Int16Array(CHUNK_SAMPLES);
    queue.add({ pcm, stream: 1, sample_index: captured, captured_at_ms: fromMs + 100 * i }, fromMs + 100 * i);
    captured += CHUNK_SAMPLES;
  }
}

describe("while the connection is open", () => {
  beforeEach(() => queue.setMode("sending", 0));

  it("sends each chunk with the next sequence number", () => {
    speak(3);
    expect(sent.map(({ seq, sample_index }) => [seq, sample_index])).toEqual([
      [0, 0],
      [1, 2400],
      [2, 4800],
    ]);
  });

  it("has at most 1.5 s in flight without an acknowledgement", () => {
    speak(30);
    expect(sent).toHaveLength(CREDIT_CHUNKS);
    expect(queue.inFlightSamples).toBe(36_000);
  });

  it("keeps the newest 1.5 s queued, and drops and counts the oldest", () => {
    speak(40);
    expect(queue.queuedSamples).toBe(36_000);
    expect(queue.dropped).toEqual({ kernel: 10 * CHUNK_SAMPLES, connection: 0 });
  });

  it("continues after acknowledgements, with the gap in sample index and dropped count", () => {
    speak(40);
    queue.acknowledge(14, 4000);
    expect(sent).toHaveLength(30);
    expect(sent[15]).toMatchObject({
      seq: 15,
      sample_index: 25 * CHUNK_SAMPLES,
      dropped_sample_count: 24_000,
    });
  });

  it("treats an acknowledgement as one for all earlier chunks", () => {
    speak(15);
    queue.acknowledge(9, 1500);
    expect(queue.inFlightSamples).toBe(5 * CHUNK_SAMPLES);
  });

  it("sends one chunk every 5 s while nothing is acknowledged", () => {
    speak(20);
    queue.pump(1400 + 4999);
    expect(sent).toHaveLength(CREDIT_CHUNKS);
    queue.pump(1400 + 5000);
    expect(sent).toHaveLength(CREDIT_CHUNKS + 1);
    queue.pump(1400 + 5100);
    expect(sent).toHaveLength(CREDIT_CHUNKS + 1);
  });

  it("tells how long the oldest acknowledgement is overdue", () => {
    speak(2);
    expect(queue.overdueMs(1100)).toBe(1100);
    queue.acknowledge(1, 1100);
    expect(queue.overdueMs(1100)).toBe(0);
  });

  it("sends a message after the last chunk that was queued before it", () => {
    const order: string[] = [];
    queue = new SendQueue(
      ({ seq }) => order.push(`chunk ${seq}`),
      ({ type }) => order.push(type),
    );
    queue.setMode("sending", 0);
    speak(16);
    queue.sendAfterQueued({ type: "commit" }, 1600);
    expect(order).toHaveLength(CREDIT_CHUNKS);
    queue.acknowledge(0, 1700);
    expect(order.slice(-2)).toEqual(["chunk 15", "commit"]);
  });

  it("sends a message even if all chunks before it were dropped", () => {
    let count = 0;
    queue = new SendQueue(
      (chunk) => sent.push(chunk),
      () => count++,
    );
    queue.setMode("sending", 0);
    speak(15);
    queue.sendAfterQueued({ type: "commit" }, 1500);
    speak(40, 1500);
    queue.acknowledge(14, 6000);
    expect(count).toBe(1);
  });
});

describe("a report", () => {
  it("is sent at once if nothing is queued, and after the chunks that are", () => {
    const order: string[] = [];
    queue = new SendQueue(
      ({ seq }) => order.push(`chunk ${seq}`),
      ({ type }) => order.push(type),
    );
    queue.reportAfterQueued({ type: "discard" }, 0);
    speak(1);
    queue.reportAfterQueued({ type: "commit" }, 100);
    expect(order).toEqual(["discard"]);
    queue.setMode("sending", 200);
    expect(order).toEqual(["discard", "chunk 0", "commit"]);
  });

  it.each(["discard", "clear"] as const)("is sent when the chunks before it are dropped by %s", (how) => {
    const said: string[] = [];
    queue = new SendQueue(
      () => {},
      ({ type }) => said.push(type),
    );
    speak(1);
    queue.reportAfterQueued({ type: "bye" }, 100);
    queue.sendAfterQueued({ type: "commit" }, 100);
    if (how === "discard") queue.discard("connection");
    else queue.clear();
    expect(said).toEqual(["bye"]);
  });
});

describe("while the connection opens", () => {
  it("buffers speech and sends all of it in order when the connection is open", () => {
    speak(60);
    expect(sent).toEqual([]);
    queue.setMode("sending", 6000);
    for (let seq = 0; seq < 60; seq++) queue.acknowledge(seq, 6000 + seq);
    expect(sent.map(({ sample_index }) => sample_index)).toEqual(sent.map((_, i) => i * CHUNK_SAMPLES));
    expect(sent).toHaveLength(60);
    expect(queue.droppedSampleCount).toBe(0);
  });

  it("does not drop buffered speech while new speech is added", () => {
    speak(60);
    queue.setMode("sending", 6000);
    speak(10, 6000);
    expect(queue.droppedSampleCount).toBe(0);
  });

  it("buffers at most the newest 10 s", () => {
    speak(130);
    expect(queue.queuedSamples).toBe(240_000);
    expect(queue.dropped).toEqual({ kernel: 0, connection: 30 * CHUNK_SAMPLES });
  });
});

describe("after the connection has dropped", () => {
  it("discards and counts speech, so that old speech is never sent as new", () => {
    queue.setMode("sending", 0);
    speak(20);
    queue.setMode("discarding", 2000);
    speak(10, 2000);
    queue.beginSession();
    queue.setMode("sending", 3000);
    expect(sent).toHaveLength(CREDIT_CHUNKS);
    expect(queue.dropped).toEqual({ kernel: 0, connection: 15 * CHUNK_SAMPLES });
    speak(1, 3000);
    expect(sent.at(-1)).toMatchObject({ seq: 0, dropped_sample_count: 15 * CHUNK_SAMPLES });
  });
});

it("clears the queue without counting when the user has stopped", () => {
  speak(5);
  queue.clear();
  expect([queue.queuedSamples, queue.droppedSampleCount]).toEqual([0, 0]);
});

describe("a hand-over", () => {
  it("gives what was not acknowledged, in order, and the next queue sends it again", () => {
    queue.setMode("sending", 0);
    speak(20);
    queue.acknowledge(4, 2000);
    const unacknowledged = queue.handOver();
    expect(unacknowledged).toHaveLength(15);
    expect([queue.inFlightSamples, queue.queuedSamples]).toEqual([0, 0]);
    const order: number[] = [];
    const next = new SendQueue(
      ({ sample_index }) => order.push(sample_index),
      () => {},
    );
    next.setMode("sending", 2000);
    next.takeOver(unacknowledged, 2000);
    next.acknowledge(14, 2100);
    expect(order).toEqual(unacknowledged.map((_, index) => 2400 * (index + 5)));
  });

  it("keeps the place of a message between chunks", () => {
    speak(2);
    queue.sendAfterQueued({ type: "commit" }, 200);
    const said: string[] = [];
    const next = new SendQueue(
      ({ seq }) => said.push(`chunk ${seq}`),
      ({ type }) => said.push(type),
    );
    next.takeOver(queue.handOver(), 300);
    next.setMode("sending", 300);
    expect(said).toEqual(["chunk 0", "chunk 1", "commit"]);
  });
});
