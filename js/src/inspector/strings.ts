/** The texts of the inspector. */

import type { Frame } from "./log";

export const TEXTS = {
  filter: "Filter by type",
  both: "both ways",
  sent: "sent",
  received: "received",
  direction: "Direction",
  follow: "Follow the newest",
  copy: "Copy as JSON",
  copied: "Copied",
  loading: "Loading…",
  none: "No messages yet: they appear once the talk has begun.",
  noMatch: "No message matches the filter.",
  python: "The same log in Python: live.frames",
} as const;

/** Minutes and seconds on the talk's clock, which begins with its first event: the connection is opened before it. */
export function timeText({ timeS }: Frame): string {
  const totalMs = Math.round(1000 * Math.abs(timeS));
  const sign = timeS < 0 && totalMs > 0 ? "−" : "";
  const seconds = ((totalMs % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `${sign}${Math.floor(totalMs / 60_000)}:${seconds}`;
}

export function sizeText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

export function groupText(count: number): string {
  return `× ${count}`;
}

export function droppedText(count: number): string {
  return count === 1 ? "1 older message was dropped." : `${count} older messages were dropped.`;
}

export function directionText(isSent: boolean): string {
  return isSent ? "sent to the server" : "received from the server";
}
