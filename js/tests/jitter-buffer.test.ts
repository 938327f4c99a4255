import { beforeEach, describe, expect, it } from "vitest";
import { JitterBuffer, type PlaybackChunk, type Position } from "../src/worklets/jitter-buffer";

const LOOK_AHEAD_SAMPLES = 80;
const FADE_SAMPLES = 120;
const CUSHION_SAMPLES = 4320;

let buffer: JitterBuffer;
let finals: Position[];

beforeEach(() => {
  finals = [];
  buffer = new JitterBuffer(
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

/** Take samples like a device at 24 kHz, in quanta of 128. */
function take(count: number): number[] {
  const taken: number[] = [];
  while (taken.length < count) {
    const quantum = new Float32Array(Math.min(128, count - taken.length));
    buffer.take(quantum);
    taken.push(...codes(quantum));
  }
  return taken;
}

/** Take until the buffer is silent. */
function takeAll(): number[] {
  const taken: number[] = [];
  for (let i = 0; i < 2000 && !buffer.isSilent; i++) taken.push(...take(128));
  return taken;
}

function withoutSilence(samples: number[]): number[] {
  return samples.filter((sample) => sample !== 0);
}

describe("the end of a reply", () => {
  const final = { reply: 1, sample_count: 5000, is_final: true };

  it("that is sent twice is reported twice, since the page waits for the report", () => {
    buffer.add(chunk(0, ramp(5000), { is_last: true }));
    takeAll();
    buffer.add(chunk(4000, ramp(1000, 4000), { is_last: true }));
    expect(finals).toMatchObject([final, final]);
    expect(buffer.isSilent).toBe(true);
  });

  it("is reported to a page that joins after the last sound", () => {
    buffer.add(chunk(5000, ramp(0), { is_last: true, is_join: true }));
    expect(finals).toMatchObject([{ ...final, lost_sample_count: 0, first_sound_at_ms: null }]);
  });

  it.each([0, 3000])("can be where the sound breaks off, after %i samples were taken", (taken) => {
    buffer.add(chunk(0, ramp(5000)));
    const samples = take(taken);
    buffer.complete();
    expect(withoutSilence([...samples, ...takeAll()])).toEqual([...ramp(5000)]);
    expect(finals).toMatchObject([{ ...final, underrun_count: 0 }]);
  });

  it("can be where an underrun began", () => {
    buffer.add(chunk(0, ramp(5000)));
    take(6000);
    buffer.complete();
    takeAll();
    expect(finals).toMatchObject([{ ...final, underrun_count: 0 }]);
  });

  it("is reported again if nothing was left to play, and where a flush cut it off", () => {
    buffer.add(chunk(0, ramp(5000), { is_last: true }));
    takeAll();
    buffer.complete();
    expect(finals).toMatchObject([final, final]);
    buffer.add(chunk(0, ramp(5000), { reply: 2 }));
    const flushed = buffer.flush(1);
    buffer.complete();
    expect(flushed).toMatchObject({ reply: 2, sample_count: 0 });
    expect(finals.at(-1)).toMatchObject(final);
  });
});

describe("a whole reply", () => {
  it("is played bit for bit, to the last sample of a partial quantum", () => {
    const pcm = ramp(10_037);
    buffer.add(chunk(0, pcm.subarray(0, 5000)));
    buffer.add(chunk(5000, pcm.subarray(5000), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...pcm]);
  });

  it("is reported as final once, with its sample count", () => {
    buffer.add(chunk(0, ramp(10_037), { is_last: true }));
    takeAll();
    expect(finals).toHaveLength(1);
    expect(finals[0]).toMatchObject({ reply: 1, sample_count: 10_037, is_final: true, underrun_count: 0 });
  });

  it("reports when its first sound was played", () => {
    buffer.add(chunk(0, ramp(5000), { is_last: true }));
    expect(buffer.position().first_sound_at_ms).toBeNull();
    take(128);
    expect(buffer.position().first_sound_at_ms).toBe(1234);
  });

  it("may end with a message without sound", () => {
    buffer.add(chunk(0, ramp(6000)));
    buffer.add(chunk(6000, new Int16Array(0), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(6000)]);
    expect(finals[0]?.sample_count).toBe(6000);
  });

  it("is followed by the next one without loss, after the resampler is drained", () => {
    buffer.add(chunk(0, ramp(5000), { is_last: true }));
    buffer.add(chunk(0, ramp(5000), { reply: 2, is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(5000), ...ramp(5000)]);
    expect(finals.map(({ reply, sample_count }) => [reply, sample_count])).toEqual([
      [1, 5000],
      [2, 5000],
    ]);
  });

  it("is complete when the next one begins, even if its end was not announced", () => {
    buffer.add(chunk(0, ramp(5000)));
    buffer.add(chunk(0, ramp(5000), { reply: 2, is_last: true }));
    takeAll();
    expect(finals.map(({ reply }) => reply)).toEqual([1, 2]);
  });

  it("may continue after its end, at the same position", () => {
    buffer.add(chunk(0, ramp(5000), { is_last: true }));
    takeAll();
    buffer.add(chunk(5000, ramp(5000, 5000), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(5000, 5000)]);
    expect(finals.at(-1)?.sample_count).toBe(10_000);
  });
});

describe("the cushion", () => {
  it("delays the start until 180 ms are buffered", () => {
    buffer.add(chunk(0, ramp(CUSHION_SAMPLES - 1)));
    expect(withoutSilence(take(1280))).toEqual([]);
    buffer.add(chunk(CUSHION_SAMPLES - 1, ramp(1)));
    expect(withoutSilence(take(128))).toHaveLength(128);
  });

  it("does not delay a short complete reply", () => {
    buffer.add(chunk(0, ramp(100), { is_last: true }));
    expect(withoutSilence(take(128))).toHaveLength(100);
  });

  it("has a time limit, so that sound is played if the end of its reply was lost", () => {
    buffer.add(chunk(0, ramp(2400)));
    expect(withoutSilence(take(3 * CUSHION_SAMPLES)).length).toBeGreaterThan(2400 - FADE_SAMPLES);
  });

  it("grows after an underrun", () => {
    buffer.add(chunk(0, ramp(CUSHION_SAMPLES)));
    take(CUSHION_SAMPLES + 256);
    buffer.add(chunk(CUSHION_SAMPLES, ramp(CUSHION_SAMPLES)));
    expect(withoutSilence(take(128))).toEqual([]);
    buffer.add(chunk(2 * CUSHION_SAMPLES, ramp(CUSHION_SAMPLES / 2)));
    expect(withoutSilence(take(256)).length).toBeGreaterThan(0);
  });
});

describe("an underrun", () => {
  beforeEach(() => {
    buffer.add(chunk(0, new Int16Array(CUSHION_SAMPLES).fill(10_000)));
  });

  it("fades out within 5 ms instead of clicking", () => {
    const taken = take(CUSHION_SAMPLES);
    expect(taken[CUSHION_SAMPLES - FADE_SAMPLES - 1]).toBe(10_000);
    expect(taken.at(-1)).toBe(0);
    const steps = taken.slice(1).map((sample, i) => Math.abs(sample - taken[i]!));
    expect(Math.max(...steps)).toBeLessThan(100);
  });

  it("is counted, and playback resumes with a fade and without loss", () => {
    take(CUSHION_SAMPLES + 128);
    expect(buffer.position().underrun_count).toBe(1);
    buffer.add(chunk(CUSHION_SAMPLES, new Int16Array(8000).fill(10_000), { is_last: true }));
    const taken = takeAll();
    const first = taken.findIndex((sample) => sample > 0);
    expect(taken[first]).toBeLessThan(100);
    expect(taken[first + FADE_SAMPLES]).toBe(10_000);
    expect(finals[0]?.sample_count).toBe(CUSHION_SAMPLES + 8000);
  });

  it("is not counted if the reply ended there", () => {
    take(CUSHION_SAMPLES + 128);
    buffer.add(chunk(CUSHION_SAMPLES, new Int16Array(0), { is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ underrun_count: 0, sample_count: CUSHION_SAMPLES });
  });

  it("is not counted if the end is announced before it starts", () => {
    take(CUSHION_SAMPLES);
    buffer.add(chunk(CUSHION_SAMPLES, new Int16Array(0), { is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ underrun_count: 0, sample_count: CUSHION_SAMPLES });
  });
});

describe("lost sound", () => {
  it("is replaced by silence of its length, faded at both sides, and counted", () => {
    buffer.add(chunk(0, new Int16Array(5000).fill(10_000)));
    buffer.add(chunk(7400, new Int16Array(5000).fill(10_000), { is_last: true }));
    const taken = takeAll().slice(0, 12_400);
    expect(taken[4999]).toBe(0);
    expect(taken.slice(5000, 7400).every((sample) => sample === 0)).toBe(true);
    expect(taken[7400]).toBeLessThan(100);
    expect(taken[7400 + FADE_SAMPLES]).toBe(10_000);
    expect(finals[0]).toMatchObject({ sample_count: 12_400, lost_sample_count: 2400 });
  });

  it("is counted at the beginning of a reply, too", () => {
    buffer.add(chunk(2400, ramp(5000), { is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ sample_count: 7400, lost_sample_count: 2400 });
  });

  it("is not assumed by a page that joins in the middle", () => {
    buffer.add(chunk(2400, ramp(5000), { is_join: true, is_last: true }));
    takeAll();
    expect(finals[0]).toMatchObject({ sample_count: 7400, lost_sample_count: 0 });
  });

  it("is not replaced again by the silence that passed during an underrun", () => {
    buffer.add(chunk(0, new Int16Array(CUSHION_SAMPLES).fill(10_000)));
    take(CUSHION_SAMPLES + 12_800);
    buffer.add(chunk(CUSHION_SAMPLES + 12_000, new Int16Array(8000).fill(10_000), { is_last: true }));
    expect(withoutSilence(take(256)).length).toBeGreaterThan(200);
    takeAll();
    expect(finals[0]?.sample_count).toBe(CUSHION_SAMPLES + 20_000);
  });

  it("is not assumed when a chunk arrives twice", () => {
    buffer.add(chunk(0, ramp(5000)));
    buffer.add(chunk(2600, ramp(2400, 2600)));
    buffer.add(chunk(4000, ramp(2000, 4000), { is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(6000)]);
  });
});

describe("a flush", () => {
  beforeEach(() => {
    buffer.add(chunk(0, new Int16Array(24_000).fill(10_000)));
    take(1280);
  });

  it("returns at once the sample count, including those of the fade", () => {
    expect(buffer.flush(1)).toMatchObject({
      epoch: 1,
      reply: 1,
      sample_count: 1280 + FADE_SAMPLES,
      is_final: true,
      buffered_sample_count: 0,
    });
  });

  it("fades the sound out within 5 ms, then plays silence", () => {
    buffer.flush(1);
    const taken = take(1280);
    expect(taken[0]).toBeGreaterThan(9800);
    expect(taken[FADE_SAMPLES - 1]).toBe(0);
    expect(withoutSilence(taken.slice(FADE_SAMPLES))).toEqual([]);
    expect(buffer.isSilent).toBe(true);
  });

  it("prevents all sound of its epoch from being played", () => {
    buffer.flush(1);
    buffer.add(chunk(24_000, ramp(24_000)));
    buffer.add(chunk(0, ramp(24_000), { reply: 2 }));
    expect(withoutSilence(take(2560).slice(FADE_SAMPLES))).toEqual([]);
  });

  it("allows a reply of the new epoch", () => {
    buffer.flush(1);
    take(512);
    buffer.add(chunk(0, ramp(6000), { reply: 2, epoch: 1, is_last: true }));
    expect(withoutSilence(takeAll())).toEqual([...ramp(6000)]);
  });

  it("returns 0 for a reply that has not begun", () => {
    expect(buffer.flush(1, 2)).toMatchObject({ reply: 2, sample_count: 0, first_sound_at_ms: null });
  });
});

describe("the playhead", () => {
  it("excludes what the resampler still holds", () => {
    buffer.add(chunk(0, ramp(24_000)));
    take(1280);
    expect(buffer.position()).toMatchObject({
      sample_count: 1280 - LOOK_AHEAD_SAMPLES,
      buffered_sample_count: 24_000 - 1280 + LOOK_AHEAD_SAMPLES,
    });
  });

  it("resets losses and underruns in a new session", () => {
    buffer.add(chunk(2400, ramp(5000), { is_last: true }));
    takeAll();
    buffer.add(chunk(0, ramp(5000), { session: 2, reply: 2, is_last: true }));
    takeAll();
    expect(finals.at(-1)).toMatchObject({ session: 2, lost_sample_count: 0 });
  });

  it("continues a reply whose rest arrives in a new session, without a gap", () => {
    buffer.add(chunk(0, ramp(5000)));
    buffer.add(chunk(5000, ramp(5000, 5000), { session: 2, is_last: true }));
    expect(take(10_000)).toEqual([...ramp(10_000)]);
    take(2 * LOOK_AHEAD_SAMPLES + 130);
    expect(finals.map((each) => each.sample_count)).toEqual([10_000]);
    expect(finals.at(-1)).toMatchObject({ reply: 1, underrun_count: 0, lost_sample_count: 0 });
  });

  it("continues a reply that is sent again from its beginning in a new session", () => {
    buffer.add(chunk(0, ramp(5000)));
    buffer.add(chunk(0, ramp(10_000), { session: 2, is_last: true }));
    expect(take(10_000)).toEqual([...ramp(10_000)]);
    takeAll();
    expect(finals.map((each) => each.sample_count)).toEqual([10_000]);
    expect(finals.at(-1)).toMatchObject({ reply: 1, underrun_count: 0, lost_sample_count: 0 });
  });

  it("ignores sound of an older session", () => {
    buffer.add(chunk(0, ramp(5000), { session: 2, is_last: true }));
    takeAll();
    buffer.add(chunk(0, ramp(5000), { session: 1, reply: 9, is_last: true }));
    expect(buffer.isSilent).toBe(true);
  });
});

it("the probe copies every sample unchanged", () => {
  buffer.setProbe(true);
  buffer.add(chunk(0, ramp(5000)));
  takeAll();
  expect(buffer.readProbe().flatMap((pcm) => [...pcm])).toEqual([...ramp(5000)]);
  expect(buffer.readProbe()).toEqual([]);
});
