/**
 * Every state of the panel, by name: what its kernel has to begin with, and what happens then. The preview, the tests of
 * how the panel looks (tests/browser/test_access.py) and the pictures (`make screenshots`) show the same scenes, so a new
 * state needs only an entry here.
 *
 * title: what the picture shows. kernel: of FakeKernel. play: what happens. says: a text that must then be shown.
 * microphone: what it gives, see stage.js. sounds: it has the microphone or the loudspeaker of the page, which only one scene
 * can have. isLong: that, and a picture of it is worth some seconds of sound.
 */

import { hum } from "./fake-kernel.js";

const turn = (order, role, text, more = {}) => ({
  id: `t${order}`,
  order,
  role,
  text,
  text_source: "service",
  is_complete: true,
  was_interrupted: false,
  interruption: "",
  has_audio: true,
  duration_s: 2.3,
  started_s: order,
  reply: null,
  heard_s: role === "assistant" ? 2.3 : null,
  latency_ms: null,
  tool_ms: null,
  approval_ms: null,
  is_approximate: false,
  ...more,
});

const QUESTION = turn(0, "user", "What is a Fourier transform?");
const ANSWER = turn(
  1,
  "assistant",
  "It takes a signal apart into the sine waves it is made of, and tells you how strong each one is.",
  { latency_ms: 620, duration_s: 6.1, heard_s: 6.1 },
);
const TALK = [QUESTION, ANSWER];

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

const INTERRUPTED = turn(
  3,
  "assistant",
  "The inverse puts the waves together again. If you keep every strength and every phase, you get back exactly",
  { latency_ms: 710, was_interrupted: true, interruption: "speech", duration_s: 7.4, heard_s: 4.2 },
);

const TRANSCRIPT = [
  QUESTION,
  turn(1, "assistant", MARKDOWN, { latency_ms: 620, tool_ms: 340, duration_s: 9, heard_s: 9 }),
  turn(2, "user", "And its inverse?"),
  INTERRUPTED,
  turn(4, "user", "", { is_approximate: true, seam: "The connection was lost for 2.1 s." }),
];

