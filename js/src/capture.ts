/** The microphone: asked for in a click, cut into chunks by a worklet, let go completely. */

import captureSource from "worklet:capture";
import type { MicrophoneAbility, MicrophoneReason, MicrophoneState, MicrophoneStatus } from "./messages";
import { audioPage, claimMicrophone, loadWorklet, resume, useContext } from "./page";
import type { Scope } from "./scope";
import type { MicrophoneChunk } from "./uplink";
import type { Levels } from "./worklets/levels";

const WORKLET = `grok-live-capture-${__VERSION__}`;
/** The promise of getUserMedia stays open while the question is ignored (MDN), so the person is reminded. */
const REMIND_AFTER_MS = 20_000;
const LAST_CHUNK_WITHIN_MS = 250;

export interface MicrophoneListener {
  onMicrophone(state: MicrophoneState): void;
  onChunk(chunk: MicrophoneChunk): void;
  onMicrophoneLevels(levels: Levels): void;
}

type CaptureMessage =
  | ({ type: "chunk" } & MicrophoneChunk)
  | { type: "levels"; levels: Levels }
  | { type: "gate"; is_open: boolean };

/** Whether this page may have a microphone at all, without asking for one. */
export function microphoneAbility(): MicrophoneAbility {
  if (!window.isSecureContext) return "insecure";
  if (isForbidden()) return "policy";
  return "mediaDevices" in navigator && navigator.mediaDevices ? "ok" : "none";
}

/** Chromium tells a host that forbids microphones (VS Code, an iframe) apart from a person who refused. */
function isForbidden(): boolean {
  const { featurePolicy } = document as { featurePolicy?: { allowsFeature(name: string): boolean } };
  return featurePolicy?.allowsFeature("microphone") === false;
}

/** The names are those of https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia. */
export function reasonOf(error: unknown): MicrophoneReason {
  const name = (error as { name?: string } | null)?.name ?? "";
  if (name === "NotAllowedError" || name === "SecurityError") return isForbidden() ? "policy" : "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "no_device";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "other";
}

const NOTHING_KNOWN = {
  device: null,
  echo_cancellation: null,
  noise_suppression: null,
  auto_gain: null,
  device_rate_hz: null,
};

export class Microphone {
  #live: Scope | null = null;
  #track: MediaStreamTrack | null = null;
  #node: AudioWorkletNode | null = null;
  #isMuted = false;
  #isGateOpen = true;
  #onGateClosed: () => void = () => {};
  #state: MicrophoneState = { state: "off", reason: null, ...NOTHING_KNOWN };

  constructor(
    readonly scope: Scope,
    readonly listener: MicrophoneListener,
  ) {}

  get state(): MicrophoneState {
    return this.#state;
  }

  get isOn(): boolean {
    return this.#live !== null;
  }

