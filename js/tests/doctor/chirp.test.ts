import { describe, expect, it } from "vitest";
import { chirpOf, findChirp, heardArrival } from "../../src/doctor/chirp";

const RATE_HZ = 48_000;

/** Reproducible noise of this root mean square. */
function noise(count: number, rms: number, seed = 1): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length: count }, () => uniform() * rms * Math.sqrt(12));
}

/** A recording of 1.2 s in which the chirp arrives after a delay, with a factor. */
function recordingOf(delayS: number, gain: number, noiseRms = 0, rateHz = RATE_HZ): Float32Array {
  const recording = noise(Math.round(1.2 * rateHz), noiseRms);
  const at = Math.round(delayS * rateHz);
  chirpOf(rateHz).forEach((sample, i) => {
    recording[at + i]! += gain * sample;
  });
  return recording;
}

describe("a chirp in a recording", () => {
  it.each([0, 0.04, 0.35, 0.9])(
    "is found %s s after it was played, within a quarter of a millisecond",
    (delayS) => {
      const arrival = findChirp(recordingOf(delayS, 0.1), RATE_HZ);
      expect(Math.abs(arrival.delayS - delayS)).toBeLessThan(0.00025);
      expect(arrival.correlation).toBeGreaterThan(0.95);
    },
  );

  it.each([1, 0.1, 0.01])("has the level that it arrives with: factor %s", (gain) => {
    // A sine of amplitude 0.25 has −15.05 dBFS, and its ramps take 0.49 dB.
    const arrival = findChirp(recordingOf(0.1, gain), RATE_HZ);
    expect(arrival.levelDbfs).toBeCloseTo(-15.54 + 20 * Math.log10(gain), 1);
  });

  it("is found at other rates, inverted, and in noise that is as loud", () => {
    expect(findChirp(recordingOf(0.2, 0.5, 0, 44_100), 44_100).delayS).toBeCloseTo(0.2, 3);
    expect(findChirp(recordingOf(0.2, -0.5), RATE_HZ).delayS).toBeCloseTo(0.2, 3);
    const noisy = findChirp(recordingOf(0.2, 0.5, 0.09), RATE_HZ);
    expect(noisy.delayS).toBeCloseTo(0.2, 3);
    expect(noisy.correlation).toBeGreaterThan(0.4);
  });

  it.each([1, 2, 3, 4, 5])("is not found in noise %s", (seed) => {
    expect(findChirp(noise(1.2 * RATE_HZ, 0.1, seed), RATE_HZ).correlation).toBeLessThan(0.2);
  });

  it("is not found in silence, nor in a tone", () => {
    expect(findChirp(new Float32Array(RATE_HZ), RATE_HZ).correlation).toBe(0);
    const tone = Float32Array.from({ length: RATE_HZ }, (_, i) =>
      Math.sin((2 * Math.PI * 1000 * i) / RATE_HZ),
    );
    expect(findChirp(tone, RATE_HZ).correlation).toBeLessThan(0.2);
  });
});

describe("several chirps", () => {
  const arrival = (delayS: number, correlation: number) => ({ delayS, correlation, levelDbfs: -20 });

  it("are heard if they take equally long, as clearly as the clearest", () => {
    expect(heardArrival([arrival(0.1, 0.3), arrival(0.103, 0.4)])).toEqual(arrival(0.103, 0.4));
  });

  it("are heard if one is certain, whatever has become of the other", () => {
    expect(heardArrival([arrival(0.05, 0.3), arrival(0.12, 0.6)])).toEqual(arrival(0.12, 0.6));
  });

  it.each([
    ["one is missing, and the other may be chance", [arrival(0.1, 0.4), arrival(0.1, 0.1)]],
    ["they take different times", [arrival(0.1, 0.4), arrival(0.11, 0.4)]],
    ["there are none", []],
  ])("are not heard if %s", (_, arrivals) => {
    expect(heardArrival(arrivals)).toBeNull();
  });
});
