/**
 * The stretches of the talk that the axis shows, as the kernel sends them, read leniently. A long talk needs no more
 * than a short one: those that were shown least recently are forgotten, and asked for again.
 */

import { BARS_S, barS, type Scale, timeAt } from "./scale";

export const BARS_PER_STRETCH = 256;
const MOST_STRETCHES = 40;
/** Jupyter may have dropped the request or its answer, or a cell is running. */
const REPEAT_MS = 4000;
/** How often a stretch in which something changes is asked for again. */
const REFRESH_MS = 1000;

export interface TurnSpan {
  id: string;
  isUser: boolean;
  startS: number;
  /** From here to its end it was received and not heard. */
  heardEndS: number;
  endS: number;
  wasInterrupted: boolean;
}

/** Where the server heard speech; an end of infinity: it still does. */
export type SpeechSpan = readonly [startS: number, endS: number];

export interface Marks {
  turns: readonly TurnSpan[];
  speech: readonly SpeechSpan[];
}

/** Least and greatest sample of each bar in turn, from -127 to 127; null: silence. */
export type Envelope = Int8Array | null;

export interface Stretch extends Marks {
  startS: number;
  stopS: number;
  columns: number;
  /** When the talk's clock began, by that of this page. */
  zeroAtMs: number | null;
  /** Where the whole talk begins and ends. */
  beginS: number;
  endS: number;
  user: Envelope;
  assistant: Envelope;
  unheard: Envelope;
}

export interface StretchRequest {
  type: "stretch";
  start_s: number;
  stop_s: number;
  columns: number;
}

interface Entry {
  stretch: Stretch | null;
  askedAtMs: number;
  isStale: boolean;
}

export class Stretches {
  /** By level and place, the one that was shown last at the end. */
  readonly #entries = new Map<string, Entry>();

  /** What is known of a view, and what is to be asked now; `isWaiting`: there is something to ask later. */
  inView(scale: Scale, nowMs: number): { known: Stretch[]; requests: StretchRequest[]; isWaiting: boolean } {
    const lengthS = BARS_PER_STRETCH * barS(scale.level);
    const [known, requests]: [Stretch[], StretchRequest[]] = [[], []];
    let isWaiting = false;
    const last = Math.floor(scale.rightS / lengthS);
    for (let at = Math.max(0, Math.floor(timeAt(scale, 0) / lengthS)); at <= last; at++) {
      const entry = this.#entryOf(`${scale.level} ${at}`);
      if (entry.stretch) known.push(entry.stretch);
      if (entry.stretch && !entry.isStale) continue;
      isWaiting = true;
      if (nowMs - entry.askedAtMs < (entry.isStale ? REFRESH_MS : REPEAT_MS)) continue;
      entry.askedAtMs = nowMs;
      const start = at * lengthS;
      requests.push({ type: "stretch", start_s: start, stop_s: start + lengthS, columns: BARS_PER_STRETCH });
    }
    return { known, requests, isWaiting };
  }

  /** Keep an answer; false if it is of no view that was shown lately. */
  put(stretch: Stretch): boolean {
    const lengthS = stretch.stopS - stretch.startS;
    const level = BARS_S.findIndex((each) => Math.abs(each * BARS_PER_STRETCH - lengthS) < 1e-3);
    const entry = this.#entries.get(`${level} ${Math.round(stretch.startS / lengthS)}`);
    if (!entry) return false;
    Object.assign(entry, { stretch, isStale: false });
    return true;
  }

  /** The talk has changed: what is shown is asked for again, and shown meanwhile. */
  markStale(): void {
    for (const entry of this.#entries.values()) entry.isStale = entry.stretch !== null;
  }

  #entryOf(key: string): Entry {
    const entry = this.#entries.get(key) ?? {
      stretch: null,
      askedAtMs: Number.NEGATIVE_INFINITY,
      isStale: false,
    };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST_STRETCHES) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }
}

// Reading.

type Fields = Record<string, unknown>;

export function readStretch(content: unknown): Stretch | null {
  const fields = fieldsOf(content, "stretch");
  if (!fields) return null;
  const columns = number(fields.columns);
  return {
    startS: number(fields.start_s),
    stopS: number(fields.stop_s),
    columns,
    zeroAtMs: typeof fields.zero_at_ms === "number" ? fields.zero_at_ms : null,
    beginS: number(fields.begin_s),
    endS: number(fields.end_s),
    turns: list(fields.turns).map(readTurn),
    speech: list(fields.speech).map(readSpeech),
    user: readEnvelope(fields.user, columns),
    assistant: readEnvelope(fields.assistant, columns),
    unheard: readEnvelope(fields.unheard, columns),
  };
}

/** Where a turn is. */
export function readPlace(content: unknown): { turnId: string; startS: number } | null {
  const fields = fieldsOf(content, "place");
  return fields && { turnId: String(fields.turn_id), startS: number(fields.start_s) };
}

function readTurn(value: unknown): TurnSpan {
  const fields = (value ?? {}) as Fields;
  return {
    id: String(fields.id),
    isUser: fields.role === "user",
    startS: number(fields.start_s),
    heardEndS: number(fields.heard_end_s),
    endS: number(fields.end_s),
    wasInterrupted: fields.was_interrupted === true,
  };
}

function readSpeech(value: unknown): SpeechSpan {
  const [start, end] = list(value);
  return [number(start), typeof end === "number" ? end : Number.POSITIVE_INFINITY];
}

function readEnvelope(value: unknown, columns: number): Envelope {
  if (typeof value !== "string" || value === "") return null;
  try {
    const bytes = Int8Array.from(atob(value), (letter) => letter.charCodeAt(0));
    return bytes.length === 2 * columns ? bytes : null;
  } catch {
    return null;
  }
}

function fieldsOf(content: unknown, type: string): Fields | null {
  if (typeof content !== "object" || content === null) return null;
  return (content as Fields).type === type ? (content as Fields) : null;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
