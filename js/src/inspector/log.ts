/** The log of messages as the kernel sends it, read leniently, and as rows: runs of one type are one row. Pure. */

export interface Frame {
  index: number;
  timeS: number;
  isSent: boolean;
  type: string;
  size: number;
  /** The item and the reply that it is about; empty where there is none. */
  itemId: string;
  responseId: string;
  /** The turn that it is about; empty where it is about none, or where that cannot be known. */
  turnId: string;
  /** The message has no id, so that its turn is the one at its time. */
  isByTime: boolean;
}

/** What carries the sound, and why not a better way. */
export interface Channel {
  isDirect: boolean;
  reason: string;
}

export interface Page {
  frames: Frame[];
  droppedCount: number;
  /** The turn whose frames these are; empty: they are those of all. */
  turnId: string;
  /** The index from which the next request asks; null: as before. */
  next: number | null;
  channel: Channel;
}

/** One or more successive frames of one direction, type and turn; deltas of sound and text that alternate are one row. */
export interface Row {
  types: string[];
  first: Frame;
  last: Frame;
  count: number;
  size: number;
}

export interface Filter {
  text: string;
  direction: "both" | "sent" | "received";
}

type Fields = Record<string, unknown>;

/** The kernel's sentences come in English, with what they are in other languages. */
export function readPage(content: unknown, language: string): Page | null {
  const fields = fieldsOf(content, "frames");
  if (!fields || !Array.isArray(fields.frames)) return null;
  return {
    frames: fields.frames.map(readFrame),
    droppedCount: number(fields.dropped_count),
    turnId: text(fields.turn_id),
    next: typeof fields.next === "number" ? number(fields.next) : null,
    channel: readChannel(fields.channel, language),
  };
}

function readChannel(value: unknown, language: string): Channel {
  const { kind, reason, translations } = (value ?? {}) as Fields;
  const sentences = (((translations ?? {}) as Fields)[language] ?? {}) as Fields;
  return { isDirect: kind === "direct", reason: text(sentences[text(reason)] ?? reason) };
}

/** The JSON text of one frame. */
export function readMessage(content: unknown): { index: number; text: string } | null {
  const fields = fieldsOf(content, "frame");
  return fields && { index: number(fields.index), text: text(fields.text) };
}

function readFrame(value: unknown): Frame {
  const fields = (value ?? {}) as Fields;
  return {
    index: number(fields.index),
    timeS: number(fields.time_s),
    isSent: fields.direction === "sent",
    type: text(fields.type),
    size: number(fields.size),
    itemId: text(fields.item_id),
    responseId: text(fields.response_id),
    turnId: text(fields.turn_id),
    isByTime: fields.is_by_time === true,
  };
}

export function matches({ type, isSent }: Frame, { text, direction }: Filter): boolean {
  if (direction !== "both" && isSent !== (direction === "sent")) return false;
  return type.toLowerCase().includes(text.trim().toLowerCase());
}

/** Add frames to rows in place; returns the index of the first row that changed. */
export function addToRows(rows: Row[], frames: readonly Frame[]): number {
  const from = Math.max(0, rows.length - 1);
  for (const frame of frames) {
    const row = rows.at(-1);
    const isSame = (type: string) => type === frame.type || (isDelta(type) && isDelta(frame.type));
    const isOfRow = row?.last.isSent === frame.isSent && row.last.turnId === frame.turnId;
    if (row && isOfRow && isSame(row.last.type)) {
      if (!row.types.includes(frame.type)) row.types.push(frame.type);
      row.last = frame;
      row.count += 1;
      row.size += frame.size;
    } else rows.push({ types: [frame.type], first: frame, last: frame, count: 1, size: frame.size });
  }
  return from;
}

function isDelta(type: string): boolean {
  return type.endsWith(".delta");
}

function fieldsOf(content: unknown, type: string): Fields | null {
  if (typeof content !== "object" || content === null) return null;
  return (content as Fields).type === type ? (content as Fields) : null;
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
