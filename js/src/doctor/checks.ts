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

/** The kernel's sentences come in English, with what they are in other languages. */
export function readChecks(content: unknown, language: string): Checks | null {
  const { type, run, checks, is_done, translations } = (content ?? {}) as Fields;
  if (type !== "checks" || typeof run !== "number" || !Array.isArray(checks)) return null;
  const sentences = (((translations ?? {}) as Fields)[language] ?? {}) as Fields;
  const read = checks.map((check) => readCheck(check, sentences)).filter((check) => check !== null);
  return { run, checks: read, isDone: is_done === true };
}

function readCheck(value: unknown, sentences: Fields): Check | null {
  const { name, result, found, cure } = (value ?? {}) as Fields;
  if (typeof name !== "string" || !RESULTS.includes(result as Result)) return null;
  return { name, result: result as Result, found: said(found, sentences), cure: said(cure, sentences) };
}

function said(value: unknown, sentences: Fields): string {
  return textOf(sentences[textOf(value)]) || textOf(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** How many checks have this result. */
export function countOf(checks: readonly Check[], result: Result): number {
  return checks.filter((check) => check.result === result).length;
}

/** The checks as aligned lines, like those of Python's report. */
export function asText(
  checks: readonly (Omit<Check, "result"> & { result: string })[],
  summary: string,
): string {
  const [nameWidth, resultWidth] = [
    widest(checks.map(({ name }) => name)),
    widest(checks.map(({ result }) => result)),
  ];
  const lines = checks.flatMap(({ name, result, found, cure }) => {
    const head = `  ${result.padEnd(resultWidth)}  ${name.padEnd(nameWidth)}  `;
    return [head + found, ...(cure ? [`${" ".repeat(head.length)}→ ${cure}`] : [])];
  });
  return [summary, ...lines].join("\n");
}

function widest(texts: readonly string[]): number {
  return Math.max(7, ...texts.map(({ length }) => length));
}
