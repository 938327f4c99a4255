/** A kernel that runs in the page: it answers as described in docs/channel.md, and plays a hum instead of speech. */

const RATE_HZ = 24_000;
const CHUNK_SAMPLES = 2400;
const LEAD_SAMPLES = 6 * RATE_HZ;

export class FakeKernel {
  #listeners = new Set();
  #replies = 0;
  #playheadSamples = 0;
  #heartbeat = null;
  #page = null;
  #traits = {};
  #traitListeners = new Map();
  received = [];
  state = {
    owner: null,
    session: 0,
    epoch: 0,
    phase: "closed",
    is_rehearsal: false,
    server_name: "Grok",
    banner: "",
    dialect: "realtime",
    voice: "nova",
    partner: "",
    turn_detection: "server_vad",
    voice_help: "nova: bright, energetic.",
    settings: {
      voice: "nova",
      voices: ["nova", "echo", "sol"],
      instructions: "Answer in short sentences.",
      speed: 1,
      threshold: 0.5,
      silence_duration_ms: 500,
    },
    processing: true,
    sample_rate: RATE_HZ,
    busy_cell: false,
  };
  turns = [];
  calls = [];
  notes = [];

  /** `texts`: the catalogue, by language. */
  constructor(changes, texts, outputs = null) {
    this.texts = texts;
    this.outputs = outputs;
    this.model = this.#makeModel();
    Object.assign(this.state, changes.state);
    Object.assign(this, {
      turns: changes.turns ?? [],
      calls: changes.calls ?? [],
      notes: changes.notes ?? [],
    });
    this.isSilent = changes.isSilent ?? false;
    /** As with a kernel that was shut down: the host throws when the page sends. */
    this.isGone = false;
    /** The connection stays opening. */
    this.isSlow = changes.isSlow ?? false;
    /** It knows what was spoken, for the time axis. */
    this.hasPast = changes.hasPast ?? false;
    /** How long the session lasts, as each heartbeat says. */
    this.endsInS = changes.endsInS ?? null;
  }

  /** The model that anywidget passes to initialize and render. */
  #makeModel() {
    return {
      widget_manager: this.outputs,
      get: (name) => {
        if (name === "_texts") return sectionOf(this.texts, "panel");
        return name === "_tool_area" ? this.outputs?.reference : this.#traits[name];
      },
      set: () => {},
      save_changes: () => {},
      send: (content, _callbacks, buffers) => {
        if (this.isGone) throw new Error("Cannot send");
        queueMicrotask(() => this.#receive(content, buffers ?? []));
      },
      on: (name, listener) => this.#listenersOf(name).add(listener),
      off: (name, listener) => this.#listenersOf(name).delete(listener),
    };
  }

  #listenersOf(name) {
    if (name === "msg:custom") return this.#listeners;
    if (!this.#traitListeners.has(name)) this.#traitListeners.set(name, new Set());
    return this.#traitListeners.get(name);
  }

