import { beforeEach, describe, expect, it } from "vitest";
import type { DirectEvent } from "../../src/direct/protocol";
import { DirectWorker } from "../../src/direct/sound.worker";
import { packFrame, unpackFrame } from "../../src/sound-frames";

const INVITATION = { url: "ws://127.0.0.1:9/grok-live", token: "the token", proof: "the proof" };
const OPEN = { session: 1, epoch: 0, phase: "open", isOwner: true } as const;

class FakeSocket {
  readonly sent: unknown[] = [];
  isClosed = false;
  bufferedAmount = 0;
  binaryType: BinaryType = "blob";
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(): void {
    this.isClosed = true;
  }

  deliver(data: unknown): void {
    this.onmessage?.({ data });
  }

  /** The messages after the token. */
  get messages(): { type: string; [field: string]: unknown }[] {
    return this.sent
      .slice(1)
      .map((frame) => unpackFrame((frame as Uint8Array<ArrayBuffer>).buffer)!.content) as never;
  }
}

/** One end of a channel between a worklet and the worker. */
class FakePort {
  readonly posted: Record<string, unknown>[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;

  postMessage(message: Record<string, unknown>): void {
    this.posted.push(message);
  }

  deliver(data: unknown): void {
    this.onmessage?.({ data });
  }
}

let socket: FakeSocket;
let events: DirectEvent[];
let worker: DirectWorker;
let nowMs: number;

beforeEach(() => {
  events = [];
  nowMs = 0;
  worker = new DirectWorker(
    (event) => events.push(event),
    () => {
      socket = new FakeSocket();
      return socket as never;
    },
    () => nowMs,
  );
  worker.receive({ type: "open", page: "me", invitation: INVITATION });
});

function begin(entries: { chunk: ReturnType<typeof chunkOf> }[] = []): void {
  socket.onopen?.();
  socket.deliver(INVITATION.proof);
  worker.receive({ type: "begin", state: OPEN, entries });
}

function chunkOf(index: number) {
  return { pcm: Int16Array.of(index, index), stream: 1, sample_index: 2 * index, captured_at_ms: index };
}

function portOf(type: "capture" | "playback", stream = 4): FakePort {
  const port = new FakePort();
  worker.receive({ type, port: port as unknown as MessagePort, stream } as never);
  return port;
}

function audio(seq: number, changes = {}): ArrayBuffer {
  const header = {
    type: "audio",
    session: 1,
    epoch: 0,
    seq,
    reply: 1,
    sample_offset: 2 * seq,
    is_last: false,
  };
  return packFrame({ ...header, ...changes }, Int16Array.of(seq, seq + 1).buffer).buffer;
}

const kinds = () => events.map(({ type }) => type);

describe("the handshake", () => {
  it("shows the token first, and begins when it is shown the proof", () => {
    expect(socket.sent).toEqual([]);
    socket.onopen?.();
    expect(socket.sent).toEqual(["the token"]);
    expect(kinds()).toEqual([]);
    socket.deliver("the proof");
    expect(kinds()).toEqual(["open"]);
  });

  it.each(["another proof", "", packFrame({}).buffer])(
    "a stranger at the port is told nothing more",
    (data) => {
      worker.receive({ type: "chunk", chunk: chunkOf(1) });
      socket.onopen?.();
      socket.deliver(data);
      expect(socket.isClosed).toBe(true);
      expect(socket.sent).toEqual(["the token"]);
      expect(kinds()).toEqual(["closed"]);
    },
  );

  it("ends where nothing comes in time", () => {
    worker.checkOpen();
    expect(socket.isClosed).toBe(true);
    expect(kinds()).toEqual(["closed"]);
    worker.checkOpen();
    expect(kinds()).toEqual(["closed"]);
  });
});

it("tells of a kernel that has ended, after the end of the channel", () => {
  begin();
  socket.onclose?.({ code: 4410 });
  expect(kinds()).toEqual(["open", "closed", "kernel_gone"]);
});

it("tells of no kernel where the connection broke", () => {
  begin();
  socket.onclose?.({ code: 1006 });
  expect(kinds()).toEqual(["open", "closed"]);
});

describe("the microphone", () => {
  it("goes on where the comm ended, with the page, the stream and the samples", () => {
    begin([{ chunk: chunkOf(0) }]);
    const port = portOf("capture");
    port.deliver({ type: "chunk", ...chunkOf(1), stream: undefined });
    expect(socket.messages).toMatchObject([
      { type: "microphone", page: "me", session: 1, seq: 0, stream: 1, sample_index: 0 },
      { type: "microphone", page: "me", session: 1, seq: 1, stream: 4, sample_index: 2 },
    ]);
    expect(unpackFrame((socket.sent[2] as Uint8Array<ArrayBuffer>).buffer)?.pcm).toEqual(Int16Array.of(1, 1));
    expect(kinds()).toEqual(["open", "captured"]);
  });

  it("tells that a microphone which is switched on again captures, also after a late chunk of the one before", () => {
    begin();
    const first = portOf("capture", 1);
    first.deliver({ type: "chunk", ...chunkOf(0) });
    const second = portOf("capture", 2);
    first.deliver({ type: "chunk", ...chunkOf(1) });
    expect(kinds()).toEqual(["open", "captured"]);
    second.deliver({ type: "chunk", ...chunkOf(0) });
    second.deliver({ type: "chunk", ...chunkOf(1) });
    expect(kinds()).toEqual(["open", "captured", "captured"]);
  });

  it("tells it again when the connection has opened, which the page waits for", () => {
    begin();
    const port = portOf("capture");
    port.deliver({ type: "chunk", ...chunkOf(0) });
    worker.receive({ type: "follow", state: OPEN });
    port.deliver({ type: "chunk", ...chunkOf(1) });
    port.deliver({ type: "chunk", ...chunkOf(2) });
    expect(kinds()).toEqual(["open", "captured", "captured"]);
  });

  it("has the worklets leave their ports when the channel ends", () => {
    begin();
    const ports = [portOf("capture"), portOf("playback")];
    socket.onclose?.({ code: 1006 });
    for (const port of ports) expect(port.posted.at(-1)).toEqual({ type: "leave_port" });
  });

  it("passes on that the gate was closed, after the last chunk, and ends a press after it", () => {
    begin();
    const port = portOf("capture");
    port.deliver({ type: "chunk", ...chunkOf(0) });
    port.deliver({ type: "gate", is_open: false });
    worker.receive({ type: "end_press", press: "commit" });
    expect(events.at(-1)).toEqual({ type: "gate", is_open: false });
    expect(socket.messages.map(({ type }) => type)).toEqual(["microphone", "commit"]);
  });

  it("gives back what was not acknowledged, and passes on what comes after the end", () => {
    begin();
    const port = portOf("capture");
    for (const index of [0, 1, 2]) port.deliver({ type: "chunk", ...chunkOf(index) });
    socket.deliver(packFrame({ type: "microphone_received", session: 1, seq: 0 }).buffer);
    socket.onclose?.({ code: 1006 });
    const closed = events.at(-1)!;
    expect(closed.type === "closed" && closed.entries).toEqual(
      [1, 2].map((index) => ({ chunk: { ...chunkOf(index), stream: 4 } })),
    );
    port.deliver({ type: "chunk", ...chunkOf(3) });
    expect(events.at(-1)).toEqual({ type: "chunk", chunk: { ...chunkOf(3), stream: 4 } });
  });

  it("passes on that the worklet uses another port from now on", () => {
    begin();
    portOf("capture").deliver({ type: "port_used", stream: 4 });
    expect(events.at(-1)).toEqual({ type: "port_used", stream: 4 });
    expect(socket.messages).toEqual([]);
  });

  it("has a worklet leave a port that comes after the end of the channel", () => {
    begin();
    socket.onclose?.({ code: 1006 });
    const port = portOf("capture");
    port.deliver({ type: "chunk", ...chunkOf(0) });
    expect(port.posted).toEqual([{ type: "leave_port" }]);
    expect(events.at(-1)).toEqual({ type: "chunk", chunk: { ...chunkOf(0), stream: 4 } });
  });

  it("closes where the kernel reads nothing", () => {
    begin();
    socket.bufferedAmount = 2 << 20;
    worker.receive({ type: "chunk", chunk: chunkOf(0) });
    expect(socket.isClosed).toBe(true);
    expect(kinds()).toEqual(["open", "closed"]);
  });
});

describe("replies", () => {
  it("go to the main thread until there is a playback worklet, and then wait for its port", () => {
    begin();
    socket.deliver(audio(0));
    worker.receive({ type: "await_playback", node: 3 });
    socket.deliver(audio(1));
    const port = portOf("playback");
    expect(port.posted).toMatchObject([
      { type: "chunk", reply: 1, sample_offset: 2, pcm: Int16Array.of(1, 2) },
    ]);
    socket.deliver(audio(2));
    expect(events.slice(1)).toMatchObject([
      { type: "audio", pcm: Int16Array.of(0, 1) },
      { type: "playback_awaited", node: 3 },
      { type: "audio", pcm: null },
      { type: "audio", pcm: null },
    ]);
    expect(port.posted.slice(1)).toMatchObject([{ sample_offset: 4, pcm: Int16Array.of(2, 3) }]);
  });

  it("that come before the page has said how the talk stands are played, in order", () => {
    socket.onopen?.();
    socket.deliver(INVITATION.proof);
    socket.deliver(audio(3));
    socket.deliver(audio(4));
    expect(kinds()).toEqual(["open"]);
    worker.receive({ type: "begin", state: OPEN, entries: [] });
    socket.deliver(audio(5));
    const offsets = events.flatMap((event) => (event.type === "audio" ? [event.header.sample_offset] : []));
    expect(offsets).toEqual([6, 8, 10]);
  });

  it("that wait for a port when the channel ends are played, and the worklet is told", () => {
    begin();
    worker.receive({ type: "await_playback", node: 1 });
    socket.deliver(audio(0));
    socket.onclose?.({ code: 1006 });
    const port = portOf("playback");
    expect(port.posted).toMatchObject([{ type: "chunk", sample_offset: 0 }, { type: "leave_port" }]);
  });

  it("are flushed in the worklet, in order, and by the main thread where there is none", () => {
    begin();
    socket.deliver(packFrame({ type: "flush", session: 1, epoch: 1, reply: 1 }).buffer);
    expect(events.at(-1)).toEqual({ type: "flush", epoch: 1, reply: 1, isDone: false });
    worker.receive({ type: "await_playback", node: 1 });
    socket.deliver(audio(0, { epoch: 1 }));
    socket.deliver(packFrame({ type: "flush", session: 1, epoch: 2, reply: 1 }).buffer);
    const port = portOf("playback");
    socket.deliver(audio(1, { epoch: 2, reply: 2, sample_offset: 0 }));
    expect(port.posted).toMatchObject([
      { type: "chunk", epoch: 1 },
      { type: "flush", epoch: 2, reply: 1 },
      { type: "chunk", epoch: 2 },
    ]);
    const flushes = events.filter(({ type }) => type === "flush");
    expect(flushes.at(-1)).toMatchObject({ epoch: 2, isDone: true });
  });

  it("are acknowledged, and what the worklet reports reaches the kernel and the page", () => {
    begin();
    const port = portOf("playback");
    socket.deliver(audio(0, { is_last: true }));
    const position = { session: 1, epoch: 0, reply: 1, sample_count: 2, is_final: true };
    port.deliver({ type: "playhead", position, chunk_count: 1 });
    nowMs = 1000;
    worker.pump();
    const sent = socket.messages.flatMap(({ earlier, ...message }) => [
      ...((earlier ?? []) as object[]),
      message,
    ]);
    expect(sent).toMatchObject([
      { type: "received", seq: 0 },
      { type: "playhead", sample_count: 2 },
    ]);
    port.deliver({ type: "flushed", position, chunk_count: 1 });
    expect(socket.messages.at(-1)).toMatchObject({ type: "flushed", sample_count: 2 });
    expect(events.filter(({ type }) => type === "report")).toHaveLength(2);
  });

  it.each([
    ["another epoch", audio(0, { epoch: -1 })],
    ["another message", packFrame({ type: "note", note: {} }).buffer],
    ["no frame", new ArrayBuffer(2)],
    ["text", "text"],
  ])("of %s are dropped", (_, data) => {
    begin();
    socket.deliver(data);
    expect(kinds()).toEqual(["open"]);
  });
});
