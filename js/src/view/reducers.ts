/** Pure functions from a message of the kernel to the part of the panel's state that it changes. */

import type { Note, Playhead, TalkState, ToolCall, Turn } from "../messages";
import type { PanelState, ShownNote } from "./state";

/** What the panel shows of the kernel's state as it is. */
export function shownState(state: TalkState): Partial<PanelState> {
  return {
    phase: state.phase,
    hasOwner: Boolean(state.owner),
    isReopening: state.is_reopening,
    serverName: state.server_name,
    banner: state.banner,
    voice: state.voice,
    voiceHelp: state.voice_help,
    partner: state.partner,
    turnDetection: state.turn_detection,
    settings: state.settings,
    isCellRunning: state.busy_cell,
    replay: state.replay,
    replayedTurn: state.replayed_turn,
    replayStartS: state.replay_start_s,
    usedMinutes: state.used_minutes,
    costDollars: state.cost_dollars,
  };
}

/** What a playhead changes; `rateHz`: of its counts. */
export function shownPlayhead(playhead: Playhead, rateHz: number): Partial<PanelState> {
  const isSpeaking = !playhead.is_final && playhead.buffered_sample_count > 0;
  return {
    isSpeaking,
    soundingReply: isSpeaking ? playhead.reply : null,
    playedS: playhead.sample_count / rateHz,
    underrunCount: playhead.underrun_count,
    lostS: playhead.lost_sample_count / rateHz,
    ...(playhead.sample_count > 0 && { soundFailure: "" }),
  };
}

/** The notes with a new one: it replaces those of the same text or topic, and one without text only removes them. */
export function withNote(notes: readonly ShownNote[], added: ShownNote): ShownNote[] {
  const isReplaced = ({ text, topic }: Note) =>
    text === added.text || (topic !== "" && topic === added.topic);
  const others = notes.filter((note) => !isReplaced(note));
  return added.text === "" ? others : [...others, added];
}

type Calls = Pick<PanelState, "calls" | "turnCalls">;

/**
 * The calls with one that began, changed or became part of a turn. Of those that are part of none, the ones that have
 * not ended and the last one that has.
 */
export function withCall({ calls, turnCalls }: Calls, changed: ToolCall): Calls {
  const { call_id, turn_id } = changed;
  const isOpen = ({ state }: ToolCall) => state === "waiting" || state === "running";
  const others = calls.filter((call) => call.call_id !== call_id && (isOpen(call) || turn_id !== ""));
  if (turn_id === "")
    return { turnCalls, calls: isOpen(changed) ? [...others, changed] : [changed, ...others] };
  const ofTurn = turnCalls.get(turn_id) ?? [];
  const isKnown = ofTurn.some((call) => call.call_id === call_id);
  const placed = isKnown
    ? ofTurn.map((call) => (call.call_id === call_id ? changed : call))
    : [...ofTurn, changed];
  return { calls: others, turnCalls: new Map(turnCalls).set(turn_id, placed) };
}

/** The turns and calls of a snapshot. */
export function shownTurns(turns: Turn[], calls: ToolCall[]): Partial<PanelState> {
  const none: Calls = { calls: [], turnCalls: new Map() };
  return { turns: new Map(turns.map((turn) => [turn.id, turn])), ...calls.reduce(withCall, none) };
}
