// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAxis } from "../../src/axis/view";
import { Scope } from "../../src/scope";
import { INITIAL_STATE, type PanelState, Store } from "../../src/view/state";
import { WaveformHistory } from "../../src/view/waveform-history";
import type { Axis, AxisContext } from "../../src/view/waveforms";
import { turnOf } from "../fakes";

const WIDTH = 600;
/** When the talk's clock began. */
const ZERO_MS = 1_000_000;
/** The talk is 100 s long; live, the right edge is 80 ms before now. */
const NOW_MS = ZERO_MS + 100_080;

const send = vi.fn();
const showLine = vi.fn();
const actions = { requestSound: vi.fn(), interrupt: vi.fn() };
let answer: (content: unknown) => void;
let scope: Scope;
let store: Store<PanelState>;
let axis: Axis;
let element: HTMLElement;
let texts: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: NOW_MS });
  vi.clearAllMocks();
  texts = [];
  const context = new Proxy(
    {
      fillText: (text: string) => texts.push(text),
      clearRect: () => texts.splice(0),
      measureText: (text: string) => ({ width: 6 * text.length }),
    },
    { get: (target, name) => Reflect.get(target, name) ?? (() => {}), set: () => true },
  );
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  Object.defineProperties(HTMLCanvasElement.prototype, {
    clientWidth: { value: WIDTH, configurable: true },
    clientHeight: { value: 56, configurable: true },
    setPointerCapture: { value: () => {}, configurable: true },
  });
  scope = new Scope();
  store = new Store<PanelState>({
    ...INITIAL_STATE,
    kernel: "ok",
    phase: "open",
    serverName: "Grok",
    turns: new Map([["t1", turnOf({ text: "Good morning." })]]),
  });
  element = document.createElement("div");
  element.innerHTML = '<canvas class="glw-canvas"></canvas><canvas class="glw-canvas"></canvas>';
  document.body.replaceChildren(element);
  const connect = (_: string, onMessage: (content: unknown) => void) => {
    answer = onMessage;
    return send;
  };
  axis = createAxis({
    store,
    scope,
    element,
    style: "",
    signals: { user: new WaveformHistory(), assistant: new WaveformHistory() },
    actions: { ...actions, drawers: { connect } },
    panel: { transcript: { showLine } },
    redraw: () => axis.draw(Date.now()),
  } as unknown as AxisContext);
  axis.measure();
  axis.draw(Date.now());
  tell(0);
  vi.advanceTimersByTime(20);
  vi.setSystemTime(NOW_MS);
});

