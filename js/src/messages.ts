/**
 * The types of the messages between page and kernel, as documented in docs/channel.md. Fields are snake_case on both
 * sides.
 *
 * Messages from the kernel are parsed leniently: a missing field takes its default; a field of a wrong type makes the
 * whole message unknown, and unknown messages are ignored.
 */

import { currentLanguage, type TextsByLanguage } from "./texts";

export type Phase = "closed" | "opening" | "open" | "closing";
export type TurnDetection = "server_vad" | "push_to_talk";
export type NoteLevel = "info" | "warning" | "error";
export type MicrophoneAbility = "ok" | "insecure" | "policy" | "none";
export type MicrophoneStatus = "off" | "asking" | "on" | "muted" | "failed";
type ToolState = "waiting" | "running" | "done" | "failed" | "denied";
export type MicrophoneReason =
  | "insecure"
  | "policy"
  | "denied"
  | "no_device"
  | "busy"
  | "lost"
  | "taken"
  | "waiting"
  | "other";

/**
 * A chunk of the microphone's sound; `sample_index` counts the samples captured before it, `stream` how often the
 * microphone was switched on.
 */
export interface MicrophoneChunk {
  pcm: Int16Array;
  stream: number;
  sample_index: number;
  captured_at_ms: number;
}

/** The playback position in one reply: `sample_count` of its samples have left the worklet. */
export interface Playhead {
  session: number;
  epoch: number;
  reply: number;
  sample_count: number;
  is_final: boolean;
  first_sound_at_ms: number | null;
  buffered_sample_count: number;
  underrun_count: number;
  lost_sample_count: number;
  /** The browser has suspended the audio, so the position does not advance. */
  is_paused?: boolean;
}

export interface MicrophoneState {
  state: MicrophoneStatus;
  reason: MicrophoneReason | null;
  device: string | null;
  echo_cancellation: boolean | null;
  noise_suppression: boolean | null;
  auto_gain: boolean | null;
  device_rate_hz: number | null;
}

/** What the browser really does to the sound; null where it does not tell. */
export type AppliedProcessing = Omit<MicrophoneState, "state" | "reason">;
/**
 * What the kernel is told, which has the English sentences. half_duplex: a reply sounds, so nothing is sent. paused: the
 * browser has suspended the page's sound. The others are causes of silence.
 */
export interface ReportedMicrophone extends Omit<MicrophoneState, "reason"> {
  reason: MicrophoneReason | "half_duplex" | "paused" | SilentMicrophone["cause"] | null;
}

/** What the kernel is told of the loudspeaker. click: the browser wants one. Of a failure: what the browser says. */
export interface ReportedLoudspeaker {
  state: "ok" | "waiting" | "failed";
  reason: "" | "click" | "paused" | string;
}

/** What the sound of a turn is requested for, to be played again or to be saved, or that of the talk from a time on. */
export type SoundUse = "replay" | "save" | "replay_from";

/** A microphone that gives only zeros, or that the system has muted, and whether there is another one. */
export interface SilentMicrophone {
  cause: "silent" | "system_muted";
  device: string | null;
  hasOther: boolean;
}

/** Page to kernel; the channel adds `page` to each. */
export type PageMessage =
  | {
      type: "hello";
      version: string;
      clock_ms: number;
      microphone: MicrophoneAbility;
      device_rate_hz: number | null;
      origin: string;
    }
  | { type: "bye" }
  | { type: "start"; with_microphone: boolean }
  | { type: "stop" }
  | { type: "take_over" }
  | { type: "text"; id: number; text: string }
  | { type: "interrupt"; epoch: number }
  | { type: "play" }
  | { type: "skip" }
  | { type: "replay_from"; at_s: number }
  | { type: "stop_replay"; epoch: number }
  | { type: "replay" | "save"; turn_id: string | number }
  | { type: "commit" | "discard" }
  | { type: "tool_answer"; call_id: string; is_allowed: boolean }
  | { type: "change_settings"; settings: Partial<TalkSettings> }
  | { type: "bundle_wanted"; name: string }
  | { type: "sound_file"; id: number; name: string; piece: number; piece_count: number }
  | { type: "drawer"; name: string; content: object }
  | {
      type: "microphone";
      session: number;
      seq: number;
      sample_index: number;
      captured_at_ms: number;
      dropped_sample_count: number;
    }
  | ({ type: "microphone_state" } & ReportedMicrophone)
  | ({ type: "loudspeaker_state" } & ReportedLoudspeaker)
  | ({ type: "playhead" | "flushed"; clock_ms: number } & Playhead)
  | { type: "received"; session: number; seq: number; clock_ms: number }
  | { type: "alive"; clock_ms: number }
  | { type: "pong"; id: string | number; clock_ms: number };

