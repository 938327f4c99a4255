// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Bundle } from "../../src/drawer-comm";
import type { Turn } from "../../src/messages";
import { Scope } from "../../src/scope";
import { withCall } from "../../src/view/reducers";
import { INITIAL_STATE, type PanelActions, type PanelParts, type PanelState } from "../../src/view/state";
import { Transcript } from "../../src/view/transcript";
import * as extras from "../../src/view/transcript-extras";
import { callOf, settle, turnOf } from "../fakes";

let scope: Scope;
let state: PanelState;
let transcript: Transcript;
const panel = {
  drawers: { showMessages: vi.fn() },
  transcript: { showLine: vi.fn() },
  waveforms: { showPlace: vi.fn() },
};
const actions = {
  requestSound: vi.fn(),
  drawers: { load: vi.fn(async (_name: string): Promise<Bundle> => ({ module: extras, style: "" })) },
};

beforeEach(async () => {
  vi.clearAllMocks();
  scope = new Scope();
  state = { ...INITIAL_STATE, kernel: "ok", serverName: "Grok" };
  transcript = new Transcript(actions as unknown as PanelActions, scope, panel);
  document.body.replaceChildren(transcript.element);
  put({});
  await settle();
  show({ turns: new Map() });
});

afterEach(() => scope.dispose());

function show(changes: Partial<PanelState> = {}): void {
  state = { ...state, ...changes };
  transcript.show(state);
}

function put(...list: Partial<Turn>[]): void {
  const turns = new Map(state.turns);
  for (const changes of list) turns.set(changes.id ?? "t1", turnOf(changes));
  show({ turns });
}

const all = (selector: string) => [...transcript.element.querySelectorAll<HTMLElement>(selector)];
const find = (selector: string) => all(selector)[0]!;
const ahead = () => all(".glw-ahead").map(({ textContent }) => textContent);

