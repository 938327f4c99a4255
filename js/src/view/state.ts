/** The interface between the panel and the talk controller: the state that is shown and the actions of the user. */

import type { DrawerComm } from "../drawer-comm";
import {
  type AppliedProcessing,
  type MicrophoneReason,
  type MicrophoneStatus,
  NO_SETTINGS,
  type Note,
  type Phase,
  type SilentMicrophone,
  type SoundUse,
  type TalkSettings,
  type ToolCall,
  type Turn,
  type TurnDetection,
} from "../messages";
import type { WaveformHistory } from "./waveform-history";

/** waiting: hello was sent. unanswered: no answer for 3 s. The others are the channel's `KernelHealth`. */
type KernelStatus = "waiting" | "unanswered" | "ok" | "busy" | "held" | "gone";

export interface ShownNote extends Note {
  key: number;
}

export interface PanelState {
  kernel: KernelStatus;
  phase: Phase;
  /** Start was pressed and the kernel has not answered yet. */
  isStarting: boolean;
  /** The connection broke or its session ended; speech is discarded until it is open again. */
  isReopening: boolean;
  /** How long the session can still last; null unless that is soon enough to be shown. */
  endsInS: number | null;
  isOwner: boolean;
  hasOwner: boolean;
  /** What the server and its voice are called; empty until the kernel says it. */
  serverName: string;
  banner: string;
  voice: string;
  /** What the voice sounds like; empty if that is not known. */
  voiceHelp: string;
  partner: string;
  turnDetection: TurnDetection;
  settings: TalkSettings;
  isCellRunning: boolean;
  microphone: MicrophoneStatus;
  microphoneReason: MicrophoneReason | null;
  /** What the browser really does to the microphone's sound; null while it is off. */
  applied: AppliedProcessing | null;
  /** Whether the microphone is muted, or will be when it is switched on. */
  isMuted: boolean;
  /** The microphone is not sent while a reply sounds. */
  isHalfDuplex: boolean;
  /** Nothing is sent now, since a reply sounds. */
  isSuppressed: boolean;
  /** A factor of the samples of replies. */
  volume: number;
  /** Python has asked for the microphone, and the browser requires a click for it. */
  isMicrophoneWanted: boolean;
  /** The first chunk of this microphone has been captured while the connection was open. */
  isCapturing: boolean;
  /** The browser has suspended the page's audio while the microphone is on. */
  isPaused: boolean;
  /** The microphone gives only zeros, or the system has muted it. */
  silentMicrophone: SilentMicrophone | null;
  /** Push-to-talk: the button is pressed. */
  isHeld: boolean;
  /** A reply is playing. */
  isSpeaking: boolean;
  /** The number of the reply that sounds. */
  soundingReply: number | null;
  /** How much of it has been played. */
  playedS: number;
  /** The reply that plays a turn once more, and that turn. */
  replay: number | null;
  replayedTurn: string;
  /** Where it begins on the talk's clock. */
  replayStartS: number;
  /** There is sound to play, and the browser requires a click for it. */
  isSoundWaiting: boolean;
  /** Why replies cannot be played, with the cure; empty while they can. */
  soundFailure: string;
  /** Speech that this page did not send because the kernel was busy, or because the connection was not open. */
  droppedByKernelS: number;
  droppedByConnectionS: number;
  /** Speech that the kernel discarded because it arrived too late. */
  lateS: number;
  /** Sound of replies that was lost between kernel and page. */
  lostS: number;
  underrunCount: number;
  notes: readonly ShownNote[];
  turns: ReadonlyMap<string | number, Turn>;
  /** Tool calls of no turn yet: those that have not ended, and the last one that has. */
  calls: readonly ToolCall[];
  /** The other calls, by the turn that they are part of. */
  turnCalls: ReadonlyMap<string | number, readonly ToolCall[]>;
  /** What the talk has used; null if that is not known. */
  usedMinutes: number | null;
  costDollars: number | null;
}

export const INITIAL_STATE: PanelState = {
  kernel: "waiting",
  phase: "closed",
  isStarting: false,
  isReopening: false,
  endsInS: null,
  isOwner: false,
  hasOwner: false,
  serverName: "",
  banner: "",
  voice: "",
  voiceHelp: "",
  partner: "",
  turnDetection: "server_vad",
  settings: NO_SETTINGS,
  isCellRunning: false,
  microphone: "off",
  microphoneReason: null,
  applied: null,
  isMuted: false,
  isHalfDuplex: false,
  isSuppressed: false,
  volume: 1,
  isMicrophoneWanted: false,
  isCapturing: false,
  isPaused: false,
  silentMicrophone: null,
  isHeld: false,
  isSpeaking: false,
  soundingReply: null,
  playedS: 0,
  replay: null,
  replayedTurn: "",
  replayStartS: 0,
  isSoundWaiting: false,
  soundFailure: "",
  droppedByKernelS: 0,
  droppedByConnectionS: 0,
  lateS: 0,
  lostS: 0,
  underrunCount: 0,
  notes: [],
  turns: new Map(),
  calls: [],
  turnCalls: new Map(),
  usedMinutes: null,
  costDollars: null,
};

export interface PanelActions {
  start(): void;
  stop(): void;
  switchMicrophoneOn(): void;
  useNextMicrophone(): void;
  toggleMute(): void;
  setMuted(isMuted: boolean): void;
  setHalfDuplex(isHalfDuplex: boolean): void;
  /** From 0 to 1. */
  setVolume(volume: number): void;
  holdToTalk(): void;
  releaseToTalk(): void;
  /** End a press without a turn: what was said is forgotten. */
  discardPress(): void;
  /** End the reply that sounds, or only what is played again. */
  interrupt(type?: "interrupt" | "stop_replay"): void;
  /** `onAnswer` is called with true when the text was sent, and with false while it was not. */
  sendText(text: string, onAnswer: (isSent: boolean) => void): void;
  takeOver(): void;
  enableSound(): void;
  playUnplayed(): void;
  skipToNewest(): void;
  dismissNote(key: number): void;
  answerTool(callId: string, isAllowed: boolean): void;
  /** Change settings of the talk; what is refused comes back in a later state, with a note. */
  changeSettings(change: Partial<TalkSettings>): void;
  readonly drawers: Pick<DrawerComm, "load" | "connect">;
  /** The user prefers another device, or other processing of the sound. */
  followPreferences(): void;
  /** Ask a sound file. */
  sendFile(file: File): void;
  /** Have the sound of a turn played again, or saved as a file, or the talk played from a time of its clock on. */
  requestSound(use: SoundUse, of: string | number): void;
}

export type TurnId = string | number;

/** The parts of a panel that others have show a turn. */
export interface PanelParts {
  /** Its messages, in the inspector. */
  drawers: { showMessages(turnId: TurnId): void };
  /** Its line, which is marked, and may get the focus; "" for none. */
  transcript: { showLine(turnId: TurnId, takesFocus: boolean): void };
  /** Its place on the time axis. */
  waveforms: { showPlace(turnId: TurnId): void };
}

/** The waveforms of both speakers. */
export interface PanelSignals {
  user: WaveformHistory;
  assistant: WaveformHistory;
}

export class Store<T extends object> {
  readonly #listeners = new Set<(state: T) => void>();

  constructor(public state: T) {}

  update(change: Partial<T>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.#listeners]) listener(this.state);
  }

  /** Call the listener with the current state at once, and with every later one. */
  subscribe(listener: (state: T) => void): () => void {
    this.#listeners.add(listener);
    listener(this.state);
    return () => this.#listeners.delete(listener);
  }
}