  /** To be called in a click, which is what lets the browser ask. */
  async start(withProcessing: boolean, isGateOpen: boolean): Promise<void> {
    this.#end();
    const ability = microphoneAbility();
    if (ability !== "ok") return this.fail(ability === "none" ? "no_device" : ability);
    const live = this.scope.child();
    this.#live = live;
    this.#isMuted = false;
    this.#isGateOpen = isGateOpen;
    this.#tell("asking", null);
    const remind = live.timeout(REMIND_AFTER_MS, () => this.#tell("asking", "waiting"));
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints(withProcessing));
      remind();
      await this.#connect(stream, live);
    } catch (error) {
      if (!live.isDisposed) this.fail(reasonOf(error));
    }
  }

  stop(): void {
    if (!this.#live && this.#state.state === "off") return;
    this.#end();
    this.#tell("off", null);
  }

  fail(reason: MicrophoneReason): void {
    this.#end();
    this.#tell("failed", reason);
    if (reason === "no_device" || reason === "lost") this.#watchForDevice();
  }

  setMuted(isMuted: boolean): void {
    if (!this.#node || this.#state.state === "asking") return;
    this.#isMuted = isMuted;
    // The worklet lets out what was said before; a disabled track then gives silence to everybody.
    this.#steerGate();
    if (this.#track) this.#track.enabled = !isMuted;
    this.#tell(isMuted ? "muted" : "on", null);
  }

  openGate(): void {
    this.#isGateOpen = true;
    this.#steerGate();
  }

  /** Resolves when the last chunk has come out. */
  closeGate(): Promise<void> {
    this.#isGateOpen = false;
    const waiting = this.#node && this.#live?.child();
    if (!waiting) return Promise.resolve();
    return new Promise((resolve) => {
      waiting.add(resolve);
      waiting.timeout(LAST_CHUNK_WITHIN_MS, () => waiting.dispose());
      this.#onGateClosed = () => waiting.dispose();
      this.#steerGate();
    });
  }

  async #connect(stream: MediaStream, live: Scope): Promise<void> {
    live.add(() => {
      for (const track of stream.getTracks()) track.stop();
    });
    if (live.isDisposed) return;
    live.add(claimMicrophone(() => this.stop()));
    const context = useContext(live);
    resume(context);
    await loadWorklet(context, WORKLET, captureSource);
    if (live.isDisposed) return;
    this.#adopt(stream.getAudioTracks()[0]!, live);
    this.#node = this.#wire(context, stream, live);
    this.#tell("on", null);
  }

  #adopt(track: MediaStreamTrack, live: Scope): void {
    this.#track = track;
    live.add(() => {
      this.#track = this.#node = null;
    });
    live.listen(track, "ended", () => this.fail("lost"));
  }

  /** microphone → worklet → silence → loudspeaker: a node that leads nowhere is not pulled by every browser. */
  #wire(context: AudioContext, stream: MediaStream, live: Scope): AudioWorkletNode {
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, WORKLET, {
      numberOfOutputs: 1,
      processorOptions: { is_gate_open: this.#isGateOpen },
    });
    const silence = context.createGain();
    silence.gain.value = 0;
    source.connect(node).connect(silence).connect(context.destination);
    live.listenToPort(node.port, (message) => this.#receive(message as CaptureMessage));
    live.listen(node, "processorerror", () => this.fail("other"));
    live.add(() => {
      node.port.postMessage({ type: "stop" });
      for (const part of [source, node, silence]) part.disconnect();
    });
    return node;
  }

  #receive(message: CaptureMessage): void {
    if (message.type === "levels") return this.listener.onMicrophoneLevels(message.levels);
    if (message.type === "gate") {
      if (!message.is_open) this.#onGateClosed();
      return;
    }
    const { pcm, sample_index, captured_at_ms } = message;
    this.listener.onChunk({ pcm, sample_index, captured_at_ms });
  }

  #steerGate(): void {
    this.#node?.port.postMessage({ type: "gate", is_open: this.#isGateOpen && !this.#isMuted });
  }

  #watchForDevice(): void {
    const { mediaDevices } = navigator;
    if (!mediaDevices?.enumerateDevices) return;
    const watch = this.scope.child();
    watch.listen(mediaDevices, "devicechange", async () => {
      const devices = await mediaDevices.enumerateDevices();
      if (!devices.some((device) => device.kind === "audioinput")) return;
      watch.dispose();
      if (this.#state.state === "failed") this.#tell("off", null);
    });
  }

  #end(): void {
    this.#live?.dispose();
    this.#live = null;
  }

  #tell(state: MicrophoneStatus, reason: MicrophoneReason | null): void {
    const isLive = state === "on" || state === "muted";
    this.#state = { state, reason, ...(isLive && this.#track ? describe(this.#track) : NOTHING_KNOWN) };
    this.listener.onMicrophone(this.#state);
  }
}

/** Plain true, never "remote-only", which takes no notice of Web Audio (measured: 0.7 dB of 11). */
function constraints(withProcessing: boolean): MediaStreamConstraints {
  return {
    audio: {
      echoCancellation: withProcessing,
      noiseSuppression: withProcessing,
      autoGainControl: withProcessing,
      channelCount: 1,
    },
  };
}

/** What the browser really gives, which need not be what was asked for. */
function describe(track: MediaStreamTrack): Omit<MicrophoneState, "state" | "reason"> {
  const settings = track.getSettings();
  return {
    device: track.label || null,
    echo_cancellation: booleanOrNull(settings.echoCancellation),
    noise_suppression: booleanOrNull(settings.noiseSuppression),
    auto_gain: booleanOrNull(settings.autoGainControl),
    device_rate_hz: audioPage().context?.sampleRate ?? null,
  };
}

function booleanOrNull(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}
