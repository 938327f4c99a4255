/**
 * The page's side of a talk: owns the channel, the microphone and the playback, and reduces their events to the one
 * state that all panels of the model show.
 */

import { canCaptureWithoutClick, Microphone, type MicrophoneListener } from "./capture";
import { type ChannelListener, type Comm, CommChannel, type KernelHealth } from "./channel";
import { microphoneAbility } from "./devices";
import type { Invitation } from "./direct/protocol";
import { DirectInvitations } from "./direct-invitations";
import { DrawerComm } from "./drawer-comm";
import { type HalfDuplex, halfDuplexOf } from "./half-duplex";
import { type Hello, helloOf } from "./hello";
import type {
  AudioHeader,
  MicrophoneChunk,
  MicrophoneState,
  Note,
  Playhead,
  SilentMicrophone,
  SoundUse,
  TalkSettings,
  TalkState,
  ToolCall,
  Turn,
} from "./messages";
import { audioPage, useSpeaker } from "./page";
import { PCM_RATE_HZ } from "./pcm";
import { Playback, type PlaybackListener } from "./playback";
import type { Scope } from "./scope";
import type { DroppedSamples } from "./send-queue";
import { MOST_BYTES, sendSoundFile } from "./sound-files";
import { text } from "./texts";
import { shownPlayhead, shownState, shownTurns, withCall, withNote } from "./view/reducers";
import { INITIAL_STATE, type PanelActions, type PanelSignals, type PanelState, Store } from "./view/state";
import { isReplaying, playbackFailedText } from "./view/strings";
import { WaveformHistory } from "./view/waveform-history";
import { Views } from "./views";
import type { Levels } from "./worklets/levels";

const SILENCE = new Float32Array(4);

export class TalkController implements PanelActions, ChannelListener, MicrophoneListener, PlaybackListener {
  readonly store = new Store<PanelState>(INITIAL_STATE);
  readonly signals: PanelSignals = { user: new WaveformHistory(), assistant: new WaveformHistory() };
  readonly #page = audioPage();
  readonly #channel: CommChannel;
  readonly #microphone: Microphone;
  readonly #playback: Playback;
  readonly drawers: DrawerComm;
  readonly #direct: DirectInvitations;
  readonly #halfDuplex: HalfDuplex;
  readonly #hello: Hello;
  readonly #views: Views;
  #withProcessing = true;
  #droppedAtStart: DroppedSamples = { kernel: 0, connection: 0 };
  #noteKey = 0;

