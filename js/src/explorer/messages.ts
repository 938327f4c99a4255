/** The messages of an explorer, as documented in docs/channel.md; read leniently, like those of the panel. */

import { type BinaryBuffer, readPcm, toSample } from "../pcm";

export type Role = "user" | "assistant";

/** A stretch of one track: a turn with its text, or the end of a reply that was not heard. */
export interface Region {
  track: number;
  startS: number;
  stopS: number;
  kind: "turn" | "unheard";
  text: string;
}

export interface Opened {
  roles: Role[];
  rateHz: number;
  sampleCount: number;
  originS: number;
  columnSamples: number;
  pieceSamples: number;
  isWhole: boolean;
  regions: Region[];
}

type Fields = Record<string, unknown>;

export function readOpened(content: unknown): Opened | null {
  const fields = fieldsOf(content, "opened");
  if (fields === null || !Array.isArray(fields.roles) || !Array.isArray(fields.regions)) return null;
  const [rateHz, sampleCount] = [count(fields.sample_rate), count(fields.sample_count)];
  const [columnSamples, pieceSamples] = [count(fields.column_samples), count(fields.piece_samples)];
  if (!rateHz || !sampleCount || !columnSamples || !pieceSamples || !fields.roles.length) return null;
  return {
    roles: fields.roles.map((role) => (role === "user" ? "user" : "assistant")),
    rateHz,
    sampleCount,
    originS: number(fields.origin_s),
    columnSamples,
    pieceSamples,
    isWhole: fields.is_whole === true,
    regions: fields.regions.map(readRegion),
  };
}

/** The number of the piece whose samples a message has. */
export function readPiece(content: unknown): number | null {
  const fields = fieldsOf(content, "piece");
  return typeof fields?.piece === "number" ? fields.piece : null;
}

export function readSamples(buffer: BinaryBuffer | undefined): Float32Array {
  const pcm = buffer ? readPcm(buffer) : new Int16Array(0);
  const samples = new Float32Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) samples[i] = toSample(pcm[i]!);
  return samples;
}

function readRegion(value: unknown): Region {
  const fields = (value ?? {}) as Fields;
  return {
    track: number(fields.track),
    startS: number(fields.start_s),
    stopS: number(fields.stop_s),
    kind: fields.kind === "unheard" ? "unheard" : "turn",
    text: text(fields.text),
  };
}

function fieldsOf(content: unknown, type: string): Fields | null {
  if (typeof content !== "object" || content === null) return null;
  return (content as Fields).type === type ? (content as Fields) : null;
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function count(value: unknown): number {
  return Math.max(0, Math.trunc(number(value)));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
