/** The texts of the panel, as pure functions of its state. A text about a problem names the cure. */

import type { MicrophoneReason, NoteLevel, ToolCall, Turn } from "../messages";
import type { PanelActions, PanelState } from "./state";

type Tone = "idle" | "working" | "listening" | "speaking" | "problem";

export interface Status {
  text: string;
  tone: Tone;
}

export interface Card {
  key: string;
  text: string;
  level: NoteLevel;
  actionLabel?: string;
  action?: keyof PanelActions &
    (
      | "takeOver"
      | "enableSound"
      | "useNextMicrophone"
      | "playUnplayed"
      | "skipToNewest"
      | "switchMicrophoneOn"
    );
}

/** The kernel names the server; before that it is not known whose voice it is. */
export function speakerName({ serverName }: Pick<PanelState, "serverName">): string {
  return serverName || "Voice";
}

/** Whether a kernel answers, so that the controls have an effect. */
export function hasKernel({ kernel }: Pick<PanelState, "kernel">): boolean {
  return kernel === "ok" || kernel === "busy";
}

/** The connection is requested, opening, open or closing, so the button says Stop. */
export function isStarted(state: PanelState): boolean {
  return state.isStarting || state.phase !== "closed";
}

export function statusOf(state: PanelState): Status {
  return kernelStatus(state) ?? connectionStatus(state) ?? withTimeLeft(openStatus(state), state);
}

function withTimeLeft(status: Status, { endsInS }: PanelState): Status {
  if (endsInS === null) return status;
  const left = endsInS >= 90 ? `${Math.round(endsInS / 60)} min` : `${Math.max(1, Math.round(endsInS))} s`;
  return { ...status, text: `${status.text} · a new session in ${left}` };
}

function kernelStatus({ kernel }: PanelState): Status | null {
  if (kernel === "waiting") return { text: "Looking for the kernel…", tone: "working" };
  if (kernel === "unanswered" || kernel === "gone") return { text: "No kernel", tone: "problem" };
  return null;
}

function connectionStatus(state: PanelState): Status | null {
  if (state.microphone === "asking")
    return { text: "Allow the microphone when the browser asks", tone: "working" };
  if (state.phase === "closing") return { text: "Disconnecting…", tone: "working" };
  if (state.isStarting || state.phase === "opening") return openingStatus(state);
  if (state.phase !== "closed") return null;
  if (state.isSpeaking) return speakingStatus(state);
  if (state.isMicrophoneWanted) return { text: "Python would like to listen: press Start", tone: "idle" };
  if (state.turns.size > 0) return { text: "Press Start to go on talking", tone: "idle" };
  return { text: "Press Start and speak, or type below", tone: "idle" };
}

function openingStatus({ microphone, isReopening }: PanelState): Status {
  if (isReopening) return { text: "Reconnecting. Wait a moment…", tone: "working" };
  const hint = microphone === "on" ? " You can speak already" : "";
  return { text: `Connecting…${hint}`, tone: "working" };
}

function openStatus(state: PanelState): Status {
  const name = speakerName(state);
  if (state.hasOwner && !state.isOwner) return { text: "Talking in another page", tone: "idle" };
  if (isPausedByBrowser(state)) return PAUSED;
  if (state.kernel === "busy") return { text: "The kernel is busy; your speech waits", tone: "problem" };
  if (isSilenced(state)) return { text: listeningAgainText(state), tone: "speaking" };
  if (state.isSpeaking) return speakingStatus(state);
  if (state.microphone === "muted") return { text: `Muted. ${name} cannot hear you`, tone: "idle" };
  if (state.microphone !== "on") return { text: "Connected, the microphone is off", tone: "idle" };
  if (state.turnDetection === "push_to_talk" && !state.isHeld) {
    return { text: "Hold the button while you speak", tone: "idle" };
  }
  if (state.silentMicrophone) return { text: "No sound comes from the microphone", tone: "problem" };
  return state.isCapturing || state.isHeld
    ? { text: "Listening", tone: "listening" }
    : { text: "Switching the microphone on…", tone: "working" };
}

