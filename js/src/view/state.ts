/** What the panel shows and what it may ask for: the whole contract between a view and its talk. */

import type {
  MicrophoneReason,
  MicrophoneStatus,
  Note,
  Phase,
  ToolCall,
  Turn,
  TurnDetection,
} from "../messages";
import type { ColumnTape } from "./columns";

/** waiting: hello is on its way. unanswered: 3 s without an answer. The others are the lane's. */
export type KernelStatus = "waiting" | "unanswered" | "ok" | "busy" | "gone";

export interface ShownNote extends Note {
  key: number;
}

export interface PanelState {
  kernel: KernelStatus;
  phase: Phase;
  /** Start was pressed and the kernel has not answered yet. */
  isStarting: boolean;
  /** The line broke, or its session ended; what is said meanwhile is not heard. */
  isReopening: boolean;
  /** The session ends so soon that it is shown. */
  endsInS: number | null;
  isOwner: boolean;
  hasOwner: boolean;
  isRehearsal: boolean;
  banner: string;
  dialect: string;
  voice: string;
  partner: string;
  turnDetection: TurnDetection;
  isCellRunning: boolean;
  microphone: MicrophoneStatus;
  microphoneReason: MicrophoneReason | null;
  device: string;
  /** Python would like the microphone, and the browser wants a click for it. */
  isMicrophoneWanted: boolean;
  /** The first sound of this microphone has gone out. */
  isHeard: boolean;
  /** Push-to-talk: the button is down. */
  isHeld: boolean;
  isSpeaking: boolean;
  isSoundWaiting: boolean;
  /** Speech that this page did not send because the kernel was busy, or because the line was not open. */
  droppedByKernelS: number;
  droppedByLineS: number;
  /** Speech that the kernel left out because it came too late. */
  lateS: number;
  lostS: number;
  underrunCount: number;
  notes: readonly ShownNote[];
  turns: ReadonlyMap<string | number, Turn>;
  /** Calls of tools that are not over, and the last one that is. */
  calls: readonly ToolCall[];
}

export const INITIAL_STATE: PanelState = {
  kernel: "waiting",
  phase: "closed",
  isStarting: false,
  isReopening: false,
  endsInS: null,
  isOwner: false,
  hasOwner: false,
  isRehearsal: false,
  banner: "",
  dialect: "",
  voice: "",
  partner: "",
  turnDetection: "server_vad",
  isCellRunning: false,
  microphone: "off",
  microphoneReason: null,
  device: "",
  isMicrophoneWanted: false,
  isHeard: false,
  isHeld: false,
  isSpeaking: false,
  isSoundWaiting: false,
  droppedByKernelS: 0,
  droppedByLineS: 0,
  lateS: 0,
  lostS: 0,
  underrunCount: 0,
  notes: [],
  turns: new Map(),
  calls: [],
};

export interface PanelActions {
  start(): void;
  stop(): void;
  switchMicrophoneOn(): void;
  toggleMute(): void;
  holdToTalk(): void;
  releaseToTalk(): void;
  interrupt(): void;
  sendText(text: string): void;
  takeOver(): void;
  enableSound(): void;
  dismissNote(key: number): void;
  answerTool(callId: string, isAllowed: boolean): void;
}

/** The two voices as they are drawn. */
export interface PanelSignals {
  you: ColumnTape;
  grok: ColumnTape;
}

export class Store<T extends object> {
  readonly #listeners = new Set<(state: T) => void>();

  constructor(public state: T) {}

  update(change: Partial<T>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.#listeners]) listener(this.state);
  }

  /** Tells the present state at once, and every later one. */
  subscribe(listener: (state: T) => void): () => void {
    this.#listeners.add(listener);
    listener(this.state);
    return () => this.#listeners.delete(listener);
  }
}
