/** What the panel says, as pure functions of its state and of the texts. A text about a problem names the cure. */

import type { MicrophoneReason, NoteLevel, ToolCall, Turn } from "../messages";
import { number, type TextKey, text } from "../texts";
import { microphoneText, silenceText } from "./device-strings";
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
  return serverName || text("unnamed_server");
}

/** Whether a kernel answers, so that the controls have an effect. */
export function hasKernel(state: Pick<PanelState, "kernel">): boolean {
  return !kernelStatus(state);
}

/** The connection is requested, opening, open or closing, so the button says Stop. */
export function isStarted(state: PanelState): boolean {
  return state.isStarting || state.phase !== "closed";
}

export function statusOf(state: PanelState): Status {
  return kernelStatus(state) ?? connectionStatus(state) ?? openStatus(state);
}

/** What is shown beside the status of an open connection; it changes each second, so it is not announced. */
export function timeLeftOf(state: PanelState): string {
  const leftS = state.endsInS;
  if (leftS === null || state.phase !== "open" || !hasKernel(state)) return "";
  const left =
    leftS >= 90
      ? text("minutes", { value: Math.round(leftS / 60) })
      : text("seconds", { value: Math.max(1, Math.round(leftS)) });
  return ` · ${text("time_left", { left })}`;
}

function kernelStatus({ kernel }: Pick<PanelState, "kernel">): Status | null {
  if (kernel === "waiting") return { text: text("looking_for_kernel"), tone: "working" };
  if (kernel === "unanswered" || kernel === "gone") return { text: text("no_kernel"), tone: "problem" };
  return null;
}

function connectionStatus(state: PanelState): Status | null {
  if (state.microphone === "asking") return { text: text("allow_microphone"), tone: "working" };
  if (state.phase === "closing") return { text: text("disconnecting"), tone: "working" };
  if (state.isStarting || state.phase === "opening") return openingStatus(state);
  if (state.phase !== "closed") return null;
  if (state.isSpeaking) return speakingStatus(state);
  if (state.isMicrophoneWanted) return { text: text("wanted_idle"), tone: "idle" };
  if (state.turns.size > 0) return { text: text("go_on"), tone: "idle" };
  return { text: text("begin"), tone: "idle" };
}

function openingStatus({ microphone, isReopening }: PanelState): Status {
  if (isReopening) return { text: text("reconnecting"), tone: "working" };
  return { text: text(microphone === "on" ? "connecting_heard" : "connecting"), tone: "working" };
}

function openStatus(state: PanelState): Status {
  const name = speakerName(state);
  if (state.hasOwner && !state.isOwner) return { text: text("elsewhere"), tone: "idle" };
  if (isPausedByBrowser(state)) return pausedStatus();
  if (state.kernel === "busy") return { text: text("kernel_busy"), tone: "problem" };
  if (isSilenced(state))
    return { text: text("listening_again", { name: speakerName(state) }), tone: "speaking" };
  if (state.isSpeaking) return speakingStatus(state);
  if (state.kernel === "held") return { text: text("kernel_held"), tone: "working" };
  if (state.microphone === "muted") return { text: text("muted", { name }), tone: "idle" };
  if (state.microphone !== "on") return { text: text("microphone_off"), tone: "idle" };
  if (state.turnDetection === "push_to_talk" && !state.isHeld) {
    return { text: text("hold_button"), tone: "idle" };
  }
  if (state.silentMicrophone) return { text: text("no_sound"), tone: "problem" };
  return state.isCapturing || state.isHeld
    ? { text: text("listening"), tone: "listening" }
    : { text: text("switching_on"), tone: "working" };
}

/** Half-duplex: the user is not heard until the reply has been played. The button of push-to-talk interrupts it. */
function isSilenced({ isSuppressed, microphone, turnDetection }: PanelState): boolean {
  return isSuppressed && microphone === "on" && turnDetection === "server_vad";
}

const pausedStatus = (): Status => ({ text: text("paused"), tone: "problem" });

/** The browser has suspended sound that was captured or played. */
export function isPausedByBrowser({ isPaused, isSpeaking, isSoundWaiting }: PanelState): boolean {
  return isPaused || (isSpeaking && isSoundWaiting);
}

/** What sounds was heard before. */
export function isReplaying({ replay, soundingReply }: PanelState): boolean {
  return replay !== null && replay === soundingReply;
}

function speakingStatus(state: PanelState): Status {
  if (state.isSoundWaiting) return pausedStatus();
  if (isReplaying(state)) return { text: text("replaying"), tone: "speaking" };
  return { text: text("speaking", { name: speakerName(state) }), tone: "speaking" };
}