describe("the words of a reply", () => {
  const REPLY = { text: "one **two three** four", duration_s: 4, reply: 1 };

  it("are dimmed until they are spoken, and change one by one", () => {
    put({ ...REPLY, word_times: [0, 0, 4, 1, 10, 2, 18, 3] });
    expect(ahead()).toEqual(["one", "two", "three", "four"]);
    const words = all("span.glw-ahead");
    const changes = vi.fn();
    const observer = new MutationObserver((records) => changes(records.length));
    observer.observe(find(".glw-turn-words"), { subtree: true, childList: true, attributes: true });
    show({ soundingReply: 1, playedS: 1.5 });
    expect(observer.takeRecords().map(({ type }) => type)).toEqual(["attributes", "attributes"]);
    expect(ahead()).toEqual(["three", "four"]);
    show({ playedS: 2.5 });
    expect(observer.takeRecords()).toHaveLength(1);
    put({ ...REPLY, word_times: [0, 0, 4, 1, 10, 2, 18, 3], heard_s: 2.4 });
    expect(observer.takeRecords()).toEqual([]);
    expect(words.every((word) => word.isConnected)).toBe(true);
    expect(find(".glw-turn-words").title).toBe("");
  });

  it("are added as a reply grows, while those before them stay with the reader's selection", () => {
    const WORD_TIMES = [0, 0, 4, 1, 10, 2, 18, 3];
    put({
      text: "one **two three** fo",
      word_times: WORD_TIMES,
      duration_s: 4,
      reply: 1,
      is_complete: false,
    });
    show({ soundingReply: 1, playedS: 2.5 });
    const words = all(".glw-turn-words span");
    const [first] = words;
    getSelection()!.selectAllChildren(first!);
    const observer = new MutationObserver(() => {});
    observer.observe(find(".glw-turn-words"), { subtree: true, childList: true, characterData: true });
    put({ ...REPLY, text: `${REPLY.text} five *six`, word_times: WORD_TIMES, is_complete: false });
    const records = observer.takeRecords();
    expect(records.flatMap(({ removedNodes }) => [...removedNodes])).toEqual([]);
    const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
    expect(added.map(({ textContent }) => textContent)).toEqual([" ", "five", " ", "*six"]);
    expect(all(".glw-turn-words span").slice(0, 4)).toEqual(words);
    expect(words.map(({ textContent }) => textContent)).toEqual(["one", "two", "three", "four"]);
    expect(getSelection()!.toString()).toBe("one");
    expect(ahead()).toEqual(["four", "five", "*six"]);
  });

  it("keep what has been spoken where the Markdown around them is completed", () => {
    const WORD_TIMES = [0, 0, 2, 1, 8, 2, 14, 3];
    const growing = { word_times: WORD_TIMES, duration_s: 4, reply: 1, is_complete: false };
    put({ ...growing, text: "a **two three fo" });
    show({ soundingReply: 1, playedS: 1.5 });
    expect(ahead()).toEqual(["three", "fo"]);
    put({ ...growing, text: "a **two three four** five" });
    expect(find(".glw-turn-words p").innerHTML.replaceAll("glw-", "")).toBe(
      '<span class="spoken">a</span> <b><span class="spoken">two</span> <span class="ahead">three</span> ' +
        '<span class="ahead">four</span></b> <span class="ahead">five</span>',
    );
    put({ ...growing, text: "b" });
    expect(find(".glw-turn-words").textContent).toBe("b");
    show({ playedS: 0 });
    expect(ahead()).toEqual(["b"]);
  });

  it("are estimated in proportion to the sound without times, which the tooltip says", () => {
    put({ ...REPLY, heard_s: 1.7 });
    expect(ahead()).toEqual(["three", "four"]);
    expect(find(".glw-turn-words").title).toContain("estimated");
  });

  it("are plain text once all of it was heard", () => {
    put({ ...REPLY, heard_s: 1.7 });
    show({ soundingReply: 1, playedS: 4 });
    expect(all(".glw-turn-words span")).toEqual([]);
    expect(find(".glw-turn-words").title).toBe("");
    show({ soundingReply: null });
    expect(all(".glw-turn-words span")).toEqual([]);
  });

  it("are found from where this reply begins in the turn", () => {
    put({ ...REPLY, heard_s: 1, reply_start_s: 1 });
    show({ soundingReply: 1, playedS: 0.7 });
    expect(ahead()).toEqual(["three", "four"]);
  });

  it("that were not heard of an interrupted reply are named for screen readers, at their place", () => {
    put({ ...REPLY, heard_s: 1.7, was_interrupted: true });
    show({ soundingReply: 1, playedS: 3.9 });
    expect(find(".glw-turn-words").textContent).toBe("one two (not heard:) three four");
    expect(ahead()).toEqual(["three", "four"]);
    put({ ...REPLY, heard_s: 4, was_interrupted: true });
    expect(find(".glw-turn-words").textContent).toBe("one two three four");
  });

  it("are not marked by a replay", () => {
    put({ ...REPLY, heard_s: 1.7, was_interrupted: true });
    show({ soundingReply: 7, replay: 7, replayedTurn: "t1", playedS: 0.1 });
    expect(ahead()).toEqual(["three", "four"]);
    expect(find(".glw-turn").getAttribute("aria-current")).toBe("true");
  });
});

describe("the further bundle", () => {
  const text = "**bold**";

  beforeEach(() => {
    transcript = new Transcript(actions as unknown as PanelActions, scope, panel);
    document.body.replaceChildren(transcript.element);
    actions.drawers.load.mockClear();
  });

  it("is loaded once, with the first turn; before it is there the text is plain and has no menu", async () => {
    show({ turns: new Map() });
    expect(actions.drawers.load).not.toHaveBeenCalled();
    put({ text, heard_s: 9 });
    show(withCall(state, callOf({ turn_id: "t1", state: "done" })));
    expect([find(".glw-turn-words").textContent, find(".glw-turn-more").hidden]).toEqual([text, true]);
    await settle();
    expect([find(".glw-turn-words").textContent, find(".glw-turn-more").hidden]).toEqual(["bold", false]);
    expect(all(".glw-chip")).toHaveLength(1);
    find(".glw-turn-more").click();
    expect((find(".glw-menu-item") as HTMLButtonElement).disabled).toBe(false);
    put({ id: "t2", order: 1, text, heard_s: 9 });
    expect(all("b")).toHaveLength(2);
    expect(actions.drawers.load.mock.calls).toEqual([["transcript"]]);
  });

  it("may be missing", async () => {
    actions.drawers.load.mockRejectedValueOnce(new Error("not allowed"));
    put({ text, heard_s: 9 });
    await settle();
    put({ text, heard_s: 9, latency_ms: 600 });
    expect([find(".glw-turn-words").textContent, find(".glw-turn-more").hidden]).toEqual([text, true]);
  });
});

