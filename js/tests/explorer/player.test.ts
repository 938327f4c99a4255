import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readOpened } from "../../src/explorer/messages";
import { SoundPlayer } from "../../src/explorer/player";
import type { SoundStore } from "../../src/explorer/sound";
import { audioPage } from "../../src/page";
import { Scope } from "../../src/scope";
import { openedMessage, RATE_HZ } from "./kernel";
import { installLoudspeaker, Loudspeaker } from "./loudspeaker";

const SAMPLE_COUNT = 10 * RATE_HZ;
/** A tone of 440 Hz at the left, one of 880 Hz at the right. */
const TRACKS = [440, 880].map((hz) =>
  Float32Array.from({ length: SAMPLE_COUNT }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / RATE_HZ)),
);

let scope: Scope;
let player: SoundPlayer;
let missingFrom: number;
let notify: () => void;
let events: string[];

beforeEach(() => {
  vi.useFakeTimers();
  installLoudspeaker(48_000);
  scope = new Scope();
  missingFrom = Number.POSITIVE_INFINITY;
  notify = () => {};
  const sound = {
    opened: readOpened(openedMessage()),
    read: (start: number, count: number) =>
      start + count > missingFrom ? null : TRACKS.map((track) => track.subarray(start, start + count)),
    listen: (listener: () => void) => {
      notify = listener;
      return () => {};
    },
  };
  player = new SoundPlayer(sound as unknown as SoundStore, scope);
  events = [];
  for (const type of ["play", "pause", "ended", "seeking"])
    scope.listen(player, type, () => void events.push(type));
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

/** Let time pass, for timers and for the loudspeaker. */
function pass(seconds: number): void {
  for (let i = 0; i < Math.round(seconds * 10); i++) {
    for (const each of Loudspeaker.made) each.currentTime += 0.1;
    vi.advanceTimersByTime(100);
  }
}

const speaker = () => Loudspeaker.made.at(-1)!;

/** The greatest difference to a sine at 48 kHz that begins at a sample of the sound; the ends are a resampler's. */
function errorOf(played: Float32Array, hz: number, start: number): number {
  let error = 0;
  for (let i = 400; i < played.length - 400; i++) {
    const phase = 2 * Math.PI * hz * (start / RATE_HZ + i / 48_000);
    error = Math.max(error, Math.abs(played[i]! - 0.5 * Math.sin(phase)));
  }
  return error;
}

describe("playing", () => {
  it("sends the exact sound, left and right, without a click between blocks", () => {
    player.currentTime = 2.5;
    player.play();
    pass(3);
    const [left, right] = [speaker().played(0), speaker().played(1)];
    expect(left.length).toBeGreaterThan(3 * 48_000);
    expect(errorOf(left, 440, 2.5 * RATE_HZ)).toBeLessThan(1e-3);
    expect(errorOf(right, 880, 2.5 * RATE_HZ)).toBeLessThan(1e-3);
  });

  it("is told by the context's clock, and starts 30 ms later at most", () => {
    player.play();
    pass(1);
    expect(player.currentTime).toBeGreaterThan(0.96);
    expect(player.currentTime).toBeLessThan(1);
  });

  it("plays all samples to the last one, then stays at the end", () => {
    player.currentTime = 9;
    player.play();
    pass(2);
    expect(speaker().played(0)).toHaveLength(48_000);
    expect(errorOf(speaker().played(0), 440, 9 * RATE_HZ)).toBeLessThan(1e-3);
    expect(events).toEqual(["seeking", "play", "pause", "ended"]);
    expect([player.paused, player.ended, player.currentTime]).toEqual([true, true, 10]);
    player.play();
    pass(0.5);
    expect(player.currentTime).toBeLessThan(0.5);
  });

  it("does not compute far ahead", () => {
    player.play();
    pass(2);
    expect(speaker().played(0).length).toBeLessThan(4.5 * 48_000);
  });
});

describe("a stretch", () => {
  it("is played to its last sample and no further", () => {
    player.playStretch(4, 4.5);
    pass(2);
    expect(speaker().played(0)).toHaveLength(24_000);
    expect([player.paused, player.ended, player.currentTime]).toEqual([true, false, 4.5]);
    expect(events).toEqual(["seeking", "play", "pause"]);
  });

  it("replaces what plays", () => {
    player.play();
    pass(1);
    player.playStretch(7, 8);
    pass(0.5);
    expect(player.currentTime).toBeGreaterThan(7.3);
    expect(events).toEqual(["play", "seeking"]);
  });
});

describe("pausing and seeking", () => {
  it("pauses where it is, and goes on from there", () => {
    player.play();
    pass(1);
    player.pause();
    const pausedAt = player.currentTime;
    pass(3);
    expect(player.currentTime).toBe(pausedAt);
    player.play();
    pass(1);
    expect(player.currentTime - pausedAt).toBeGreaterThan(0.9);
    expect(events).toEqual(["play", "pause", "play"]);
  });

  it("seeks while it plays, and within the sound only", () => {
    player.play();
    pass(1);
    player.currentTime = 6;
    pass(1);
    expect(player.currentTime).toBeGreaterThan(6.9);
    player.currentTime = -5;
    expect(player.currentTime).toBe(0);
    player.currentTime = 99;
    expect([player.currentTime, player.paused]).toEqual([10, true]);
  });

  it("gives the context back soon after a pause", () => {
    player.play();
    pass(0.5);
    const context = speaker();
    expect(audioPage().playbacks.size).toBe(1);
    player.pause();
    pass(2);
    expect(audioPage().playbacks.size).toBe(0);
    expect(context.gains.map(({ isConnected }) => isConnected)).toEqual([false]);
    expect(context.state).toBe("closed");
  });

  it("ends with its view, also in the middle of a sound", () => {
    player.play();
    pass(0.5);
    scope.dispose();
    expect(audioPage().playbacks.size).toBe(0);
    pass(2);
    expect(speaker().state).toBe("closed");
  });
});

describe("sound that has not come yet", () => {
  it("is waited for, where it is missing, and then played without a loss", () => {
    missingFrom = 2 * RATE_HZ;
    player.play();
    pass(5);
    expect(player.isWaiting).toBe(true);
    expect(player.currentTime).toBeGreaterThan(1.7);
    expect(player.currentTime).toBeLessThanOrEqual(2);
    const before = speaker().scheduled.length;
    missingFrom = Number.POSITIVE_INFINITY;
    notify();
    expect(player.isWaiting).toBe(false);
    const gap = speaker().scheduled.slice(before);
    const start = Math.round(
      speaker()
        .scheduled.slice(0, before)
        .reduce((n, each) => n + each.tracks[0]!.length, 0) / 2,
    );
    expect(errorOf(gap[0]!.tracks[0]!, 440, start)).toBeLessThan(1e-3);
    pass(1);
    expect(player.currentTime).toBeGreaterThan(2.5);
  });

  it("is nothing to play before the kernel has answered", () => {
    const empty = new SoundPlayer({ opened: null } as unknown as SoundStore, scope);
    empty.play();
    expect([empty.paused, empty.duration, empty.currentTime, empty.ended]).toEqual([true, 0, 0, false]);
  });
});
