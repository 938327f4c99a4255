// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../../src/scope";
import { Panel } from "../../src/view/panel";
import { INITIAL_STATE, type PanelActions, type PanelState, Store } from "../../src/view/state";
import { WaveformHistory } from "../../src/view/waveform-history";
import { callOf, turnOf } from "../fakes";

let store: Store<PanelState>;
let scope: Scope;
let actions: { [K in keyof PanelActions]: ReturnType<typeof vi.fn<PanelActions[K]>> };
let panel: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers();
  store = new Store<PanelState>({ ...INITIAL_STATE, kernel: "ok", isOwner: true, hasOwner: true });
  scope = new Scope();
  actions = {
    start: vi.fn(),
    stop: vi.fn(),
    switchMicrophoneOn: vi.fn(),
    toggleMute: vi.fn(),
    holdToTalk: vi.fn(),
    releaseToTalk: vi.fn(),
    interrupt: vi.fn(),
    sendText: vi.fn(),
    takeOver: vi.fn(),
    enableSound: vi.fn(),
    dismissNote: vi.fn(),
    answerTool: vi.fn(),
  };
  panel = new Panel(store, { user: new WaveformHistory(), assistant: new WaveformHistory() }, actions, scope)
    .element;
  document.body.replaceChildren(panel);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

const OPEN = { phase: "open", microphone: "on", isCapturing: true } as const;
const find = (selector: string) => panel.querySelector<HTMLElement>(selector)!;
const text = (selector: string) => find(selector).textContent;
const isShown = (selector: string) => !find(selector).hidden;
const turns = (...list: Parameters<typeof turnOf>[0][]) =>
  new Map(list.map((changes) => [changes?.id ?? "t1", turnOf(changes)]));

function press(selector: string, type: string, init: object = {}): void {
  const event = type.startsWith("key") ? new KeyboardEvent(type, init) : new PointerEvent(type, init);
  find(selector).dispatchEvent(event);
}

describe("Start and Stop", () => {
  it("is one button whose whole name is Start or Stop", () => {
    expect(text(".glw-start")).toBe("Start");
    find(".glw-start").click();
    store.update({ phase: "opening" });
    expect(text(".glw-start")).toBe("Stop");
    find(".glw-start").click();
    expect([actions.start.mock.calls.length, actions.stop.mock.calls.length]).toEqual([1, 1]);
  });

  it("has icons that are not read out", () => {
    for (const drawing of panel.querySelectorAll("svg"))
      expect(drawing.getAttribute("aria-hidden")).toBe("true");
  });
});

describe("the other buttons", () => {
  it("mute is there with the microphone and tells whether it is pressed", () => {
    expect(isShown(".glw-mute")).toBe(false);
    store.update(OPEN);
    find(".glw-mute").click();
    store.update({ microphone: "muted" });
    expect(find(".glw-mute").getAttribute("aria-pressed")).toBe("true");
    expect(actions.toggleMute).toHaveBeenCalledOnce();
  });

  it("a microphone that is off on an open line can be turned on", () => {
    store.update({ ...OPEN, microphone: "failed" });
    expect(isShown(".glw-microphone-on")).toBe(true);
    find(".glw-microphone-on").click();
    expect(actions.switchMicrophoneOn).toHaveBeenCalledOnce();
  });

  it("interrupt is there while Grok speaks", () => {
    store.update(OPEN);
    expect(isShown(".glw-interrupt")).toBe(false);
    store.update({ isSpeaking: true });
    find(".glw-interrupt").click();
    expect(actions.interrupt).toHaveBeenCalledOnce();
  });
});