describe("the text of a turn", () => {
  it("shows the Markdown of a reply with elements, and links that open elsewhere", () => {
    put({ text: "**a** `b` [c](https://d.e) [f](javascript:g)\n- <i>h</i>", heard_s: 9 });
    const words = find(".glw-turn-words");
    expect(words.textContent).toBe("a b c [f](javascript:g)<i>h</i>");
    const [link, ...others] = words.querySelectorAll("a");
    expect(others).toEqual([]);
    expect([link!.href, link!.target, link!.rel]).toEqual(["https://d.e/", "_blank", "noopener noreferrer"]);
    expect([...words.querySelectorAll("b, code, ul > li, i")].map(({ tagName }) => tagName)).toEqual([
      "B",
      "CODE",
      "LI",
    ]);
  });

  it("of the user, and a long one, is plain", () => {
    put(
      { role: "user", text: "**a**\n- b" },
      { id: "t2", order: 1, text: "**a** ".repeat(5000), heard_s: 9 },
    );
    expect(all("b, li li")).toEqual([]);
    expect(find(".glw-turn-words").textContent).toBe("**a**\n- b");
  });

  it("has the direction of its letters, block by block; figures and names are isolated", () => {
    put({ text: "אבג\n\nabc\n\n1. א\n\n```\nx\n```", heard_s: 9, latency_ms: 600 });
    expect(all(".glw-turn-words > *").map(({ tagName, dir }) => [tagName, dir])).toEqual([
      ["P", "auto"],
      ["P", "auto"],
      ["OL", "auto"],
      ["PRE", "ltr"],
    ]);
    expect(find(".glw-turn-words").dir).toBe("auto");
    expect(all("bdi").map(({ textContent }) => textContent)).toEqual(["Grok", "after 0.6 s"]);
  });
});

describe("the calls of a turn", () => {
  const place = (changes: object = {}) =>
    show(
      withCall(state, callOf({ turn_id: "t1", state: "done", duration_s: 0.34, output: "18", ...changes })),
    );

  it("are chips that open to arguments and result, and stay", () => {
    put({ id: "t1" }, { id: "t2", order: 1 });
    expect(find(".glw-chips").hidden).toBe(true);
    place();
    place({ call_id: "c2", state: "failed", error: "no paper", output: "", arguments: "" });
    const chips = all(".glw-chip");
    expect(chips.map((chip) => chip.querySelector("summary")!.textContent)).toEqual([
      "weather ran for 0.3 s",
      "weather failed: no paper",
    ]);
    expect(chips.map((chip) => [...chip.querySelectorAll("pre")].map((part) => part.textContent))).toEqual([
      ['{\n  "city": "London"\n}', "18"],
      [],
    ]);
    put({ id: "t1", text: "More." }, { id: "t3", order: 2 });
    expect(all(".glw-chip")).toEqual(chips);
    show({ turnCalls: new Map() });
    expect(all(".glw-chip")).toEqual([]);
  });

  it("keep their focus, and whether they are open, while another call changes", () => {
    put({ id: "t1" });
    const [one, two] = [callOf({ call_id: "a", turn_id: "t1" }), callOf({ call_id: "b", turn_id: "t1" })];
    show(withCall(withCall(state, one) as PanelState, two));
    const [first] = all(".glw-chip") as HTMLDetailsElement[];
    first!.open = true;
    first!.querySelector("summary")!.focus();
    show({ ...state, ...withCall(state, { ...two, state: "done" }) });
    expect(all(".glw-chip")[0]).toBe(first);
    show({ ...state, ...withCall(state, { ...one, state: "done", output: "18" }) });
    const again = all(".glw-chip")[0] as HTMLDetailsElement;
    expect(again.open).toBe(true);
    expect(again.contains(document.activeElement)).toBe(true);
    expect(again.textContent).toContain("18");
  });

  it("show markup as text", () => {
    const evil = "<img src=x onerror=alert(1)>";
    put({ id: "t1" });
    place({ name: evil, output: evil, arguments: evil, error: evil, state: "failed" });
    expect(all("img")).toEqual([]);
  });
});

