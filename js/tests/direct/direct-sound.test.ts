import { beforeEach, describe, expect, it, vi } from "vitest";
import { type DirectContext, DirectSound, type WorkerLike } from "../../src/direct/direct-sound";
import type { DirectCommand, DirectEvent } from "../../src/direct/protocol";
import type { AudioHeader } from "../../src/messages";
import { Scope } from "../../src/scope";
import { SoundChannel, type SoundState } from "../../src/sound-channel";

const INVITATION = { url: "ws://127.0.0.1:9/grok-live", token: "the token", proof: "the proof" };
const PCM = Int16Array.of(1, 2);

class FakeWorker implements WorkerLike {
  readonly commands: DirectCommand[] = [];
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  terminate = vi.fn();

  postMessage(command: unknown): void {
    this.commands.push(command as DirectCommand);
  }

  tell(event: DirectEvent): void {
    this.onmessage?.({ data: event } as MessageEvent);
  }

  get kinds(): string[] {
    return this.commands.map(({ type }) => type);
  }
}

/** The main thread's end of a worklet: what it is sent, in order. */
function fakeNode(state: AudioContextState = "running") {
  const posted: { type: string }[] = [];
  const node = { context: { state }, port: { postMessage: (message: never) => posted.push(message) } };
  return { posted, node: node as unknown as AudioWorkletNode };
}

let worker: FakeWorker;
let context: DirectContext;
let played: (readonly [reply: number, sample_offset: number])[];
const onFlush = vi.fn<(epoch: number, reply: number | null) => void>();
let state: SoundState;

beforeEach(() => {
  worker = new FakeWorker();
  played = [];
  onFlush.mockClear();
  state = { session: 1, epoch: 0, phase: "open", isOwner: true };
  const listener = {
    onAudio: ({ reply, sample_offset }: AudioHeader) => played.push([reply, sample_offset]),
    onFlush,
    onDropped: vi.fn(),
    onSnapshotWanted: vi.fn(),
    onChunk: vi.fn(),
  };
  const comm = new SoundChannel(vi.fn(), listener, vi.fn(), () => 0);
  comm.follow(state);
  context = {
    page: "me",
    invitation: INVITATION,
    channel: {
      sound: comm,
      get soundState() {
        return state;
      },
      lose: vi.fn(),
    },
    microphone: { node: null, onNode: null, onPortUsed: null, onGate: vi.fn(), streamCount: 1 },
    playback: { node: null, onNode: null, onReport: vi.fn() },
    listener: listener as never,
    scope: new Scope(),
    onEnd: vi.fn(),
  };
  new DirectSound(context, worker);
  worker.tell({ type: "open" });
});

function audioHeader(seq: number, changes: Partial<AudioHeader> = {}): AudioHeader {
  return { session: 1, epoch: 0, seq, reply: 1, sample_offset: 2 * seq, is_last: false, ...changes };
}

function tellAudio(seq: number, changes: Partial<AudioHeader> = {}): void {
  worker.tell({ type: "audio", header: audioHeader(seq, changes), pcm: null, isJoin: false });
}

function deliverByComm(seq: number, changes: Partial<AudioHeader> = {}): void {
  context.channel.sound.receive({ type: "audio", ...audioHeader(seq, changes) }, PCM);
}

it("tells the page of a kernel that has ended, once the sound is back at the comm", () => {
  worker.tell({ type: "closed", entries: [] });
  expect(context.channel.lose).not.toHaveBeenCalled();
  worker.tell({ type: "kernel_gone" });
  expect(context.channel.lose).toHaveBeenCalledOnce();
});

describe("the port of the playback worklet", () => {
  it("reaches it after all that was sent to its node before", () => {
    const { node, posted } = fakeNode();
    context.playback.onNode?.(node);
    expect(worker.commands.at(-1)).toEqual({ type: "await_playback", node: 1 });
    node.port.postMessage({ type: "chunk" });
    worker.tell({ type: "playback_awaited", node: 1 });
    expect(posted.map(({ type }) => type)).toEqual(["chunk", "use_port"]);
    expect(worker.commands.at(-1)).toMatchObject({ type: "playback" });
  });

  it("is not sent to a node that has been released, nor to the next one in its place", () => {
    const first = fakeNode();
    const second = fakeNode();
    context.playback.onNode?.(first.node);
    context.playback.onNode?.(null);
    context.playback.onNode?.(second.node);
    worker.tell({ type: "playback_awaited", node: 1 });
    expect([first.posted, second.posted]).toEqual([[], []]);
    worker.tell({ type: "playback_awaited", node: 2 });
    expect(second.posted).toHaveLength(1);
    expect(worker.kinds.slice(-4)).toEqual(["await_playback", "no_playback", "await_playback", "playback"]);
  });
});