  constructor(
    comm: Comm,
    readonly scope: Scope,
  ) {
    this.#microphone = new Microphone(scope, this);
    this.#playback = new Playback(scope, this);
    this.#channel = new CommChannel(this.#page.id, comm, this, scope);
    this.#direct = new DirectInvitations(() => this.drawers.load("direct"));
    this.drawers = new DrawerComm((message) => this.#channel.send(message), scope);
    this.#halfDuplex = halfDuplexOf(scope, this.#microphone, this.store, this.#channel);
    this.#hello = helloOf(this.#page, this.store, scope, (message) => this.#channel.send(message));
    this.#views = new Views(scope, () => this.#microphone.stop());
    scope.listen(window, "pagehide", () => this.#channel.send({ type: "bye" }));
    scope.add(() => this.#channel.send({ type: "bye" }));
  }

  /** Register a panel; the returned function removes it. A panel that is scrolled out of sight stays registered. */
  attachView(): () => void {
    this.#hello.show();
    return this.#views.attach();
  }

  start(): void {
    this.#playback.unlock();
    this.#droppedAtStart = this.#channel.sound.dropped;
    this.#update({ isStarting: true, isMicrophoneWanted: false, lostS: 0, underrunCount: 0 });
    this.onDropped(this.#droppedAtStart);
    this.#channel.start(microphoneAbility() === "ok");
    // If the kernel cannot be reached, sending has failed by now and nothing would release the microphone later.
    if (this.#channel.isConnectionWanted) this.switchMicrophoneOn();
    else this.#update({ isStarting: false });
  }

  async stop(): Promise<void> {
    await this.#microphone.closeGate();
    this.#microphone.stop();
    this.#playback.flush(this.#channel.sound.session, this.#channel.sound.epoch, null);
    this.#channel.stop();
    this.#playback.end();
    this.#update({ isStarting: false, isSpeaking: false, soundingReply: null, isHeld: false });
  }

  switchMicrophoneOn(): void {
    this.#playback.unlock();
    if (!this.#channel.isOwner && this.#state.phase !== "closed") this.takeOver();
    this.#update({ isCapturing: false, isMicrophoneWanted: false });
    this.#microphone.start(this.#withProcessing, !this.#isPushToTalk);
  }

  useNextMicrophone(): void {
    this.#microphone.startNext(this.#withProcessing, !this.#isPushToTalk);
  }

  toggleMute(): void {
    this.setMuted(this.#state.microphone === "on");
  }

  setMuted(isMuted: boolean): void {
    // What was said with the button held down is a turn of its own.
    if (isMuted) this.releaseToTalk();
    this.#update({ isMuted });
    this.#microphone.setMuted(isMuted);
  }

  setHalfDuplex(isHalfDuplex: boolean): void {
    this.#halfDuplex.set(isHalfDuplex);
  }

  setVolume(volume: number): void {
    const limited = Math.min(1, Math.max(0, volume));
    this.#playback.setVolume(limited);
    this.#update({ volume: limited });
  }

  holdToTalk(): void {
    if (this.#state.isHeld || this.#state.microphone !== "on") return;
    if (this.#state.isSpeaking) this.interrupt();
    this.#microphone.openGate();
    this.#update({ isHeld: true });
  }

  releaseToTalk(): Promise<void> {
    // The kernel discards a press that is too short for a turn, and notes it.
    return this.#endPress("commit");
  }

  discardPress(): Promise<void> {
    return this.#endPress("discard");
  }

  async #endPress(type: "commit" | "discard"): Promise<void> {
    if (!this.#state.isHeld) return;
    this.#update({ isHeld: false });
    await this.#microphone.closeGate();
    this.#channel.sound.endPress(type);
  }

  interrupt(type?: "interrupt" | "stop_replay"): void {
    this.#channel.interrupt(type);
    this.#playback.flush(this.#channel.sound.session, this.#channel.sound.epoch, null);
    this.#update({ isSpeaking: false, soundingReply: null });
  }

  sendText(typed: string, onAnswer: (isSent: boolean) => void): void {
    this.#playback.unlock();
    this.#channel.sendText(typed, onAnswer);
  }

  takeOver(): void {
    this.#playback.unlock();
    this.#channel.send({ type: "take_over" });
  }

  playUnplayed(): void {
    this.#playback.unlock();
    this.#channel.play();
  }

  skipToNewest(): void {
    this.#channel.send({ type: "skip" });
  }

  enableSound(): void {
    this.#playback.unlock();
  }

  changeSettings(settings: Partial<TalkSettings>): void {
    this.#channel.send({ type: "change_settings", settings });
  }

  sendFile(file: File): void {
    this.#playback.unlock();
    if (file.size > MOST_BYTES) this.#addNote(text("file_too_large", { file: file.name }), "warning");
    else sendSoundFile(file, (message, buffers) => this.#channel.send(message, buffers));
  }

  followPreferences(): void {
    useSpeaker(this.#page).catch(() => this.#addNote(text("speaker_failed"), "warning"));
    if (this.#microphone.isOn) this.switchMicrophoneOn();
  }

  dismissNote(key: number): void {
    this.#update({ notes: this.#state.notes.filter((note) => note.key !== key) });
  }

  /** The panel shows the answer at once, since a busy kernel confirms it late. */
  answerTool(callId: string, isAllowed: boolean): void {
    this.#channel.send({ type: "tool_answer", call_id: callId, is_allowed: isAllowed });
    const call = this.#state.calls.find((each) => each.call_id === callId);
    if (call) this.onToolCall({ ...call, state: isAllowed ? "running" : "denied" });
  }

  requestSound(use: SoundUse, of: string | number): void {
    if (use !== "save") this.#playback.unlock();
    this.#channel.requestSound(use, of);
  }

  onState(state: TalkState): void {
    this.#withProcessing = state.processing;
    if (state.turn_detection !== this.#state.turnDetection) this.#followTurnDetection(state);
    const isClosed = state.phase === "closed";
    this.#update({
      kernel: this.#state.kernel === "busy" ? "busy" : "ok",
      ...shownState(state),
      isStarting: this.#state.isStarting && isClosed,
      isOwner: this.#channel.isOwner,
      lateS: state.late_sample_count / PCM_RATE_HZ,
    });
    if (isClosed && !this.#state.isStarting) this.#onConnectionClosed();
  }

  onSnapshot(turns: Turn[], notes: Note[], calls: ToolCall[]): void {
    const shown = notes.map((note) => ({ ...note, key: this.#noteKey++ }));
    this.#update({ notes: shown, ...shownTurns(turns, calls) });
  }

  onSpeech(isActive: boolean): void {
    this.signals.user.markSpeech(isActive, Date.now());
  }

  onSnapshotWanted(): void {
    this.#hello.repeat();
  }

  onOwner(isOwner: boolean): void {
    if (isOwner) return;
    this.#microphone.stop();
    this.#playback.release();
    this.#update({ isSpeaking: false, soundingReply: null, isHeld: false });
  }

  onTurn(turn: Turn): void {
    this.#update({ turns: new Map(this.#state.turns).set(turn.id, turn) });
  }

  onToolCall(call: ToolCall): void {
    this.#update(withCall(this.#state, call));
  }

  onNote(note: Note): void {
    this.#addNote(note.text, note.level, note.topic);
  }

  onInvitation(invitation: Invitation): void {
    const parts = { channel: this.#channel, microphone: this.#microphone, playback: this.#playback };
    this.#direct.accept({ invitation, ...parts, listener: this, scope: this.scope });
  }

  onAudio(header: AudioHeader, pcm: Int16Array | null, isJoin: boolean): void {
    const { session, epoch, reply, sample_offset, is_last } = header;
    this.#playback.play({ session, epoch, reply, sample_offset, is_last, is_join: isJoin, pcm });
    // What was received before the connection closed is played to its end.
    if (this.#state.phase === "closed") this.#playback.end();
  }

  onFlush(epoch: number, reply: number | null): void {
    this.#playback.flush(this.#channel.sound.session, epoch, reply);
  }

  async onMicrophoneWanted(isWanted: boolean): Promise<void> {
    if (!isWanted) return this.#microphone.stop();
    if (!this.#channel.isOwner || this.#microphone.isOn) return;
    if (await canCaptureWithoutClick()) this.switchMicrophoneOn();
    else this.#update({ isMicrophoneWanted: true });
  }

  onHealth(health: KernelHealth): void {
    if (health === "gone")
      this.#onConnectionClosed({ isStarting: false, phase: "closed", isHeld: false }, true);
    if (this.#state.kernel !== "waiting" || health !== "ok") this.#update({ kernel: health });
  }

  onTimeLeft(seconds: number | null): void {
    if (seconds !== this.#state.endsInS) this.#update({ endsInS: seconds });
  }

  onDropped(dropped: DroppedSamples): void {
    const { kernel, connection } = this.#droppedAtStart;
    this.#update({
      droppedByKernelS: (dropped.kernel - kernel) / PCM_RATE_HZ,
      droppedByConnectionS: (dropped.connection - connection) / PCM_RATE_HZ,
    });
  }

  // Events of the microphone.

  onMicrophone(microphone: MicrophoneState): void {
    const { state, reason, ...applied } = microphone;
    this.#halfDuplex.report(microphone);
    const isLive = state === "on" || state === "muted";
    this.#update({ microphone: state, microphoneReason: reason, applied: isLive ? applied : null });
    if (state === "off" || state === "failed") this.#update({ isHeld: false, isCapturing: false });
  }

  onChunk(chunk: MicrophoneChunk): void {
    this.#channel.sound.sendMicrophone(chunk);
    if (!this.#state.isCapturing && this.#state.phase === "open") this.#update({ isCapturing: true });
  }

  onMicrophoneLevels({ columns, rms }: Levels): void {
    const isOpen = this.#state.microphone === "on" && !this.#state.isSuppressed;
    const isSent = isOpen && (!this.#isPushToTalk || this.#state.isHeld);
    const shown = isSent ? columns : SILENCE;
    this.signals.user.write(shown, this.#state.microphone === "on" ? rms : 0, Date.now());
  }

  onMicrophonePaused(isPaused: boolean): void {
    if (isPaused !== this.#state.isPaused) this.#update({ isPaused });
  }

  onMicrophoneSilent(silentMicrophone: SilentMicrophone | null): void {
    this.#update({ silentMicrophone });
  }

  // Events of the playback.

  onPlayhead(playhead: Playhead): void {
    this.#channel.sound.reportPlayhead(playhead);
    this.#update(shownPlayhead(playhead, PCM_RATE_HZ));
  }

  onFlushed(playhead: Playhead): void {
    this.#channel.sound.reportFlushed(playhead);
    this.#update(shownPlayhead(playhead, PCM_RATE_HZ));
  }

  onPlaybackLevels({ columns, rms }: Levels): void {
    // The waveform shows when something was said, and not when it was listened to again.
    this.signals.assistant.write(isReplaying(this.#state) ? SILENCE : columns, rms, Date.now());
  }

  onSounding(isSounding: boolean): void {
    this.#halfDuplex.onSounding(isSounding);
  }

  onSoundWaiting(isWaiting: boolean): void {
    if (isWaiting !== this.#state.isSoundWaiting) this.#update({ isSoundWaiting: isWaiting });
  }

  onPlaybackFailed(reason: string): void {
    this.#update({ soundFailure: reason });
    this.#addNote(playbackFailedText(this.#state, reason, window.isSecureContext), "error");
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

  #followTurnDetection({ turn_detection }: TalkState): void {
    if (turn_detection === "push_to_talk") this.#microphone.closeGate();
    else this.#microphone.openGate();
  }

  #onConnectionClosed(change: Partial<PanelState> = {}, isReplyComplete = false): void {
    this.#microphone.stop();
    this.#playback.end(isReplyComplete);
    this.#update(change);
  }

  #addNote(said: string, level: Note["level"] = "info", topic = ""): void {
    const note = { text: said, level, topic, key: this.#noteKey++ };
    this.#update({ notes: withNote(this.#state.notes, note) });
  }
}
