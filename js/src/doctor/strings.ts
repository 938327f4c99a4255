/** What the doctor says that has values. The kernel's checks come with their texts. */

import { number, type TextKey, text } from "../texts";
import { type Check, countOf, type Result } from "./checks";

const RESULTS = {
  ok: "result_ok",
  warning: "result_warning",
  failed: "result_failed",
  skipped: "result_skipped",
} as const;

export function resultText(result: Result): string {
  return text(RESULTS[result]);
}

/** What a check is called in the language of the page; the name itself where it has no text. */
export function nameText(name: string): string {
  const key = `check_${name.toLowerCase().replaceAll(" ", "_")}`;
  const said = text(key as TextKey);
  return said === key ? name : said;
}

export function summaryText(checks: readonly Check[]): string {
  const [failed, count] = [countOf(checks, "failed"), countOf(checks, "warning")];
  return text("check_summary", { checks: checks.length, failed, count });
}

/** What has been found so far; screen readers are told the names of what failed, and not every row. */
export function statusText(checks: readonly Check[], isDone: boolean): string {
  const names = checks.filter(({ result }) => result === "failed").map(({ name }) => nameText(name));
  const summary = summaryText(checks);
  if (!names.length) return isDone ? `${summary}.` : text("checking");
  if (!isDone) return text("checking_failed", { names: names.join(", ") });
  return text("done_failed", { summary, names: names.join(", ") });
}

export function browserText(browser: string, hasWorklets: boolean): string {
  return text(hasWorklets ? "browser_complete" : "browser_incomplete", { browser });
}

export function levelText(levelDbfs: number): string {
  return Number.isFinite(levelDbfs)
    ? text("level_dbfs", { value: number(levelDbfs, 0) })
    : text("level_silence");
}

export function recordedText(loudestDbfs: number, device: string): string {
  const level = levelText(loudestDbfs);
  return device ? text("recorded_from", { level, device }) : text("recorded", { level });
}

export function heardText(delayS: number, levelDbfs: number): string {
  return text("loudspeaker_heard", { ms: Math.round(1000 * delayS), level: levelText(levelDbfs) });
}