describe("the port of the capture worklet", () => {
  it("is read by the worker once what the worklet has posted before is here", () => {
    const { node, posted } = fakeNode();
    context.microphone.onNode?.(node);
    expect(posted).toMatchObject([{ type: "use_port", stream: 1 }]);
    context.channel.sound.sendMicrophone({ pcm: PCM, stream: 1, sample_index: 0, captured_at_ms: 0 });
    context.microphone.onPortUsed?.(1);
    context.microphone.onPortUsed?.(1);
    expect(worker.kinds.slice(-2)).toEqual(["chunk", "capture"]);
  });

  it("of a stream that has ended is not read in the place of the next one", () => {
    context.microphone.onNode?.(fakeNode().node);
    Object.assign(context.microphone, { streamCount: 2 });
    context.microphone.onNode?.(fakeNode().node);
    context.microphone.onPortUsed?.(1);
    expect(worker.kinds).not.toContain("capture");
    context.microphone.onPortUsed?.(2);
    expect(worker.commands.at(-1)).toMatchObject({ type: "capture", stream: 2 });
  });

  it("is still read where the channel ends before the worklet uses it", () => {
    context.microphone.onNode?.(fakeNode().node);
    worker.tell({ type: "closed", entries: [] });
    context.microphone.onPortUsed?.(1);
    expect(worker.kinds.at(-1)).toBe("capture");
  });
});

it("a microphone and a playback that run already are connected, too", () => {
  worker.tell({ type: "closed", entries: [] });
  const [capture, playback] = [fakeNode(), fakeNode()];
  Object.assign(context.microphone, { node: capture.node });
  Object.assign(context.playback, { node: playback.node });
  const second = new FakeWorker();
  new DirectSound(context, second);
  second.tell({ type: "open" });
  // What the worklet has posted to the worker before comes from there.
  worker.tell({ type: "port_used", stream: 1 });
  second.tell({ type: "playback_awaited", node: 1 });
  expect(second.kinds).toEqual(["open", "begin", "await_playback", "capture", "playback"]);
  expect([capture.posted, playback.posted]).toMatchObject([[{ type: "use_port" }], [{ type: "use_port" }]]);
});

describe("what the worker sent before it learned of it", () => {
  it("is not played after a stop", () => {
    context.channel.sound.stop();
    tellAudio(0);
    expect(played).toEqual([]);
    context.channel.sound.allowStopped();
    tellAudio(1);
    expect(played).toEqual([[1, 2]]);
  });

  it("is not played after a flush by this page, while the next epoch is", () => {
    tellAudio(0);
    context.channel.sound.beginEpoch();
    tellAudio(1);
    tellAudio(2, { epoch: 1, reply: 2, sample_offset: 0 });
    expect(played).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });
});

describe("a flush", () => {
  it.each<[AudioContextState, boolean, number]>([
    ["running", true, 0],
    ["suspended", true, 1],
    ["running", false, 1],
  ])("with a context that is %s and done is %s is for the main thread: %i", (contextState, isDone, count) => {
    context.playback.onNode?.(fakeNode(contextState).node);
    worker.tell({ type: "flush", epoch: 1, reply: 1, isDone });
    expect(onFlush).toHaveBeenCalledTimes(count);
  });
});

describe("an epoch", () => {
  const flush = { type: "flush", session: 1, epoch: 2, reply: 1 } as const;

  it("that the comm has begun is that of the channel, so that it flushes it no more", () => {
    context.channel.sound = new SoundChannel(vi.fn(), context.listener, vi.fn(), () => 0);
    context.channel.sound.follow(state);
    context.channel.sound.receive(flush);
    new DirectSound(context, worker);
    worker.tell({ type: "open" });
    expect(worker.commands.findLast(({ type }) => type === "begin")).toMatchObject({ state: { epoch: 2 } });
  });

  it("that the channel has begun is that of the comm afterwards", () => {
    worker.tell({ type: "flush", epoch: 2, reply: 1, isDone: false });
    expect(onFlush.mock.calls).toEqual([[2, 1]]);
    worker.tell({ type: "closed", entries: [] });
    context.channel.sound.receive(flush);
    deliverByComm(0, { epoch: 1 });
    deliverByComm(1, { epoch: 2 });
    expect([onFlush.mock.calls.length, played]).toEqual([1, [[1, 2]]]);
  });
});

describe("what the comm brings meanwhile", () => {
  it("is dropped if it was sent before the channel was used", () => {
    deliverByComm(0);
    tellAudio(1);
    worker.tell({ type: "closed", entries: [] });
    expect(played).toEqual([[1, 2]]);
  });

  it("is played when the channel has ended, if the kernel knew that first", () => {
    tellAudio(0);
    deliverByComm(1);
    deliverByComm(2);
    expect(played).toEqual([[1, 0]]);
    worker.tell({ type: "closed", entries: [] });
    deliverByComm(3);
    expect(played).toEqual([0, 1, 2, 3].map((seq) => [1, 2 * seq]));
  });

  it("is played in a session that this page learns of later", () => {
    tellAudio(8);
    deliverByComm(0, { session: 2 });
    worker.tell({ type: "closed", entries: [] });
    expect(played).toEqual([
      [1, 16],
      [1, 0],
    ]);
  });
});