type Reader<T> = (value: unknown) => T;

class WrongType extends Error {}

/** A reader for values of one type; an absent or null value becomes the default. */
function reader<T>(fallback: T, isValid: (value: unknown) => boolean): Reader<T> {
  return (value) => {
    if (value === undefined || value === null) return fallback;
    if (!isValid(value)) throw new WrongType();
    return value as T;
  };
}

const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);

const text = reader("", isText);
const textOrNull = reader<string | null>(null, isText);
const number = reader(0, isNumber);
const numberOrNull = reader<number | null>(null, isNumber);
const flag = reader(false, (value) => typeof value === "boolean");
const identity = reader<string | number>("", (value) => isText(value) || isNumber(value));

function oneOf<T extends string>(...values: [T, ...T[]]): Reader<T> {
  return reader<T>(values[0], (value) => values.includes(value as T));
}

function listOf<T>(read: Reader<T>): Reader<T[]> {
  const list = reader<unknown[]>([], Array.isArray);
  return (value) => list(value).map(read);
}

function shape<T>(fields: { [K in keyof T]: Reader<T[K]> }): Reader<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return (value) => {
    if (typeof value !== "object" || value === null) throw new WrongType();
    const record = value as Record<string, unknown>;
    return Object.fromEntries(names.map((name) => [name, fields[name](record[name])])) as T;
  };
}

/** Of the message that is being read: the kernel's sentences, and what they are in the language of the page. */
let translations: Readonly<Record<string, unknown>> = {};

function sentence(value: unknown): string {
  const english = text(value);
  const translated = translations[english];
  return typeof translated === "string" ? translated : english;
}

const readNote = shape<Note>({
  text: sentence,
  level: oneOf<NoteLevel>("info", "warning", "error"),
  topic: text,
});

const readTurn = shape<Turn>({
  id: identity,
  order: number,
  role: oneOf<"user" | "assistant">("assistant", "user"),
  text,
  text_source: text,
  is_complete: flag,
  was_interrupted: flag,
  interruption: text,
  has_audio: flag,
  duration_s: numberOrNull,
  started_s: numberOrNull,
  reply: numberOrNull,
  heard_s: numberOrNull,
  latency_ms: numberOrNull,
  tool_ms: numberOrNull,
  approval_ms: numberOrNull,
  is_approximate: flag,
  seam: sentence,
  reply_start_s: number,
  word_times: listOf(number),
});

const readCall = shape<ToolCall>({
  call_id: text,
  name: text,
  arguments: text,
  state: oneOf<ToolState>("running", "waiting", "done", "failed", "denied"),
  output: text,
  error: sentence,
  duration_s: numberOrNull,
  turn_id: text,
});

const readSettings = shape({
  voice: text,
  voices: listOf(text),
  instructions: text,
  speed: numberOrNull,
  threshold: numberOrNull,
  silence_duration_ms: numberOrNull,
});

export const NO_SETTINGS: TalkSettings = readSettings({});

const stateFields = {
  owner: textOrNull,
  session: number,
  epoch: number,
  phase: oneOf<Phase>("closed", "opening", "open", "closing"),
  is_reopening: flag,
  is_rehearsal: flag,
  server_name: sentence,
  banner: sentence,
  dialect: text,
  voice: text,
  voice_help: sentence,
  partner: text,
  turn_detection: oneOf<TurnDetection>("server_vad", "push_to_talk"),
  settings: (value: unknown) => readSettings(value ?? {}),
  processing: reader(true, (value) => typeof value === "boolean"),
  sample_rate: numberOrNull,
  busy_cell: flag,
  late_sample_count: number,
  replay: numberOrNull,
  replayed_turn: text,
  replay_start_s: number,
  used_minutes: numberOrNull,
  cost_dollars: numberOrNull,
};

