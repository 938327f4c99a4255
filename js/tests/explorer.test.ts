// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import explorer from "../src/explorer";
import { FakeComm } from "./fakes";

type Hook = (props: object) => (() => void) | undefined;

const render = explorer.render as unknown as Hook;
let comm: FakeComm;

beforeEach(() => {
  vi.useFakeTimers();
  comm = new FakeComm();
});

afterEach(() => void vi.useRealTimers());

const model = () => ({
  send: (content: object) => comm.send(content, []),
  on: () => {},
  off: () => {},
});

describe("a view", () => {
  it("is shown at once, and asks the kernel for its sound", () => {
    const el = document.createElement("div");
    const end = render({ model: model(), el })!;
    expect(el.querySelector(".glw-explorer")).not.toBeNull();
    expect(comm.sent.map(({ type }) => type)).toEqual(["open"]);
    end();
  });

  it("is removed, and asks for nothing more, when it ends", () => {
    const el = document.createElement("div");
    const controller = new AbortController();
    const end = render({ model: model(), el, signal: controller.signal })!;
    controller.abort();
    end();
    vi.advanceTimersByTime(600_000);
    expect(el.childElementCount).toBe(0);
    expect(comm.sent).toHaveLength(1);
  });

  it("is not begun if its signal is already aborted", () => {
    const controller = new AbortController();
    controller.abort();
    render({ model: model(), el: document.createElement("div"), signal: controller.signal });
    expect(comm.sent).toEqual([]);
  });

  it("does not throw where the kernel cannot be reached", () => {
    comm.isBroken = true;
    const el = document.createElement("div");
    expect(() => render({ model: model(), el })?.()).not.toThrow();
  });
});
