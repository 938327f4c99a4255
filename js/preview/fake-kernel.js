/** A kernel that runs in the page: it answers as described in docs/channel.md, and plays a hum instead of speech. */

const RATE_HZ = 24_000;
const CHUNK_SAMPLES = 2400;
const LEAD_SAMPLES = 2 * RATE_HZ;

export class FakeKernel {
  #listeners = new Set();
  #replies = 0;
  #playheadSamples = 0;
  #heartbeat = null;
  #page = null;
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
    processing: true,
    sample_rate: RATE_HZ,
    busy_cell: false,
  };
  turns = [];
  calls = [];
  notes = [];

  /** `texts`: the catalogue, by language. */
  constructor(changes, texts) {
    this.texts = texts;
    Object.assign(this.state, changes.state);
    Object.assign(this, {
      turns: changes.turns ?? [],
      calls: changes.calls ?? [],
      notes: changes.notes ?? [],
    });
    this.isSilent = changes.isSilent ?? false;
  }

  /** The model that anywidget passes to initialize and render. */
  get model() {
    return {
      get: (name) => (name === "_texts" ? this.#section("panel") : undefined),
      set: () => {},
      save_changes: () => {},
      send: (content, _callbacks, buffers) => queueMicrotask(() => this.#receive(content, buffers ?? [])),
      on: (_name, listener) => this.#listeners.add(listener),
      off: (_name, listener) => this.#listeners.delete(listener),
    };
  }

  #section(name) {
    return Object.fromEntries(Object.entries(this.texts).map(([lang, all]) => [lang, all[name] ?? {}]));
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

  /** Send samples as one reply, at most 2 s ahead of the playhead. */
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
      await pause(30);
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
    await pause(300);
    this.change({ phase: "open" });
    this.#heartbeat = setInterval(() => this.send({ type: "heartbeat", session: this.state.session }), 1000);
  }

  on_stop() {
    clearInterval(this.#heartbeat);
    this.change({ phase: "closed" });
  }

  on_take_over({ page }) {
    this.change({ owner: page });
  }

  on_interrupt({ epoch }) {
    this.change({ epoch });
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
      { type: "bundle", page, name, style, texts: this.#section(name) },
      new TextEncoder().encode(source),
    );
  }

  async on_text({ text }) {
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

/** A sound whose waveform looks like speech: harmonics of a varying pitch in syllables of varying amplitude. */
export function hum(duration_s, pitch_hz = 150) {
  const pcm = new Int16Array(Math.round(duration_s * RATE_HZ));
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