const readers = {
  snapshot: shape({
    ...stateFields,
    page: text,
    notes: listOf(readNote),
    turns: listOf(readTurn),
    tools: listOf(readCall),
    told_count: numberOrNull,
  }),
  state: shape(stateFields),
  owner: shape({ owner: textOrNull }),
  turn: shape({ turn: readTurn }),
  tool: shape({ call: readCall }),
  note: shape({ note: readNote }),
  audio: shape({
    session: number,
    epoch: number,
    seq: number,
    reply: number,
    sample_offset: number,
    is_last: flag,
  }),
  flush: shape({ session: number, epoch: number, reply: numberOrNull }),
  microphone_received: shape({ session: number, seq: number }),
  heartbeat: shape({ session: number, ends_in_s: numberOrNull, told_count: numberOrNull }),
  text_answer: shape({ page: text, id: number, is_sent: flag }),
  sound: shape({ page: text, turn_id: text, name: text, piece: number, piece_count: number }),
  ping: shape({ id: identity }),
  bundle: shape({
    page: text,
    name: text,
    style: text,
    texts: (value: unknown) => (value ?? {}) as TextsByLanguage,
  }),
  microphone_wanted: shape({ wanted: flag }),
  speech: shape({ is_active: flag }),
  drawer: shape<{ page: string; name: string; content: unknown }>({
    page: text,
    name: text,
    content: (value) => value,
  }),
  snapshot_wanted: shape({}),
  invitation: shape({ page: text, url: text, token: text, proof: text }),
};

export interface Note {
  text: string;
  level: NoteLevel;
  /** A newer note on the same topic replaces it; one without text removes it. */
  topic: string;
}

export interface Turn {
  id: string | number;
  order: number;
  role: "user" | "assistant";
  text: string;
  text_source: string;
  is_complete: boolean;
  was_interrupted: boolean;
  /** Why: a key of the panel's texts, or empty. */
  interruption: string;
  has_audio: boolean;
  duration_s: number | null;
  started_s: number | null;
  reply: number | null;
  heard_s: number | null;
  latency_ms: number | null;
  tool_ms: number | null;
  approval_ms: number | null;
  is_approximate: boolean;
  /** What happened to the connection just before this turn; usually empty. */
  seam: string;
  /** Where in the turn its reply begins. */
  reply_start_s: number;
  /** For each word, its place in the text and when it is spoken; empty if that is not known. */
  word_times: number[];
}

/** A call of one of the kernel's functions; `arguments` is JSON text, `turn_id` empty while no turn has the call. */
export interface ToolCall {
  call_id: string;
  name: string;
  arguments: string;
  state: ToolState;
  output: string;
  error: string;
  duration_s: number | null;
  turn_id: string;
}

type KernelType = keyof typeof readers;
export type KernelFields<K extends KernelType> = ReturnType<(typeof readers)[K]>;
export type KernelMessage = { [K in KernelType]: { type: K } & KernelFields<K> }[KernelType];
/** Settings that the panel can change; null where the talk has none, as with push-to-talk. */
export type TalkSettings = ReturnType<typeof readSettings>;
export type TalkState = KernelFields<"state">;
export type AudioHeader = KernelFields<"audio">;

/** The kernel's message, or null if it is unknown to this page. */
export function readKernelMessage(content: unknown): KernelMessage | null {
  const type = (content as { type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(readers, type)) return null;
  const all = (content as { translations?: Record<string, typeof translations> }).translations;
  translations = all?.[currentLanguage()] ?? {};
  try {
    return { type, ...(readers[type as KernelType](content) as object) } as KernelMessage;
  } catch (error) {
    if (error instanceof WrongType) return null;
    throw error;
  }
}
