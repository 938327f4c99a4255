// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { audioPage } from "../src/page";
import { Playback, type PlaybackListener } from "../src/playback";
import { Scope } from "../src/scope";
import type { PlaybackChunk } from "../src/worklets/jitter-buffer";
import { FakeContext, FakeNode, installAudio, settle } from "./fakes";

let scope: Scope;
let playback: Playback;
let listener: { [K in keyof PlaybackListener]: ReturnType<typeof vi.fn<PlaybackListener[K]>> };

beforeEach(() => {
  vi.useFakeTimers();
  installAudio();
  scope = new Scope();
  listener = {
    onPlayhead: vi.fn(),
    onFlushed: vi.fn(),
    onPlaybackLevels: vi.fn(),
    onSounding: vi.fn(),
    onSoundWaiting: vi.fn(),
    onPlaybackFailed: vi.fn(),
  };
  playback = new Playback(scope, listener);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

const node = () => FakeNode.newest("grok-live-playback");
const context = () => FakeContext.made.at(-1)!;

function chunk(offset = 0): PlaybackChunk {
  const place = { session: 1, epoch: 0, reply: 1, sample_offset: offset };
  return { ...place, is_last: false, is_join: false, pcm: new Int16Array(2400) };
}

function position(changes = {}) {
  return { session: 1, epoch: 0, reply: 1, is_final: false, buffered_sample_count: 100, ...changes };
}

const FINAL = { is_final: true, buffered_sample_count: 0 };

describe("sound", () => {
  it("goes to one worklet in order, including chunks that arrived before it was loaded", async () => {
    playback.play(chunk(0));
    playback.play(chunk(2400));
    await settle();
    playback.play(chunk(4800));
    expect(node().port.posted.map((message) => message.sample_offset)).toEqual([0, 2400, 4800]);
    expect(audioPage().playbacks.size).toBe(1);
  });

  it("is reported as counted by the worklet", async () => {
    playback.play(chunk());
    await settle();
    node().port.deliver({ type: "playhead", position: position(), chunk_count: 1 });
    node().port.deliver({ type: "levels", levels: {} });
    node().port.deliver({ type: "probe", pcm: new Int16Array(1) });
    expect(listener.onPlayhead).toHaveBeenCalledOnce();
    expect(listener.onPlaybackLevels).toHaveBeenCalledOnce();
  });

  it("plays to its end after the connection has closed, and then the context is closed", async () => {
    playback.play(chunk());
    await settle();
    playback.end();
    expect(context().state).toBe("running");
    node().port.deliver({ type: "playhead", position: position(FINAL), chunk_count: 1 });
    vi.advanceTimersByTime(1100);
    expect(context().state).toBe("closed");
    expect(audioPage().playbacks.size).toBe(0);
  });

  it("that follows another reply plays to its end after the connection has closed, too", async () => {
    playback.play(chunk());
    await settle();
    playback.play({ ...chunk(), reply: 2 });
    playback.end();
    node().port.deliver({ type: "playhead", position: position(FINAL), chunk_count: 1 });
    expect(context().state).toBe("running");
    node().port.deliver({ type: "playhead", position: position({ ...FINAL, reply: 2 }), chunk_count: 2 });
    vi.advanceTimersByTime(1100);
    expect(context().state).toBe("closed");
  });

  it("whose rest is never received plays to where it breaks off, if no more can come", async () => {
    playback.play(chunk());
    await settle();
    playback.end(true);
    expect(node().port.posted.at(-1)).toEqual({ type: "complete" });
    expect(context().state).toBe("running");
    node().port.deliver({ type: "playhead", position: position(FINAL), chunk_count: 1 });
    vi.advanceTimersByTime(1100);
    expect(context().state).toBe("closed");
  });

  it("is not cut off by a report that the worklet sent before it had the sound", async () => {
    playback.play(chunk());
    await settle();
    playback.play({ ...chunk(2400), is_last: true });
    node().port.deliver({
      type: "playhead",
      position: position({ buffered_sample_count: 0 }),
      chunk_count: 1,
    });
    playback.end();
    vi.advanceTimersByTime(1000);
    expect(context().state).toBe("running");
  });

  it("that waits for a click is kept when the connection closes", async () => {
    playback.unlock();
    context().become("suspended");
    playback.play(chunk());
    playback.end();
    await settle();
    context().become("running");
    expect(node().port.posted).toHaveLength(1);
  });

  it("does not keep the context if nothing is buffered", async () => {
    playback.unlock();
    await settle();
    playback.end();
    vi.advanceTimersByTime(1100);
    expect(context().state).toBe("closed");
  });
});

describe("a flush", () => {
  it("goes to the worklet, which answers with its position", async () => {
    playback.play(chunk());
    await settle();
    playback.flush(1, 2, 1);
    expect(node().port.posted.at(-1)).toEqual({ type: "flush", epoch: 2, reply: 1 });
    node().port.deliver({ type: "flushed", position: position({ sample_count: 77 }), chunk_count: 1 });
    expect(listener.onFlushed.mock.lastCall?.[0]).toMatchObject({ sample_count: 77 });
  });

  it("at the end fades out before the worklet is released", async () => {
    playback.play(chunk());
    await settle();
    const worklet = node();
    playback.flush(1, 2, 1);
    playback.end();
    worklet.port.deliver({ type: "flushed", position: position(FINAL), chunk_count: 1 });
    vi.advanceTimersByTime(50);
    expect(worklet.port.posted.at(-1)).toMatchObject({ type: "flush" });
    vi.advanceTimersByTime(50);
    expect(worklet.port.posted.at(-1)).toEqual({ type: "stop" });
  });

  it("is answered at once where the sound waits for a click, which is then not wanted", async () => {
    playback.unlock();
    context().become("suspended");
    playback.play(chunk());
    playback.flush(1, 2, 1);
    expect(listener.onFlushed.mock.lastCall?.[0]).toMatchObject({ epoch: 2, reply: 1, sample_count: 0 });
    expect(listener.onSoundWaiting).toHaveBeenLastCalledWith(false);
  });

  it("is answered when nothing was playing, too", () => {
    playback.flush(3, 2, 8);
    expect(listener.onFlushed.mock.lastCall?.[0]).toMatchObject({
      session: 3,
      epoch: 2,
      reply: 8,
      sample_count: 0,
    });
    expect(FakeContext.made).toHaveLength(0);
  });

  it("of nothing keeps the context that the user's click has just opened", async () => {
    playback.unlock();
    context().become("suspended");
    playback.flush(1, 2, null);
    vi.advanceTimersByTime(2000);
    expect(context().state).toBe("suspended");
    expect(listener.onFlushed).toHaveBeenCalledOnce();
  });
});

describe("the volume", () => {
  const gain = () => FakeNode.made.find((made) => made.name === "" && made.isConnected)!;

  it("is applied after the worklet, whose levels are those before it, and is set before any sound", async () => {
    playback.setVolume(0.25);
    playback.play(chunk());
    await settle();
    expect(gain().gain.value).toBe(0.25);
    expect(node().isConnected && gain().isConnected).toBe(true);
    expect(gain().gain.setTargetAtTime).not.toHaveBeenCalled();
  });

  it("changes on a ramp while a reply sounds", async () => {
    playback.play(chunk());
    await settle();
    playback.setVolume(0);
    expect(gain().gain.setTargetAtTime).toHaveBeenCalledExactlyOnceWith(0, 3, 0.01);
    expect(gain().gain.value).toBe(1);
  });

  it("holds for the next reply, after the loudspeaker was released", async () => {
    playback.play(chunk());
    await settle();
    const first = gain();
    playback.setVolume(0.5);
    playback.release();
    expect(first.isConnected).toBe(false);
    playback.play(chunk());
    await settle();
    expect(gain().gain.value).toBe(0.5);
  });
});

describe("a reply sounds", () => {
  const sounding = () => listener.onSounding.mock.calls.map(([isSounding]) => isSounding);
  const report = (changes = {}) =>
    node().port.deliver({ type: "playhead", position: position(changes), chunk_count: 1 });

  it("from before its first sample to its last, pauses included", async () => {
    playback.play(chunk());
    expect(sounding()).toEqual([true]);
    await settle();
    report();
    report({ buffered_sample_count: 0 });
    expect(sounding()).toEqual([true]);
    report(FINAL);
    expect(sounding()).toEqual([true, false]);
  });

  it("until it was flushed", async () => {
    playback.play(chunk());
    await settle();
    report();
    playback.flush(1, 1, 1);
    expect(sounding()).toEqual([true]);
    node().port.deliver({ type: "flushed", position: position(FINAL), chunk_count: 1 });
    expect(sounding()).toEqual([true, false]);
  });

  it("until the loudspeaker is released", async () => {
    playback.play(chunk());
    await settle();
    report();
    playback.release();
    expect(sounding()).toEqual([true, false]);
  });
});

describe("sound that the browser blocks", () => {
  it("is reported after a moment, until a click", async () => {
    playback.unlock();
    context().become("suspended");
    playback.play(chunk());
    vi.advanceTimersByTime(400);
    expect(listener.onSoundWaiting).toHaveBeenLastCalledWith(true);
    playback.unlock();
    context().become("running");
    expect(listener.onSoundWaiting).toHaveBeenLastCalledWith(false);
  });

  it("is reported when another program interrupts it, too", async () => {
    playback.play(chunk());
    await settle();
    context().become("interrupted" as AudioContextState);
    expect(listener.onSoundWaiting).toHaveBeenLastCalledWith(true);
  });

  it("is reported to the kernel with the position where it stands, until the reply is over", async () => {
    playback.play(chunk());
    await settle();
    node().port.deliver({ type: "playhead", position: position({ sample_count: 480 }), chunk_count: 1 });
    context().become("suspended");
    expect(listener.onPlayhead.mock.lastCall![0]).toMatchObject({ sample_count: 480, is_paused: true });
    context().become("running");
    node().port.deliver({ type: "playhead", position: position({ is_final: true }), chunk_count: 1 });
    context().become("suspended");
    expect(listener.onPlayhead.mock.lastCall![0].is_paused).toBeUndefined();
  });

  it("is told in a report, too, that the worklet sent before the pause and that arrives after it", async () => {
    playback.play(chunk());
    await settle();
    context().become("suspended");
    node().port.deliver({ type: "playhead", position: position({ sample_count: 600 }), chunk_count: 1 });
    expect(listener.onPlayhead.mock.lastCall![0]).toMatchObject({ sample_count: 600, is_paused: true });
  });

  it("is not awaited, because resume may stay pending for ever", () => {
    playback.unlock();
    expect(context().resume).toHaveBeenCalledOnce();
  });
});

describe("a browser that cannot play", () => {
  it("is reported once, and playback is tried again at the next click", async () => {
    vi.stubGlobal(
      "AudioContext",
      class extends FakeContext {
        override readonly audioWorklet = undefined;
      },
    );
    playback.play(chunk());
    await settle();
    playback.play(chunk(2400));
    await settle();
    expect(listener.onPlaybackFailed).toHaveBeenCalledOnce();
    playback.unlock();
    await settle();
    expect(listener.onPlaybackFailed).toHaveBeenCalledTimes(2);
  });

  it("is reported when the audio thread stops", async () => {
    playback.play(chunk());
    await settle();
    node().dispatchEvent(new Event("processorerror"));
    expect(listener.onPlaybackFailed).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1000);
    expect(context().state).toBe("closed");
  });
});
