// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../../src/scope";
import { Panel } from "../../src/view/panel";
import { INITIAL_STATE, type PanelActions, type PanelState, Store } from "../../src/view/state";
import * as extras from "../../src/view/transcript-extras";
import { WaveformHistory } from "../../src/view/waveform-history";
import { callOf, turnOf } from "../fakes";

let store: Store<PanelState>;
let scope: Scope;
let actions: {
  [K in Exclude<keyof PanelActions, "drawers">]: ReturnType<typeof vi.fn<PanelActions[K]>>;
} & Pick<PanelActions, "drawers">;
let panel: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers();
  store = new Store<PanelState>({
    ...INITIAL_STATE,
    kernel: "ok",
    serverName: "Grok",
    isOwner: true,
    hasOwner: true,
  });
  scope = new Scope();
  actions = {
    start: vi.fn(),
    stop: vi.fn(),
    switchMicrophoneOn: vi.fn(),
    useNextMicrophone: vi.fn(),
    toggleMute: vi.fn(),
    setMuted: vi.fn(),
    setHalfDuplex: vi.fn(),
    setVolume: vi.fn(),
    holdToTalk: vi.fn(),
    releaseToTalk: vi.fn(),
    discardPress: vi.fn(),
    interrupt: vi.fn(),
    sendText: vi.fn(),
    takeOver: vi.fn(),
    enableSound: vi.fn(),
    playUnplayed: vi.fn(),
    skipToNewest: vi.fn(),
    dismissNote: vi.fn(),
    answerTool: vi.fn(),
    changeSettings: vi.fn(),
    followPreferences: vi.fn(),
    sendFile: vi.fn(),
    drawers: { load: vi.fn(() => new Promise<never>(() => {})), connect: vi.fn() },
    requestSound: vi.fn(),
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

/** The further bundle with the tool calls has been loaded. */
async function loadExtras(): Promise<void> {
  vi.mocked(actions.drawers.load).mockResolvedValue({ module: extras, style: "" });
  store.update({ calls: [callOf()] });
  await vi.waitFor(() => expect(panel.querySelector(".glw-call")).not.toBeNull());
}

it("a state that looks the same changes nothing of the page", () => {
  store.update(OPEN);
  const observer = new MutationObserver(() => {});
  observer.observe(panel, { subtree: true, attributes: true, childList: true, characterData: true });
  store.update({ ...OPEN });
  // happy-dom reports a class that is toggled to what it is; browsers do not (DOM, DOMTokenList.toggle).
  const changed = observer.takeRecords().map(({ attributeName }) => attributeName);
  expect(changed.filter((name) => name !== "class")).toEqual([]);
  store.update({ microphone: "muted" });
  expect(observer.takeRecords().length).toBeGreaterThan(0);
});

describe("Start and Stop", () => {
  it("are one button whose accessible name is Start or Stop", () => {
    expect(text(".glw-start")).toBe("Start");
    find(".glw-start").click();
    store.update({ phase: "opening" });
    expect(text(".glw-start")).toBe("Stop");
    find(".glw-start").click();
    expect([actions.start.mock.calls.length, actions.stop.mock.calls.length]).toEqual([1, 1]);
  });

  it("have icons that are hidden from screen readers", () => {
    for (const drawing of panel.querySelectorAll("svg"))
      expect(drawing.getAttribute("aria-hidden")).toBe("true");
  });
});

describe("the other buttons", () => {
  it("mute is shown with the microphone and exposes its pressed state", () => {
    expect(isShown(".glw-mute")).toBe(false);
    store.update(OPEN);
    find(".glw-mute").click();
    store.update({ microphone: "muted" });
    expect(find(".glw-mute").getAttribute("aria-pressed")).toBe("true");
    expect(actions.toggleMute).toHaveBeenCalledOnce();
  });

  it("a microphone that is off can be turned on while the connection is open", () => {
    store.update({ ...OPEN, microphone: "failed" });
    expect(isShown(".glw-microphone-on")).toBe(true);
    find(".glw-microphone-on").click();
    expect(actions.switchMicrophoneOn).toHaveBeenCalledOnce();
  });

  it("interrupt is shown while Grok speaks", () => {
    store.update(OPEN);
    expect(isShown(".glw-interrupt")).toBe(false);
    store.update({ isSpeaking: true });
    find(".glw-interrupt").click();
    expect(actions.interrupt).toHaveBeenCalledOnce();
  });
});

describe("hold to talk", () => {
  beforeEach(() => store.update({ ...OPEN, turnDetection: "push_to_talk" }));

  it("is shown only for push-to-talk with a microphone", () => {
    expect(isShown(".glw-hold")).toBe(true);
    store.update({ turnDetection: "server_vad" });
    expect(isShown(".glw-hold")).toBe(false);
  });

  it("responds to the pointer", () => {
    press(".glw-hold-button", "pointerdown", { button: 0 });
    press(".glw-hold-button", "pointerup", { button: 0 });
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it("ignores other mouse buttons", () => {
    press(".glw-hold-button", "pointerdown", { button: 2 });
    expect(actions.holdToTalk).not.toHaveBeenCalled();
  });

  it.each([" ", "Enter"])("responds to the key “%s” once, however often it repeats", (key) => {
    press(".glw-hold-button", "keydown", { key });
    press(".glw-hold-button", "keydown", { key, repeat: true });
    press(".glw-hold-button", "keyup", { key });
    press(".glw-hold-button", "keydown", { key: "a" });
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it("is toggled by clicks of an assistive tool", () => {
    press(".glw-hold-button", "click", { detail: 0 });
    store.update({ isHeld: true });
    press(".glw-hold-button", "click", { detail: 0 });
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it.each([".glw-panel", ".glw-turns"])("is held by Space with the focus on %s", (place) => {
    const target = place === ".glw-panel" ? panel : find(place);
    const space = (type: string) =>
      target.dispatchEvent(new KeyboardEvent(type, { key: " ", bubbles: true, cancelable: true }));
    expect(space("keydown")).toBe(false);
    space("keyup");
    expect([actions.holdToTalk.mock.calls.length, actions.releaseToTalk.mock.calls.length]).toEqual([1, 1]);
  });

  it("leaves Space to the other controls, and to the page without push-to-talk", () => {
    press(".glw-composer-box", "keydown", { key: " ", bubbles: true });
    press(".glw-start", "keydown", { key: " ", bubbles: true });
    store.update({ turnDetection: "server_vad" });
    panel.dispatchEvent(new KeyboardEvent("keydown", { key: " " }));
    expect(actions.holdToTalk).not.toHaveBeenCalled();
    expect(panel.tabIndex).toBe(-1);
  });

  it("ends when the focus leaves the panel", () => {
    panel.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
    expect(actions.releaseToTalk).toHaveBeenCalledOnce();
  });

  it("discards what was said by Escape, while it is held", () => {
    const pressEscape = () => panel.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    pressEscape();
    expect(actions.discardPress).not.toHaveBeenCalled();
    store.update({ isHeld: true });
    pressEscape();
    expect(actions.discardPress).toHaveBeenCalledOnce();
  });

  it("exposes its pressed state", () => {
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

  const send = () => (find(".glw-send") as HTMLButtonElement).disabled;
  const answer = (isSent: boolean) => actions.sendText.mock.lastCall![1](isSent);

  it("sends on Enter, also while the connection is closed, and is cleared when the text was sent", () => {
    type("  What is a tensor?  ");
    press(".glw-composer-box", "keydown", { key: "Enter" });
    expect(actions.sendText.mock.lastCall?.[0]).toBe("What is a tensor?");
    expect([box().value, box().readOnly, send()]).toEqual(["  What is a tensor?  ", true, true]);
    answer(true);
    expect([box().value, box().readOnly]).toEqual(["", false]);
  });

  it("keeps a text that could not be sent, and sends it again", () => {
    type("Hello");
    press(".glw-composer-box", "keydown", { key: "Enter" });
    press(".glw-composer-box", "keydown", { key: "Enter" });
    answer(false);
    expect([box().value, box().readOnly, send()]).toEqual(["Hello", false, false]);
    press(".glw-composer-box", "keydown", { key: "Enter" });
    expect(actions.sendText).toHaveBeenCalledTimes(2);
  });

  it("a late answer clears the text, but nothing that was typed since", () => {
    type("Hello");
    press(".glw-composer-box", "keydown", { key: "Enter" });
    answer(false);
    type("Something else");
    answer(true);
    expect(box().value).toBe("Something else");
  });

  it.each(["waiting", "unanswered", "gone"] as const)(
    "keeps its text, and no control can be used, while the kernel is %s",
    async (kernel) => {
      await loadExtras();
      type("Hello");
      store.update({ kernel, calls: [callOf({ state: "waiting" })] });
      press(".glw-composer-box", "keydown", { key: "Enter" });
      expect(actions.sendText).not.toHaveBeenCalled();
      expect(box().value).toBe("Hello");
      const buttons = [
        ...panel.querySelectorAll<HTMLButtonElement>(".glw-send, .glw-start, .glw-call button"),
      ];
      expect(buttons.map(({ disabled }) => disabled)).toEqual([true, true, true, true]);
      store.update({ kernel: "ok" });
      expect(buttons.map(({ disabled }) => disabled)).toEqual([false, false, false, false]);
    },
  );

  it("sends with its button", () => {
    type("Hello");
    find(".glw-composer").dispatchEvent(new Event("submit", { cancelable: true }));
    expect(actions.sendText.mock.lastCall?.[0]).toBe("Hello");
  });

  it("sends nothing if it is empty, on Shift+Enter, or while an input method is composing", () => {
    press(".glw-composer-box", "keydown", { key: "Enter" });
    type("Hello");
    press(".glw-composer-box", "keydown", { key: "Enter", shiftKey: true });
    press(".glw-composer-box", "keydown", { key: "Enter", isComposing: true });
    expect(actions.sendText).not.toHaveBeenCalled();
  });

  it("does not pass its keys to the notebook", () => {
    const listener = vi.fn();
    document.body.addEventListener("keydown", listener);
    box().dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
    document.body.removeEventListener("keydown", listener);
    expect(listener).not.toHaveBeenCalled();
    expect(panel.dataset.lmSuppressShortcuts).toBe("true");
  });
});

describe("the transcript", () => {
  it("marks the reply that sounds", () => {
    const sounding = () =>
      [...panel.querySelectorAll(".glw-turn")].map((turn) => turn.getAttribute("aria-current"));
    store.update({
      turns: turns({ id: 1, reply: null }, { id: 2, order: 1, reply: 1 }, { id: 3, order: 2, reply: 2 }),
      soundingReply: 1,
    });
    expect(sounding()).toEqual(["false", "true", "false"]);
    store.update({ soundingReply: 2 });
    expect(sounding()).toEqual(["false", "false", "true"]);
    store.update({ soundingReply: null });
    expect(sounding()).toEqual(["false", "false", "false"]);
  });

  const texts = () => [...panel.querySelectorAll(".glw-turn-words")].map((item) => item.textContent);

  it("is in the order of the talk, not of arrival", () => {
    store.update({ turns: turns({ id: "b", order: 2, text: "two" }, { id: "a", order: 1, text: "one" }) });
    expect(texts()).toEqual(["one", "two"]);
    const late = { id: "c", order: 1.5, text: "between" };
    store.update({ turns: new Map([...store.state.turns, ["c", turnOf(late)]]) });
    expect(texts()).toEqual(["one", "between", "two"]);
  });

  it("grows in place, and marks incomplete turns", () => {
    store.update({ turns: turns({ text: "Hel", is_complete: false }) });
    const item = find(".glw-turn");
    expect(item.classList).toContain("glw-turn-partial");
    store.update({ turns: turns({ text: "Hello." }) });
    expect(find(".glw-turn")).toBe(item);
    expect(item.classList).not.toContain("glw-turn-partial");
    expect(texts()).toEqual(["Hello."]);
  });

  it("marks the turn before which the connection was reopened", () => {
    const seam = "The connection broke, and was opened again.";
    store.update({ turns: turns({ id: "a" }, { id: "b", order: 1, seam }) });
    const seams = [...panel.querySelectorAll<HTMLElement>(".glw-seam")];
    expect(seams.map((item) => [item.textContent, item.hidden])).toEqual([
      ["", true],
      [seam, false],
    ]);
  });

  it("tells what the voice sounds like where the pointer rests on the title", () => {
    store.update({ voice: "nova", voiceHelp: "nova: bright, energetic." });
    expect(panel.querySelector<HTMLElement>(".glw-title")?.title).toBe("nova: bright, energetic.");
  });

  it("shows markup as text", () => {
    const evil = '<img src=x onerror="alert(1)"><b>bold</b>';
    store.update({
      turns: turns({ text: evil }),
      notes: [{ key: 1, level: "info", text: evil, topic: "" }],
      banner: evil,
      voice: evil,
    });
    expect(panel.querySelector("img, b")).toBeNull();
    expect(texts()).toEqual([evil]);
    expect(text(".glw-notice-text")).toBe(evil);
  });

  it("names the speakers You and as the kernel names the server", () => {
    store.update({ turns: turns({ id: "a", role: "user" }, { id: "b", order: 1 }) });
    const speakers = () => [...panel.querySelectorAll(".glw-turn-speaker")].map((name) => name.textContent);
    expect(speakers()).toEqual(["You", "Grok"]);
    for (const name of ["Rehearsal", "Replay", "127.0.0.1:8765"]) {
      store.update({ serverName: name });
      expect(speakers()).toEqual(["You", name]);
      const names = [...panel.querySelectorAll(".glw-name, .glw-voice-name")];
      expect(names.map(({ textContent }) => textContent)).toEqual([name, "You", name]);
      expect(panel.getAttribute("aria-label")).toBe(`Talk with ${name}`);
    }
  });

  it("is laid out once in a frame, however often it changes", () => {
    const list = panel.querySelector(".glw-turns")!;
    const height = vi.fn(() => 1000);
    Object.defineProperties(list, { scrollHeight: { get: height }, clientHeight: { value: 200 } });
    for (const text of ["one", "one two", "one two three"]) store.update({ turns: turns({ id: "a", text }) });
    expect(height).not.toHaveBeenCalled();
    vi.advanceTimersByTime(20);
    expect(height).toHaveBeenCalledOnce();
    expect(list.scrollTop).toBe(1000);
  });

  it("stays at its end when it grows and scrolls before the next frame, unless the reader scrolls up", () => {
    const list = panel.querySelector(".glw-turns")!;
    let scrollHeight = 1000;
    Object.defineProperties(list, {
      scrollHeight: { get: () => scrollHeight },
      clientHeight: { value: 200 },
    });
    store.update({ turns: turns({ id: "a" }) });
    vi.advanceTimersByTime(20);
    scrollHeight = 1100;
    store.update({ turns: turns({ id: "a", text: "longer" }) });
    list.dispatchEvent(new Event("scroll"));
    vi.advanceTimersByTime(20);
    expect(list.scrollTop).toBe(1100);
    store.update({ turns: turns({ id: "a", text: "longer still" }) });
    list.scrollTop = 300;
    list.dispatchEvent(new Event("scroll"));
    vi.advanceTimersByTime(20);
    expect(list.scrollTop).toBe(300);
  });

  it("scrolls to its end only if the reader is at the end", () => {
    const list = find(".glw-turns");
    Object.defineProperties(list, { scrollHeight: { value: 1000 }, clientHeight: { value: 300 } });
    store.update({ turns: turns({ id: "a" }) });
    vi.advanceTimersByTime(20);
    expect(list.scrollTop).toBe(1000);
    list.scrollTop = 100;
    list.dispatchEvent(new Event("scroll"));
    store.update({ turns: turns({ id: "a" }, { id: "b", order: 1 }) });
    vi.advanceTimersByTime(20);
    expect(list.scrollTop).toBe(100);
    expect(isShown(".glw-newest")).toBe(true);
    find(".glw-newest").click();
    expect(list.scrollTop).toBe(1000);
    expect(isShown(".glw-newest")).toBe(false);
  });

  it("removes turns that are not in a snapshot", () => {
    store.update({ turns: turns({ id: "a" }, { id: "b", order: 1 }) });
    store.update({ turns: turns({ id: "b", order: 1, text: "rest" }) });
    expect(texts()).toEqual(["rest"]);
  });
});

describe("the tool calls", () => {
  const texts = () => [...panel.querySelectorAll(".glw-call-words")].map((item) => item.textContent);

  it("are a live region that is there before the first of them", () => {
    const { hidden, role, childElementCount } = find(".glw-calls");
    expect({ hidden, role, childElementCount }).toEqual({
      hidden: false,
      role: "status",
      childElementCount: 0,
    });
  });

  it("are one line of text each", async () => {
    await loadExtras();
    store.update({
      calls: [
        callOf({ call_id: "a", state: "done", duration_s: 0.34 }),
        callOf({ call_id: "b" }),
        callOf({ call_id: "c", state: "failed", error: "no paper" }),
        callOf({ call_id: "d", state: "denied" }),
      ],
    });
    expect(texts()).toEqual([
      "weather ran for 0.3 s",
      "weather is running…",
      "weather failed: no paper",
      "weather was not called",
    ]);
    expect(isShown(".glw-call-question")).toBe(false);
  });

  it("ask for consent with name and arguments", async () => {
    await loadExtras();
    store.update({ calls: [callOf({ state: "waiting" })] });
    expect(texts()).toEqual(["Grok would like to call weather"]);
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

  it("show markup as text", async () => {
    await loadExtras();
    const evil = '<img src=x onerror="alert(1)">';
    store.update({
      calls: [callOf({ state: "waiting", name: evil, arguments: evil, error: evil })],
    });
    expect(panel.querySelector("img")).toBeNull();
    expect(text(".glw-call-arguments")).toBe(evil);
  });

  it("keep their elements while they change", async () => {
    await loadExtras();
    store.update({ calls: [callOf({ state: "waiting" })] });
    const item = find(".glw-call");
    store.update({ calls: [callOf({ call_id: "z", state: "done" }), callOf()] });
    expect(panel.querySelectorAll(".glw-call")[1]).toBe(item);
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

  it("current problems are above the notes, whichever came first", () => {
    const note = { key: 1, text: "Careful", level: "info", topic: "" } as const;
    store.update({ notes: [note] });
    store.update({ kernel: "gone" });
    const texts = [...panel.querySelectorAll(".glw-notice-text")].map(({ textContent }) => textContent);
    expect([texts.length, texts[1]]).toEqual([2, "Careful"]);
  });

  it("sound that waits can be enabled", () => {
    store.update({ isSoundWaiting: true });
    find(".glw-notice-action").click();
    expect(actions.enableSound).toHaveBeenCalledOnce();
  });

  it("what the kernel says of the server is shown", () => {
    expect(isShown(".glw-banner")).toBe(false);
    store.update({ banner: "Rehearsal by parrot." });
    expect(text(".glw-banner")).toBe("Rehearsal by parrot.");
  });

  it("losses are shown at the bottom", () => {
    store.update({ droppedByKernelS: 1.2 });
    expect(text(".glw-losses")).toContain("1.2 s of your speech");
  });
});

it("what the talk has used is shown at the bottom", () => {
  expect(isShown(".glw-usage")).toBe(false);
  store.update({ usedMinutes: 2.44, costDollars: 0.123 });
  expect(text(".glw-usage")).toBe("2.4 min used · about US$ 0.12");
  expect([...find(".glw-usage").querySelectorAll("bdi")]).toHaveLength(2);
  store.update({ costDollars: 0 });
  expect(text(".glw-usage")).toBe("2.4 min used");
});

it("the text box follows the direction of what is typed", () => {
  expect(find(".glw-composer-box").dir).toBe("auto");
});

it("uses no ids, so that the panel can be rendered twice", () => {
  store.update({ ...OPEN, turns: turns({}) });
  expect(panel.querySelectorAll("[id]")).toHaveLength(0);
});

it("prefixes every class", () => {
  store.update({ ...OPEN, turns: turns({}), notes: [{ key: 1, level: "info", text: "Hi", topic: "" }] });
  for (const part of panel.querySelectorAll("[class]")) {
    if (part.className === "") continue;
    for (const name of (part.getAttribute("class") ?? "").split(" ")) expect(name).toMatch(/^glw-/);
  }
});

it("does not change after its scope has ended", () => {
  scope.dispose();
  store.update({ phase: "open" });
  expect(text(".glw-start")).toBe("Start");
});

describe("a file that is dropped on the panel", () => {
  function drag(type: string, dataTransfer: object): boolean {
    const event = new Event(type, { bubbles: true, cancelable: true });
    return panel.dispatchEvent(Object.assign(event, { dataTransfer }));
  }

  it("is asked, and not uploaded by the page", () => {
    const file = { name: "a.wav" };
    expect(drag("dragover", { types: ["Files"] })).toBe(false);
    expect(panel.classList.contains("glw-is-drop")).toBe(true);
    expect(drag("drop", { types: ["Files"], files: [file] })).toBe(false);
    expect(actions.sendFile).toHaveBeenCalledExactlyOnceWith(file);
    expect(panel.classList.contains("glw-is-drop")).toBe(false);
  });

  it("is told from text and cells, which the page drags too", () => {
    expect(drag("dragover", { types: ["text/plain"] })).toBe(true);
    expect(drag("drop", { types: ["text/plain"], files: [] })).toBe(true);
    expect(actions.sendFile).not.toHaveBeenCalled();
  });
});

describe("what changes several times a second", () => {
  const words = () => panel.querySelector(".glw-turn-words")?.textContent;

  beforeEach(() => {
    store.update({ phase: "open", turns: turns({ text: "one", is_complete: false }) });
    vi.advanceTimersByTime(100);
  });

  it("is shown with the next picture of the waveforms, and at once with any other change", () => {
    store.update({ turns: turns({ text: "one two" }) });
    store.update({ turns: turns({ text: "one two three" }) });
    expect(words()).toBe("one");
    vi.advanceTimersByTime(50);
    expect(words()).toBe("one two three");
    vi.advanceTimersByTime(20);
    store.update({ turns: turns({ text: "four" }) });
    store.update({ isMuted: true });
    expect(words()).toBe("four");
  });

  it("is shown at once where no picture comes: in a page that is hidden, and without a connection", () => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    store.update({ turns: turns({ text: "hidden" }) });
    expect(words()).toBe("hidden");
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    store.update({ phase: "closed" });
    store.update({ turns: turns({ text: "closed" }) });
    expect(words()).toBe("closed");
  });
});

describe("a panel with many turns", () => {
  /** How many parts of the page change at each of these events of a talk with so many turns behind it. */
  function changesAmong(turnCount: number): number[] {
    const turns = Array.from({ length: turnCount }, (_, order) =>
      turnOf({ id: `t${order}`, order, role: order % 2 ? "assistant" : "user", reply: order }),
    );
    store.update({ phase: "open", turns: new Map(turns.map((turn) => [turn.id, turn])) });
    vi.advanceTimersByTime(60);
    const observer = new MutationObserver(() => {});
    observer.observe(panel, { subtree: true, childList: true, attributes: true, characterData: true });
    const changes = (action: () => void): number => {
      action();
      // Until the picture with which the change is shown.
      vi.advanceTimersByTime(60);
      return observer.takeRecords().filter(({ attributeName }) => attributeName !== "aria-valuenow").length;
    };
    const put = (fields: object) =>
      store.update({ turns: new Map(store.state.turns).set("new", turnOf({ id: "new", ...fields })) });
    const added = { order: turnCount, reply: turnCount, is_complete: false };
    const counts = [
      changes(() => put({ ...added, text: "" })),
      changes(() => put({ ...added, text: "Hello" })),
      changes(() => put({ ...added, text: "Hello, you" })),
      changes(() => store.update({ isSpeaking: true, soundingReply: turnCount, playedS: 0.1 })),
      changes(() => store.update({ playedS: 0.2 })),
      changes(() => put({ ...added, is_complete: true, text: "Hello, you." })),
      changes(() => store.update({ soundingReply: null, isSpeaking: false })),
    ];
    observer.disconnect();
    return counts;
  }

  it("changes as little as one with few, whatever happens", () => {
    const many = changesAmong(1000);
    store.update({ turns: new Map() });
    const few = changesAmong(150);
    expect(many).toEqual(few);
    expect(Math.max(...many)).toBeLessThan(40);
    expect(panel.querySelectorAll(".glw-turn")).toHaveLength(151);
  }, 60_000);
});
