/** What is said beside a turn: its delays, and how much of it was heard. Pure. */

import type { Turn } from "../messages";
import { number, type TextKey, text } from "../texts";
import { isUnplayed, seconds } from "./strings";

export function turnRemarks(turn: Turn): string[] {
  const remarks = [];
  if (turn.interruption === "discard") remarks.push(text("discarded"));
  if (turn.was_interrupted) remarks.push(interruptedText(turn));
  if (isUnplayed(turn)) remarks.push(text("not_played"));
  if (turn.latency_ms !== null) remarks.push(remark("latency", turn.latency_ms));
  // What is shown as 0.0 s says nothing.
  if ((turn.tool_ms ?? 0) >= 50) remarks.push(remark("tool_time", turn.tool_ms!));
  if ((turn.approval_ms ?? 0) >= 50) remarks.push(remark("approval_time", turn.approval_ms!));
  return remarks;
}

function remark(key: TextKey, durationMs: number): string {
  return text(key, { duration: seconds(durationMs / 1000) });
}

const INTERRUPTIONS: Record<string, TextKey> = {
  speech: "interrupted_speech",
  cell: "interrupted_cell",
  interrupt: "interrupted_interrupt",
  stop: "interrupted_stop",
  skip: "interrupted_skip",
  connection: "interrupted_connection",
  python: "interrupted_python",
};

function interruptedText({ interruption: reason, heard_s, duration_s }: Turn): string {
  const interruption = text(INTERRUPTIONS[reason] ?? "interrupted");
  if (heard_s === null || duration_s === null || heard_s >= duration_s) return interruption;
  return text("partly_heard", { interruption, heard: number(heard_s, 1), duration: seconds(duration_s) });
}
