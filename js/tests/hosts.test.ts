// @vitest-environment happy-dom
/** The conditions of hosts that these tests cannot run: VS Code, Colab, marimo, Shiny. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sectionsOf } from "./catalogue";
import { FakeNode, installAudio, type Sent, settle, talkState } from "./fakes";

type Hook = (props: object) => (() => void) | undefined;
type Listener = (content: unknown, buffers?: unknown[]) => void;

const PCM = Int16Array.of(0, 1, -1, 32767, -32768, 258);
const BYTES = new Uint8Array(PCM.buffer);

/** The same bytes within a larger buffer, where an Int16Array cannot begin. */
function atOddOffset(): ArrayBuffer {
  const larger = new Uint8Array(BYTES.length + 4);
  larger.set(BYTES, 3);
  return larger.buffer;
}

const FORMS: [string, unknown][] = [
  ["a DataView of its own, as in JupyterLab and marimo", new DataView(BYTES.slice().buffer)],
  ["a DataView at an odd offset", new DataView(atOddOffset(), 3, BYTES.length)],
  ["a Uint8Array, as in Colab", BYTES.slice()],
  ["a Uint8Array at an odd offset", new Uint8Array(atOddOffset(), 3, BYTES.length)],
  ["an ArrayBuffer", BYTES.slice().buffer],
  ["base64, as where messages are JSON", btoa(String.fromCharCode(...BYTES))],
];

let widget: { initialize: Hook; render: Hook };
let sent: Sent[];
let listeners: Listener[];
let panel: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers();
  installAudio();
  vi.resetModules();
  widget = (await import("../src/widget")).default as unknown as typeof widget;
  sent = [];
  listeners = [];
});

afterEach(() => {
  Reflect.deleteProperty(document, "featurePolicy");
  vi.useRealTimers();
});

/** A model of a host that shows neither its widget manager nor its kernel, and passes no signal. */
function show(): void {
  const model = {
    get: () => ({ en: sectionsOf("en").panel }),
    send: (content: object) => sent.push(content as Sent),
    on: (name: string, listener: Listener) => name === "msg:custom" && listeners.push(listener),
    off: () => {},
  };
  panel = document.createElement("div");
  widget.initialize({ model });
  widget.render({ model, el: panel });
}

function deliver(content: object, ...buffers: unknown[]): void {
  for (const listener of listeners) listener(content, buffers);
}

function open(phase: "open" | "closed" = "open"): void {
  const { page } = sent[0]!;
  deliver({ type: "snapshot", page, ...talkState({ owner: page, phase }), notes: [], turns: [] });
}

const button = (name: string) => panel.querySelector<HTMLButtonElement>(`.glw-${name}`)!;
const ofType = (type: string) => sent.filter((message) => message.type === type);

describe("sound that a host passes as", () => {
  it.each(FORMS)("%s is played sample by sample", async (_, buffer) => {
    show();
    open();
    const header = { session: 1, epoch: 0, seq: 0, reply: 1, sample_offset: 0, is_last: false };
    deliver({ type: "audio", ...header }, buffer);
    await settle();
    const chunk = FakeNode.newest("grok-live-playback").port.posted.find(({ type }) => type === "chunk");
    expect(chunk?.pcm).toEqual(PCM);
  });
});

describe("a host whose comm is late", () => {
  it("loses the first hello and is told another one, until a kernel answers", () => {
    show();
    vi.advanceTimersByTime(3000);
    expect(panel.querySelector(".glw-status")?.textContent).toBe("No kernel");
    expect(ofType("hello")).toHaveLength(2);
    open("closed");
    expect(panel.querySelector(".glw-status")?.textContent).toContain("Press Start");
    expect(button("start").disabled).toBe(false);
    vi.advanceTimersByTime(600_000);
    expect(ofType("hello")).toHaveLength(2);
  });

  it("is told a few times in ten minutes, if a cell runs that long", () => {
    show();
    vi.advanceTimersByTime(600_000);
    expect(ofType("hello")).toHaveLength(8);
  });
});

describe("a host that keeps the microphone from outputs", () => {
  beforeEach(() => {
    const featurePolicy = { allowsFeature: (name: string) => name !== "microphone" };
    Object.defineProperty(document, "featurePolicy", { value: featurePolicy, configurable: true });
    show();
    open("closed");
    button("start").click();
    open();
  });

  it("is named as the reason, and nothing is asked of the browser", () => {
    expect(ofType("hello")[0]).toMatchObject({ microphone: "policy" });
    expect(ofType("start")).toMatchObject([{ with_microphone: false }]);
    expect(panel.querySelector(".glw-notice-text")?.textContent).toContain("may not use the microphone");
    expect(navigator.mediaDevices.getUserMedia).not.toHaveBeenCalled();
  });

  it("does not prevent typing and listening", async () => {
    const box = panel.querySelector("textarea")!;
    box.value = "Is it so?";
    box.dispatchEvent(new Event("input"));
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    expect(ofType("text")).toMatchObject([{ text: "Is it so?" }]);
    const header = { session: 1, epoch: 0, seq: 0, reply: 1, sample_offset: 0, is_last: true };
    deliver({ type: "audio", ...header }, FORMS[0]![1]);
    await settle();
    expect(FakeNode.newest("grok-live-playback").isConnected).toBe(true);
  });
});