  setTrait(name, value) {
    this.#traits[name] = value;
    for (const listener of this.#listenersOf(`change:${name}`)) listener();
  }

  note(text, level = "info") {
    this.send({ type: "note", note: { text, level } });
  }

  call(call) {
    this.send({ type: "tool", call });
  }

  heartbeat(ends_in_s) {
    this.send({ type: "heartbeat", session: this.state.session, ends_in_s });
  }

  send(content, pcm) {
    const buffers = pcm ? [new DataView(pcm.buffer.slice(0))] : [];
    for (const listener of this.#listeners) listener(structuredClone(content), buffers);
  }

  change(fields) {
    Object.assign(this.state, fields);
    this.send({ type: "state", ...this.state });
  }

  turn(fields) {
    const turn = { ...EMPTY_TURN, ...fields };
    this.turns = [...this.turns.filter(({ id }) => id !== turn.id), turn];
    this.send({ type: "turn", turn });
  }

  /** Send samples as one reply, at most 6 s ahead of the playhead. */
  async speak(pcm, reply = ++this.#replies) {
    this.#playheadSamples = 0;
    const epoch = this.state.epoch;
    for (
      let offset = 0, seq = 0;
      offset < pcm.length && this.state.epoch === epoch;
      offset += CHUNK_SAMPLES, seq++
    ) {
      while (offset - this.#playheadSamples > LEAD_SAMPLES) await pause(20);
      const chunk = pcm.slice(offset, offset + CHUNK_SAMPLES);
      const is_last = offset + CHUNK_SAMPLES >= pcm.length;
      const { session } = this.state;
      this.send({ type: "audio", session, epoch, seq, reply, sample_offset: offset, is_last }, chunk);
      // The first seconds are sent at once, so that a busy computer does not make the sound late.
      if (offset > 4 * RATE_HZ) await pause(30);
    }
  }

  #receive(content, buffers) {
    this.received.push({ ...content, pcm: buffers[0] ? new Int16Array(buffers[0]) : null });
    if (this.isSilent) return;
    this[`on_${content.type}`]?.(content);
  }

  on_hello({ page }) {
    this.#page = page;
    this.state.owner ??= page;
    this.send({
      type: "snapshot",
      page,
      ...this.state,
      notes: this.notes,
      turns: this.turns,
      tools: this.calls,
    });
  }

  async on_start({ page }) {
    this.change({ owner: page, phase: "opening", session: this.state.session + 1 });
    if (this.isSlow) return;
    await pause(30);
    this.change({ phase: "open" });
    this.#heartbeat ??= setInterval(() => this.heartbeat(this.endsInS), 1000);
  }

  on_stop() {
    clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    this.change({ phase: "closed" });
  }

  on_take_over({ page }) {
    this.change({ owner: page });
  }

  on_interrupt({ epoch }) {
    this.change({ epoch });
  }

  on_drawer({ page, name, content }) {
    const answer = (name !== "axis" || this.hasPast) && DRAWER_ANSWERS[name]?.(content);
    if (answer) this.send({ type: "drawer", page, name, content: answer });
  }

  on_microphone({ session, seq }) {
    this.send({ type: "microphone_received", session, seq });
  }

  on_playhead({ sample_count }) {
    this.#playheadSamples = sample_count;
  }

  async on_bundle_wanted({ page, name }) {
    const [source, style] = await Promise.all(
      ["js", "css"].map(async (ending) => (await fetch(`/static/${name}.${ending}`)).text()),
    );
    this.send(
      { type: "bundle", page, name, style, texts: sectionOf(this.texts, name) },
      new TextEncoder().encode(source),
    );
  }

  async on_text({ page, id, text }) {
    this.send({ type: "text_answer", page, id, is_sent: true });
    if (this.state.phase === "closed") await this.on_start({ page: this.#page });
    const order = this.turns.length;
    this.turn({ id: `u${order}`, order, role: "user", text, is_complete: true });
    const words = `You wrote “${text}”. This is only a preview: it hums instead of speaking.`.split(" ");
    const reply = { id: `a${order}`, order: order + 1, role: "assistant", has_audio: true, latency_ms: 640 };
    this.speak(hum(words.length * 0.32));
    for (let count = 1; count <= words.length; count++) {
      this.turn({ ...reply, text: words.slice(0, count).join(" "), is_complete: count === words.length });
      await pause(90);
    }
  }
}

const FRAMES = [
  ["sent", "session.update", 412],
  ["received", "session.created", 1204],
  ["received", "session.updated", 1190],
  ["sent", "input_audio_buffer.append", 6432],
  ["sent", "input_audio_buffer.append", 6432],
  ["received", "input_audio_buffer.speech_started", 96],
  ["received", "response.created", 380],
  ["received", "response.output_audio.delta", 12_920],
  ["received", "response.output_audio.delta", 12_920],
  ["received", "response.done", 840],
].map(([direction, type, size], index) => ({
  index,
  time_s: 0.21 * index,
  direction,
  type,
  size,
  connection: 0,
}));

function inspectorAnswer({ type, from, index }) {
  if (type === "frames")
    return { type, frames: FRAMES.filter((frame) => frame.index >= from), dropped_count: 0 };
  const { type: name, size } = FRAMES[index];
  return { type, index, text: JSON.stringify({ type: name, event_id: `event_${index}`, size }, null, 2) };
}

const CHECKS = [
  ["versions", "ok", "grok_live_widget 0.1.0, Python 3.11.7, ipykernel 7.4.0, anywidget 0.11.0."],
  ["busy kernel", "ok", "What the page sends is read beside the cells, so that it waits for none of them."],
  ["key", "ok", "An API key was found: XAI_API_KEY."],
  ["API key", "ok", "api.x.ai accepted the key."],
  ["model", "warning", "The server answers as 'grok-voice-2', not as 'grok-voice-1'.", "Check model=."],
  ["page security", "ok", "The page is secure, so that it may have a microphone."],
  [
    "microphone",
    "failed",
    "The microphone was refused.",
    "Click the icon left of the address bar, allow the microphone, and try again.",
  ],
  ["page sound", "ok", "4.8 kB of sound came back from the page in 9 ms, unchanged."],
].map(([name, result, found, cure = ""]) => ({ name, result, found, cure }));

/** Of a question, a reply, another question, and a reply of which only the beginning was heard [s]. */
const SPOKEN = [
  { id: "t0", role: "user", start_s: 0.4, heard_end_s: 2.6, end_s: 2.6 },
  { id: "t1", role: "assistant", start_s: 3.2, heard_end_s: 9.3, end_s: 9.3 },
  { id: "t2", role: "user", start_s: 10, heard_end_s: 11.4, end_s: 11.4 },
  { id: "t3", role: "assistant", start_s: 12, heard_end_s: 16.2, end_s: 19.4, was_interrupted: true },
].map((turn) => ({ was_interrupted: false, ...turn }));

function stretchAnswer({ type, start_s, stop_s, columns }) {
  const bars = (role, from, to) => {
    const bytes = new Int8Array(2 * columns);
    for (let at = 0; at < columns; at++) {
      const second = start_s + ((at + 0.5) * (stop_s - start_s)) / columns;
      const turn = SPOKEN.find((each) => each.role === role && each[from] <= second && second < each[to]);
      if (!turn) continue;
      const height = 20 + 90 * Math.abs(Math.sin(9 * second) * Math.sin(2.3 * second));
      bytes.set([-height, height], 2 * at);
    }
    return btoa(String.fromCharCode(...new Uint8Array(bytes.buffer)));
  };
  return {
    type,
    start_s,
    stop_s,
    columns,
    zero_at_ms: Date.now() - 21_000,
    begin_s: 0,
    end_s: 21,
    turns: SPOKEN,
    speech: SPOKEN.filter(({ role }) => role === "user").map(({ start_s, end_s }) => [start_s, end_s]),
    user: bars("user", "start_s", "end_s"),
    assistant: bars("assistant", "start_s", "heard_end_s"),
    unheard: bars("assistant", "heard_end_s", "end_s"),
  };
}

const DRAWER_ANSWERS = {
  inspector: inspectorAnswer,
  axis: (content) => (content.type === "stretch" ? stretchAnswer(content) : null),
  doctor: ({ type, run }) => (type === "run" ? { type: "checks", run, checks: CHECKS, is_done: true } : null),
};

function sectionOf(texts, name) {
  return Object.fromEntries(Object.entries(texts).map(([lang, all]) => [lang, all[name] ?? {}]));
}

/** The kernel of an explorer with a question and its reply. */
export class FakeExplorerKernel {
  constructor(texts) {
    this.texts = texts;
  }

  #listeners = new Set();
  #tracks = [concat(hum(2, 210), hum(4, 0)), concat(hum(2.4, 0), hum(3.6))];

  get model() {
    return {
      get: (name) => (name === "_texts" ? sectionOf(this.texts, "explorer") : undefined),
      send: (content) => queueMicrotask(() => this.#receive(content)),
      on: (_name, listener) => this.#listeners.add(listener),
      off: (_name, listener) => this.#listeners.delete(listener),
    };
  }

  #send(content, tracks) {
    for (const listener of this.#listeners)
      listener(
        content,
        tracks.map((track) => new DataView(track.slice().buffer)),
      );
  }

  #receive({ type, piece }) {
    const size = 5 * RATE_HZ;
    if (type === "read") {
      const pieces = this.#tracks.map((track) => track.slice(piece * size, (piece + 1) * size));
      return this.#send({ type: "piece", piece }, pieces);
    }
    const [user, assistant] = this.#tracks;
    const opened = {
      title: "2 turns",
      roles: ["user", "assistant"],
      sample_rate: RATE_HZ,
      sample_count: user.length,
      origin_s: 0,
      column_samples: 480,
      piece_samples: size,
      is_whole: true,
      regions: [
        { track: 0, start_s: 0, stop_s: 2, kind: "turn", text: "What is a Fourier transform?" },
        { track: 1, start_s: 2.4, stop_s: 6, kind: "turn", text: "It takes a signal apart into tones." },
        { track: 1, start_s: 5.2, stop_s: 6, kind: "unheard", text: "" },
      ],
    };
    this.#send({ type: "opened", ...opened }, [envelope(user), envelope(assistant)]);
  }
}

/** Least and greatest sample of each 480 in turn. */
function envelope(samples) {
  const columns = Math.ceil(samples.length / 480);
  return Int16Array.from({ length: 2 * columns }, (_, i) => {
    const column = samples.subarray(480 * (i >> 1), 480 * ((i >> 1) + 1));
    return i % 2 ? Math.max(...column) : Math.min(...column);
  });
}

function concat(...parts) {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const EMPTY_TURN = {
  text: "",
  text_source: "none",
  is_complete: false,
  was_interrupted: false,
  has_audio: false,
  duration_s: null,
  started_s: null,
  reply: null,
  heard_s: null,
  latency_ms: null,
  tool_ms: null,
  approval_ms: null,
  is_approximate: false,
};

/** A sound whose waveform looks like speech: harmonics of a varying pitch in syllables of varying amplitude; silence without a pitch. */
export function hum(duration_s, pitch_hz = 150) {
  const pcm = new Int16Array(Math.round(duration_s * RATE_HZ));
  if (pitch_hz === 0) return pcm;
  let phase = 0;
  for (let i = 0; i < pcm.length; i++) {
    const t = i / RATE_HZ;
    phase += (2 * Math.PI * (pitch_hz + 20 * Math.sin(2.1 * t))) / RATE_HZ;
    const syllable = Math.max(0, Math.sin(9.5 * t + 2 * Math.sin(1.7 * t))) ** 1.5;
    const amplitude = syllable * (0.35 + 0.3 * Math.sin(3.1 * t + 1) + 0.2 * Math.sin(7.7 * t));
    const wave = Math.sin(phase) + 0.6 * Math.sin(2 * phase) + 0.35 * Math.sin(3 * phase + 0.4);
    pcm[i] = 14000 * Math.max(0, amplitude) * wave * Math.min(1, 8 * t, 8 * (duration_s - t));
  }
  return pcm;
}

export function pause(duration_ms) {
  return new Promise((resolve) => setTimeout(resolve, duration_ms));
}
