// @vitest-environment happy-dom
/** In another language nothing is left of English: every text that is shown comes from the catalogue. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as axis from "../src/axis";
import * as doctor from "../src/doctor";
import { SoundStore } from "../src/explorer/sound";
import { ExplorerView } from "../src/explorer/view";
import * as inspector from "../src/inspector";
import type { MicrophoneReason, ToolCall, Turn } from "../src/messages";
import { Scope } from "../src/scope";
import * as settings from "../src/settings";
import * as shortcuts from "../src/shortcuts";
import * as spectrogram from "../src/spectrogram";
import { currentLanguage, text, useTexts } from "../src/texts";
import * as transcript from "../src/transcript";
import { Panel } from "../src/view/panel";
import { INITIAL_STATE, type PanelActions, type PanelState, Store } from "../src/view/state";
import { playbackFailedText } from "../src/view/strings";
import { WaveformHistory } from "../src/view/waveform-history";
import { LANGUAGES, textsOf } from "./catalogue";
import { openedMessage } from "./explorer/kernel";
import { callOf, FakeComm, installAudio, settle, turnOf } from "./fakes";

/** What a text and a value of the talk are within here; both may contain others. */
const [OPEN, CLOSE] = ["⟦", "⟧"];
const marked = (value: string) => `${OPEN}${value}${CLOSE}`;
const MARKED = Object.fromEntries(
  Object.entries(textsOf("en"))
    .filter(([key]) => key !== "direction")
    .map(([key, template]) => [
      key,
      typeof template === "string"
        ? marked(template)
        : Object.fromEntries(Object.entries(template).map(([form, each]) => [form, marked(each)])),
    ]),
);
const ATTRIBUTES = ["aria-label", "aria-valuetext", "aria-description", "title", "placeholder", "alt"];
/** Units and names of formats are the same in every language. */
const SAME = /\b(k?Hz|k?B|JSON)\b/g;

/** The words in an element that are not marked. */
function unmarked(element: Element): string[] {
  const shown: string[] = [];
  const visit = (node: Node): void => {
    if (node.nodeType === 3) shown.push(node.textContent ?? "");
    if (node instanceof Element) {
      if (node.localName === "style" || node.localName === "svg") return;
      for (const name of ATTRIBUTES) shown.push(node.getAttribute(name) ?? "");
    }
    for (const child of node.childNodes) visit(child);
  };
  visit(element);
  return shown.map(withoutMarked).filter((rest) => /\p{L}/u.test(rest.replace(SAME, "")));
}

function withoutMarked(shown: string): string {
  let depth = 0;
  let rest = "";
  for (const letter of shown) {
    if (letter === CLOSE) depth -= 1;
    else if (letter === OPEN) depth += 1;
    else if (depth === 0) rest += letter;
  }
  return rest;
}

let scope: Scope;
const cleanups: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  installAudio();
  scope = new Scope();
  useTexts("en", MARKED, { direction: "ltr" });
});

afterEach(() => {
  scope.dispose();
  for (const cleanup of cleanups.splice(0)) cleanup();
  vi.useRealTimers();
  useTexts("en", textsOf("en"));
});

it("what is not marked is found, in texts and in attributes", () => {
  const element = document.createElement("p");
  element.title = `${marked("a ⟦b⟧")} and`;
  element.append(marked("c"), "4 kHz", "left");
  expect(unmarked(element)).toEqual([" and", "left"]);
});

// What comes from the kernel, the browser and the user, in the language that it has.
const NAME = marked("Grok");
const TURNS: Partial<Turn>[] = [
  { id: "u0", role: "user", text: "" },
  { id: "u1", role: "user", text: "", has_audio: false },
  { id: "u2", role: "user", text: "", has_audio: false, is_complete: false },
  { id: "u3", role: "user", text: "", duration_s: null, is_approximate: true },
  { id: "u4", role: "user", text: "", is_approximate: true },
  { id: "a0", reply: null, latency_ms: 500, tool_ms: 200, approval_ms: 900 },
  ...["speech", "cell", "interrupt", "stop", "skip", "connection", "python", ""].map((interruption, i) => ({
    id: `i${i}`,
    was_interrupted: true,
    interruption,
    heard_s: i % 2 ? 1 : null,
  })),
  { id: "a1", seam: marked("reconnected"), heard_s: 1, was_interrupted: true },
];
const turns = new Map(
  TURNS.map((changes, order) => [changes.id!, turnOf({ text: marked("Hello."), order, ...changes })]),
);
const STATES = ["running", "waiting", "done", "failed", "denied"] as const;
const calls: ToolCall[] = STATES.flatMap((state) =>
  [null, 1.5].map((duration_s) =>
    callOf({
      call_id: `${state}${duration_s}`,
      name: marked("weather"),
      arguments: marked("{}"),
      output: marked("sunny"),
      state,
      error: duration_s ? marked("no network") : "",
      duration_s,
    }),
  ),
);
const notes = [{ key: 1, text: marked("a note"), level: "info" as const, topic: "" }];
const REASONS: (MicrophoneReason | null)[] = [
  ...["insecure", "policy", "denied", "no_device", "busy", "lost", "taken", "waiting", "other"],
  null,
] as (MicrophoneReason | null)[];

