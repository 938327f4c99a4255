// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDrawer } from "../../src/inspector/view";
import { Scope } from "../../src/scope";
import type { DrawerContext } from "../../src/view/drawers";

let scope: Scope;
let drawer: HTMLElement;
let answer: (content: unknown) => void;
const showLine = vi.fn();
const send = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  open();
});

function open(turnId?: string): void {
  send.mockClear();
  scope = new Scope();
  const connect = (_: string, onMessage: (content: unknown) => void) => {
    answer = onMessage;
    return send;
  };
  const context = { scope, actions: { drawers: { connect } }, panel: { transcript: { showLine } }, turnId };
  drawer = createDrawer(context as unknown as DrawerContext);
  document.body.replaceChildren(drawer);
}

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

function frames(...types: string[]): void {
  const first = send.mock.calls.findLast(([content]) => content.type === "frames")![0].from;
  const listed = types.map((type, i) => ({
    index: first + i,
    time_s: 61.5,
    direction: "received",
    type,
    size: 1500,
  }));
  answer({ type: "frames", frames: listed, dropped_count: 0 });
}

const rows = () => [...drawer.querySelectorAll(".glw-frame")].map((row) => row.textContent);
const detail = () => drawer.querySelector<HTMLElement>(".glw-inspector-detail")!;

describe("the list", () => {
  it("asks for what is new, every second, until the drawer is closed", () => {
    expect(send).toHaveBeenLastCalledWith({ type: "frames", from: 0 });
    frames("a", "b");
    vi.advanceTimersByTime(1000);
    expect(send).toHaveBeenLastCalledWith({ type: "frames", from: 2 });
    const { length } = send.mock.calls;
    scope.dispose();
    vi.advanceTimersByTime(5000);
    expect(send.mock.calls).toHaveLength(length);
  });

  it("shows runs of one type as one row, with time, count and size", () => {
    frames("session.created", "audio.delta", "audio.delta");
    expect(rows()).toEqual(["1:01.500↓session.created1.5 kB", "1:01.500↓audio.delta× 23.0 kB"]);
    frames("audio.delta");
    expect(rows()[1]).toContain("× 3");
  });

  it("says what carries the sound, and why not a better way", () => {
    const channel = () => drawer.querySelector(".glw-inspector-channel")!.textContent;
    const said = (kind: string, reason: string, translations = {}) =>
      answer({ type: "frames", frames: [], dropped_count: 0, channel: { kind, reason, translations } });
    said("direct", "");
    expect(channel()).toBe("Sound travels through a channel of its own, past Jupyter.");
    said("comm", "The direct one was closed.", { xx: { "The direct one was closed.": "No." } });
    expect(channel()).toBe("Sound travels in Jupyter’s messages. The direct one was closed.");
    said("comm", "It is so.", { en: { "It is so.": "It is because." } });
    expect(channel()).toContain("It is because.");
    answer({ type: "frames", frames: [], dropped_count: 0 });
    expect(channel()).toBe("Sound travels in Jupyter’s messages.");
  });

  it("takes an answer that comes twice once", () => {
    frames("a");
    answer({ type: "frames", frames: [{ index: 0, type: "a" }], dropped_count: 0 });
    expect(rows()).toHaveLength(1);
  });

  it("shows what matches the filter, also of what comes later", () => {
    frames("session.created", "audio.delta");
    const filter = drawer.querySelector<HTMLInputElement>("input")!;
    filter.value = "audio";
    filter.dispatchEvent(new Event("input"));
    expect(rows()).toHaveLength(1);
    frames("session.updated", "audio.done");
    expect(rows()).toHaveLength(2);
    filter.value = "nothing";
    filter.dispatchEvent(new Event("input"));
    expect(drawer.textContent).toContain("No message matches the filter.");
  });

  it("keeps the newest five hundred rows in the page", () => {
    frames(...Array.from({ length: 900 }, (_, i) => `type-${i}`));
    expect(rows()).toHaveLength(500);
    expect(rows().at(-1)).toContain("type-899");
  });

  it("says that there is nothing yet, and how many were dropped", () => {
    frames();
    expect(drawer.textContent).toContain("No messages yet");
    answer({ type: "frames", frames: [{ index: 9, type: "a" }], dropped_count: 9 });
    expect(drawer.textContent).toContain("9 older messages were dropped.");
  });
});