describe("hold to talk", () => {
  beforeEach(() => store.update({ ...OPEN, turnDetection: "push_to_talk" }));

  it("is there only for push-to-talk with a microphone", () => {
    expect(isShown(".glw-hold")).toBe(true);
    store.update({ turnDetection: "server_vad" });
    expect(isShown(".glw-hold")).toBe(false);
  });

  it("is held by the pointer", () => {
    press(".glw-hold-button", "pointerdown", { button: 0 });
    press(".glw-hold-button", "pointerup", { button: 0 });
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it("is not held by another mouse button", () => {
    press(".glw-hold-button", "pointerdown", { button: 2 });
    expect(actions.holdToTalk).not.toHaveBeenCalled();
  });

  it.each([" ", "Enter"])("is held by the key “%s”, however often it repeats", (key) => {
    press(".glw-hold-button", "keydown", { key });
    press(".glw-hold-button", "keydown", { key, repeat: true });
    press(".glw-hold-button", "keyup", { key });
    press(".glw-hold-button", "keydown", { key: "a" });
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it("is pressed and pressed again by an assistive tool", () => {
    press(".glw-hold-button", "click", { detail: 0 });
    store.update({ isHeld: true });
    press(".glw-hold-button", "click", { detail: 0 });
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it("shows that it listens", () => {
    store.update({ isHeld: true });
    expect(find(".glw-hold-button").getAttribute("aria-pressed")).toBe("true");
  });
});

describe("the text box", () => {
  const box = () => find(".glw-composer-box") as HTMLTextAreaElement;

  function type(words: string): void {
    box().value = words;
    box().dispatchEvent(new Event("input"));
  }

  it("sends with Enter, also while the line is closed, and is empty again", () => {
    type("  What is a tensor?  ");
    press(".glw-composer-box", "keydown", { key: "Enter" });
    expect(actions.sendText).toHaveBeenCalledWith("What is a tensor?");
    expect(box().value).toBe("");
  });

  it("sends with its button", () => {
    type("Hello");
    find(".glw-composer").dispatchEvent(new Event("submit", { cancelable: true }));
    expect(actions.sendText).toHaveBeenCalledWith("Hello");
  });

  it("sends nothing while it is empty, at Shift+Enter, or while an input method chooses a word", () => {
    press(".glw-composer-box", "keydown", { key: "Enter" });
    type("Hello");
    press(".glw-composer-box", "keydown", { key: "Enter", shiftKey: true });
    press(".glw-composer-box", "keydown", { key: "Enter", isComposing: true });
    expect(actions.sendText).not.toHaveBeenCalled();
  });

  it("keeps its keys from the notebook around it", () => {
    const heard = vi.fn();
    document.body.addEventListener("keydown", heard);
    box().dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
    document.body.removeEventListener("keydown", heard);
    expect(heard).not.toHaveBeenCalled();
    expect(panel.dataset.lmSuppressShortcuts).toBe("true");
  });
});

describe("the transcript", () => {
  const words = () => [...panel.querySelectorAll(".glw-turn-words")].map((line) => line.textContent);

  it("follows the order of the talk, not that of arrival", () => {
    store.update({ turns: turns({ id: "b", order: 2, text: "two" }, { id: "a", order: 1, text: "one" }) });
    expect(words()).toEqual(["one", "two"]);
    const late = { id: "c", order: 1.5, text: "between" };
    store.update({ turns: new Map([...store.state.turns, ["c", turnOf(late)]]) });
    expect(words()).toEqual(["one", "between", "two"]);
  });

  it("grows in place, and shows what is not complete", () => {
    store.update({ turns: turns({ text: "Hel", is_complete: false }) });
    const line = find(".glw-turn");
    expect(line.classList).toContain("glw-turn-partial");
    expect(line.getAttribute("aria-busy")).toBe("true");
    store.update({ turns: turns({ text: "Hello." }) });
    expect(find(".glw-turn")).toBe(line);
    expect(line.classList).not.toContain("glw-turn-partial");
    expect(words()).toEqual(["Hello."]);
  });

  it("marks the seam where the line was opened again, and shows none elsewhere", () => {
    const seam = "The line broke, and was opened again.";
    store.update({ turns: turns({ id: "a" }, { id: "b", order: 1, seam }) });
    const seams = [...panel.querySelectorAll<HTMLElement>(".glw-seam")];
    expect(seams.map((line) => [line.textContent, line.hidden])).toEqual([
      ["", true],
      [seam, false],
    ]);
  });

  it("takes text for text, whatever it looks like", () => {
    const evil = '<img src=x onerror="alert(1)"><b>bold</b>';
    store.update({
      turns: turns({ text: evil }),
      notes: [{ key: 1, level: "info", text: evil, topic: "" }],
      banner: evil,
      voice: evil,
    });
    expect(panel.querySelector("img, b")).toBeNull();
    expect(words()).toEqual([evil]);
    expect(text(".glw-notice-text")).toBe(evil);
  });

  it("calls the speakers You and Grok, or Rehearsal", () => {
    store.update({ turns: turns({ id: "a", role: "user" }, { id: "b", order: 1 }) });
    const speakers = () => [...panel.querySelectorAll(".glw-turn-speaker")].map((name) => name.textContent);
    expect(speakers()).toEqual(["You", "Grok"]);
    store.update({ isRehearsal: true });
    expect(speakers()).toEqual(["You", "Rehearsal"]);
  });

  it("is read out politely", () => {
    expect(find(".glw-turns").getAttribute("aria-live")).toBe("polite");
  });

  it("stays at its end while the reader is there, and where the reader is otherwise", () => {
    const list = find(".glw-turns");
    Object.defineProperties(list, { scrollHeight: { value: 1000 }, clientHeight: { value: 300 } });
    store.update({ turns: turns({ id: "a" }) });
    expect(list.scrollTop).toBe(1000);
    list.scrollTop = 100;
    list.dispatchEvent(new Event("scroll"));
    store.update({ turns: turns({ id: "a" }, { id: "b", order: 1 }) });
    expect(list.scrollTop).toBe(100);
    expect(isShown(".glw-newest")).toBe(true);
    find(".glw-newest").click();
    expect(list.scrollTop).toBe(1000);
    expect(isShown(".glw-newest")).toBe(false);
  });

  it("forgets turns that a snapshot does not bring", () => {
    store.update({ turns: turns({ id: "a" }, { id: "b", order: 1 }) });
    store.update({ turns: turns({ id: "b", order: 1, text: "rest" }) });
    expect(words()).toEqual(["rest"]);
  });
});

describe("tools", () => {
  const words = () => [...panel.querySelectorAll(".glw-call-words")].map((line) => line.textContent);

  it("are not there while none is called", () => {
    expect(isShown(".glw-calls")).toBe(false);
  });

  it("are a quiet line each", () => {
    store.update({
      calls: [
        callOf({ call_id: "a", state: "done", duration_s: 0.34 }),
        callOf({ call_id: "b" }),
        callOf({ call_id: "c", state: "failed", error: "no paper" }),
        callOf({ call_id: "d", state: "denied" }),
      ],
    });
    expect(words()).toEqual([
      "weather ran for 0.3 s",
      "weather is running…",
      "weather failed: no paper",
      "weather was not called",
    ]);
    expect(isShown(".glw-call-question")).toBe(false);
  });

  it("ask for consent with name and arguments", () => {
    store.update({ calls: [callOf({ state: "waiting" })] });
    expect(words()).toEqual(["Grok would like to call weather"]);
    expect(text(".glw-call-arguments")).toBe('{\n  "city": "London"\n}');
    find(".glw-allow").click();
    find(".glw-deny").click();
    expect(actions.answerTool.mock.calls).toEqual([
      ["c1", true],
      ["c1", false],
    ]);
    expect([text(".glw-allow"), text(".glw-deny")]).toEqual(["Allow", "Don’t allow"]);
    store.update({ calls: [callOf()] });
    expect(isShown(".glw-call-question")).toBe(false);
  });

  it("take text for text, whatever it looks like", () => {
    const evil = '<img src=x onerror="alert(1)">';
    store.update({
      calls: [callOf({ state: "waiting", name: evil, arguments: evil, error: evil })],
    });
    expect(panel.querySelector("img")).toBeNull();
    expect(text(".glw-call-arguments")).toBe(evil);
  });

  it("keep their place in the page while they change", () => {
    store.update({ calls: [callOf({ state: "waiting" })] });
    const line = find(".glw-call");
    store.update({ calls: [callOf({ call_id: "z", state: "done" }), callOf()] });
    expect(panel.querySelectorAll(".glw-call")[1]).toBe(line);
    store.update({ calls: [] });
    expect(panel.querySelector(".glw-call")).toBeNull();
  });
});

describe("notices", () => {
  it("a note can be dismissed", () => {
    store.update({ notes: [{ key: 7, level: "error", text: "The key was refused.", topic: "" }] });
    find(".glw-notice-dismiss").click();
    expect(actions.dismissNote).toHaveBeenCalledWith(7);
    store.update({ notes: [] });
    expect(panel.querySelector(".glw-notice")).toBeNull();
  });

  it("another page's talk can be taken over", () => {
    store.update({ ...OPEN, isOwner: false });
    find(".glw-notice-action").click();
    expect(actions.takeOver).toHaveBeenCalledOnce();
  });

  it("sound that waits can be enabled", () => {
    store.update({ isSoundWaiting: true });
    find(".glw-notice-action").click();
    expect(actions.enableSound).toHaveBeenCalledOnce();
  });

  it("a rehearsal is never passed off as Grok", () => {
    expect(isShown(".glw-banner")).toBe(false);
    store.update({ isRehearsal: true });
    expect(text(".glw-banner")).toContain("rehearsal");
    expect(text(".glw-name")).toBe("Rehearsal");
    store.update({ banner: "Rehearsal by parrot." });
    expect(text(".glw-banner")).toBe("Rehearsal by parrot.");
  });

  it("what was lost stands below", () => {
    store.update({ droppedByKernelS: 1.2 });
    expect(text(".glw-losses")).toContain("1.2 s of your speech");
  });
});

it("puts no id into the page, so that it may be there twice", () => {
  store.update({ ...OPEN, turns: turns({}) });
  expect(panel.querySelectorAll("[id]")).toHaveLength(0);
});

it("prefixes every class", () => {
  store.update({ ...OPEN, turns: turns({}), notes: [{ key: 1, level: "info", text: "Hi", topic: "" }] });
  for (const part of panel.querySelectorAll("[class]")) {
    for (const name of (part.getAttribute("class") ?? "").split(" ")) expect(name).toMatch(/^glw-/);
  }
});

it("shows nothing any more after its scope has ended", () => {
  scope.dispose();
  store.update({ phase: "open" });
  expect(text(".glw-start")).toBe("Start");
});