describe("what screen readers are told", () => {
  const told = () => all("[role=log] p").map(({ textContent }) => textContent);

  it("is each turn when it is complete, once, without its Markdown", () => {
    put({ id: "u", role: "user", text: "Why?" }, { text: "It is", is_complete: false });
    expect(told()).toEqual(["You: Why?"]);
    put({ text: "It is **so**.\n\n- yes" });
    put({ text: "It is **so**.\n\n- yes", heard_s: 2 });
    expect(told()).toEqual(["You: Why?", "Grok: It is so. yes"]);
    expect(find("[role=log]").getAttribute("aria-live")).toBe("polite");
  });

  it("is not what was there before", async () => {
    scope.dispose();
    scope = new Scope();
    transcript = new Transcript(actions as unknown as PanelActions, scope, {} as PanelParts);
    document.body.replaceChildren(transcript.element);
    put({ id: "old" });
    await settle();
    expect(told()).toEqual([]);
    put({ id: "new", text: "New." });
    expect(told()).toEqual(["Grok: New."]);
  });

  it("is no live region that is read anew with each word", () => {
    put({ text: "It" });
    expect(find(".glw-turn-words").closest("[aria-live], [role=log], [role=status]")).toBeNull();
  });
});

describe("the menu", () => {
  const menu = () => find(".glw-menu");
  const more = (index = 0) => all(".glw-turn-more")[index]!;
  const focused = () => document.activeElement?.textContent;
  const press = (key: string) =>
    document.activeElement!.dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
    );

  beforeEach(() => put({ id: "a", text: "Hi." }, { id: "b", order: 1, has_audio: false, text: "typed" }));

  it("is one element for all turns, and opens at the button that was pressed", () => {
    expect(menu().hidden).toBe(true);
    more(0).click();
    expect([menu().hidden, more(0).getAttribute("aria-expanded"), focused()]).toEqual([
      false,
      "true",
      "Play again",
    ]);
    more(1).click();
    expect([more(0), more(1)].map((button) => button.getAttribute("aria-expanded"))).toEqual([
      "false",
      "true",
    ]);
    expect([all(".glw-menu").length, focused()]).toEqual([1, "Copy text"]);
    more(1).click();
    expect(menu().hidden).toBe(true);
  });

  it("is used with the keyboard, and Escape gives the focus back", () => {
    more().click();
    press("ArrowDown");
    expect(focused()).toBe("Save WAV");
    press("ArrowUp");
    press("ArrowUp");
    expect(focused()).toBe("Show in Messages");
    press("ArrowDown");
    expect(focused()).toBe("Play again");
    press("Escape");
    expect([menu().hidden, document.activeElement === more()]).toEqual([true, true]);
  });

  it("closes when the focus goes elsewhere", () => {
    more().click();
    menu().dispatchEvent(new FocusEvent("focusout", { bubbles: true, relatedTarget: document.body }));
    expect([menu().hidden, more().getAttribute("aria-expanded")]).toEqual([true, "false"]);
  });

  const choose = (label: string) => {
    more().click();
    all(".glw-menu-item")
      .find(({ textContent }) => textContent === label)!
      .click();
    expect([menu().hidden, document.activeElement === more()]).toEqual([true, true]);
  };

  it("plays and saves the turn it was opened for", () => {
    choose("Play again");
    choose("Save WAV");
    expect(actions.requestSound.mock.calls).toEqual([
      ["replay", "a"],
      ["save", "a"],
    ]);
  });

  it("shows the place of the turn, and its messages", () => {
    choose("Show on the time axis");
    expect(panel.waveforms.showPlace).toHaveBeenCalledExactlyOnceWith("a");
    choose("Show in Messages");
    expect(panel.drawers.showMessages).toHaveBeenCalledExactlyOnceWith("a");
  });

  it("copies the text, also where there is no clipboard", async () => {
    const writeText = vi.fn(async () => {});
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    choose("Copy text");
    expect(writeText).toHaveBeenCalledWith("Hi.");
    vi.stubGlobal("navigator", {});
    const copied: string[] = [];
    document.execCommand = () => copied.push(String(getSelection())) > 0;
    choose("Copy text");
    await vi.waitFor(() => expect(copied).toEqual(["Hi."]));
    vi.unstubAllGlobals();
  });

  it("offers no sound of a turn that has none, that is incomplete, or without a kernel", () => {
    const usable = () => {
      const items = all(".glw-menu-item") as HTMLButtonElement[];
      return items.filter(({ disabled }) => !disabled).map(({ textContent }) => textContent);
    };
    more(1).click();
    expect(usable()).toEqual(["Copy text", "Show in Messages"]);
    put({ id: "a", text: "", is_complete: false });
    more(0).click();
    expect(usable()).toEqual(["Show in Messages"]);
    press("Escape");
    expect(document.activeElement).toBe(more(0));
    put({ id: "a" });
    show({ kernel: "gone" });
    more(0).click();
    expect(usable()).toEqual(["Copy text"]);
  });
});

