import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ChannelListener, CommChannel } from "../src/channel";
import { Scope } from "../src/scope";
import { FakeComm, talkState } from "./fakes";

let comm: FakeComm;
let scope: Scope;
let channel: CommChannel;
let listener: {
  [K in Exclude<keyof ChannelListener, "drawers">]: ReturnType<typeof vi.fn<ChannelListener[K]>>;
} & Pick<ChannelListener, "drawers">;

beforeEach(() => {
  vi.useFakeTimers();
  comm = new FakeComm();
  scope = new Scope();
  listener = {
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
    drawers: { receiveBundle: vi.fn(), receiveMessage: vi.fn() },
    onSpeech: vi.fn(),
    onSnapshotWanted: vi.fn(),
    onInvitation: vi.fn(),
  };
  channel = new CommChannel("me", comm, listener, scope);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

function state(changes = {}): void {
  comm.deliver({ type: "state", ...talkState(changes) });
}

function snapshot(changes = {}): void {
  comm.deliver({ type: "snapshot", page: "me", ...talkState(), notes: [], turns: [], tools: [], ...changes });
}

function audio(changes = {}, pcm: Int16Array | undefined = Int16Array.of(1, 2)): void {
  const header = { type: "audio", session: 1, epoch: 0, seq: 0, reply: 1, sample_offset: 0, is_last: false };
  comm.deliver({ ...header, ...changes }, pcm);
}

function speak(count = 1): void {
  for (let i = 0; i < count; i++) {
    channel.sound.sendMicrophone({
      pcm: new Int16Array(2400),
      stream: 1,
      sample_index: 2400 * i,
      captured_at_ms: 100 * i,
    });
  }
}

function heartbeat(count = 1): void {
  for (let i = 0; i < count; i++) comm.deliver({ type: "heartbeat", session: 1 });
}

describe("a message to the kernel", () => {
  it("carries the page's id", () => {
    channel.send({ type: "commit" });
    expect(comm.sent[0]).toMatchObject({ type: "commit", page: "me" });
  });

  it("with sound carries the session, the sequence number, and the samples as its only buffer", () => {
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

  it("that cannot be sent means that the kernel is gone", () => {
    comm.isBroken = true;
    channel.send({ type: "bye" });
    expect(listener.onHealth).toHaveBeenCalledWith("gone");
  });
});

describe("a typed text", () => {
  const onAnswer = vi.fn();
  const answer = (id: unknown, is_sent: boolean, page = "me") =>
    comm.deliver({ type: "text_answer", page, id, is_sent });

  beforeEach(() => {
    onAnswer.mockClear();
    state();
    channel.sendText("Hello.", onAnswer);
  });

  it("is answered once, by the answer with its id to this page", () => {
    const { id } = comm.ofType("text")[0]!;
    answer(id, true, "other");
    answer(Number(id) + 1, true);
    expect(onAnswer).not.toHaveBeenCalled();
    answer(id, true);
    answer(id, true);
    expect(onAnswer.mock.calls).toEqual([[true]]);
  });

  it("is repeated with the same id until it is answered", () => {
    heartbeat();
    vi.advanceTimersByTime(2500);
    const sent = comm.ofType("text");
    expect(sent.map(({ id, text }) => [id, text])).toEqual(Array(2).fill([sent[0]!.id, "Hello."]));
    answer(sent[0]!.id, false);
    vi.advanceTimersByTime(5000);
    expect(comm.ofType("text")).toHaveLength(2);
  });

  it("is given back and not repeated when the kernel sends nothing for 3 s, and may be answered late", () => {
    vi.advanceTimersByTime(3000);
    expect(listener.onHealth).toHaveBeenLastCalledWith("unanswered");
    expect(onAnswer.mock.calls).toEqual([[false]]);
    const sentCount = comm.ofType("text").length;
    answer(comm.ofType("text")[0]!.id, true);
    expect(listener.onHealth).toHaveBeenLastCalledWith("ok");
    vi.advanceTimersByTime(2500);
    expect(comm.ofType("text")).toHaveLength(sentCount);
    expect(onAnswer.mock.calls).toEqual([[false], [true]]);
  });

  it("is given back at once when the comm is closed", () => {
    comm.isBroken = true;
    const onClosed = vi.fn();
    channel.sendText("Are you there?", onClosed);
    expect(onClosed.mock.calls).toEqual([[false]]);
  });
});

describe("sound for this page", () => {
  beforeEach(() => state());

  it("is acknowledged and passed to the listener", () => {
    audio({ seq: 4 });
    expect(comm.ofType("received")).toMatchObject([{ session: 1, seq: 4 }]);
    expect(listener.onAudio.mock.lastCall?.[1]).toEqual(Int16Array.of(1, 2));
  });

  it("may be empty at the end of a reply", () => {
    audio({ is_last: true }, undefined);
    comm.deliver({ type: "audio", session: 1, seq: 1, reply: 1, sample_offset: 2, is_last: true });
    expect(listener.onAudio.mock.lastCall?.[1]).toEqual(new Int16Array(0));
  });

  it("of an older epoch is acknowledged and dropped", () => {
    comm.deliver({ type: "flush", session: 1, epoch: 3, reply: 1 });
    audio({ epoch: 2 });
    expect(comm.ofType("received")).toHaveLength(1);
    expect(listener.onAudio).not.toHaveBeenCalled();
  });

  it("of an older session is dropped", () => {
    state({ session: 2 });
    audio({ session: 1 });
    expect(listener.onAudio).not.toHaveBeenCalled();
  });

  it("of a session that the user has stopped is dropped", () => {
    channel.stop();
    audio();
    expect(listener.onAudio).not.toHaveBeenCalled();
  });

  it("of a newer epoch flushes first, because the kernel's flush was lost", () => {
    audio({ epoch: 2 });
    expect(listener.onFlush).toHaveBeenCalledWith(2, null);
    expect(listener.onAudio).toHaveBeenCalledOnce();
  });

  it("of a newer session is played, although the state message was lost", () => {
    audio({ session: 2 });
    expect(listener.onAudio).toHaveBeenCalledOnce();
    expect(channel.sound.session).toBe(2);
  });

  it("is a join when the page joins in the middle of a session", () => {
    audio({ seq: 9 });
    audio({ seq: 10 });
    expect(listener.onAudio.mock.calls.map(([, , isJoin]) => isJoin)).toEqual([true, false]);
  });

  it("with a gap before it makes the page request a snapshot, at most every 2 s", () => {
    audio({ seq: 0 });
    audio({ seq: 2 });
    audio({ seq: 4 });
    expect(listener.onSnapshotWanted).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(2000);
    audio({ seq: 6 });
    expect(listener.onSnapshotWanted).toHaveBeenCalledTimes(2);
  });

  it("is ignored when another page is the owner", () => {
    state({ owner: "other" });
    audio();
    expect(comm.ofType("received")).toEqual([]);
    expect(listener.onAudio).not.toHaveBeenCalled();
  });
});

describe("the epoch", () => {
  beforeEach(() => state({ epoch: 4 }));

  it("follows the kernel's flush", () => {
    comm.deliver({ type: "flush", session: 1, epoch: 5, reply: 2 });
    expect(channel.sound.epoch).toBe(5);
    expect(listener.onFlush).toHaveBeenCalledWith(5, 2);
  });

  it("does not decrease", () => {
    comm.deliver({ type: "flush", session: 1, epoch: 3, reply: 2 });
    state({ epoch: 1 });
    expect(channel.sound.epoch).toBe(4);
    expect(listener.onFlush).not.toHaveBeenCalled();
  });

  it("of a state flushes, because the kernel's flush was lost, but not what this page has not played", () => {
    state({ epoch: 6 });
    expect(listener.onFlush.mock.calls).toEqual([[6, null]]);
    state({ epoch: 7, session: 2 });
    expect(listener.onFlush.mock.calls.slice(1)).toEqual([[7, null]]);
    state({ epoch: 7, session: 2, owner: "other" });
    state({ epoch: 8, session: 2 });
    expect(listener.onFlush).toHaveBeenCalledTimes(2);
  });

  it("begins with one flush, whichever message is the first of it", () => {
    comm.deliver({ type: "flush", session: 1, epoch: 5, reply: 2 });
    comm.deliver({ type: "flush", session: 1, epoch: 5, reply: 2 });
    state({ epoch: 5 });
    channel.interrupt();
    comm.deliver({ type: "flush", session: 1, epoch: 6, reply: 2 });
    audio({ epoch: 6 });
    expect(listener.onFlush.mock.calls).toEqual([[5, 2]]);
    expect(listener.onAudio).toHaveBeenCalledOnce();
  });

  it("increases by one at the page's own flush, which is sent to the kernel", () => {
    channel.interrupt();
    expect(comm.ofType("interrupt")).toMatchObject([{ epoch: 5 }]);
    audio({ epoch: 4 });
    expect(listener.onAudio).not.toHaveBeenCalled();
  });

  it("is the kernel's in a new session", () => {
    channel.interrupt();
    state({ session: 2, epoch: 4 });
    expect(channel.sound.epoch).toBe(4);
  });

  it("ignores a flush of an older session", () => {
    state({ session: 2 });
    comm.deliver({ type: "flush", session: 1, epoch: 9, reply: 1 });
    expect(listener.onFlush).not.toHaveBeenCalled();
  });
});

describe("microphone sound", () => {
  it("is buffered until the connection is open, then sent in order", () => {
    channel.start(true);
    speak(2);
    state({ phase: "opening" });
    speak(1);
    expect(comm.ofType("microphone")).toEqual([]);
    state({ phase: "open" });
    expect(comm.ofType("microphone")).toHaveLength(3);
  });

  it("is discarded and counted while the connection is reopened", () => {
    state();
    state({ phase: "opening", session: 2 });
    speak(3);
    state({ phase: "open", session: 2 });
    expect(comm.ofType("microphone")).toEqual([]);
    expect(listener.onDropped).toHaveBeenLastCalledWith({ kernel: 0, connection: 7200 });
    speak(1);
    expect(comm.ofType("microphone")).toMatchObject([{ session: 2, seq: 0, dropped_sample_count: 7200 }]);
  });

  it("is not sent by a page that is not the owner", () => {
    state({ owner: "other" });
    speak(1);
    expect(comm.ofType("microphone")).toEqual([]);
  });

  it("is sent up to the last chunk before the commit", () => {
    state();
    speak(16);
    channel.sound.endPress("commit");
    expect(comm.ofType("commit")).toEqual([]);
    comm.deliver({ type: "microphone_received", session: 1, seq: 14 });
    expect(comm.sent.slice(-2).map(({ type }) => type)).toEqual(["microphone", "commit"]);
  });

  it("is not acknowledged by a message of another session", () => {
    state({ session: 2 });
    speak(16);
    comm.deliver({ type: "microphone_received", session: 1, seq: 14 });
    expect(comm.ofType("microphone")).toHaveLength(15);
  });
});

describe("what the kernel need not know at once", () => {
  const POSITION = {
    session: 1,
    epoch: 0,
    reply: 1,
    sample_count: 0,
    is_final: false,
    first_sound_at_ms: null,
    buffered_sample_count: 9,
    underrun_count: 0,
    lost_sample_count: 0,
  };

  function play(changes = {}): void {
    channel.sound.reportPlayhead({ ...POSITION, ...changes });
  }

  beforeEach(() => {
    state();
    comm.sent = [];
  });

  it("goes with the next chunk of the microphone", () => {
    play();
    speak(1);
    audio({ seq: 0 });
    audio({ seq: 1 });
    play({ sample_count: 1200 });
    vi.advanceTimersByTime(100);
    play({ sample_count: 3600 });
    expect(comm.sent.map(({ type }) => type)).toEqual(["playhead", "microphone"]);
    speak(1);
    expect(comm.sent.at(-1)).toMatchObject({
      type: "microphone",
      earlier: [
        { type: "received", page: "me", seq: 1 },
        { type: "playhead", page: "me", sample_count: 3600 },
      ],
    });
    speak(1);
    expect(comm.sent.at(-1)).not.toHaveProperty("earlier");
  });

  it("goes with each second playhead while only a reply sounds", () => {
    for (let count = 0; count < 5; count++) {
      if (count === 1) audio();
      play({ sample_count: 2400 * count });
      vi.advanceTimersByTime(100);
    }
    expect(comm.sent.map(({ type, sample_count }) => [type, sample_count])).toEqual([
      ["playhead", 0],
      ["playhead", 4800],
      ["playhead", 9600],
    ]);
    expect(comm.sent[1]!.earlier).toMatchObject([{ type: "received", seq: 0 }]);
  });

  it("does not include the end of a reply, the beginning of the next one, and a pause", () => {
    speak(1);
    play();
    play({ sample_count: 10 });
    play({ sample_count: 20, is_final: true });
    play({ reply: 2 });
    play({ reply: 2, sample_count: 5, is_paused: true });
    expect(comm.ofType("playhead").map(({ reply, sample_count }) => [reply, sample_count])).toEqual([
      [1, 0],
      [1, 20],
      [2, 0],
      [2, 5],
    ]);
    expect(comm.sent.flatMap(({ earlier }) => earlier ?? [])).toEqual([]);
  });

  it("is sent by itself when nothing else is", () => {
    speak(1);
    audio();
    vi.advanceTimersByTime(500);
    expect(comm.ofType("received")).toMatchObject([{ seq: 0 }]);
    vi.advanceTimersByTime(5000);
    expect(comm.ofType("received")).toHaveLength(1);
  });
});

describe("the kernel's health", () => {
  beforeEach(() => state());

  it("is busy when nothing is acknowledged for 1 s while heartbeats arrive", () => {
    speak(1);
    vi.advanceTimersByTime(1000);
    heartbeat();
    vi.advanceTimersByTime(500);
    expect(listener.onHealth).toHaveBeenLastCalledWith("busy");
    comm.deliver({ type: "microphone_received", session: 1, seq: 0 });
    expect(listener.onHealth).toHaveBeenLastCalledWith("ok");
  });

  it("is gone after 15 s without a message, and speech from that time is never sent", () => {
    speak(20);
    vi.advanceTimersByTime(14_500);
    expect(listener.onHealth).not.toHaveBeenCalledWith("gone");
    vi.advanceTimersByTime(1000);
    expect(listener.onHealth).toHaveBeenLastCalledWith("gone");
    const sentCount = comm.ofType("microphone").length;
    heartbeat();
    expect(listener.onHealth).toHaveBeenLastCalledWith("ok");
    comm.deliver({ type: "microphone_received", session: 1, seq: 20 });
    expect(comm.ofType("microphone")).toHaveLength(sentCount);
  });

  it("is held while it sends nothing and the direct channel is open, and typed texts wait for it", () => {
    channel.sound = Object.assign(channel.sound, { isDirect: true });
    const onAnswer = vi.fn();
    channel.sendText("hello", onAnswer);
    vi.advanceTimersByTime(2500);
    expect(listener.onHealth).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(listener.onHealth.mock.calls).toEqual([["held"]]);
    expect(comm.ofType("text").length).toBeGreaterThan(10);
    heartbeat();
    vi.advanceTimersByTime(500);
    expect(listener.onHealth).toHaveBeenLastCalledWith("ok");
    expect(onAnswer).not.toHaveBeenCalled();
  });

  it("is not held but gone if nothing is acknowledged through the direct channel, either", () => {
    channel.sound = Object.assign(channel.sound, { isDirect: true });
    speak(1);
    vi.advanceTimersByTime(20_000);
    expect(listener.onHealth.mock.calls).toEqual([["busy"], ["gone"]]);
  });

  it("is gone when the process of its connection says so, until it sends something", () => {
    channel.lose();
    expect(listener.onHealth).toHaveBeenLastCalledWith("gone");
    heartbeat();
    expect(listener.onHealth).toHaveBeenLastCalledWith("ok");
  });

  it("is gone when the direct channel has ended with it", () => {
    channel.sound = Object.assign(channel.sound, { isDirect: true });
    vi.advanceTimersByTime(20_000);
    Object.assign(channel.sound, { isDirect: false });
    vi.advanceTimersByTime(500);
    expect(listener.onHealth).toHaveBeenLastCalledWith("gone");
  });

  it("is not gone while the connection is closed", () => {
    state({ phase: "closed" });
    vi.advanceTimersByTime(60_000);
    expect(listener.onHealth).not.toHaveBeenCalled();
  });

  it("is gone when a start is never answered", () => {
    state({ phase: "closed" });
    channel.start(true);
    vi.advanceTimersByTime(15_500);
    expect(listener.onHealth).toHaveBeenLastCalledWith("gone");
  });

  it("is gone when the host says so, until a message arrives", () => {
    state({ phase: "closed" });
    comm.isLost = true;
    vi.advanceTimersByTime(500);
    expect(listener.onHealth).toHaveBeenLastCalledWith("gone");
    comm.isLost = false;
    heartbeat();
    expect(listener.onHealth).toHaveBeenLastCalledWith("ok");
    expect(listener.onSnapshotWanted).toHaveBeenCalledOnce();
  });

  it("is probed with alive at every fifth heartbeat, unless something was sent", () => {
    heartbeat(5);
    expect(comm.ofType("alive")).toHaveLength(1);
    channel.send({ type: "commit" });
    heartbeat(5);
    expect(comm.ofType("alive")).toHaveLength(1);
    heartbeat(5);
    expect(comm.ofType("alive")).toHaveLength(2);
  });

  it("a ping is answered at once", () => {
    comm.deliver({ type: "ping", id: "p7" });
    expect(comm.ofType("pong")).toMatchObject([{ id: "p7", pcm: undefined }]);
  });

  it("a ping with sound is answered with the same sound", () => {
    comm.deliver({ type: "ping", id: -1 }, Int16Array.of(1, -2, 3));
    expect([...new Int16Array(comm.ofType("pong")[0]!.pcm!)]).toEqual([1, -2, 3]);
  });

  it("a heartbeat carries how long the session can still last", () => {
    heartbeat();
    expect(listener.onTimeLeft).toHaveBeenLastCalledWith(null);
    comm.deliver({ type: "heartbeat", session: 1, ends_in_s: 42 });
    expect(listener.onTimeLeft).toHaveBeenLastCalledWith(42);
  });

  it("a heartbeat's message count makes the page request a snapshot after a loss", () => {
    snapshot({ told_count: 7 });
    state();
    comm.deliver({ type: "note", note: { text: "Careful", level: "info" } });
    comm.deliver({ type: "heartbeat", session: 1, told_count: 9 });
    expect(listener.onSnapshotWanted).not.toHaveBeenCalled();
    comm.deliver({ type: "heartbeat", session: 1, told_count: 10 });
    expect(listener.onSnapshotWanted).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(2000);
    snapshot({ told_count: 10 });
    comm.deliver({ type: "heartbeat", session: 1, told_count: 10 });
    expect(listener.onSnapshotWanted).toHaveBeenCalledOnce();
  });

  it("a heartbeat without a message count requests nothing", () => {
    snapshot();
    comm.deliver({ type: "heartbeat", session: 1 });
    state();
    comm.deliver({ type: "heartbeat", session: 1 });
    expect(listener.onSnapshotWanted).not.toHaveBeenCalled();
  });

  it("a heartbeat of a newer session makes the page request a snapshot", () => {
    comm.deliver({ type: "heartbeat", session: 2 });
    expect(listener.onSnapshotWanted).toHaveBeenCalledOnce();
  });
});

describe("the lease", () => {
  it("is reported when the page gains it and when it loses it", () => {
    state({ owner: "other" });
    comm.deliver({ type: "owner", owner: "me" });
    comm.deliver({ type: "owner", owner: "other" });
    expect(listener.onOwner.mock.calls).toEqual([[true], [false]]);
  });
});

describe("a snapshot", () => {
  it("for another page is ignored", () => {
    comm.deliver({ type: "snapshot", page: "other", ...talkState(), notes: [], turns: [] });
    expect(listener.onSnapshot).not.toHaveBeenCalled();
  });

  it("for this page carries state, turns and notes", () => {
    const notes = [{ text: "Hello", level: "info", topic: "" }];
    comm.deliver({ type: "snapshot", page: "me", ...talkState(), notes, turns: [{ id: 1, order: 0 }] });
    expect(listener.onState).toHaveBeenCalledOnce();
    expect(listener.onSnapshot.mock.lastCall?.[1]).toEqual(notes);
    expect(listener.onSnapshot.mock.lastCall?.[0]).toHaveLength(1);
  });
});

it("ignores unknown messages", () => {
  expect(() => comm.deliver({ type: "news" })).not.toThrow();
  expect(() => comm.deliver({ type: "audio", session: "one" })).not.toThrow();
});

it("receives nothing after its scope has ended", () => {
  scope.dispose();
  state();
  expect(listener.onState).not.toHaveBeenCalled();
});
