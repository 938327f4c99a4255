import { describe, expect, it } from "vitest";
import { Resampler } from "../src/resampler";

const RATIOS: [number, number][] = [
  [24_000, 44_100],
  [24_000, 48_000],
  [24_000, 96_000],
  [24_000, 16_000],
  [44_100, 24_000],
  [48_000, 24_000],
  [96_000, 24_000],
  [16_000, 24_000],
];

function tone(rateHz: number, frequencyHz: number, sampleCount: number): Float32Array {
  return Float32Array.from(
    { length: sampleCount },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * frequencyHz * i) / rateHz),
  );
}

/** Resample a whole sound in chunks of one size; the silence pushed last brings out the tail. */
function resample(samples: Float32Array, fromHz: number, toHz: number, chunkSamples: number): Float32Array {
  const resampler = new Resampler(fromHz, toHz);
  const parts: number[] = [];
  const output = new Float32Array(Math.ceil((chunkSamples * toHz) / fromHz) + 4096);
  for (let at = 0; at < samples.length; at += chunkSamples) {
    resampler.push(samples.subarray(at, at + chunkSamples));
    parts.push(...output.subarray(0, resampler.pull(output)));
  }
  resampler.push(new Float32Array(resampler.lookAheadSamples));
  parts.push(...output.subarray(0, resampler.pull(output)));
  return Float32Array.from(parts);
}

/** Signal-to-noise ratio against the ideal tone, without the ends, where the tone is truncated. */
function snrDb(actual: Float32Array, expected: Float32Array, marginSamples: number): number {
  let signal = 0;
  let noise = 0;
  for (let i = marginSamples; i < actual.length - marginSamples; i++) {
    signal += expected[i]! ** 2;
    noise += (actual[i]! - expected[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

describe.each(RATIOS)("from %i to %i Hz", (fromHz, toHz) => {
  const slowerHz = Math.min(fromHz, toHz);

  it.each([440, 1000, 3400, 0.4 * slowerHz, 0.45 * slowerHz])(
    "keeps a tone of %f Hz better than 80 dB",
    (frequencyHz) => {
      const out = resample(tone(fromHz, frequencyHz, fromHz / 2), fromHz, toHz, 480);
      expect(snrDb(out, tone(toHz, frequencyHz, out.length), toHz / 20)).toBeGreaterThan(80);
    },
  );

  it("produces exactly as many samples as the input's duration requires", () => {
    for (const count of [1, 7, 2400, 4801]) {
      expect(resample(new Float32Array(count), fromHz, toHz, 480).length).toBe(
        Math.ceil((count * toHz) / fromHz),
      );
    }
  });

  it("gives the same result for every chunk size", () => {
    const samples = tone(fromHz, 700, 6000);
    expect(resample(samples, fromHz, toHz, 128)).toEqual(resample(samples, fromHz, toHz, 6000));
  });
});

it("attenuates everything above the slower Nyquist rate when downsampling", () => {
  const out = resample(tone(48_000, 14_000, 24_000), 48_000, 24_000, 480);
  const middle = out.subarray(1200, out.length - 1200);
  expect(Math.max(...middle.map(Math.abs))).toBeLessThan(0.5 * 10 ** (-80 / 20));
});

it("passes equal rates bit for bit", () => {
  const samples = tone(24_000, 440, 1000);
  expect(resample(samples, 24_000, 24_000, 128)).toEqual(samples);
});

it("keeps the first and the last samples of a sound", () => {
  const click = new Float32Array(2400);
  click[0] = click[2399] = 1;
  const out = resample(click, 24_000, 48_000, 480);
  expect(out[0]).toBeGreaterThan(0.8);
  expect(out[4798]).toBeGreaterThan(0.8);
});

it("tells exactly how many samples it needs", () => {
  const resampler = new Resampler(24_000, 44_100);
  const quantum = new Float32Array(128);
  for (let i = 0; i < 500; i++) {
    resampler.push(new Float32Array(resampler.neededSamples(quantum.length)));
    expect(resampler.pull(quantum)).toBe(quantum.length);
    expect(resampler.neededSamples(4)).toBeGreaterThan(0);
  }
});

it("does not drift: one second of input gives one second of output, to the sample", () => {
  const resampler = new Resampler(44_100, 24_000);
  const second = new Float32Array(44_100);
  const output = new Float32Array(48_000);
  const latency = Math.ceil((resampler.lookAheadSamples * 24_000) / 44_100);
  let count = 0;
  for (let i = 1; i <= 20; i++) {
    resampler.push(second);
    count += resampler.pull(output);
    expect(count).toBe(24_000 * i - latency);
  }
});

it("needs exactly one hour of input for one hour of output", () => {
  const resampler = new Resampler(44_100, 24_000);
  const beyondTheEnd = resampler.lookAheadSamples + 1;
  expect(resampler.neededSamples(24_000 * 3600 + 1)).toBe(44_100 * 3600 + beyondTheEnd);
});

it("resamples between rates without a common factor", () => {
  const out = resample(tone(24_000, 1000, 12_000), 24_000, 44_097, 480);
  expect(snrDb(out, tone(44_097, 1000, out.length), 2000)).toBeGreaterThan(70);
});
