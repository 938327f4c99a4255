/** What the view says that has values. */

import { number, text } from "../texts";
import type { Opened, Region, Role } from "./messages";

export function speakerText(role: Role | undefined): string {
  return text(role ?? "assistant");
}

/** What is shown: how many turns, or whose turn. */
export function titleText({ roles, regions }: Pick<Opened, "roles" | "regions">): string {
  const count = regions.filter(({ kind }) => kind === "turn").length;
  if (roles.length > 1) return text("turns", { count });
  return text(roles[0] === "user" ? "one_turn" : "assistant");
}

export function captionText(role: Role | undefined, region: Region): string {
  return text("caption", { speaker: speakerText(role), words: region.text });
}

export function loadingText(percent: number): string {
  return text("reading", { percent: Math.round(percent) });
}

export function frequencyText(hz: number): string {
  return hz < 1000 ? `${hz} Hz` : `${number(hz / 1000, 0)} kHz`;
}

/** `75.25` as "1:15.3"; hours where there are any. */
export function clockText(timeS: number, digits = 1): string {
  const scale = 10 ** digits;
  const rounded = Math.round(Math.max(0, timeS) * scale) / scale;
  const minutes = Math.floor(rounded / 60);
  const seconds = number(rounded - 60 * minutes, digits).padStart(digits ? digits + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}
