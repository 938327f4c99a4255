/** Pure functions from a message of the kernel to the part of the panel's state that it changes. */

import type { Note, TalkState, ToolCall } from "../messages";
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
  };
}

/** The notes with a new one: it replaces those of the same text or topic, and one without text only removes them. */
export function withNote(notes: readonly ShownNote[], added: ShownNote): ShownNote[] {
  const isReplaced = ({ text, topic }: Note) =>
    text === added.text || (topic !== "" && topic === added.topic);
  const others = notes.filter((note) => !isReplaced(note));
  return added.text === "" ? others : [...others, added];
}

/** The calls that have not ended, and the last one that has. */
export function withCall(calls: readonly ToolCall[], changed: ToolCall): ToolCall[] {
  const isOpen = ({ state }: ToolCall) => state === "waiting" || state === "running";
  const others = calls.filter((call) => call.call_id !== changed.call_id && isOpen(call));
  return isOpen(changed) ? [...others, changed] : [changed, ...others];
}
