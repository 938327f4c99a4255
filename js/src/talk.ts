/**
 * The page's side of a talk: owns the lane, the microphone and the loudspeaker, and folds what they tell into the one
 * state that all panels of the model show.
 */

import { Microphone, type MicrophoneListener, microphoneAbility } from "./capture";
import { CommLane, type KernelHealth, type LaneListener, type Wire } from "./lanes";
import type { AudioHeader, LineState, MicrophoneState, Note, Playhead, ToolCall, Turn } from "./messages";
import { audioPage } from "./page";
import { PCM_RATE_HZ } from "./pcm";
import { Playback, type PlaybackListener } from "./playback";
import type { Scope } from "./scope";
import type { Dropped, MicrophoneChunk } from "./uplink";
import { ColumnTape } from "./view/columns";
import { INITIAL_STATE, type PanelActions, type PanelSignals, type PanelState, Store } from "./view/state";
import type { Levels } from "./worklets/levels";

const ANSWER_WITHIN_MS = 3000;
const UNSEEN_FOR_MS = 5000;
/** A shorter press is a click by mistake, and services refuse commits below 100 ms. */
const SHORTEST_HOLD_SAMPLES = 0.1 * PCM_RATE_HZ;
const SILENCE = new Float32Array(4);

export class Talk implements PanelActions, LaneListener, MicrophoneListener, PlaybackListener {
  readonly store = new Store<PanelState>(INITIAL_STATE);
  readonly signals: PanelSignals = { you: new ColumnTape(), grok: new ColumnTape() };
  readonly #page = audioPage();
  readonly #lane: CommLane;
  readonly #microphone: Microphone;
  readonly #playback: Playback;
  #viewCount = 0;
  #cancelRelease = () => {};
  #withProcessing = true;
  #heldSamples = 0;
  #droppedBefore: Dropped = { kernel: 0, line: 0 };
  #noteKey = 0;

