/** The microphone: requested in a click, cut into chunks by a worklet, and released completely. */

import workletSource from "worklet:audio";
import {
  microphoneObstacle,
  microphonePermission,
  microphones,
  openMicrophone,
  reasonOf,
  trackDetails,
  wantedProcessing,
} from "./devices";
import type {
  MicrophoneChunk,
  MicrophoneReason,
  MicrophoneState,
  MicrophoneStatus,
  SilentMicrophone,
} from "./messages";
import { audioPage, claimMicrophone, followVisibility, loadWorklet, resume, useContext } from "./page";
import type { Scope } from "./scope";
import { SilenceDetector } from "./silence";
import type { Levels } from "./worklets/levels";

const WORKLET = `grok-live-capture-${__VERSION__}`;
/** The promise of getUserMedia stays pending while the prompt is ignored (MDN), so the panel shows a reminder. */
const REMIND_AFTER_MS = 20_000;
const LAST_CHUNK_TIMEOUT_MS = 250;
/** A context that is allowed to run still reports "suspended" for a moment after it was created or resumed. */
const PAUSED_AFTER_MS = 400;

export interface MicrophoneListener {
  onMicrophone(state: MicrophoneState): void;
  onChunk(chunk: MicrophoneChunk): void;
  onMicrophoneLevels(levels: Levels): void;
  /** Whether the browser has suspended the audio of the page, so that nothing is captured. */
  onMicrophonePaused(isPaused: boolean): void;
  /** The microphone gives only zeros; null: it gives sound again, or is off. */
  onMicrophoneSilent(silent: SilentMicrophone | null): void;
}

type CaptureMessage =
  | ({ type: "chunk" } & Omit<MicrophoneChunk, "stream">)
  | { type: "levels"; levels: Levels }
  | { type: "gate"; is_open: boolean }
  | { type: "port_used"; stream: number };

/** The user has allowed the microphone before and has interacted with this page, so no click is needed. */
export async function canCaptureWithoutClick(): Promise<boolean> {
  const isGranted = (await microphonePermission()) === "granted";
  return isGranted && (navigator.userActivation?.hasBeenActive ?? false);
}

const NO_DETAILS = {
  device: null,
  echo_cancellation: null,
  noise_suppression: null,
  auto_gain: null,
  device_rate_hz: null,
};

export class Microphone {
  #active: Scope | null = null;
  #track: MediaStreamTrack | null = null;
  node: AudioWorkletNode | null = null;
  /** The microphone that the user chose instead of the browser's default. */
  #deviceId: string | null = null;
  /** What it was when the microphone was opened. */
  #permission: PermissionState | null = null;
  readonly #silence = new SilenceDetector();
  #silentCause: SilentMicrophone["cause"] | null = null;
  #isMuted = false;
  #isGateOpen = true;
  #isSuppressed = false;
  #onGateClosed: (() => void)[] = [];
  /** How often the microphone was switched on. */
  streamCount = 0;
  /** Called with a new worklet node before it captures. */
  onNode: ((node: AudioWorkletNode | null) => void) | null = null;
  /** Called when the worklet of a stream uses the port that was sent to it last. */
  onPortUsed: ((stream: number) => void) | null = null;
  #lastChunk: Promise<void> = Promise.resolve();
  #state: MicrophoneState = { state: "off", reason: null, ...NO_DETAILS };

  constructor(
    readonly scope: Scope,
    readonly listener: MicrophoneListener,
  ) {}

  get isOn(): boolean {
    return this.#active !== null;
  }

  get state(): MicrophoneState {
    return this.#state;
  }

