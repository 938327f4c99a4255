/** Fakes for the tests: the comm, and the parts of a browser's audio that the front end uses. */

import { vi } from "vitest";
import type { Comm } from "../src/channel";
import { NO_SETTINGS, type TalkState, type ToolCall, type Turn } from "../src/messages";
import type { BinaryBuffer } from "../src/pcm";

export type Sent = { type: string; page: string; pcm: ArrayBuffer | undefined } & Record<string, unknown>;

/** The comm, controlled from the kernel's side. */
export class FakeComm implements Comm {
  sent: Sent[] = [];
  isBroken = false;
  isLost = false;
  #listener: (content: unknown, buffers: BinaryBuffer[]) => void = () => {};

  send(content: object, buffers: ArrayBuffer[]): void {
    if (this.isBroken) throw new Error("Cannot send");
    this.sent.push({ ...content, pcm: buffers[0] } as Sent);
  }

  listen(listener: (content: unknown, buffers: BinaryBuffer[]) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = () => {};
    };
  }

  deliver(content: object, pcm?: Int16Array): void {
    this.#listener(content, pcm ? [new DataView(pcm.slice().buffer)] : []);
  }

  ofType(type: string): Sent[] {
    return this.sent.filter((message) => message.type === type);
  }
}

export function talkState(changes: Partial<TalkState> = {}): TalkState {
  return {
    owner: "me",
    session: 1,
    epoch: 0,
    phase: "open",
    is_reopening: false,
    is_rehearsal: false,
    server_name: "Grok",
    banner: "",
    dialect: "realtime",
    voice: "nova",
    voice_help: "nova: bright, energetic.",
    partner: "",
    turn_detection: "server_vad",
    settings: {
      ...NO_SETTINGS,
      voice: "nova",
      voices: ["nova", "echo"],
      threshold: 0.5,
      silence_duration_ms: 500,
    },
    processing: true,
    sample_rate: 24_000,
    busy_cell: false,
    late_sample_count: 0,
    replay: null,
    replayed_turn: "",
    replay_start_s: 0,
    used_minutes: null,
    cost_dollars: null,
    ...changes,
  };
}

export function turnOf(changes: Partial<Turn> = {}): Turn {
  return {
    id: "t1",
    order: 0,
    role: "assistant",
    text: "Hello.",
    text_source: "service",
    is_complete: true,
    was_interrupted: false,
    interruption: "",
    has_audio: true,
    duration_s: 2.3,
    started_s: 0,
    reply: 1,
    heard_s: null,
    latency_ms: null,
    tool_ms: null,
    approval_ms: null,
    is_approximate: false,
    seam: "",
    reply_start_s: 0,
    word_times: [],
    ...changes,
  };
}

export function callOf(changes: Partial<ToolCall> = {}): ToolCall {
  return {
    call_id: "c1",
    name: "weather",
    arguments: '{"city":"London"}',
    state: "running",
    output: "",
    error: "",
    duration_s: null,
    turn_id: "",
    ...changes,
  };
}

/** A MessagePort whose other end is the test. */
export class FakePort extends EventTarget {
  posted: Record<string, unknown>[] = [];
  start(): void {}

  postMessage(message: Record<string, unknown>): void {
    this.posted.push(message);
  }

  deliver(message: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: message }));
  }
}

export class FakeNode extends EventTarget {
  static made: FakeNode[] = [];
  readonly port = new FakePort();
  readonly context = { currentTime: 3 };
  readonly gain = { value: 1, setTargetAtTime: vi.fn() };
  isConnected = false;

  constructor(
    _context?: unknown,
    readonly name = "",
    readonly options: AudioWorkletNodeOptions = {},
  ) {
    super();
    FakeNode.made.push(this);
  }

  static newest(name: string): FakeNode {
    return FakeNode.made.filter((node) => node.name.startsWith(name)).at(-1)!;
  }

  connect<T>(target: T): T {
    this.isConnected = true;
    return target;
  }

  disconnect(): void {
    this.isConnected = false;
  }
}

export class FakeContext extends EventTarget {
  static made: FakeContext[] = [];
  state: AudioContextState = "running";
  readonly sampleRate = 48_000;
  readonly destination = {};
  readonly audioWorklet: { addModule: ReturnType<typeof vi.fn> } | undefined = {
    addModule: vi.fn(async () => {}),
  };
  readonly resume = vi.fn(() => new Promise<void>(() => {}));
  readonly sinkId = "";
  readonly setSinkId = vi.fn(async (_id: string) => {});

  constructor() {
    super();
    FakeContext.made.push(this);
  }

  async close(): Promise<void> {
    this.state = "closed";
  }

  createGain(): FakeNode {
    return new FakeNode();
  }

  createMediaStreamSource(): FakeNode {
    return new FakeNode();
  }

  become(state: AudioContextState): void {
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}

export class FakeTrack extends EventTarget {
  readonly label = "Built-in microphone";
  readonly kind = "audio";
  enabled = true;
  muted = false;
  isStopped = false;

  /** The system mutes the device, or unmutes it. */
  mute(isMuted: boolean): void {
    this.muted = isMuted;
    this.dispatchEvent(new Event(isMuted ? "mute" : "unmute"));
  }

  stop(): void {
    this.isStopped = true;
  }

  getSettings(): MediaTrackSettings {
    return { echoCancellation: true, noiseSuppression: false };
  }
}

/** Test files may share the storage of one page. */
export function forgetPreferences(): void {
  localStorage.clear();
  Reflect.deleteProperty(globalThis, Symbol.for("grok_live_widget.preferences"));
}

/** Install a browser with one microphone and one audio output, where everything is allowed. */
export function installAudio() {
  FakeNode.made = [];
  FakeContext.made = [];
  const track = new FakeTrack();
  const stream = { getTracks: () => [track], getAudioTracks: () => [track] };
  const mediaDevices = Object.assign(new EventTarget(), {
    getUserMedia: vi.fn(async (_constraints: MediaStreamConstraints): Promise<unknown> => stream),
    enumerateDevices: vi.fn(async () => [{ kind: "audioinput" }]),
  });
  vi.stubGlobal("AudioContext", FakeContext);
  vi.stubGlobal("AudioWorkletNode", FakeNode);
  vi.stubGlobal("isSecureContext", true);
  Object.assign(window, { isSecureContext: true });
  Object.defineProperty(navigator, "mediaDevices", { value: mediaDevices, configurable: true });
  vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:x", revokeObjectURL: () => {} }));
  Reflect.deleteProperty(globalThis, Symbol.for("grok_live_widget.page"));
  forgetPreferences();
  return { track, stream, mediaDevices };
}

/** What the browser answers when it is asked about permission for the microphone. */
export function permit(state: PermissionState): void {
  const permissions = { query: async () => ({ state }) };
  Object.defineProperty(navigator, "permissions", { value: permissions, configurable: true });
}

/** Let pending promises settle without advancing the time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
