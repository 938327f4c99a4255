import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Comm } from "../../src/channel";
import { SoundStore } from "../../src/explorer/sound";
import type { BinaryBuffer } from "../../src/pcm";
import { Scope } from "../../src/scope";
import { bufferOf, openedMessage, RATE_HZ } from "./kernel";

let scope: Scope;
let sent: Record<string, unknown>[];
let isBroken: boolean;
let deliver: (content: unknown, buffers?: BinaryBuffer[]) => void;
let sound: SoundStore;

beforeEach(() => {
  vi.useFakeTimers();
  scope = new Scope();
  sent = [];
  isBroken = false;
  const comm: Comm = {
    isLost: false,
    send: (content) => {
      if (isBroken) throw new Error("Kernel is dead");
      sent.push(content as Record<string, unknown>);
    },
    listen: (listener) => {
      deliver = (content, buffers = []) => listener(content, buffers);
      return () => {
        deliver = () => {};
      };
    },
  };
  sound = new SoundStore(comm, scope, () => Date.now());
  sound.open();
});

afterEach(() => void vi.useRealTimers());

const open = (changes: object = {}) =>
  deliver(openedMessage(changes), [bufferOf([-16384, 16384]), bufferOf([0, 0])]);
const piece = (number: number, tracks: ArrayLike<number>[] = [[], []]) =>
  deliver({ type: "piece", piece: number }, tracks.map(bufferOf));
const pieces = () => sent.filter(({ type }) => type === "read").map((message) => message.piece);

describe("sound that is read as a whole", () => {
  it("is read in order, two pieces at a time", () => {
    open({ sample_count: 22 * RATE_HZ });
    expect(sent[0]).toEqual({ type: "open" });
    expect(pieces()).toEqual([0, 1]);
    piece(0);
    expect(pieces()).toEqual([0, 1, 2]);
    for (const number of [1, 2, 3, 4]) piece(number);
    expect(pieces()).toEqual([0, 1, 2, 3, 4]);
    expect(sound.isLoaded).toBe(true);
  });

  it("has the samples of all pieces at their places, and zeros where a track is silent", () => {
    open();
    piece(1, [[], new Int16Array(5 * RATE_HZ).fill(16384)]);
    expect(sound.isLoaded).toBe(false);
    piece(0, [new Int16Array(5 * RATE_HZ).fill(-16384), []]);
    expect(sound.isLoaded).toBe(true);
    const [user, assistant] = sound.tracks;
    expect([user![0], user![5 * RATE_HZ - 1], user![5 * RATE_HZ]]).toEqual([-0.5, -0.5, 0]);
    expect([assistant![5 * RATE_HZ - 1], assistant![5 * RATE_HZ]]).toEqual([0, 0.5]);
  });

  it("has its envelope before its samples", () => {
    open();
    expect(sound.envelopes[0]).toEqual(Float32Array.of(-0.5, 0.5));
  });

  it("takes no more samples than a piece has", () => {
    open({ sample_count: 6 * RATE_HZ });
    piece(0);
    piece(1, [new Int16Array(5 * RATE_HZ).fill(1), []]);
    expect(sound.tracks[0]).toHaveLength(6 * RATE_HZ);
  });
});

describe("long sound", () => {
  beforeEach(() => open({ is_whole: false, sample_count: 3600 * RATE_HZ }));

  it("is read where it is played, and one piece ahead", () => {
    expect(pieces()).toEqual([]);
    expect(sound.read(1000 * RATE_HZ, 100)).toBeNull();
    expect(pieces().sort()).toEqual([200, 201]);
    piece(200, [new Int16Array(5 * RATE_HZ).fill(16384), []]);
    expect(sound.read(1000 * RATE_HZ, 3)).toEqual([Float32Array.of(0.5, 0.5, 0.5), Float32Array.of(0, 0, 0)]);
  });

  it("is read up to the end of a piece at once", () => {
    sound.read(0, 1);
    piece(0);
    expect(sound.read(5 * RATE_HZ - 10, 100)![0]).toHaveLength(10);
  });

  it("is forgotten again, the oldest piece first", () => {
    for (let number = 0; number < 70; number++) {
      sound.read(number * 5 * RATE_HZ, 1);
      piece(number);
    }
    expect(sound.loadedCount).toBe(60);
    expect(sound.read(0, 1)).toBeNull();
    expect(sound.read(69 * 5 * RATE_HZ, 1)).not.toBeNull();
  });
});

describe("messages that are lost", () => {
  it("are asked for again, ever more slowly, and the view says that it waits", () => {
    expect(sound.isWaiting).toBe(false);
    const counts = [5, 5, 10, 20, 40, 60, 60].map((seconds) => {
      vi.advanceTimersByTime(seconds * 1000);
      return sent.length;
    });
    expect(counts).toEqual([2, 2, 3, 4, 5, 6, 7]);
    expect(sound.isWaiting).toBe(true);
    open();
    expect(sound.isWaiting).toBe(false);
  });

  it("do not count when they come twice, or for another view", () => {
    piece(0);
    expect(sound.loadedCount).toBe(0);
    open();
    piece(0, [new Int16Array(10).fill(1), []]);
    piece(0, [new Int16Array(10).fill(9), []]);
    open({ origin_s: 7 });
    expect(sound.opened!.originS).toBe(0);
    expect(sound.tracks[0]![0]).toBe(1 / 32768);
  });

  it("do not throw where the kernel is gone", () => {
    isBroken = true;
    vi.advanceTimersByTime(5000);
    isBroken = false;
    vi.advanceTimersByTime(10_000);
    expect(sent).toHaveLength(2);
  });
});

it("is forgotten when its view ends", () => {
  open();
  piece(0);
  scope.dispose();
  expect(sound.loadedCount).toBe(0);
  expect(sound.tracks).toEqual([]);
  vi.advanceTimersByTime(600_000);
  expect(pieces()).toEqual([0, 1, 1].slice(0, pieces().length));
});
