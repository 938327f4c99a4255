import { beforeEach, describe, expect, it } from "vitest";
import { JitterBuffer, type PlaybackChunk, type Position } from "../src/worklets/jitter-buffer";

const LOOK_AHEAD_SAMPLES = 80;
const FADE_SAMPLES = 120;
const CUSHION_SAMPLES = 4320;

let queue: JitterBuffer;
let finals: Position[];

beforeEach(() => {
  finals = [];
  queue = new JitterBuffer(
    (position) => finals.push(position),
    LOOK_AHEAD_SAMPLES,
    () => 1234,
  );
});

function ramp(count: number, start = 0): Int16Array {
  return Int16Array.from({ length: count }, (_, i) => 1000 + ((start + i) % 20_000));
}

function chunk(offset: number, pcm: Int16Array, more: Partial<PlaybackChunk> = {}): PlaybackChunk {
  return {
    session: 1,
    epoch: 0,
    reply: 1,
    sample_offset: offset,
    is_last: false,
    is_join: false,
    pcm,
    ...more,
  };
}

function codes(samples: Float32Array): number[] {
  return [...samples].map((sample) => Math.round(sample * 32768));
}

/** Take like a device at 24 kHz, in quanta of 128. */
function take(count: number): number[] {
  const taken: number[] = [];
  while (taken.length < count) {
    const quantum = new Float32Array(Math.min(128, count - taken.length));
    queue.take(quantum);
    taken.push(...codes(quantum));
  }
  return taken;
}

/** A whole reply, taken until it has left. */
function takeAll(): number[] {
  const taken: number[] = [];
  for (let i = 0; i < 2000 && !queue.isSilent; i++) taken.push(...take(128));
  return taken;
}

function withoutSilence(samples: number[]): number[] {
  return samples.filter((sample) => sample !== 0);
}