/** Half-duplex: the user is not heard until the reply has been played. The button of push-to-talk interrupts it. */
function isSilenced({ isSuppressed, microphone, turnDetection }: PanelState): boolean {
  return isSuppressed && microphone === "on" && turnDetection === "server_vad";
}

/** What is said, in Python too, while half-duplex keeps the microphone's sound back. */
export function listeningAgainText(state: PanelState): string {
  const name = speakerName(state);
  return `Listening again when ${name} has finished`;
}

const PAUSED: Status = { text: "Paused by the browser", tone: "problem" };

/** The browser has suspended sound that was captured or played. */
function isPausedByBrowser({ isPaused, isSpeaking, isSoundWaiting }: PanelState): boolean {
  return isPaused || (isSpeaking && isSoundWaiting);
}

function speakingStatus(state: PanelState): Status {
  if (state.isSoundWaiting) return PAUSED;
  if (state.replay !== null && state.replay === state.soundingReply)
    return { text: "Playing a turn again", tone: "speaking" };
  return { text: `${speakerName(state)} is speaking`, tone: "speaking" };
}

const SECURE_PAGE =
  "Open the notebook over https, or through a tunnel: run “ssh -L 8888:localhost:8888 your-host” and open " +
  "http://localhost:8888.";

const MICROPHONE_TEXTS: Record<MicrophoneReason, string> = {
  insecure: `This page is not secure (http), so the browser gives it no microphone and no sound. ${SECURE_PAGE} You can still type and read.`,
  policy:
    "This app does not let notebook outputs use the microphone; VS Code is one of them. Open the notebook in a " +
    "browser, or send sound from Python with ask(array). You can still type and listen.",
  denied:
    "The microphone was refused. Click the icon left of the address bar, allow the microphone, and try again. On " +
    "macOS and Windows the privacy settings must allow it for the browser, too.",
  no_device: "No microphone was found. Plug one in and try again. You can type and listen meanwhile.",
  busy: "Another program is using the microphone, or it does not answer. Close that program and try again.",
  lost: "The microphone is gone: it was unplugged or taken away. Plug it in and try again.",
  taken: "Another panel of this page has taken the microphone, so this talk no longer hears you.",
  waiting: "The browser is still asking whether this page may use the microphone. Look near the address bar.",
  other: "The microphone could not be switched on. Reload the page and try again.",
};

/** What the panel and Python say about a microphone; empty without a reason. */
export function microphoneText(reason: MicrophoneReason | null): string {
  return reason ? MICROPHONE_TEXTS[reason] : "";
}

export function playbackFailedText(state: PanelState, reason: string, isSecure: boolean): string {
  const text = `${speakerName(state)}’s voice cannot be played here: ${reason}. The transcript still shows what is added.`;
  return isSecure ? text : `${text} ${SECURE_PAGE}`;
}

const NOT_RETRYABLE: (MicrophoneReason | null)[] = ["insecure", "policy", "waiting"];

/** The current problems and questions, each with the button that resolves it. */
export function cardsOf(state: PanelState): Card[] {
  if (kernelStatus(state)) return [kernelCard(state), soundCard(state)].filter((card) => card !== null);
  const cards = [
    ownerCard(state),
    soundCard(state),
    unplayedCard(state),
    waitingCard(state),
    microphoneCard(state),
    silenceCard(state),
  ];
  return cards.filter((card) => card !== null);
}

function kernelCard({ kernel }: PanelState): Card | null {
  if (kernel === "unanswered") {
    return {
      key: "kernel",
      level: "warning",
      text: "The kernel does not answer. Run the cell again to get a panel that works. If a cell is running now, wait until it has finished.",
    };
  }
  if (kernel !== "gone") return null;
  return {
    key: "kernel",
    level: "error",
    text:
      "No kernel is behind this panel any more, so the microphone is off and nothing can be sent. If it was restarted " +
      "or shut down, run the cell again; otherwise check the network.",
  };
}

function ownerCard(state: PanelState): Card | null {
  if (!state.hasOwner || state.isOwner || state.phase === "closed") return null;
  return {
    key: "owner",
    level: "info",
    text: "Another page has this talk’s microphone and sound: it hears you and plays the replies.",
    actionLabel: "Take over",
    action: "takeOver",
  };
}