describe("a message", () => {
  it("is asked for when its row is pressed, and shown as JSON", () => {
    frames("a", "b", "b");
    drawer.querySelectorAll<HTMLElement>(".glw-frame")[1]!.click();
    expect(send).toHaveBeenLastCalledWith({ type: "frame", index: 2 });
    expect(detail().textContent).toContain("Loading…");
    answer({ type: "frame", index: 1, text: "of another" });
    answer({ type: "frame", index: 2, text: '{"type": "b"}' });
    expect(detail().querySelector("pre")!.textContent).toBe('{"type": "b"}');
  });

  it("is copied as JSON", async () => {
    const writeText = vi.fn(async () => {});
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    frames("a");
    drawer.querySelector<HTMLElement>(".glw-frame")!.click();
    answer({ type: "frame", index: 0, text: "{}" });
    detail().querySelector("button")!.click();
    expect(writeText).toHaveBeenCalledWith("{}");
    await vi.waitFor(() => expect(detail().textContent).toContain("Copied"));
    vi.unstubAllGlobals();
  });
});

describe("the messages of one turn", () => {
  const listed = (index: number, fields: object) => ({
    index,
    type: `type-${index}`,
    turn_id: "t1",
    ...fields,
  });
  const ofTurn = (...frames: object[]) =>
    answer({ type: "frames", turn_id: "t1", frames, dropped_count: 0, next: 40 });

  beforeEach(() => {
    scope.dispose();
    open("t1");
  });

  it("are asked for, from where the kernel has looked at all", () => {
    expect(send).toHaveBeenLastCalledWith({ type: "frames", from: 0, turn_id: "t1" });
    answer({ type: "frames", turn_id: "", frames: [listed(0, {})], dropped_count: 0, next: 1 });
    expect(rows()).toEqual([]);
    ofTurn(listed(3, {}));
    expect(rows()).toHaveLength(1);
    expect(drawer.textContent).toContain("Messages of one turn.");
    expect(drawer.textContent).not.toContain("by their time");
    vi.advanceTimersByTime(1000);
    expect(send).toHaveBeenLastCalledWith({ type: "frames", from: 40, turn_id: "t1" });
  });

  it("that have no id are said to be found by their time", () => {
    ofTurn(listed(3, { is_by_time: true }));
    expect(drawer.textContent).toContain("found by their time");
    const jump = drawer.querySelector<HTMLElement>(".glw-frame-jump")!;
    expect(jump.title).toContain("has no id");
  });

  it("may all have been dropped", () => {
    ofTurn();
    expect(drawer.textContent).toContain("No message of this turn is kept.");
  });

  it("give way to those of all turns", () => {
    ofTurn(listed(3, {}));
    drawer.querySelector<HTMLElement>(".glw-inspector-copy")!.click();
    expect(send).toHaveBeenLastCalledWith({ type: "frames", from: 0 });
    frames("a", "b");
    expect(rows()).toHaveLength(2);
    expect(drawer.querySelector<HTMLElement>(".glw-inspector-head")!.hidden).toBe(true);
  });
});

it("a row leads back to the line of its turn, where it is about one", () => {
  answer({
    type: "frames",
    frames: [
      { index: 0, type: "session.update" },
      { index: 1, type: "response.done", turn_id: "t7" },
    ],
    dropped_count: 0,
  });
  const jumps = drawer.querySelectorAll<HTMLElement>(".glw-frame-jump");
  expect(jumps).toHaveLength(1);
  send.mockClear();
  jumps[0]!.click();
  expect(showLine).toHaveBeenCalledExactlyOnceWith("t7", true);
  expect(send).not.toHaveBeenCalled();
});
