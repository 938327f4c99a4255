/** What the inspector says that has values. */

import { number, text } from "../texts";
import type { Channel, Frame } from "./log";

/** Minutes and seconds on the talk's clock, which begins with its first event: the connection is opened before it. */
export function timeText({ timeS }: Frame): string {
  const totalMs = Math.round(1000 * Math.abs(timeS));
  const sign = timeS < 0 && totalMs > 0 ? "−" : "";
  const seconds = number((totalMs % 60_000) / 1000, 3).padStart(6, "0");
  return `${sign}${Math.floor(totalMs / 60_000)}:${seconds}`;
}

export function sizeText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${number(bytes / 1000, 1)} kB`;
}

export function groupText(count: number): string {
  return `× ${count}`;
}

export function droppedText(count: number): string {
  return text("dropped", { count });
}

/** What carries the sound, and why not a better way. */
export function channelText({ isDirect, reason }: Channel): string {
  return isDirect ? text("sound_direct") : text("sound_comm", { reason }).trim();
}

export function directionText(isSent: boolean): string {
  return text(isSent ? "sent_to_server" : "received_from_server");
}