function soundCard(state: PanelState): Card | null {
  if (isPausedByBrowser(state)) {
    return {
      key: "sound",
      level: "warning",
      text: "The browser has paused the sound of this page: nothing is heard or played until you resume it.",
      actionLabel: "Resume",
      action: "enableSound",
    };
  }
  if (!state.isSoundWaiting) return null;
  return {
    key: "sound",
    level: "warning",
    text: `${speakerName(state)} has answered. The browser wants a click before it plays sound.`,
    actionLabel: "Enable sound",
    action: "enableSound",
  };
}

function unplayedCard(state: PanelState): Card | null {
  if (state.hasOwner && !state.isOwner) return null;
  const count = unplayedCount([...state.turns.values()]);
  if (count === 0) return null;
  const isOne = count === 1;
  return {
    key: "unplayed",
    level: "info",
    text: `${speakerName(state)} answered ${isOne ? "" : `${count} times `}when no page could play it yet, as in the cell that shows the panel, or when all cells are run at once.`,
    actionLabel: isOne ? "Play the answer" : "Play the answers",
    action: "playUnplayed",
  };
}

/** How many of the newest replies no page has played; those before a reply that was played are not offered. */
function unplayedCount(turns: Turn[]): number {
  const played = turns.filter(({ reply, heard_s }) => reply !== null || heard_s !== null);
  const lastPlayed = Math.max(-1, ...played.map(({ order }) => order));
  return turns.filter((turn) => turn.order > lastPlayed && isUnplayed(turn)).length;
}

function waitingCard(state: PanelState): Card | null {
  const { soundingReply, isOwner } = state;
  if (soundingReply === null || !isOwner) return null;
  const isWaiting = ({ reply, was_interrupted }: Turn) => (reply ?? 0) > soundingReply && !was_interrupted;
  const count = [...state.turns.values()].filter(isWaiting).length;
  if (count === 0) return null;
  return {
    key: "waiting",
    level: "info",
    text: `${count === 1 ? "One more answer waits" : `${count} more answers wait`} to be played.`,
    actionLabel: "Skip to the newest reply",
    action: "skipToNewest",
  };
}

function isUnplayed({ role, reply, heard_s, has_audio, is_complete, was_interrupted }: Turn): boolean {
  const wasGiven = reply !== null || heard_s !== null || was_interrupted;
  return role === "assistant" && has_audio && is_complete && !wasGiven;
}

function microphoneCard(state: PanelState): Card | null {
  const { microphoneReason: reason } = state;
  if (reason) return reasonCard(reason);
  if (!state.isMicrophoneWanted || !isStarted(state)) return null;
  return {
    key: "wanted",
    level: "info",
    text: "Python would like to listen.",
    actionLabel: "Turn microphone on",
    action: "switchMicrophoneOn",
  };
}

function silenceCard({ silentMicrophone: silent, microphone }: PanelState): Card | null {
  if (!silent || microphone !== "on") return null;
  const name = silent.device ? `The microphone “${silent.device}”` : "The microphone";
  const text = `${name} gives only silence. Check its mute switch and the system’s sound settings`;
  const card: Card = { key: "silence", level: "warning", text: `${text}, and try again.` };
  if (!silent.hasOther) return { ...card, actionLabel: "Try again", action: "switchMicrophoneOn" };
  card.text = `${text}, or use another microphone.`;
  return { ...card, actionLabel: "Use another microphone", action: "useNextMicrophone" };
}

function reasonCard(reason: MicrophoneReason): Card {
  const card: Card = { key: `microphone-${reason}`, level: "warning", text: MICROPHONE_TEXTS[reason] };
  if (NOT_RETRYABLE.includes(reason)) return card;
  const actionLabel = reason === "taken" ? "Take it back" : "Try again";
  return { ...card, actionLabel, action: "switchMicrophoneOn" };
}

