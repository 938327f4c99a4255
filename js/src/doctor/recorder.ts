/** Records a microphone beside the talk, and plays sound: nothing of it goes to the kernel. */

import workletSource from "worklet:recorder";
import { claimMicrophone, loadWorklet, resume, useContext } from "../page";
import type { Scope } from "../scope";
import { rmsOf } from "./levels";

const WORKLET = `grok-live-recorder-${__VERSION__}`;

/** The browser has suspended the sound of the page, so that nothing would be recorded or played. */
export class SoundPaused extends Error {}
/** The test was cancelled, or something else uses the microphone now. */
export class Cancelled extends Error {}

/** How long a context may take to begin. */
const RUNNING_WITHIN_MS = 2000;
/** A recording that takes so much longer than its sound gets none. */
const SPARE_MS = 3000;

export interface Recorder {
  readonly context: AudioContext;
  /** Record from a time of the context on; `onLevel` gets the root mean square of what has just come. */
  record(
    fromS: number,
    durationS: number,
    onLevel: (rms: number) => void,
  ): Promise<Float32Array<ArrayBuffer>>;
  /** Play samples of the context's rate; resolves when they have ended. */
  play(samples: Float32Array<ArrayBuffer>, atS?: number): Promise<void>;
}

/** Everything ends with the scope; `onTaken` is called when a talk wants the microphone. */
export async function recorderOf(
  stream: Promise<MediaStream>,
  scope: Scope,
  onTaken: () => void,
): Promise<Recorder> {
  scope.add(claimMicrophone(onTaken));
  const context = useContext(scope);
  resume(context);
  const opened = await stream;
  scope.add(() => {
    for (const track of opened.getTracks()) track.stop();
  });
  throwIfEnded(scope);
  await loadWorklet(context, WORKLET, workletSource);
  await until(scope, RUNNING_WITHIN_MS, new SoundPaused(), (done) => {
    const look = () => context.state === "running" && done();
    scope.listen(context, "statechange", look);
    look();
  });
  const source = context.createMediaStreamSource(opened);
  scope.add(() => source.disconnect());
  return {
    context,
    async record(fromS, durationS, onLevel) {
      const node = new AudioWorkletNode(context, WORKLET, { numberOfOutputs: 1, channelCount: 1 });
      const recording = new Float32Array(Math.round(durationS * context.sampleRate));
      const start = Math.round(fromS * context.sampleRate);
      const using = scope.child();
      using.add(() => {
        node.port.postMessage("stop");
        source.disconnect(node);
        node.disconnect();
      });
      // Its output is silent; not every browser pulls a node without a destination.
      source.connect(node).connect(context.destination);
      try {
        await until(using, 1000 * durationS + SPARE_MS, new SoundPaused(), (done) => {
          using.listenToPort(node.port, (message) => {
            const { first, quanta } = message as { first: number; quanta: Float32Array[] };
            quanta.forEach((quantum, i) => {
              put(recording, quantum, first + i * quantum.length - start);
            });
            onLevel(Math.max(...quanta.map(rmsOf)));
            if (first + 128 * quanta.length >= start + recording.length) done();
          });
        });
      } finally {
        using.dispose();
      }
      return recording;
    },
    async play(samples, atS = 0) {
      const buffer = context.createBuffer(1, samples.length, context.sampleRate);
      buffer.copyToChannel(samples, 0);
      const player = context.createBufferSource();
      player.buffer = buffer;
      player.connect(context.destination);
      const using = scope.child();
      using.add(() => player.disconnect());
      player.start(atS);
      const waitMs = 1000 * (buffer.duration + Math.max(0, atS - context.currentTime)) + SPARE_MS;
      try {
        await until(using, waitMs, new SoundPaused(), (done) => void using.listen(player, "ended", done));
      } finally {
        using.dispose();
      }
    },
  };
}

function put(recording: Float32Array, quantum: Float32Array, at: number): void {
  const from = Math.max(0, -at);
  const part = quantum.subarray(from, Math.max(from, Math.min(quantum.length, recording.length - at)));
  if (part.length) recording.set(part, at + from);
}

function throwIfEnded(scope: Scope): void {
  if (scope.isDisposed) throw new Cancelled();
}

/** Wait until `begin` has called what it gets; rejects after a time, and when the scope ends. */
function until(
  scope: Scope,
  timeoutMs: number,
  late: Error,
  begin: (done: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiting = scope.child();
    waiting.add(() => reject(new Cancelled()));
    waiting.timeout(timeoutMs, () => {
      reject(late);
      waiting.dispose();
    });
    begin(() => {
      resolve();
      waiting.dispose();
    });
  });
}