  constructor(
    wire: Wire,
    readonly scope: Scope,
  ) {
    this.#microphone = new Microphone(scope, this);
    this.#playback = new Playback(scope, this);
    this.#lane = new CommLane(this.#page.id, wire, this, scope);
    scope.listen(window, "pagehide", () => this.#lane.send({ type: "bye" }));
    scope.listen<PageTransitionEvent>(window, "pageshow", (event) => event.persisted && this.sayHello());
    scope.add(() => this.#lane.send({ type: "bye" }));
  }

  sayHello(): void {
    const microphone = microphoneAbility();
    const device_rate_hz = this.#page.context?.sampleRate ?? null;
    this.#lane.send({
      type: "hello",
      version: __VERSION__,
      clock_ms: Date.now(),
      microphone,
      device_rate_hz,
    });
    this.scope.timeout(ANSWER_WITHIN_MS, () => {
      if (this.#state.kernel === "waiting") this.#update({ kernel: "unanswered" });
    });
  }

  /** A panel came into being; the answer is to be called when it goes. Out of sight is not gone. */
  attachView(): () => void {
    this.#viewCount += 1;
    this.#cancelRelease();
    let isAttached = true;
    return () => {
      if (!isAttached) return;
      isAttached = false;
      this.#viewCount -= 1;
      if (this.#viewCount > 0) return;
      this.#cancelRelease = this.scope.timeout(UNSEEN_FOR_MS, () => this.#microphone.stop());
    };
  }

  // What a person asks for.

  start(): void {
    this.#playback.unlock();
    this.#droppedBefore = this.#lane.dropped;
    this.#update({ isStarting: true, isMicrophoneWanted: false, lostS: 0, underrunCount: 0 });
    this.onDropped(this.#droppedBefore);
    this.#lane.start(microphoneAbility() === "ok");
    // A kernel that cannot be reached has been told by now; nobody would release this microphone.
    if (this.#lane.isLineWanted) this.switchMicrophoneOn();
    else this.#update({ isStarting: false });
  }

  async stop(): Promise<void> {
    await this.#microphone.closeGate();
    this.#microphone.stop();
    this.#playback.flush(this.#lane.session, this.#lane.epoch, null);
    this.#lane.stop();
    this.#playback.end();
    this.#update({ isStarting: false, isSpeaking: false, isHeld: false });
  }

  switchMicrophoneOn(): void {
    this.#playback.unlock();
    if (!this.#lane.isOwner && this.#state.phase !== "closed") this.takeOver();
    this.#update({ isHeard: false, isMicrophoneWanted: false });
    this.#microphone.start(this.#withProcessing, !this.#isPushToTalk);
  }

  toggleMute(): void {
    this.#microphone.setMuted(this.#state.microphone === "on");
  }

  holdToTalk(): void {
    if (this.#state.isHeld || this.#state.microphone !== "on") return;
    if (this.#state.isSpeaking) this.interrupt();
    this.#heldSamples = 0;
    this.#microphone.openGate();
    this.#update({ isHeld: true });
  }

  async releaseToTalk(): Promise<void> {
    if (!this.#state.isHeld) return;
    this.#update({ isHeld: false });
    await this.#microphone.closeGate();
    if (this.#heldSamples >= SHORTEST_HOLD_SAMPLES) return this.#lane.commit();
    this.#say("Hold the button down while you speak, and let go when you have finished.");
  }

  interrupt(): void {
    this.#lane.interrupt();
    this.#playback.flush(this.#lane.session, this.#lane.epoch, null);
    this.#update({ isSpeaking: false });
  }

  sendText(text: string): void {
    this.#playback.unlock();
    this.#lane.send({ type: "text", text });
  }

  takeOver(): void {
    this.#playback.unlock();
    this.#lane.send({ type: "take_over" });
  }

  enableSound(): void {
    this.#playback.unlock();
  }

  dismissNote(key: number): void {
    this.#update({ notes: this.#state.notes.filter((note) => note.key !== key) });
  }

  /** Shown at once, since a busy kernel answers late. */
  answerTool(callId: string, isAllowed: boolean): void {
    this.#lane.send({ type: "tool_answer", call_id: callId, is_allowed: isAllowed });
    const call = this.#state.calls.find((each) => each.call_id === callId);
    if (call) this.onToolCall({ ...call, state: isAllowed ? "running" : "denied" });
  }

  // What the lane tells.

  onLine(line: LineState): void {
    this.#withProcessing = line.processing;
    if (line.turn_detection !== this.#state.turnDetection) this.#followTurnDetection(line);
    const isClosed = line.phase === "closed";
    const hasBegun = this.#state.isStarting && !isClosed;
    this.#update({
      kernel: this.#state.kernel === "busy" ? "busy" : "ok",
      phase: line.phase,
      isStarting: this.#state.isStarting && !hasBegun,
      isOwner: this.#lane.isOwner,
      hasOwner: Boolean(line.owner),
      isReopening: line.is_reopening,
      isRehearsal: line.is_rehearsal,
      banner: line.banner,
      dialect: line.dialect,
      voice: line.voice,
      partner: line.partner,
      turnDetection: line.turn_detection,
      isCellRunning: line.busy_cell,
      lateS: line.late_sample_count / PCM_RATE_HZ,
    });
    if (isClosed && !this.#state.isStarting) this.#onClosed();
  }

  onSnapshot(turns: Turn[], notes: Note[], calls: ToolCall[]): void {
    const shown = notes.map((note) => ({ ...note, key: this.#noteKey++ }));
    this.#update({ turns: new Map(turns.map((turn) => [turn.id, turn])), notes: shown, calls });
  }

  onSnapshotWanted(): void {
    this.sayHello();
  }

  onOwner(isOwner: boolean): void {
    if (isOwner) return;
    this.#microphone.stop();
    this.#playback.release();
    this.#update({ isSpeaking: false, isHeld: false });
  }

  onTurn(turn: Turn): void {
    this.#update({ turns: new Map(this.#state.turns).set(turn.id, turn) });
  }

  onToolCall(call: ToolCall): void {
    const isSame = (each: ToolCall) => each.call_id === call.call_id;
    const others = this.#state.calls.filter((each) => !isSame(each) && isOpen(each));
    this.#update({ calls: isOpen(call) ? [...others, call] : [call, ...others] });
  }

  onNote(note: Note): void {
    this.#say(note.text, note.level, note.topic);
  }

  onAudio(header: AudioHeader, pcm: Int16Array, isJoin: boolean): void {
    const { session, epoch, reply, sample_offset, is_last } = header;
    this.#playback.play({ session, epoch, reply, sample_offset, is_last, is_join: isJoin, pcm });
  }

  onFlush(epoch: number, reply: number | null): void {
    this.#playback.flush(this.#lane.session, epoch, reply);
  }

  async onMicrophoneWanted(isWanted: boolean): Promise<void> {
    if (!isWanted) return this.#microphone.stop();
    if (!this.#lane.isOwner || this.#microphone.isOn) return;
    if (await maySpeakWithoutClick()) this.switchMicrophoneOn();
    else this.#update({ isMicrophoneWanted: true });
  }

  onHealth(health: KernelHealth): void {
    if (health === "gone") {
      this.#microphone.stop();
      this.#playback.end();
      this.#update({ isStarting: false });
    }
    if (this.#state.kernel !== "waiting" || health !== "ok") this.#update({ kernel: health });
  }

  onTimeLeft(seconds: number | null): void {
    if (seconds !== this.#state.endsInS) this.#update({ endsInS: seconds });
  }

  onDropped(dropped: Dropped): void {
    const { kernel, line } = this.#droppedBefore;
    this.#update({
      droppedByKernelS: (dropped.kernel - kernel) / PCM_RATE_HZ,
      droppedByLineS: (dropped.line - line) / PCM_RATE_HZ,
    });
  }

  // What the microphone tells.

  onMicrophone(microphone: MicrophoneState): void {
    const { state, reason, device } = microphone;
    this.#lane.send({ type: "microphone_state", ...microphone });
    this.#update({ microphone: state, microphoneReason: reason, device: device ?? "" });
    if (state === "off" || state === "failed") this.#update({ isHeld: false, isHeard: false });
  }

  onChunk(chunk: MicrophoneChunk): void {
    this.#heldSamples += chunk.pcm.length;
    this.#lane.sendMicrophone(chunk);
    if (!this.#state.isHeard && this.#state.phase === "open") this.#update({ isHeard: true });
  }

  onMicrophoneLevels({ columns, rms }: Levels): void {
    const isSent = this.#state.microphone === "on" && (!this.#isPushToTalk || this.#state.isHeld);
    const shown = isSent ? columns : SILENCE;
    this.signals.you.write(shown, this.#state.microphone === "on" ? rms : 0, Date.now());
  }

  // What the loudspeaker tells.

  onPlayhead(playhead: Playhead): void {
    this.#lane.send({ type: "playhead", clock_ms: Date.now(), ...playhead });
    this.#show(playhead);
  }

  onFlushed(playhead: Playhead): void {
    this.#lane.send({ type: "flushed", clock_ms: Date.now(), ...playhead });
    this.#show(playhead);
  }

  onPlaybackLevels({ columns, rms }: Levels): void {
    this.signals.grok.write(columns, rms, Date.now());
  }

  onSoundWaiting(isWaiting: boolean): void {
    if (isWaiting !== this.#state.isSoundWaiting) this.#update({ isSoundWaiting: isWaiting });
  }

  onPlaybackFailed(reason: string): void {
    this.#say(
      `Grok's voice cannot be played here: ${reason}. The transcript still shows what is said.`,
      "error",
    );
  }

  get #state(): PanelState {
    return this.store.state;
  }

  get #isPushToTalk(): boolean {
    return this.#state.turnDetection === "push_to_talk";
  }

  #update(change: Partial<PanelState>): void {
    this.store.update(change);
  }

  #show(playhead: Playhead): void {
    this.#update({
      isSpeaking: !playhead.is_final && playhead.buffered_sample_count > 0,
      underrunCount: playhead.underrun_count,
      lostS: playhead.lost_sample_count / PCM_RATE_HZ,
    });
  }

  #followTurnDetection({ turn_detection }: LineState): void {
    if (turn_detection === "push_to_talk") this.#microphone.closeGate();
    else this.#microphone.openGate();
  }

  #onClosed(): void {
    this.#microphone.stop();
    this.#playback.end();
  }

  #say(text: string, level: Note["level"] = "info", topic = ""): void {
    const isReplaced = (note: Note) => note.text === text || (topic !== "" && note.topic === topic);
    const notes = this.#state.notes.filter((note) => !isReplaced(note));
    const said = text === "" ? [] : [{ text, level, topic, key: this.#noteKey++ }];
    this.#update({ notes: [...notes, ...said] });
  }
}

function isOpen({ state }: ToolCall): boolean {
  return state === "waiting" || state === "running";
}

/** The person has allowed the microphone before and has touched this page, so that nothing needs a click. */
async function maySpeakWithoutClick(): Promise<boolean> {
  try {
    const permission = await navigator.permissions.query({ name: "microphone" as PermissionName });
    return permission.state === "granted" && (navigator.userActivation?.hasBeenActive ?? false);
  } catch {
    // Firefox before 131 does not know this name.
    return false;
  }
}
