/**
 * A panel with a fake kernel: ?scene=… selects its content, ?theme=dark the colours, ?width=320 the width, ?lang=de
 * the language.
 */

import widget from "/static/widget.js";
import { FakeKernel } from "./fake-kernel.js";

const turn = (order, role, text, more = {}) => ({
  id: `t${order}`,
  order,
  role,
  text,
  text_source: "service",
  is_complete: true,
  was_interrupted: false,
  has_audio: true,
  duration_s: 2.3,
  started_s: order,
  reply: null,
  heard_s: null,
  latency_ms: null,
  tool_ms: null,
  approval_ms: null,
  is_approximate: false,
  ...more,
});

const TALK = [
  turn(0, "user", "What is a Fourier transform?"),
  turn(
    1,
    "assistant",
    "It takes a signal apart into the sine waves it is made of, and tells you how strong each one is.",
    { latency_ms: 620, duration_s: 6.1, heard_s: 6.1 },
  ),
  turn(2, "user", "And its inverse?"),
  turn(
    3,
    "assistant",
    "The inverse puts the waves together again. If you keep every strength and every phase, you get back exactly",
    { latency_ms: 710, was_interrupted: true, duration_s: 7.4, heard_s: 4.2 },
  ),
  turn(4, "user", "", { duration_s: 2.3, is_approximate: true }),
];

const PARTIAL = turn(5, "assistant", "Shannon said: sample at more than twice the highest", {
  is_complete: false,
  latency_ms: 580,
});

const call = (name, more = {}) => ({
  call_id: name,
  name,
  arguments: '{"city":"London","days":3}',
  state: "done",
  output: '{"temperature": 18, "sky": "clear"}',
  error: "",
  duration_s: 0.34,
  turn_id: "t1",
  ...more,
});

const MARKDOWN = `A **Fourier transform** takes a signal apart, see [the article](https://en.wikipedia.org/wiki/Fourier_transform).

1. Sample it, for example with \`np.fft.rfft\`.
2. Look at *both* parts: strength and phase.

- nothing is lost
- the inverse puts it together again

\`\`\`python
spectrum = np.fft.rfft(samples)
\`\`\``;

const FORMATS = [
  turn(0, "user", "What is it, and what is the weather? **not bold**"),
  turn(1, "assistant", MARKDOWN, { latency_ms: 620, tool_ms: 340, duration_s: 9, heard_s: 9 }),
  turn(2, "user", "And its inverse?"),
  turn(3, "assistant", TALK[3].text, {
    latency_ms: 710,
    was_interrupted: true,
    interruption: "speech",
    duration_s: 7.4,
    heard_s: 4.2,
  }),
  turn(4, "user", "Go on."),
  turn(
    5,
    "assistant",
    "The **first words** have been spoken already, the others are still to come in a moment.",
    {
      latency_ms: 580,
      duration_s: 6,
      heard_s: 2,
      reply: 7,
    },
  ),
];

const DIRECTIONS = [
  turn(0, "user", "ما هو تحويل فورييه؟"),
  turn(
    1,
    "assistant",
    "تحويل **فورييه** يفكّك الإشارة إلى موجات، مثل `np.fft` في Python.\n\n1. الأولى\n2. الثانية",
    {
      latency_ms: 620,
      duration_s: 5,
      heard_s: 5,
    },
  ),
  turn(2, "user", "ומה זה ההפוך? (inverse)"),
  turn(3, "assistant", "ההתמרה ההפוכה מחברת את הגלים בחזרה, ומקבלים 100% מהאות. See NumPy for more.", {
    latency_ms: 710,
    was_interrupted: true,
    interruption: "speech",
    duration_s: 7.4,
    heard_s: 4.2,
  }),
];

const SCENES = {
  formats: {
    turns: FORMATS,
    calls: [
      call("weather"),
      call("look", { state: "failed", output: "", error: "no paper", duration_s: 0.1 }),
      call("draw", { state: "waiting", output: "", duration_s: null, turn_id: "" }),
    ],
    state: { used_minutes: 2.4, cost_dollars: 0.12 },
  },
  directions: { turns: DIRECTIONS },
  closed: {},
  raw: { state: { processing: false } },
  talking: { turns: [...TALK, PARTIAL] },
  rehearsal: {
    state: {
      is_rehearsal: true,
      server_name: "Rehearsal",
      voice: "echo",
      partner: "talker",
      banner: "Rehearsal: no key was found, so a voice on this computer answers. It is not Grok.",
    },
    turns: TALK.slice(0, 2),
  },
  push_to_talk: { state: { turn_detection: "push_to_talk" }, turns: TALK.slice(0, 2) },
  trouble: {
    turns: TALK.slice(0, 2),
    state: { owner: "another page", phase: "open", session: 1, busy_cell: true },
    notes: [
      {
        text: "The live service refused this session, so the talk moved to the realtime one.",
        level: "info",
      },
      { text: "The connection was closed after 300 s without speech.", level: "warning" },
      { text: "The key was refused: check XAI_API_KEY.", level: "error" },
    ],
  },
  no_kernel: { isSilent: true },
};

const query = new URLSearchParams(location.search);
document.documentElement.dataset.theme = query.get("theme") ?? "light";
const lang = query.get("lang") ?? "en";
const texts = { [lang]: await (await fetch(`/texts/${lang}.json`)).json() };
const kernel = new FakeKernel(SCENES[query.get("scene") ?? "talking"], texts);
const host = document.querySelector("main");
host.style.width = query.has("width") ? `${query.get("width")}px` : "auto";
widget.initialize({ model: kernel.model });
widget.render({ model: kernel.model, el: host });
Object.assign(globalThis, { kernel, widget });
