/** Checks as the kernel sends them, read leniently, and as text for a report of an error. Pure. */

export const RESULTS = ["ok", "warning", "failed", "skipped"] as const;
export type Result = (typeof RESULTS)[number];

export interface Check {
  name: string;
  result: Result;
  found: string;
  cure: string;
}

export interface Checks {
  run: number;
  checks: Check[];
  isDone: boolean;
}

type Fields = Record<string, unknown>;

export function readChecks(content: unknown): Checks | null {
  const { type, run, checks, is_done } = (content ?? {}) as Fields;
  if (type !== "checks" || typeof run !== "number" || !Array.isArray(checks)) return null;
  return { run, checks: checks.map(readCheck).filter((check) => check !== null), isDone: is_done === true };
}

function readCheck(value: unknown): Check | null {
  const { name, result, found, cure } = (value ?? {}) as Fields;
  if (typeof name !== "string" || !RESULTS.includes(result as Result)) return null;
  return { name, result: result as Result, found: textOf(found), cure: textOf(cure) };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** How many checks have this result. */
export function countOf(checks: readonly Check[], result: Result): number {
  return checks.filter((check) => check.result === result).length;
}

/** The checks as aligned lines, like those of Python's report. */
export function asText(checks: readonly Check[], summary: string): string {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, result, found, cure }) => {
    const head = `  ${result.padEnd(8)} ${name.padEnd(width)}  `;
    return [head + found, ...(cure ? [`${" ".repeat(head.length)}→ ${cure}`] : [])];
  });
  return [summary, ...lines].join("\n");
}