const DIRECTIONS = [
  turn(0, "user", "ما هو تحويل فورييه؟"),
  turn(
    1,
    "assistant",
    "تحويل **فورييه** يفكّك الإشارة إلى موجات، مثل `np.fft` في Python.\n\n1. الأولى\n2. الثانية",
    { latency_ms: 620, duration_s: 5, heard_s: 5 },
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

const TALKING = { turns: TALK };
const PUSH_TO_TALK = { turns: TALK, state: { turn_detection: "push_to_talk" } };

/** A panel whose microphone is on. */
async function listen({ press, find, until }) {
  await press("Start");
  await until(() => /^(Listening|Hold the button)/.test(find(".glw-status").innerText), "the microphone");
}

/** One whose reply sounds. */
async function speak(parts) {
  await listen(parts);
  parts.kernel.turn(
    turn(2, "user", "And its inverse?", { text: "And its inverse?", has_audio: true, heard_s: null }),
  );
  parts.kernel.turn(
    turn(3, "assistant", "The inverse puts the waves together again, and nothing is lost on the way.", {
      reply: 1,
      is_complete: false,
      latency_ms: 580,
      heard_s: 0,
      duration_s: 16,
    }),
  );
  parts.kernel.speak(hum(60), 1);
  await parts.until(() => parts.find(".glw-turn[aria-current=true]"), "a turn that sounds");
}

/** A microphone that cannot be opened, for the reason that its card states. */
const failing = (title, error, says) => ({
  title,
  says,
  microphone: error,
  play: ({ press }) => press("Start"),
});

const drawer = (title, label, shown, more = {}) => ({
  title,
  kernel: TALKING,
  ...more,
  async play(parts) {
    if (more.isLong) await speak(parts);
    await parts.press(label);
    await parts.shows(shown);
    await more.play?.(parts);
  },
});

export const SCENES = {
  idle: { title: "A new panel", says: "Press Start and speak" },
  waiting: { title: "The page looks for its kernel", kernel: { isSilent: true }, says: "Looking for" },
  no_kernel: { title: "The kernel does not answer", kernel: { isSilent: true }, says: "does not answer" },
  gone: {
    title: "The kernel was shut down",
    sounds: true,
    kernel: TALKING,
    says: "No kernel is behind this panel",
    async play({ kernel, says, press }) {
      await says("Press Start");
      kernel.isGone = true;
      await press("Start");
    },
  },
  rehearsal: {
    title: "A rehearsal, without a key",
    kernel: {
      ...TALKING,
      state: {
        is_rehearsal: true,
        server_name: "Rehearsal",
        voice: "echo",
        partner: "talker",
        banner: "Rehearsal: no key was found, so a voice on this computer answers. It is not Grok.",
      },
    },
    says: "Rehearsal: no key",
  },
  asking: {
    title: "The browser asks for the microphone",
    sounds: true,
    microphone: "asking",
    says: "Allow the microphone",
    play: ({ press }) => press("Start"),
  },
  connecting: {
    title: "The connection is opening",
    sounds: true,
    kernel: { isSlow: true },
    says: "You can speak already",
    play: ({ press }) => press("Start"),
  },
  reconnecting: {
    title: "The connection was lost and is opened again",
    sounds: true,
    kernel: TALKING,
    says: "Reconnecting",
    async play(parts) {
      await listen(parts);
      parts.kernel.change({ phase: "opening", is_reopening: true });
    },
  },
  listening: { title: "Listening", kernel: TALKING, isLong: true, play: listen },
  speaking: { title: "A reply sounds", kernel: TALKING, isLong: true, play: speak },
  push_to_talk: {
    title: "Push-to-talk",
    sounds: true,
    kernel: PUSH_TO_TALK,
    says: "Hold the button",
    play: listen,
  },
  held: {
    title: "Push-to-talk, while the button is held",
    kernel: PUSH_TO_TALK,
    isLong: true,
    says: "let go to send",
    async play(parts) {
      await listen(parts);
      const press = new KeyboardEvent("keydown", { key: " ", bubbles: true });
      parts.find(".glw-hold-button").dispatchEvent(press);
    },
  },
  muted: {
    title: "Muted",
    sounds: true,
    kernel: TALKING,
    says: "cannot hear you",
    async play(parts) {
      await listen(parts);
      await parts.press("Mute");
    },
  },
  half_duplex: {
    title: "Half-duplex, while a reply sounds",
    kernel: TALKING,
    isLong: true,
    says: "Listening again when",
    async play(parts) {
      parts.kernel.setTrait("half_duplex", true);
      await speak(parts);
    },
  },
  busy: {
    title: "A cell keeps the kernel busy",
    sounds: true,
    kernel: { ...TALKING, state: { busy_cell: true, late_sample_count: 40_800 } },
    says: "A cell is running",
    play: listen,
  },
  countdown: {
    title: "The session ends soon",
    sounds: true,
    kernel: { ...TALKING, endsInS: 45 },
    says: "a new session in 45 s",
    async play(parts) {
      await listen(parts);
      parts.kernel.heartbeat(45);
    },
  },
  text_only: {
    title: "Connected without a microphone",
    kernel: { ...TALKING, state: { owner: null } },
    says: "the microphone is off",
    play: ({ kernel }) => kernel.on_start({ page: kernel.state.owner }),
  },
  denied: failing("The microphone was refused", "NotAllowedError", "refused"),
  no_device: failing("There is no microphone", "NotFoundError", "No microphone was found"),
  in_use: failing("Another program has the microphone", "NotReadableError", "Another program"),
  silent: {
    title: "The microphone gives only silence",
    sounds: true,
    microphone: "silence",
    says: "gives only silence",
    play: ({ press }) => press("Start"),
  },
  elsewhere: {
    title: "Another page has the talk",
    kernel: { ...TALKING, state: { owner: "another", phase: "open", session: 1 } },
    says: "Another page has",
  },
  sound_paused: {
    title: "The browser has paused the sound",
    sounds: true,
    kernel: TALKING,
    says: "The browser has paused",
    async play(parts) {
      await speak(parts);
      await parts.pauseSound();
    },
  },
  unplayed: {
    title: "An answer that no page has played",
    kernel: { turns: [QUESTION, { ...ANSWER, heard_s: null }] },
    says: "Play the answer",
  },
  skip: {
    title: "One more answer waits",
    sounds: true,
    kernel: TALKING,
    says: "Skip to the newest reply",
    async play(parts) {
      await speak(parts);
      parts.kernel.turn(turn(4, "user", "And another one?"));
      parts.kernel.turn(turn(5, "assistant", "Here it is.", { reply: 2, heard_s: 0 }));
    },
  },
  wanted: {
    title: "Python asks for the microphone",
    kernel: TALKING,
    says: "Python would like to listen",
    play({ kernel, says }) {
      kernel.state.phase = "open";
      kernel.change({});
      kernel.send({ type: "microphone_wanted", wanted: true });
      return says("Turn microphone on");
    },
  },
  notes: {
    title: "Notes of each kind",
    kernel: {
      ...TALKING,
      notes: [
        {
          text: "The live service refused this session, so the talk moved to the realtime one.",
          level: "info",
        },
        { text: "The connection was closed after 300 s without speech.", level: "warning" },
        { text: "The key was refused: check XAI_API_KEY.", level: "error" },
      ],
    },
    says: "The key was refused",
  },
  approval: {
    title: "A function asks for consent",
    kernel: { turns: [QUESTION], calls: [call("weather", { state: "waiting", turn_id: "", output: "" })] },
    says: "would like to call weather",
  },
  running: {
    title: "A function runs",
    kernel: { turns: [QUESTION], calls: [call("weather", { state: "running", turn_id: "", output: "" })] },
    says: "weather is running",
  },
  displayed: {
    title: "What a function displays, below the panel",
    kernel: { ...TALKING, calls: [call("weather")] },
    displays: true,
    play: ({ until }) => until(() => document.querySelector(".preview-outputs"), "the output"),
  },
  transcript: {
    title: "A transcript with Markdown, calls and an interrupted reply",
    kernel: {
      turns: TRANSCRIPT,
      calls: [
        call("weather"),
        call("look", { state: "failed", output: "", error: "no paper", duration_s: 0.1 }),
      ],
      state: { used_minutes: 2.4, cost_dollars: 0.12 },
    },
    says: "weather ran",
  },
  chip: {
    title: "A call with its arguments and result",
    kernel: { ...TALKING, calls: [call("weather")] },
    async play({ press, says }) {
      await says("weather ran");
      await press("weather ran");
    },
  },
  menu: {
    title: "The menu of a turn",
    kernel: TALKING,
    says: "Save WAV",
    async play({ panel, shows }) {
      await shows(".glw-turn-more");
      [...panel.querySelectorAll(".glw-turn-more")].at(-1).click();
    },
  },
  newest: {
    title: "Scrolled up, with newer turns below",
    kernel: {
      turns: Array.from({ length: 12 }, (_, i) => turn(i, i % 2 ? "assistant" : "user", ANSWER.text)),
    },
    says: "Newest",
    async play({ kernel, find, shows, pause }) {
      await shows(".glw-turn-more");
      find(".glw-turns").scrollTop = 0;
      await pause(50); // its scroll event
      kernel.turn(turn(12, "user", "Go on."));
    },
  },
  look_back: {
    title: "Looking back on the time axis",
    kernel: {
      turns: [QUESTION, ANSWER, turn(2, "user", "And its inverse?"), INTERRUPTED],
      hasPast: true,
    },
    async play({ find, shows }) {
      await shows(".glw-axis");
      const axis = find(".glw-axis-canvas");
      axis.focus();
      for (let count = 0; count < 3; count++)
        axis.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
      await shows(".glw-axis-button:not([hidden])");
    },
  },
  directions: { title: "Arabic and Hebrew with Latin words", kernel: { turns: DIRECTIONS } },
  drop: {
    title: "A sound file is held over the panel",
    kernel: TALKING,
    async play({ panel, says }) {
      await says("Press Start");
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "question.wav"));
      panel.dispatchEvent(new DragEvent("dragover", { dataTransfer, bubbles: true }));
    },
  },
  settings: drawer("The settings", "Settings", ".glw-settings"),
  inspector: drawer("The messages between kernel and server", "Messages", ".glw-frame", {
    async play({ find, shows }) {
      find(".glw-frame").click();
      await shows(".glw-inspector-text");
    },
  }),
  spectrogram: drawer("The live spectrogram", "Spectrogram", ".glw-spectrogram", { isLong: true }),
  doctor: drawer("The checks of the doctor", "Doctor", ".glw-doctor"),
  shortcuts: drawer("The list of shortcuts", "Shortcuts", ".glw-shortcuts"),
  explorer: {
    title: "The interactive view of turns",
    explores: true,
    says: "Click: play from there",
  },
};