const OPEN_STATE: Partial<PanelState> = {
  kernel: "ok",
  serverName: NAME,
  banner: marked("Rehearsal"),
  phase: "open",
  isOwner: true,
  hasOwner: true,
  microphone: "on",
  isCapturing: true,
  voice: marked("nova"),
  voiceHelp: marked("bright"),
  partner: marked("parrot"),
  usedMinutes: 1.5,
  costDollars: 0.07,
  notes,
};

const PANELS: Record<string, Partial<PanelState>[]> = {
  "the kernel": (["waiting", "unanswered", "gone", "busy", "held", "ok"] as const).map((kernel) => ({
    kernel,
  })),
  "the connection": [
    ...(["closed", "opening", "open", "closing"] as const).flatMap((phase) => [
      { phase },
      { phase, isReopening: true, endsInS: 8 },
      { phase, isStarting: true, microphone: "failed" as const, endsInS: 250 },
    ]),
    { phase: "closed", isMicrophoneWanted: true },
    { phase: "closed", isSpeaking: true },
    { isOwner: false },
    { serverName: "" },
  ],
  "the microphone": [
    ...(["off", "asking", "on", "muted", "failed"] as const).map((microphone) => ({ microphone })),
    ...REASONS.map((microphoneReason) => ({ microphone: "failed" as const, microphoneReason })),
    { silentMicrophone: { cause: "silent", device: null, hasOther: false } },
    { silentMicrophone: { cause: "silent", device: marked("Headset"), hasOther: true } },
    { silentMicrophone: { cause: "system_muted", device: null, hasOther: false } },
    { silentMicrophone: { cause: "system_muted", device: marked("Headset"), hasOther: true } },
    { isPaused: true },
    { isSuppressed: true },
    { isCapturing: false, isMicrophoneWanted: true, microphone: "off" },
    { turnDetection: "push_to_talk" },
    { turnDetection: "push_to_talk", isHeld: true },
  ],
  "the sound": [
    { isSpeaking: true },
    { isSpeaking: true, isSoundWaiting: true },
    { isSoundWaiting: true },
    { isSpeaking: true, soundingReply: 3, replay: 3 },
    {
      soundingReply: 0,
      turns: new Map([...turns].slice(5, 6).map(([id, turn]) => [id, { ...turn, reply: 4 }])),
    },
    { soundingReply: 0, turns },
    { turns: new Map([...turns].slice(5, 6)) },
  ],
  losses: [
    {
      droppedByKernelS: 1,
      droppedByConnectionS: 1,
      lateS: 1,
      lostS: 1,
      underrunCount: 1,
      isCellRunning: true,
    },
    { underrunCount: 3 },
  ],
  "turns and calls": [{ turns, calls, turnCalls: new Map([["a0", calls]]) }],
};

const BUNDLES: Record<string, unknown> = {
  axis,
  doctor,
  inspector,
  settings,
  shortcuts,
  spectrogram,
  transcript,
};

function panelOf(): { store: Store<PanelState>; panel: HTMLElement; receive: (content: object) => void } {
  const store = new Store<PanelState>({ ...INITIAL_STATE, ...OPEN_STATE });
  const signals = { user: new WaveformHistory(), assistant: new WaveformHistory() };
  let receive: (content: object) => void = () => {};
  const drawers = {
    load: async (name: string) => ({ module: BUNDLES[name], style: "" }),
    connect: (_: string, onMessage: (content: unknown) => void) => {
      receive = onMessage;
      return () => {};
    },
  };
  const panel = new Panel(store, signals, { drawers } as unknown as PanelActions, scope).element;
  document.body.replaceChildren(panel);
  return { store, panel, receive: (content) => receive(content) };
}

describe.each(Object.entries(PANELS))(
  "the panel says nothing outside the catalogue about %s",
  (_, states) => {
    it.each(states.map((state, at) => [at, state] as const))("in its state %d", async (_, change) => {
      const { store, panel } = panelOf();
      store.update(change);
      await settle();
      expect(unmarked(panel)).toEqual([]);
      for (const button of panel.querySelectorAll<HTMLElement>(".glw-turn-more")) button.click();
      expect(unmarked(panel)).toEqual([]);
    });
  },
);

