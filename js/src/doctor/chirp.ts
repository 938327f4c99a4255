/** A sweep that the loudspeaker plays, and its place in what the microphone records (a matched filter). Pure. */

import { dbfs, rmsOf } from "./levels";

const DURATION_S = 0.25;
const FROM_HZ = 500;
const TO_HZ = 3000;
const AMPLITUDE = 0.25;
/** Without a ramp the ends click, which no filter tells from other clicks. */
const RAMP_S = 0.02;
/** The filter runs at about this rate, which is enough for the sweep, and twenty times faster than at the device's. */
const FILTER_RATE_HZ = 12_000;
/** Noise of the same length reaches 0.15 at its best place; rooms and small loudspeakers leave 0.3 and more. */
const LEAST_CORRELATION = 0.2;
/** One sweep alone is enough: a computer that is busy breaks up the others. */
const CERTAIN_CORRELATION = 0.5;
const MOST_JITTER_S = 0.005;

export interface Arrival {
  delayS: number;
  levelDbfs: number;
  /** From 0 to 1: how much of what was recorded there is the sweep. */
  correlation: number;
}

export function chirpOf(rateHz: number): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(Math.round(DURATION_S * rateHz));
  const slope = (TO_HZ - FROM_HZ) / DURATION_S;
  for (let i = 0; i < samples.length; i++) {
    const s = i / rateHz;
    const edge = Math.min(1, s / RAMP_S, (DURATION_S - s) / RAMP_S);
    samples[i] = AMPLITUDE * edge * Math.sin(2 * Math.PI * (FROM_HZ * s + (slope * s * s) / 2));
  }
  return samples;
}

/** Where the sweep is in a recording that begins when it was to leave the page. */
export function findChirp(recording: Float32Array, rateHz: number): Arrival {
  const factor = Math.max(1, Math.floor(rateHz / FILTER_RATE_HZ));
  const chirp = chirpOf(rateHz);
  const wanted = reduced(chirp, factor);
  const heard = reduced(recording, factor);
  const wantedEnergy = energyOf(wanted, 0, wanted.length);
  let energy = energyOf(heard, 0, wanted.length);
  let best = { at: 0, dot: 0, correlation: 0 };
  for (let at = 0; at + wanted.length <= heard.length; at++) {
    let dot = 0;
    for (let i = 0; i < wanted.length; i++) dot += heard[at + i]! * wanted[i]!;
    // A circuit may invert the sound.
    const correlation = energy > 1e-12 ? Math.abs(dot) / Math.sqrt(energy * wantedEnergy) : 0;
    if (correlation > best.correlation) best = { at, dot, correlation };
    energy += (heard[at + wanted.length] ?? 0) ** 2 - heard[at]! ** 2;
  }
  const gain = Math.abs(best.dot) / wantedEnergy;
  return {
    delayS: (best.at * factor) / rateHz,
    levelDbfs: dbfs(gain * rmsOf(chirp)),
    correlation: best.correlation,
  };
}

/** What several sweeps show: the clearest one, if it is certain or agrees with another; null if none was heard. */
export function heardArrival(arrivals: readonly Arrival[]): Arrival | null {
  const [clearest, ...others] = arrivals
    .filter(({ correlation }) => correlation >= LEAST_CORRELATION)
    .sort((a, b) => b.correlation - a.correlation);
  if (!clearest) return null;
  const agrees = ({ delayS }: Arrival) => Math.abs(delayS - clearest.delayS) <= MOST_JITTER_S;
  return clearest.correlation >= CERTAIN_CORRELATION || others.some(agrees) ? clearest : null;
}

function reduced(samples: Float32Array, factor: number): Float32Array {
  const means = new Float32Array(Math.floor(samples.length / factor));
  for (let i = 0; i < means.length; i++) {
    let sum = 0;
    for (let k = 0; k < factor; k++) sum += samples[i * factor + k]!;
    means[i] = sum / factor;
  }
  return means;
}

function energyOf(samples: Float32Array, from: number, to: number): number {
  let energy = 0;
  for (let i = from; i < Math.min(to, samples.length); i++) energy += samples[i]! ** 2;
  return energy;
}