/** One sentence for each kind of loss. */
export function lossesOf(state: PanelState): string[] {
  const name = speakerName(state);
  const sentences = [];
  if (state.droppedByKernelS >= 0.05) {
    sentences.push(
      `${seconds(state.droppedByKernelS)} of your speech was not sent: the kernel was busy with a cell.`,
    );
  }
  if (state.droppedByConnectionS >= 0.05) {
    sentences.push(
      `${seconds(state.droppedByConnectionS)} of your speech was not sent: the connection was not open.`,
    );
  }
  if (state.lateS >= 0.05) {
    sentences.push(`${seconds(state.lateS)} of your speech reached the kernel too late and was discarded.`);
  }
  if (state.lostS >= 0.05) {
    sentences.push(`${seconds(state.lostS)} of ${name}’s voice was lost on its way to this page.`);
  }
  if (state.underrunCount > 0) {
    sentences.push(`${name}’s voice came late ${times(state.underrunCount)} and paused.`);
  }
  if (state.isCellRunning) {
    sentences.push(
      "A cell is running and holds up the kernel: what you say and press may take effect when it ends.",
    );
  }
  return sentences;
}

/** The text of a turn or, if it has none, a description of its sound. */
export function turnText(turn: Turn): string {
  if (turn.text) return turn.text;
  if (!turn.has_audio) return turn.is_complete ? "(nothing)" : "…";
  if (turn.duration_s === null || turn.duration_s === 0) return "(speech)";
  return `(speech, ${turn.is_approximate ? "about " : ""}${seconds(turn.duration_s)})`;
}

/** The remarks beside a turn: its delays, and how much of it was heard. */
export function turnRemarks(turn: Turn): string[] {
  const remarks = [];
  if (turn.was_interrupted) remarks.push(interruptedText(turn));
  if (isUnplayed(turn)) remarks.push("not played");
  if (turn.latency_ms !== null) remarks.push(`after ${seconds(turn.latency_ms / 1000)}`);
  // What is shown as 0.0 s says nothing.
  if ((turn.tool_ms ?? 0) >= 50) remarks.push(`tools ${seconds(turn.tool_ms! / 1000)}`);
  if ((turn.approval_ms ?? 0) >= 50) remarks.push(`your approval ${seconds(turn.approval_ms! / 1000)}`);
  return remarks;
}

const INTERRUPTIONS: Record<string, string> = {
  speech: "interrupted by your speech",
  cell: "interrupted by the sound of a cell",
  interrupt: "interrupted by the button",
  stop: "cut off by Stop",
  skip: "skipped",
  connection: "cut off when the connection ended",
  python: "interrupted by Python code",
};

function interruptedText({ interruption, heard_s, duration_s }: Turn): string {
  const text = INTERRUPTIONS[interruption] ?? "interrupted";
  if (heard_s === null || duration_s === null || heard_s >= duration_s) return text;
  return `${text}, ${heard_s.toFixed(1)} of ${seconds(duration_s)} heard`;
}

export const LOADING_TEXT = "Loading…";
export function fileTooLargeText(name: string): string {
  return `“${name}” has more than 32 MB. Ask it from Python: live.ask(Path("…")).`;
}

export const SPEAKER_FAILED_TEXT = "The loudspeaker cannot be used. Choose another one in Settings.";

export function drawerFailedText(label: string, reason: string): string {
  return `${label} cannot be shown: ${reason}. Everything else works; Python has the same settings (live.update).`;
}

export const ESTIMATED = "The places of the words in the sound are estimated.";
export const NOT_HEARD = "(not heard:) ";

/** What the talk has used, as figures of its footer. */
export function usageOf({ usedMinutes, costDollars }: PanelState): string[] {
  if (!usedMinutes) return [];
  const cost = costDollars ? [`about US$ ${costDollars.toFixed(2)}`] : [];
  return [`${usedMinutes.toFixed(1)} min used`, ...cost];
}

/** The state of a tool call. */
export function toolCallText({ state, name, error, duration_s }: ToolCall, speaker: string): string {
  switch (state) {
    case "waiting":
      return `${speaker} would like to call ${name}`;
    case "running":
      return `${name} is running…`;
    case "done":
      return `${name} ran${duration_s === null ? "" : ` for ${seconds(duration_s)}`}`;
    case "failed":
      return `${name} failed: ${error}`;
    case "denied":
      return `${name} was not called${error ? `: ${error}` : ""}`;
  }
}

function seconds(duration: number): string {
  return `${duration.toFixed(1)} s`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
