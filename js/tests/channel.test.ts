import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ChannelListener, CommChannel } from "../src/channel";
import { Scope } from "../src/scope";
import { FakeComm, talkState } from "./fakes";

let comm: FakeComm;
let scope: Scope;
let channel: CommChannel;
let told: { [K in keyof ChannelListener]: ReturnType<typeof vi.fn<ChannelListener[K]>> };

beforeEach(() => {
  vi.useFakeTimers();
  comm = new FakeComm();
  scope = new Scope();
  told = {
    onState: vi.fn(),
    onSnapshot: vi.fn(),
    onOwner: vi.fn(),
    onTurn: vi.fn(),
    onToolCall: vi.fn(),
    onNote: vi.fn(),
    onAudio: vi.fn(),
    onFlush: vi.fn(),
    onMicrophoneWanted: vi.fn(),
    onHealth: vi.fn(),
    onTimeLeft: vi.fn(),
    onDropped: vi.fn(),
    onSnapshotWanted: vi.fn(),
  };
  channel = new CommChannel("me", comm, told, scope);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

function state(changes = {}): void {
  comm.say({ type: "state", ...talkState(changes) });
}

function snapshot(changes = {}): void {
  comm.say({ type: "snapshot", page: "me", ...talkState(), notes: [], turns: [], tools: [], ...changes });
}

function audio(changes = {}, pcm: Int16Array | undefined = Int16Array.of(1, 2)): void {
  const header = { type: "audio", session: 1, epoch: 0, seq: 0, reply: 1, sample_offset: 0, is_last: false };
  comm.say({ ...header, ...changes }, pcm);
}

function speak(count = 1): void {
  for (let i = 0; i < count; i++) {
    channel.sendMicrophone({ pcm: new Int16Array(2400), sample_index: 2400 * i, captured_at_ms: 100 * i });
  }
}

function heartbeat(count = 1): void {
  for (let i = 0; i < count; i++) comm.say({ type: "heartbeat", session: 1 });
}

describe("a message up", () => {
  it("carries the page's id", () => {
    channel.send({ type: "commit" });
    expect(comm.sent[0]).toMatchObject({ type: "commit", page: "me" });
  });

  it("with sound carries session and number, and the samples as its one buffer", () => {
    state();
    speak(2);
    expect(comm.ofType("microphone")[1]).toMatchObject({
      session: 1,
      seq: 1,
      sample_index: 2400,
      captured_at_ms: 100,
    });
    expect(comm.ofType("microphone")[1]?.pcm?.byteLength).toBe(4800);
  });

  it("that cannot be sent means that the kernel has gone", () => {
    comm.isBroken = true;
    channel.send({ type: "bye" });
    expect(told.onHealth).toHaveBeenCalledWith("gone");
  });
});

describe("sound for this page", () => {
  beforeEach(() => state());

  it("is acknowledged and handed on", () => {
    audio({ seq: 4 });
    expect(comm.ofType("received")).toMatchObject([{ session: 1, seq: 4 }]);
    expect(told.onAudio.mock.lastCall?.[1]).toEqual(Int16Array.of(1, 2));
  });

  it("may be empty at a reply's end", () => {
    audio({ is_last: true }, undefined);
    comm.say({ type: "audio", session: 1, seq: 1, reply: 1, sample_offset: 2, is_last: true });
    expect(told.onAudio.mock.lastCall?.[1]).toEqual(new Int16Array(0));
  });

  it("of an older epoch is acknowledged and dropped", () => {
    comm.say({ type: "flush", session: 1, epoch: 3, reply: 1 });
    audio({ epoch: 2 });
    expect(comm.ofType("received")).toHaveLength(1);
    expect(told.onAudio).not.toHaveBeenCalled();
  });

  it("of an older session is dropped", () => {
    state({ session: 2 });
    audio({ session: 1 });
    expect(told.onAudio).not.toHaveBeenCalled();
  });

  it("of a session that the person has stopped is dropped", () => {
    channel.stop();
    audio();
    expect(told.onAudio).not.toHaveBeenCalled();
  });

  it("of a newer epoch flushes first: the kernel's flush was lost on the way", () => {
    audio({ epoch: 2 });
    expect(told.onFlush).toHaveBeenCalledWith(2, null);
    expect(told.onAudio).toHaveBeenCalledOnce();
  });

  it("of a newer session is taken, though the news of it was lost", () => {
    audio({ session: 2 });
    expect(told.onAudio).toHaveBeenCalledOnce();
    expect(channel.session).toBe(2);
  });

  it("is a join when the page comes in the middle of a session", () => {
    audio({ seq: 9 });
    audio({ seq: 10 });
    expect(told.onAudio.mock.calls.map(([, , isJoin]) => isJoin)).toEqual([true, false]);
  });

  it("with a gap before it makes the page ask for a snapshot, at most each 2 s", () => {
    audio({ seq: 0 });
    audio({ seq: 2 });
    audio({ seq: 4 });
    expect(told.onSnapshotWanted).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(2000);
    audio({ seq: 6 });
    expect(told.onSnapshotWanted).toHaveBeenCalledTimes(2);
  });

  it("is none when another page is the owner", () => {
    state({ owner: "other" });
    audio();
    expect(comm.ofType("received")).toEqual([]);
    expect(told.onAudio).not.toHaveBeenCalled();
  });
});

describe("epochs", () => {
  beforeEach(() => state({ epoch: 4 }));

  it("follow the kernel's flush", () => {
    comm.say({ type: "flush", session: 1, epoch: 5, reply: 2 });
    expect(channel.epoch).toBe(5);
    expect(told.onFlush).toHaveBeenCalledWith(5, 2);
  });

  it("do not go back", () => {
    comm.say({ type: "flush", session: 1, epoch: 3, reply: 2 });
    state({ epoch: 1 });
    expect(channel.epoch).toBe(4);
  });

  it("go up by one at the page's own flush, which tells the kernel", () => {
    channel.interrupt();
    expect(comm.ofType("interrupt")).toMatchObject([{ epoch: 5 }]);
    audio({ epoch: 4 });
    expect(told.onAudio).not.toHaveBeenCalled();
  });

  it("are the kernel's in a new session", () => {
    channel.interrupt();
    state({ session: 2, epoch: 4 });
    expect(channel.epoch).toBe(4);
  });

  it("take no notice of a flush of an older session", () => {
    state({ session: 2 });
    comm.say({ type: "flush", session: 1, epoch: 9, reply: 1 });
    expect(told.onFlush).not.toHaveBeenCalled();
  });
});

describe("the microphone's way", () => {
  it("holds speech until the line is open, then sends it in order", () => {
    channel.start(true);
    speak(2);
    state({ phase: "opening" });
    speak(1);
    expect(comm.ofType("microphone")).toEqual([]);
    state({ phase: "open" });
    expect(comm.ofType("microphone")).toHaveLength(3);
  });

  it("discards what was said after a line has dropped, and counts it", () => {
    state();
    state({ phase: "opening", session: 2 });
    speak(3);
    state({ phase: "open", session: 2 });
    expect(comm.ofType("microphone")).toEqual([]);
    expect(told.onDropped).toHaveBeenLastCalledWith({ kernel: 0, connection: 7200 });
    speak(1);
    expect(comm.ofType("microphone")).toMatchObject([{ session: 2, seq: 0, dropped_sample_count: 7200 }]);
  });

  it("is not open for a page that is not the owner", () => {
    state({ owner: "other" });
    speak(1);
    expect(comm.ofType("microphone")).toEqual([]);
  });

  it("brings the last chunk out before the commit", () => {
    state();
    speak(16);
    channel.commit();
    expect(comm.ofType("commit")).toEqual([]);
    comm.say({ type: "microphone_received", session: 1, seq: 14 });
    expect(comm.sent.slice(-2).map(({ type }) => type)).toEqual(["microphone", "commit"]);
  });

  it("takes no acknowledgement of another session", () => {
    state({ session: 2 });
    speak(16);
    comm.say({ type: "microphone_received", session: 1, seq: 14 });
    expect(comm.ofType("microphone")).toHaveLength(15);
  });
});

describe("the kernel", () => {
  beforeEach(() => state());

  it("is busy when it acknowledges nothing for a second while its heart beats", () => {
    speak(1);
    vi.advanceTimersByTime(1000);
    heartbeat();
    vi.advanceTimersByTime(500);
    expect(told.onHealth).toHaveBeenLastCalledWith("busy");
    comm.say({ type: "microphone_received", session: 1, seq: 0 });
    expect(told.onHealth).toHaveBeenLastCalledWith("ok");
  });

  it("is gone after 15 s of silence, and nothing that was said then is sent later", () => {
    speak(20);
    vi.advanceTimersByTime(14_500);
    expect(told.onHealth).not.toHaveBeenCalledWith("gone");
    vi.advanceTimersByTime(1000);
    expect(told.onHealth).toHaveBeenLastCalledWith("gone");
    const sentCount = comm.ofType("microphone").length;
    heartbeat();
    expect(told.onHealth).toHaveBeenLastCalledWith("ok");
    comm.say({ type: "microphone_received", session: 1, seq: 20 });
    expect(comm.ofType("microphone")).toHaveLength(sentCount);
  });

  it("is not missed while the line is closed", () => {
    state({ phase: "closed" });
    vi.advanceTimersByTime(60_000);
    expect(told.onHealth).not.toHaveBeenCalled();
  });

  it("is missed when it never answers a start", () => {
    state({ phase: "closed" });
    channel.start(true);
    vi.advanceTimersByTime(15_500);
    expect(told.onHealth).toHaveBeenLastCalledWith("gone");
  });

  it("is told that the page lives at every fifth heartbeat, unless something was sent", () => {
    heartbeat(5);
    expect(comm.ofType("alive")).toHaveLength(1);
    channel.send({ type: "commit" });
    heartbeat(5);
    expect(comm.ofType("alive")).toHaveLength(1);
    heartbeat(5);
    expect(comm.ofType("alive")).toHaveLength(2);
  });

  it("gets its pong at once", () => {
    comm.say({ type: "ping", id: "p7" });
    expect(comm.ofType("pong")).toMatchObject([{ id: "p7" }]);
  });

  it("tells how long the session may still last, where that is near", () => {
    heartbeat();
    expect(told.onTimeLeft).toHaveBeenLastCalledWith(null);
    comm.say({ type: "heartbeat", session: 1, ends_in_s: 42 });
    expect(told.onTimeLeft).toHaveBeenLastCalledWith(42);
  });

  it("tells how many messages there were of what lasts, so that a lost one makes the page ask", () => {
    snapshot({ told_count: 7 });
    state();
    comm.say({ type: "note", note: { text: "Careful", level: "info" } });
    comm.say({ type: "heartbeat", session: 1, told_count: 9 });
    expect(told.onSnapshotWanted).not.toHaveBeenCalled();
    comm.say({ type: "heartbeat", session: 1, told_count: 10 });
    expect(told.onSnapshotWanted).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(2000);
    snapshot({ told_count: 10 });
    comm.say({ type: "heartbeat", session: 1, told_count: 10 });
    expect(told.onSnapshotWanted).toHaveBeenCalledOnce();
  });

  it("of a kernel that tells no count asks for nothing", () => {
    snapshot();
    comm.say({ type: "heartbeat", session: 1 });
    state();
    comm.say({ type: "heartbeat", session: 1 });
    expect(told.onSnapshotWanted).not.toHaveBeenCalled();
  });

  it("may tell of a newer session by its heartbeat, which makes the page ask", () => {
    comm.say({ type: "heartbeat", session: 2 });
    expect(told.onSnapshotWanted).toHaveBeenCalledOnce();
  });
});

describe("the lease", () => {
  it("is told when it comes and when it goes", () => {
    state({ owner: "other" });
    comm.say({ type: "owner", owner: "me" });
    comm.say({ type: "owner", owner: "other" });
    expect(told.onOwner.mock.calls).toEqual([[true], [false]]);
  });
});

describe("a snapshot", () => {
  it("for another page is none", () => {
    comm.say({ type: "snapshot", page: "other", ...talkState(), notes: [], turns: [] });
    expect(told.onSnapshot).not.toHaveBeenCalled();
  });

  it("for this page brings line, turns and notes", () => {
    const notes = [{ text: "Hello", level: "info", topic: "" }];
    comm.say({ type: "snapshot", page: "me", ...talkState(), notes, turns: [{ id: 1, order: 0 }] });
    expect(told.onState).toHaveBeenCalledOnce();
    expect(told.onSnapshot.mock.lastCall?.[1]).toEqual(notes);
    expect(told.onSnapshot.mock.lastCall?.[0]).toHaveLength(1);
  });
});

it("ignores what it does not know", () => {
  expect(() => comm.say({ type: "news" })).not.toThrow();
  expect(() => comm.say({ type: "audio", session: "one" })).not.toThrow();
});

it("is deaf after its end", () => {
  scope.dispose();
  state();
  expect(told.onState).not.toHaveBeenCalled();
});