describe("a whole reply", () => {
  it("leaves bit for bit, to the last sample of a partial quantum", () => {
    const pcm = ramp(10_037);
    queue.add(chunk(0, pcm.subarray(0, 5000)));
    queue.add(chunk(5000, pcm.subarray(5000), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...pcm]);
  });

  it("is reported as final, once, with the count of its samples", () => {
    queue.add(chunk(0, ramp(10_037), { is_last: true }));
    takeAll();
    expect(finals).toHaveLength(1);
    expect(finals[0]).toMatchObject({ reply: 1, sample_count: 10_037, is_final: true, underrun_count: 0 });
  });

  it("tells when its first sound left", () => {
    queue.add(chunk(0, ramp(5000), { is_last: true }));
    expect(queue.position().first_sound_at_ms).toBeNull();
    take(128);
    expect(queue.position().first_sound_at_ms).toBe(1234);
  });

  it("may end with a message that brings no sound", () => {
    queue.add(chunk(0, ramp(6000)));
    queue.add(chunk(6000, new Int16Array(0), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(6000)]);
    expect(finals[0]?.sample_count).toBe(6000);
  });

  it("is followed by the next one without loss, after what the resampler needs to ring out", () => {
    queue.add(chunk(0, ramp(5000), { is_last: true }));
    queue.add(chunk(0, ramp(5000), { reply: 2, is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(5000), ...ramp(5000)]);
    expect(finals.map(({ reply, sample_count }) => [reply, sample_count])).toEqual([
      [1, 5000],
      [2, 5000],
    ]);
  });

  it("is complete when the next one begins, though its end was never announced", () => {
    queue.add(chunk(0, ramp(5000)));
    queue.add(chunk(0, ramp(5000), { reply: 2, is_last: true }));
    takeAll();
    expect(finals.map(({ reply }) => reply)).toEqual([1, 2]);
  });

  it("may go on after its end, at the place where it was", () => {
    queue.add(chunk(0, ramp(5000), { is_last: true }));
    takeAll();
    queue.add(chunk(5000, ramp(5000, 5000), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(5000, 5000)]);
    expect(finals.at(-1)?.sample_count).toBe(10_000);
  });
});

describe("the cushion", () => {
  it("holds the start back until 180 ms are there", () => {
    queue.add(chunk(0, ramp(CUSHION_SAMPLES - 1)));
    expect(withoutSilence(take(1280))).toEqual([]);
    queue.add(chunk(CUSHION_SAMPLES - 1, ramp(1)));
    expect(withoutSilence(take(128))).toHaveLength(128);
  });

  it("holds a short complete reply back not at all", () => {
    queue.add(chunk(0, ramp(100), { is_last: true }));
    expect(withoutSilence(take(128))).toHaveLength(100);
  });

  it("gives way after a while, so that sound whose end was lost is heard", () => {
    queue.add(chunk(0, ramp(2400)));
    expect(withoutSilence(take(3 * CUSHION_SAMPLES)).length).toBeGreaterThan(2400 - FADE_SAMPLES);
  });

  it("grows after an underrun", () => {
    queue.add(chunk(0, ramp(CUSHION_SAMPLES)));
    take(CUSHION_SAMPLES + 256);
    queue.add(chunk(CUSHION_SAMPLES, ramp(CUSHION_SAMPLES)));
    expect(withoutSilence(take(128))).toEqual([]);
    queue.add(chunk(2 * CUSHION_SAMPLES, ramp(CUSHION_SAMPLES / 2)));
    expect(withoutSilence(take(256)).length).toBeGreaterThan(0);
  });
});

describe("an underrun", () => {
  beforeEach(() => {
    queue.add(chunk(0, new Int16Array(CUSHION_SAMPLES).fill(10_000)));
  });

  it("fades out within 5 ms instead of clicking", () => {
    const taken = take(CUSHION_SAMPLES);
    expect(taken[CUSHION_SAMPLES - FADE_SAMPLES - 1]).toBe(10_000);
    expect(taken.at(-1)).toBe(0);
    const steps = taken.slice(1).map((sample, i) => Math.abs(sample - taken[i]!));
    expect(Math.max(...steps)).toBeLessThan(100);
  });

  it("is counted, and the sound comes back with a fade and no sample lost", () => {
    take(CUSHION_SAMPLES + 128);
    expect(queue.position().underrun_count).toBe(1);
    queue.add(chunk(CUSHION_SAMPLES, new Int16Array(8000).fill(10_000), { is_last: true }));
    const taken = takeAll();
    const first = taken.findIndex((sample) => sample > 0);
    expect(taken[first]).toBeLessThan(100);
    expect(taken[first + FADE_SAMPLES]).toBe(10_000);
    expect(finals[0]?.sample_count).toBe(CUSHION_SAMPLES + 8000);
  });

  it("is none when the reply turns out to have ended there", () => {
    take(CUSHION_SAMPLES + 128);
    queue.add(chunk(CUSHION_SAMPLES, new Int16Array(0), { is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ underrun_count: 0, sample_count: CUSHION_SAMPLES });
  });

  it("is none when the end is announced in the moment between", () => {
    take(CUSHION_SAMPLES);
    queue.add(chunk(CUSHION_SAMPLES, new Int16Array(0), { is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ underrun_count: 0, sample_count: CUSHION_SAMPLES });
  });
});

describe("sound that was lost on the way", () => {
  it("becomes silence of its length, faded at both sides, and is counted", () => {
    queue.add(chunk(0, new Int16Array(5000).fill(10_000)));
    queue.add(chunk(7400, new Int16Array(5000).fill(10_000), { is_last: true }));
    const taken = takeAll().slice(0, 12_400);
    expect(taken[4999]).toBe(0);
    expect(taken.slice(5000, 7400).every((sample) => sample === 0)).toBe(true);
    expect(taken[7400]).toBeLessThan(100);
    expect(taken[7400 + FADE_SAMPLES]).toBe(10_000);
    expect(finals[0]).toMatchObject({ sample_count: 12_400, lost_sample_count: 2400 });
  });

  it("at the beginning of a reply is counted, too", () => {
    queue.add(chunk(2400, ramp(5000), { is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ sample_count: 7400, lost_sample_count: 2400 });
  });

  it("is not assumed by a page that joins in the middle", () => {
    queue.add(chunk(2400, ramp(5000), { is_join: true, is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ sample_count: 7400, lost_sample_count: 0 });
  });

  it("is not silent a second time after the wait for it", () => {
    queue.add(chunk(0, new Int16Array(CUSHION_SAMPLES).fill(10_000)));
    take(CUSHION_SAMPLES + 12_800);
    queue.add(chunk(CUSHION_SAMPLES + 12_000, new Int16Array(8000).fill(10_000), { is_last: true }));
    expect(withoutSilence(take(256)).length).toBeGreaterThan(200);
    takeAll();
    expect(finals[0]?.sample_count).toBe(CUSHION_SAMPLES + 20_000);
  });

  it("is not what comes twice", () => {
    queue.add(chunk(0, ramp(5000)));
    queue.add(chunk(2600, ramp(2400, 2600)));
    queue.add(chunk(4000, ramp(2000, 4000), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(6000)]);
  });
});

describe("a flush", () => {
  beforeEach(() => {
    queue.add(chunk(0, new Int16Array(24_000).fill(10_000)));
    take(1280);
  });

  it("answers at once with the samples that leave, those of the fade included", () => {
    expect(queue.flush(1)).toMatchObject({
      epoch: 1,
      reply: 1,
      sample_count: 1280 + FADE_SAMPLES,
      is_final: true,
      buffered_sample_count: 0,
    });
  });

  it("lets the sound fade within 5 ms and then nothing out", () => {
    queue.flush(1);
    const taken = take(1280);
    expect(taken[0]).toBeGreaterThan(9800);
    expect(taken[FADE_SAMPLES - 1]).toBe(0);
    expect(withoutSilence(taken.slice(FADE_SAMPLES))).toEqual([]);
    expect(queue.isSilent).toBe(true);
  });

  it("leaves nothing of its epoch able to start again", () => {
    queue.flush(1);
    queue.add(chunk(24_000, ramp(24_000)));
    queue.add(chunk(0, ramp(24_000), { reply: 2 }));
    expect(withoutSilence(take(2560).slice(FADE_SAMPLES))).toEqual([]);
  });

  it("lets a reply of the new epoch begin", () => {
    queue.flush(1);
    take(512);
    queue.add(chunk(0, ramp(6000), { reply: 2, epoch: 1, is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(6000)]);
  });

  it("says 0 for a reply that has not begun", () => {
    expect(queue.flush(1, 2)).toMatchObject({ reply: 2, sample_count: 0, first_sound_at_ms: null });
  });
});

describe("the playhead", () => {
  it("leaves out what the resampler still holds", () => {
    queue.add(chunk(0, ramp(24_000)));
    take(1280);
    expect(queue.position()).toMatchObject({
      sample_count: 1280 - LOOK_AHEAD_SAMPLES,
      buffered_sample_count: 24_000 - 1280 + LOOK_AHEAD_SAMPLES,
    });
  });

  it("counts losses and underruns anew in a new session", () => {
    queue.add(chunk(2400, ramp(5000), { is_last: true }));
    takeAll();
    queue.add(chunk(0, ramp(5000), { session: 2, reply: 2, is_last: true }));
    takeAll();
    expect(finals.at(-1)).toMatchObject({ session: 2, lost_sample_count: 0 });
  });

  it("takes no sound of an older session", () => {
    queue.add(chunk(0, ramp(5000), { session: 2, is_last: true }));
    takeAll();
    queue.add(chunk(0, ramp(5000), { session: 1, reply: 9, is_last: true }));
    expect(queue.isSilent).toBe(true);
  });
});

it("keeps for the probe every sample as it came", () => {
  queue.setProbe(true);
  queue.add(chunk(0, ramp(5000)));
  takeAll();
  expect(queue.readProbe().flatMap((pcm) => [...pcm])).toEqual([...ramp(5000)]);
  expect(queue.readProbe()).toEqual([]);
});
