/** The two tests of sound: the microphone with an echo of what it recorded, and the loudspeaker by the microphone. */

import { microphoneObstacle, openMicrophone, reasonOf, wantedProcessing } from "../devices";
import type { Scope } from "../scope";
import { text } from "../texts";
import { microphoneText } from "../view/device-strings";
import type { Check } from "./checks";
import { chirpOf, findChirp, heardArrival } from "./chirp";
import { levelOf } from "./levels";
import { Cancelled, type Recorder, recorderOf, SoundPaused } from "./recorder";
import { heardText, recordedText } from "./strings";

const RECORD_S = 2;
const LEAST_DBFS = -55;
const CHIRP_COUNT = 2;
/** Bluetooth takes up to half a second. */
const CHIRP_PERIOD_S = 1.2;
/** The graph needs a moment before a sound can begin at an exact time. */
const LEAD_S = 0.2;

export interface TestListener {
  /** What happens now. */
  onStep(step: string): void;
  onLevel(rms: number): void;
  /** A talk wants the microphone. */
  onTaken(): void;
}

export type SoundTest = (scope: Scope, listener: TestListener) => Promise<Check>;

/** Records two seconds as a talk would, and plays them. */
export const testMicrophone: SoundTest = (scope, listener) =>
  tested("microphone test", wantedProcessing(true), scope, listener, async (recorder, track) => {
    listener.onStep(text("test_speak"));
    const { context } = recorder;
    const recording = await recorder.record(context.currentTime, RECORD_S, listener.onLevel);
    const { loudestDbfs, isClipped } = levelOf(recording, context.sampleRate);
    listener.onStep(text("test_echo"));
    if (Number.isFinite(loudestDbfs)) await recorder.play(recording);
    const found = recordedText(loudestDbfs, track.label);
    if (!Number.isFinite(loudestDbfs)) return { result: "failed", found, cure: text("silent_cure") };
    if (loudestDbfs < LEAST_DBFS) return { result: "warning", found, cure: text("quiet_cure") };
    return isClipped
      ? { result: "warning", found, cure: text("clipped_cure") }
      : { result: "ok", found, cure: "" };
  });

/** Plays sweeps, and looks for them in what the microphone records without processing, which would remove them. */
export const testLoudspeaker: SoundTest = (scope, listener) => {
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return tested("loudspeaker test", raw, scope, listener, async (recorder) => {
    listener.onStep(text("test_sweeps"));
    const { context } = recorder;
    const rateHz = context.sampleRate;
    const periodFrames = Math.round(CHIRP_PERIOD_S * rateHz);
    const startFrame = Math.round((context.currentTime + LEAD_S) * rateHz);
    const chirp = chirpOf(rateHz);
    const starts = Array.from({ length: CHIRP_COUNT }, (_, i) => (startFrame + i * periodFrames) / rateHz);
    const recorded = recorder.record(startFrame / rateHz, CHIRP_COUNT * CHIRP_PERIOD_S, listener.onLevel);
    const [recording] = await Promise.all([recorded, ...starts.map((atS) => recorder.play(chirp, atS))]);
    if (!recording.some((sample) => sample !== 0))
      return { result: "warning", found: text("loudspeaker_untested"), cure: text("silent_cure") };
    const arrivals = starts.map((_, i) =>
      findChirp(recording.subarray(i * periodFrames, (i + 1) * periodFrames), rateHz),
    );
    const arrival = heardArrival(arrivals);
    if (!arrival)
      return { result: "warning", found: text("loudspeaker_unheard"), cure: text("unheard_cure") };
    return { result: "ok", found: heardText(arrival.delayS, arrival.levelDbfs), cure: "" };
  });
};

async function tested(
  name: string,
  processing: MediaTrackConstraints,
  scope: Scope,
  listener: TestListener,
  test: (recorder: Recorder, track: MediaStreamTrack) => Promise<Omit<Check, "name">>,
): Promise<Check> {
  const obstacle = microphoneObstacle();
  if (obstacle) return { name, result: "failed", found: microphoneText(obstacle), cure: "" };
  listener.onStep(text("test_allow"));
  try {
    const opening = openMicrophone(processing);
    const recorder = await recorderOf(opening, scope, listener.onTaken);
    const [track] = (await opening).getAudioTracks();
    return { name, ...(await test(recorder, track!)) };
  } catch (error) {
    if (error instanceof Cancelled)
      return { name, result: "skipped", found: text("test_cancelled"), cure: "" };
    if (error instanceof SoundPaused)
      return { name, result: "failed", found: text("sound_paused"), cure: text("paused_cure") };
    return { name, result: "failed", found: microphoneText(reasonOf(error)), cure: "" };
  }
}
