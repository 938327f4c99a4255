// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SoundStore } from "../../src/explorer/sound";
import { ExplorerView } from "../../src/explorer/view";
import { Scope } from "../../src/scope";
import { FakeComm } from "../fakes";
import { openedMessage } from "./kernel";

const HOSTILE = '<img src=x onerror="alert(1)">';

let scope: Scope;
let comm: FakeComm;
let view: ExplorerView;

beforeEach(() => {
  vi.useFakeTimers();
  scope = new Scope();
  comm = new FakeComm();
  const sound = new SoundStore(comm, scope, () => Date.now());
  view = new ExplorerView(sound, scope);
  document.body.replaceChildren(view.element);
  sound.open();
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

const text = (name: string) => view.element.querySelector(`.${name}`)!.textContent;
const play = () => view.element.querySelector<HTMLButtonElement>(".glw-play")!;

describe("the view", () => {
  it("waits for the kernel, and says so when it does not answer", () => {
    expect(text("glw-explorer-status")).toBe("Waiting for the sound…");
    expect(play().disabled).toBe(true);
    vi.advanceTimersByTime(6000);
    expect(text("glw-explorer-status")).toMatch(/^The kernel does not answer/);
  });

  it("shows title, length and speakers of what it was sent", () => {
    comm.deliver(openedMessage({ origin_s: 83 }));
    expect(text("glw-time")).toBe("1:23.0 / 1:33.0");
    expect(text("glw-explorer-title")).toBe("2 turns");
    expect(view.element.getAttribute("aria-label")).toBe("2 turns");
    expect([...view.element.querySelectorAll(".glw-lane")].map((lane) => lane.textContent)).toEqual([
      "You",
      "Reply",
    ]);
    expect(play().disabled).toBe(false);
  });

  it("says how much has come, then which keys there are", () => {
    comm.deliver(openedMessage());
    comm.deliver({ type: "piece", piece: 0 });
    expect(text("glw-explorer-status")).toBe("Reading the sound: 50 %");
    comm.deliver({ type: "piece", piece: 1 });
    expect(text("glw-explorer-status")).toMatch(/^Click: play from there/);
  });

  it("says why long sound has no spectrogram", () => {
    comm.deliver(openedMessage({ is_whole: false }));
    expect(text("glw-explorer-status")).toMatch(/^More than ten minutes/);
  });

  it("shows the text of one turn as text", () => {
    const regions = [{ track: 0, start_s: 0, stop_s: 10, kind: "turn", text: HOSTILE }];
    comm.deliver(openedMessage({ roles: ["assistant"], regions }), Int16Array.of(0, 0));
    expect(text("glw-caption")).toBe(`Reply: ${HOSTILE}`);
    expect(view.element.querySelector("img")).toBeNull();
  });

  it("leaves no key that it uses to JupyterLab", () => {
    comm.deliver(openedMessage());
    expect(view.element.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    const press = (key: string, init: KeyboardEventInit = {}) => {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
      view.element.querySelector(".glw-stage")!.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(["ArrowLeft", "ArrowRight", "Home", "End", "+", "-"].every((key) => press(key))).toBe(true);
    expect(press("a")).toBe(false);
    expect(press("+", { ctrlKey: true })).toBe(false);
  });

  it("scrolls the notebook by the wheel, and zooms with Ctrl", () => {
    comm.deliver(openedMessage());
    const turn = (ctrlKey: boolean) => {
      const event = new WheelEvent("wheel", { deltaY: 100, bubbles: true, cancelable: true });
      Object.defineProperty(event, "ctrlKey", { value: ctrlKey });
      view.element.querySelector(".glw-stage")!.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect([turn(false), turn(true)]).toEqual([false, true]);
  });

  it("names all its buttons", () => {
    const names = [...view.element.querySelectorAll("button")].map(
      (button) => button.getAttribute("aria-label") ?? button.textContent,
    );
    expect(names).toEqual(["Play", "Zoom out", "Zoom in", "Fit"]);
  });
});