describe("a line that is shown", () => {
  it("is in the middle of the list, and has the focus where it is asked to", () => {
    put({ id: "a" }, { id: "b", order: 1 });
    const line = all(".glw-turn")[1]!;
    Object.defineProperties(line, { offsetTop: { value: 900 }, offsetHeight: { value: 40 } });
    Object.defineProperties(transcript.list, { offsetTop: { value: 0 }, clientHeight: { value: 340 } });
    transcript.showLine("b", false);
    expect([transcript.list.scrollTop, document.activeElement === line]).toEqual([750, false]);
    transcript.showLine("b", true);
    expect(document.activeElement).toBe(line);
    transcript.showLine("unknown", true);
    expect(document.activeElement).toBe(line);
  });
});

describe("a transcript of many turns", () => {
  const COUNT = 310;
  const order = () => all(".glw-turn-words").map(({ textContent }) => textContent);

  beforeEach(() => put(...Array.from({ length: COUNT }, (_, at) => ({ id: at, order: at, text: `t${at}` }))));

  it("changes only the element of the turn that has changed", () => {
    const observer = new MutationObserver(() => {});
    observer.observe(find(".glw-turns"), {
      subtree: true,
      childList: true,
      attributes: true,
      characterData: true,
    });
    put({ id: 200, order: 200, text: "changed" });
    const turns = all(".glw-turn");
    const touched = observer
      .takeRecords()
      .map(({ target }) => turns.findIndex((turn) => turn.contains(target)));
    expect(new Set(touched)).toEqual(new Set([200]));
  });

  it("keeps its order when a turn is inserted, and moves no other element", () => {
    const observer = new MutationObserver(() => {});
    observer.observe(find(".glw-turns"), { childList: true });
    put({ id: "new", order: 250, text: "new" });
    expect(observer.takeRecords()).toHaveLength(1);
    put({ id: 250, order: 251, text: "t250" });
    expect(observer.takeRecords()).toHaveLength(0);
    expect(order().slice(249, 252)).toEqual(["t249", "new", "t250"]);
    put({ id: 3, order: 308.5, text: "late" });
    expect(order().slice(-2)).toEqual(["late", "t309"]);
  });

  it("lets the browser lay out only the newest turns and those in sight", () => {
    const old = all(".glw-turn").map(({ classList }) => classList.contains("glw-turn-old"));
    expect([old.lastIndexOf(true), old.indexOf(false)]).toEqual([COUNT - 101, COUNT - 100]);
  });
});