describe("the drawers", () => {
  it.each([
    ["settings", []],
    ["settings", [{ turnDetection: "push_to_talk" }]],
    [
      "settings",
      [true, false, null].map((isOn) => ({ applied: appliedOf(isOn, isOn ? marked("Headset") : null) })),
    ],
    ["spectrogram", []],
  ] as [string, Partial<PanelState>[]][])(
    "of the %s say nothing outside the catalogue in %o",
    async (name, changes) => {
      const { store, panel } = panelOf();
      const voices = [marked("nova")];
      const base = { voice: marked("nova"), voices, instructions: marked("Be brief."), speed: 1.25 };
      store.update({ settings: { ...base, threshold: 0.5, silence_duration_ms: 500 } });
      await open(panel, name);
      expect(
        panel.querySelector(`.glw-drawer:not([hidden]) .glw-${name === "settings" ? name : "spectrograms"}`),
      ).not.toBeNull();
      expect(unmarked(panel)).toEqual([]);
      for (const change of changes) {
        store.update({
          ...change,
          settings: { ...base, voice: "", threshold: null, silence_duration_ms: null },
        });
        expect(unmarked(panel)).toEqual([]);
      }
    },
  );

  it.each(["doctor", "shortcuts"])("of the %s says nothing outside the catalogue", async (name) => {
    const { panel, receive } = panelOf();
    await open(panel, name);
    const drawer = panel.querySelector(".glw-drawer:not([hidden])")!;
    expect(drawer.querySelectorAll("*").length).toBeGreaterThan(8);
    const checks = [{ name: marked("key"), result: "ok", found: marked("found"), cure: marked("cure") }];
    if (name === "doctor") receive({ type: "checks", run: 1, checks, is_done: true });
    expect(unmarked(panel)).toEqual([]);
  });

  it("of the messages says nothing outside the catalogue", async () => {
    const { panel, receive } = panelOf();
    await open(panel, "inspector");
    expect(unmarked(panel)).toEqual([]);
    const frame = { time_s: 61.5, type: marked("session.created"), size: 1500 };
    const frames = [
      { ...frame, index: 0, direction: "sent" },
      { ...frame, index: 1, direction: "received" },
    ];
    for (const [listed, dropped_count] of [
      [[], 0],
      [frames, 1],
      [[], 2],
    ] as const) {
      receive({ type: "frames", frames: listed, dropped_count });
      expect(unmarked(panel)).toEqual([]);
    }
    panel.querySelector<HTMLElement>(".glw-frame")!.click();
    receive({ type: "frame", index: 0, text: marked("{}") });
    const filter = panel.querySelector<HTMLInputElement>(".glw-inspector-filter")!;
    filter.value = "nothing has this type";
    filter.dispatchEvent(new Event("input"));
    expect(unmarked(panel)).toEqual([]);
  });

  it("that cannot be shown say so in the language of the page", async () => {
    const { panel } = panelOf();
    cleanups.push(() => Object.assign(BUNDLES, { settings }));
    BUNDLES.settings = {
      createDrawer: () => {
        throw new Error(text("not_built"));
      },
    };
    await open(panel, "settings");
    expect(panel.querySelector(".glw-drawer-message")?.textContent).toContain("cannot be shown");
    expect(unmarked(panel)).toEqual([]);
  });

  async function open(panel: HTMLElement, name: string): Promise<void> {
    const at = ["settings", "inspector", "spectrogram", "doctor", "shortcuts"].indexOf(name);
    panel.querySelectorAll<HTMLElement>(".glw-drawer-button")[at]!.click();
    expect(unmarked(panel)).toEqual([]);
    await settle();
  }
});

function appliedOf(isOn: boolean | null, device: string | null) {
  return {
    echo_cancellation: isOn,
    noise_suppression: isOn,
    auto_gain: isOn,
    device,
    device_rate_hz: 48_000,
  };
}

it("what is noted is in the catalogue", () => {
  const state = { ...INITIAL_STATE, serverName: NAME };
  expect(withoutMarked(playbackFailedText(state, marked("no reason"), false)).trim()).toBe("");
});

describe("the explorer says nothing outside the catalogue", () => {
  const regions = [
    { track: 0, start_s: 0, stop_s: 9, kind: "turn", text: marked("Hi.") },
    { track: 0, start_s: 8, stop_s: 9, kind: "unheard", text: "" },
  ];

  it.each([
    { regions },
    { regions: [...regions, { ...regions[0], track: 1 }] },
    { roles: ["user"], regions },
    { roles: ["assistant"], regions },
    { is_whole: false, regions },
  ])("in %o", async (changes) => {
    const comm = new FakeComm();
    const sound = new SoundStore(comm, scope, () => Date.now());
    const { element } = new ExplorerView(sound, scope);
    document.body.replaceChildren(element);
    expect(unmarked(element)).toEqual([]);
    sound.open();
    comm.deliver(openedMessage(changes));
    expect(unmarked(element)).toEqual([]);
    comm.deliver({ type: "piece", piece: 0 });
    expect(unmarked(element)).toEqual([]);
    vi.advanceTimersByTime(6000);
    expect(unmarked(element)).toEqual([]);
  });
});

it.each(LANGUAGES)("the panel says that it is in %s, and follows the direction of the page", (language) => {
  useTexts(language, textsOf(language));
  const { panel } = panelOf();
  expect([panel.lang, panel.dir, currentLanguage()]).toEqual([language, "", language]);
  expect(panel.querySelector(".glw-start")?.textContent).toBe(textsOf(language).stop);
});