  /** Call this in a click handler, since browsers show the permission prompt only after a user gesture. */
  async start(withProcessing: boolean, isGateOpen: boolean): Promise<void> {
    this.#end();
    const obstacle = microphoneObstacle();
    if (obstacle) return this.#fail(obstacle);
    const active = this.scope.child();
    this.#active = active;
    this.#isGateOpen = isGateOpen;
    this.#setState("asking", null);
    const cancelReminder = active.timeout(REMIND_AFTER_MS, () => this.#setState("asking", "waiting"));
    try {
      const stream = await openMicrophone(wantedProcessing(withProcessing), this.#deviceId);
      cancelReminder();
      await this.#connect(stream, active);
    } catch (error) {
      if (active.isDisposed) return;
      this.#deviceId = null;
      this.#fail(reasonOf(error));
    }
  }

  /** Start with the microphone after the present one, in the browser's order. */
  async startNext(withProcessing: boolean, isGateOpen: boolean): Promise<void> {
    const active = this.#active;
    const devices = await microphones();
    if (this.#active !== active) return;
    const present = this.#track?.getSettings().deviceId;
    const label = this.#track?.label ?? "";
    const exact = devices.findIndex(({ deviceId }) => deviceId === present);
    const at = exact >= 0 ? exact : devices.findIndex((device) => label.endsWith(device.label));
    this.#deviceId = devices[(at + 1) % Math.max(1, devices.length)]?.deviceId ?? null;
    await this.start(withProcessing, isGateOpen);
  }

  stop(): void {
    if (!this.#active && this.#state.state === "off") return;
    this.#end();
    this.#setState("off", null);
  }

  #fail(reason: MicrophoneReason): void {
    this.#end();
    this.#setState("failed", reason);
    if (reason === "no_device" || reason === "lost") this.#watchForDevice();
  }

  /** A microphone that is off will be muted, or not, when it is switched on. */
  setMuted(isMuted: boolean): void {
    if (isMuted === this.#isMuted) return;
    this.#isMuted = isMuted;
    if (!this.node) return;
    // The worklet posts what was captured before the gate closed; the disabled track then delivers silence.
    if (isMuted) this.#lastChunk = this.#closedGate();
    else this.#updateGate();
    if (this.#track) this.#track.enabled = !isMuted;
    this.#setState(isMuted ? "muted" : "on", null);
  }

  /** Post nothing, as while it is muted; the microphone goes on, and its state remains. */
  suppress(isSuppressed: boolean): void {
    this.#isSuppressed = isSuppressed;
    if (isSuppressed) this.#lastChunk = this.#closedGate();
    else this.#updateGate();
  }

  openGate(): void {
    this.#isGateOpen = true;
    this.#updateGate();
  }

  /** Resolves when the worklet has posted the last chunk before it was muted or suppressed. */
  get lastChunk(): Promise<void> {
    return this.#lastChunk;
  }

  /** Resolves when the worklet has posted its last chunk. */
  closeGate(): Promise<void> {
    this.#isGateOpen = false;
    return this.#closedGate();
  }

  #closedGate(): Promise<void> {
    const waiting = this.node && this.#active?.child();
    if (!waiting) return Promise.resolve();
    return new Promise((resolve) => {
      waiting.add(resolve);
      waiting.timeout(LAST_CHUNK_TIMEOUT_MS, () => waiting.dispose());
      this.#onGateClosed.push(() => waiting.dispose());
      this.#updateGate();
    });
  }

  async #connect(stream: MediaStream, active: Scope): Promise<void> {
    active.add(() => {
      for (const track of stream.getTracks()) track.stop();
    });
    if (active.isDisposed) return;
    active.add(claimMicrophone(() => this.#fail("taken")));
    const context = useContext(active);
    resume(context);
    const reportPaused = () => this.listener.onMicrophonePaused(context.state !== "running");
    active.timeout(PAUSED_AFTER_MS, reportPaused);
    active.listen(context, "statechange", () => {
      if (context.state === "running") reportPaused();
      else active.timeout(PAUSED_AFTER_MS, reportPaused);
    });
    active.add(() => this.listener.onMicrophonePaused(false));
    await loadWorklet(context, `grok-live-${__VERSION__}`, workletSource);
    this.#permission = await microphonePermission();
    if (active.isDisposed) return;
    this.#useTrack(stream.getAudioTracks()[0]!, active);
    this.node = this.#connectNodes(context, stream, active);
    this.#setState(this.#isMuted ? "muted" : "on", null);
  }

  #useTrack(track: MediaStreamTrack, active: Scope): void {
    this.#track = track;
    track.enabled = !this.#isMuted;
    active.add(() => {
      this.#track = this.node = null;
    });
    active.listen(track, "ended", () => this.#onEnded(active));
    for (const type of ["mute", "unmute"]) active.listen(track, type, () => this.#reportSilence());
  }

  /** The browser ends the track when the device is gone, and when the user takes the permission back. */
  async #onEnded(active: Scope): Promise<void> {
    const permission = await microphonePermission();
    const isRevoked = this.#permission === "granted" && permission !== "granted";
    if (!active.isDisposed) this.#fail(isRevoked ? "denied" : "lost");
  }

  /** microphone → worklet → silent gain → destination: not every browser pulls a node without a destination. */
  #connectNodes(context: AudioContext, stream: MediaStream, active: Scope): AudioWorkletNode {
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, WORKLET, {
      numberOfOutputs: 1,
      processorOptions: { is_gate_open: this.#isOpen },
    });
    const silent = context.createGain();
    silent.gain.value = 0;
    this.streamCount += 1;
    this.onNode?.(node);
    source.connect(node).connect(silent).connect(context.destination);
    audioPage().captures.add(source);
    active.listenToPort(node.port, (message) => this.#receive(message as CaptureMessage));
    active.listen(node, "processorerror", () => this.#fail("other"));
    followVisibility(active, node);
    active.add(() => {
      node.port.postMessage({ type: "stop" });
      audioPage().captures.delete(source);
      for (const part of [source, node, silent]) part.disconnect();
    });
    return node;
  }

  #receive(message: CaptureMessage): void {
    if (message.type === "levels") return this.#onLevels(message.levels);
    if (message.type === "gate") return this.onGate(message.is_open);
    if (message.type === "port_used") return this.onPortUsed?.(message.stream);
    const { pcm, sample_index, captured_at_ms } = message;
    this.listener.onChunk({ pcm, stream: this.streamCount, sample_index, captured_at_ms });
  }

  onGate(isOpen: boolean): void {
    if (!isOpen) for (const onClosed of this.#onGateClosed.splice(0)) onClosed();
  }

  #onLevels(levels: Levels): void {
    // A disabled track gives zeros, too.
    if (this.#isMuted) this.#silence.reset();
    else this.#silence.push(levels.rms, levels.durationMs);
    this.#reportSilence();
    this.listener.onMicrophoneLevels(levels);
  }

  /** Zeros, or the word of the system: what follows the microphone's own mute switch. */
  async #reportSilence(): Promise<void> {
    const isMuted = Boolean(this.#track?.muted);
    const cause = isMuted ? "system_muted" : this.#silence.isSilent ? "silent" : null;
    if (cause === this.#silentCause) return;
    this.#silentCause = cause;
    if (!cause) return this.listener.onMicrophoneSilent(null);
    const hasOther = (await microphones()).length > 1;
    if (this.#silentCause === cause)
      this.listener.onMicrophoneSilent({ cause, device: this.#track?.label || null, hasOther });
  }

  get #isOpen(): boolean {
    return this.#isGateOpen && !this.#isMuted && !this.#isSuppressed;
  }

  #updateGate(): void {
    this.node?.port.postMessage({ type: "gate", is_open: this.#isOpen });
  }

  #watchForDevice(): void {
    const { mediaDevices } = navigator;
    if (!mediaDevices?.enumerateDevices) return;
    const watch = this.scope.child();
    watch.listen(mediaDevices, "devicechange", async () => {
      const devices = await mediaDevices.enumerateDevices();
      if (!devices.some((device) => device.kind === "audioinput")) return;
      watch.dispose();
      if (this.#state.state === "failed") this.#setState("off", null);
    });
  }

  #end(): void {
    this.#active?.dispose();
    this.#active = null;
    this.#silence.reset();
    this.#reportSilence();
  }

  #setState(state: MicrophoneStatus, reason: MicrophoneReason | null): void {
    const isLive = state === "on" || state === "muted";
    this.#state = { state, reason, ...(isLive && this.#track ? trackDetails(this.#track) : NO_DETAILS) };
    this.listener.onMicrophone(this.#state);
  }
}