export function playbackFailedText(state: PanelState, reason: string, isSecure: boolean): string {
  const failed = text("playback_failed", { name: speakerName(state), reason });
  return isSecure ? failed : `${failed} ${text("secure_page")}`;
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
  if (kernel !== "unanswered" && kernel !== "gone") return null;
  return { key: "kernel", level: kernel === "gone" ? "error" : "warning", text: text(`kernel_${kernel}`) };
}

function ownerCard(state: PanelState): Card | null {
  if (!state.hasOwner || state.isOwner || state.phase === "closed") return null;
  return {
    key: "owner",
    level: "info",
    text: text("other_owner"),
    actionLabel: text("take_over"),
    action: "takeOver",
  };
}

function soundCard(state: PanelState): Card | null {
  const shown = soundText(state);
  if (!shown) return null;
  const actionLabel = text(isPausedByBrowser(state) ? "resume" : "enable_sound");
  return { key: "sound", level: "warning", text: shown, actionLabel, action: "enableSound" };
}

/** Why the loudspeaker is silent although there is sound to play; empty if there is none. */
function soundText(state: PanelState): string {
  if (isPausedByBrowser(state)) return text("sound_paused");
  return state.isSoundWaiting ? text("sound_waiting", { name: speakerName(state) }) : "";
}

function unplayedCard(state: PanelState): Card | null {
  if (state.hasOwner && !state.isOwner) return null;
  const count = unplayedCount([...state.turns.values()]);
  if (count === 0) return null;
  return {
    key: "unplayed",
    level: "info",
    text: text("unplayed", { name: speakerName(state), count }),
    actionLabel: text("play_unplayed", { count }),
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
    text: text("replies_waiting", { count }),
    actionLabel: text("skip_to_newest"),
    action: "skipToNewest",
  };
}

export function isUnplayed({ role, reply, heard_s, has_audio, is_complete, was_interrupted }: Turn): boolean {
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
    text: text("wanted"),
    actionLabel: text("microphone_on"),
    action: "switchMicrophoneOn",
  };
}

function silenceCard({ silentMicrophone: silent, microphone }: PanelState): Card | null {
  if (!silent || microphone !== "on") return null;
  const card: Card = { key: "silence", level: "warning", text: silenceText(silent) };
  if (silent.hasOther)
    return { ...card, actionLabel: text("use_another_microphone"), action: "useNextMicrophone" };
  // A microphone that the system has muted is heard again as soon as it is unmuted.
  if (silent.cause === "system_muted") return card;
  return { ...card, actionLabel: text("try_again"), action: "switchMicrophoneOn" };
}

function reasonCard(reason: MicrophoneReason): Card {
  const card: Card = { key: `microphone-${reason}`, level: "warning", text: microphoneText(reason) };
  if (NOT_RETRYABLE.includes(reason)) return card;
  const actionLabel = text(reason === "taken" ? "take_back" : "try_again");
  return { ...card, actionLabel, action: "switchMicrophoneOn" };
}

/** One sentence for each kind of loss. */
export function lossesOf(state: PanelState): string[] {
  const name = speakerName(state);
  const sentence = (key: TextKey, durationS: number) =>
    durationS >= 0.05 ? [text(key, { duration: seconds(durationS), name })] : [];
  return [
    ...sentence("lost_to_cell", state.droppedByKernelS),
    ...sentence("lost_to_connection", state.droppedByConnectionS),
    ...sentence("too_late", state.lateS),
    ...sentence("voice_lost", state.lostS),
    ...(state.underrunCount > 0 ? [text("voice_late", { name, count: state.underrunCount })] : []),
    ...(state.isCellRunning ? [text("cell_running")] : []),
  ];
}

/** The text of a turn or, if it has none, a description of its sound. */
export function turnText(turn: Turn): string {
  if (turn.text) return turn.text;
  if (!turn.has_audio) return turn.is_complete ? text("turn_empty") : "…";
  if (turn.duration_s === null || turn.duration_s === 0) return text("turn_speech");
  const duration = seconds(turn.duration_s);
  return text(turn.is_approximate ? "turn_speech_about" : "turn_speech_of", { duration });
}

/** What the talk has used, as figures of its footer. */
export function usageOf({ usedMinutes, costDollars }: PanelState): string[] {
  if (!usedMinutes) return [];
  const cost = costDollars ? [text("cost", { dollars: number(costDollars, 2) })] : [];
  return [text("minutes_used", { minutes: number(usedMinutes, 1) }), ...cost];
}

/** The state of a tool call. */
export function toolCallText({ state, name, error, duration_s }: ToolCall, speaker: string): string {
  const isTimed = state === "done" && duration_s !== null;
  const more = isTimed ? "_in" : state === "denied" && error ? "_because" : "";
  const duration = seconds(duration_s ?? 0);
  return text(`call_${state}${more}` as TextKey, { function: name, speaker, error, reason: error, duration });
}

export function seconds(durationS: number): string {
  return text("seconds", { value: number(durationS, 1) });
}