afterEach(() => {
  scope.dispose();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const canvas = () => element.querySelector<HTMLElement>(".glw-axis-canvas")!;
const hint = () => element.querySelector(".glw-axis-hint")!.textContent;
const live = () => element.querySelector<HTMLElement>(".glw-axis-button")!;
const isLive = () => axis.draw(Date.now());
const place = () => canvas().getAttribute("aria-valuetext");

/** What the kernel answers; the reply t1 is from 40 to 50 s, heard up to 48 s. */
function tell(columns: number, startS = 0, stopS = 10.24, beginS = 2): void {
  const turns = [
    { id: "t1", role: "assistant", start_s: 40, heard_end_s: 48, end_s: 50, was_interrupted: true },
  ];
  const times = { start_s: startS, stop_s: stopS, zero_at_ms: ZERO_MS, begin_s: beginS, end_s: 90 };
  answer({ type: "stretch", columns, ...times, turns, speech: [] });
}

function pointer(type: string, clientX: number): void {
  canvas().dispatchEvent(new PointerEvent(type, { clientX, pointerId: 1, button: 0 }));
}

function drag(from: number, to: number): void {
  pointer("pointerdown", from);
  pointer("pointermove", to);
  pointer("pointerup", to);
  settle();
}

function click(x: number): void {
  pointer("pointerdown", x);
  pointer("pointerup", x);
}

function press(key: string): void {
  canvas().dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  settle();
}

function settle(): void {
  axis.draw(Date.now());
}

/** Answer all that was asked. */
function answerAll(): void {
  for (const [request] of send.mock.calls)
    if (request.columns) tell(request.columns, request.start_s, request.stop_s);
  settle();
}

describe("looking back", () => {
  it("is live at first, with labels up to now", () => {
    expect(isLive()).toBe(true);
    expect([texts.at(0), texts.at(-1)]).toEqual(["1:32", "1:39"]);
    expect([place(), live().hidden]).toEqual(["Live", true]);
  });

  it("follows the pointer, asks for what is in sight, and returns to now", () => {
    drag(100, 400);
    expect(isLive()).toBe(false);
    // Four seconds to the left of the edge is the middle, and 300 pixels are four seconds more; the talk ends at 90.
    expect(place()).toBe("1:30");
    drag(100, 400);
    expect(place()).toBe("1:26");
    const asked = send.mock.calls.map(([request]) => [request.start_s, request.columns]);
    expect(asked).toContainEqual([81.92, 256]);
    expect(live().hidden).toBe(false);
    live().click();
    expect([isLive(), live().hidden]).toEqual([true, true]);
  });

  it("returns to now by a drag beyond the newest sound", () => {
    drag(100, 400);
    drag(500, 480);
    expect(isLive()).toBe(false);
    drag(590, 10);
    expect(isLive()).toBe(true);
  });

  it("is done with keys: steps, pages, the beginning, the end and the length that is shown", () => {
    press("ArrowLeft");
    expect(place()).toBe("1:30");
    press("PageUp");
    expect(place()).toBe("1:22");
    press("ArrowRight");
    expect(place()).toBe("1:22");
    press("ArrowRight");
    expect(place()).toBe("1:23");
    press("Home");
    expect([place(), canvas().getAttribute("aria-valuenow")]).toEqual(["0:02", "2.0"]);
    press("-");
    expect(send).toHaveBeenLastCalledWith({ type: "stretch", start_s: 0, stop_s: 40.96, columns: 256 });
    press("PageDown");
    expect(place()).toBe("0:34");
    press("End");
    expect(isLive()).toBe(true);
  });

  it("stays at the beginning when that becomes known to be another one", () => {
    press("Home");
    tell(0, 0, 10.24, 1);
    settle();
    expect([place(), canvas().getAttribute("aria-valuenow")]).toEqual(["0:01", "1.0"]);
  });

  it("is done with a wheel that turns sideways, and leaves the page's scrolling alone", () => {
    const turn = (init: WheelEventInit) => {
      const event = Object.assign(new WheelEvent("wheel", { cancelable: true, ...init }), {
        shiftKey: init.shiftKey ?? false,
      });
      canvas().dispatchEvent(event);
      settle();
      return event.defaultPrevented;
    };
    expect([turn({ deltaY: 100 }), isLive()]).toEqual([false, true]);
    expect([turn({ deltaX: -600, deltaY: 3 }), place()]).toEqual([true, "1:27"]);
    expect([turn({ deltaY: -150, shiftKey: true }), place()]).toEqual([true, "1:25"]);
  });

  it("marks the turn that is looked at, and names who speaks", () => {
    axis.showPlace("t1");
    expect(send).toHaveBeenLastCalledWith({ type: "place", turn_id: "t1" });
    answer({ type: "place", turn_id: "t1", start_s: 40, end_s: 48 });
    settle();
    answerAll();
    expect(showLine).toHaveBeenLastCalledWith("t1", false);
    expect(place()).toBe("0:40, Grok: Good morning.");
    press("End");
    expect(showLine).toHaveBeenLastCalledWith("", false);
  });

  it("draws nothing while nothing changes", () => {
    drag(100, 400);
    answerAll();
    texts = ["nothing was cleared"];
    settle();
    expect(texts).toEqual(["nothing was cleared"]);
    press("ArrowLeft");
    expect(texts).not.toContain("nothing was cleared");
  });

  it("asks again for what has changed, at most once a second", () => {
    drag(100, 400);
    answerAll();
    send.mockClear();
    store.update({ turns: new Map(store.state.turns) });
    store.update({ turns: new Map(store.state.turns) });
    vi.advanceTimersByTime(1100);
    settle();
    settle();
    expect(send.mock.calls.filter(([request]) => request.columns).length).toBeLessThanOrEqual(2);
    expect(send.mock.calls.length).toBeGreaterThan(0);
  });
});

describe("playing", () => {
  it("begins where the axis is clicked, and with the talk before that", () => {
    press("Home");
    click(375);
    click(0);
    expect(actions.requestSound.mock.calls).toEqual([
      ["replay_from", 3],
      ["replay_from", 2],
    ]);
  });

  it("shows the place that sounds, and stops by a click or Escape", () => {
    store.update({ replay: 5, replayStartS: 40 });
    expect(hint()).toContain("Playing from 0:40");
    store.update({ soundingReply: 5, playedS: 2.5 });
    settle();
    expect(place()).toBe("0:42");
    vi.advanceTimersByTime(100);
    click(300);
    expect(actions.interrupt).toHaveBeenLastCalledWith("stop_replay");
    press("Escape");
    expect(actions.interrupt).toHaveBeenCalledTimes(2);
    store.update({ replay: null, soundingReply: null });
    expect([isLive(), hint()]).toEqual([false, ""]);
    press("Escape");
    expect(actions.interrupt).toHaveBeenCalledTimes(2);
  });

  it("that ends by itself returns to now, where it began from now", () => {
    store.update({ replay: 5, replayStartS: 40 });
    expect(isLive()).toBe(false);
    store.update({ replay: 6, replayStartS: 70 });
    settle();
    expect(place()).toBe("1:10");
    store.update({ replay: null });
    expect(isLive()).toBe(true);
  });

  it("goes on where one looks elsewhere meanwhile", () => {
    store.update({ replay: 5, replayStartS: 40, soundingReply: 5, playedS: 1 });
    settle();
    drag(100, 400);
    expect(place()).toBe("0:37");
    store.update({ playedS: 9 });
    settle();
    expect(place()).toBe("0:37");
  });

  it("begins with Enter at the place that is looked at", () => {
    press("Enter");
    expect(hint()).toContain("Look back first");
    press("Home");
    press("Enter");
    expect(actions.requestSound).toHaveBeenCalledExactlyOnceWith("replay_from", 2);
  });

  it("does not begin over a reply, after the end, or without a kernel, and says why", () => {
    store.update({ isSpeaking: true });
    click(10);
    expect(hint()).toContain("A reply is sounding");
    store.update({ isSpeaking: false });
    click(590);
    expect(hint()).toContain("Nothing was said after this place");
    store.update({ kernel: "gone" });
    click(10);
    expect(hint()).toContain("Without a kernel");
    expect(actions.requestSound).not.toHaveBeenCalled();
  });
});
