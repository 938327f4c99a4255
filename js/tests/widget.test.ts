// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeComm, installAudio, talkState } from "./fakes";

type Hook = (props: object) => (() => void) | undefined;

let widget: { initialize: Hook; render: Hook };
let comm: FakeComm;
let stopListening: () => void;

beforeEach(async () => {
  vi.useFakeTimers();
  installAudio();
  vi.resetModules();
  widget = (await import("../src/widget")).default as unknown as typeof widget;
  comm = new FakeComm();
  stopListening = () => {};
});

afterEach(() => void vi.useRealTimers());

/** anywidget makes a new wrapper of the same model for each call. */
function wrapper() {
  return {
    send: (content: object, _callbacks: unknown, buffers: ArrayBuffer[] = []) => comm.send(content, buffers),
    on: (_name: string, heard: (content: unknown) => void) => {
      stopListening = comm.listen(heard);
    },
    off: () => stopListening(),
  };
}

describe("initialize", () => {
  it("returns at once and does nothing but say hello", () => {
    expect(widget.initialize({ model: wrapper() })).toBeTypeOf("function");
    expect(comm.sent.map(({ type }) => type)).toEqual(["hello"]);
  });

  it("survives a kernel that cannot be reached", () => {
    comm.isBroken = true;
    expect(() => widget.initialize({ model: wrapper() })).not.toThrow();
  });

  it("ends by its signal, by its cleanup, or by both, once", () => {
    const controller = new AbortController();
    const cleanup = widget.initialize({ model: wrapper(), signal: controller.signal });
    controller.abort();
    cleanup?.();
    expect(comm.ofType("bye")).toHaveLength(1);
  });

  it("begins nothing for a signal that has been given already", () => {
    const controller = new AbortController();
    controller.abort();
    widget.initialize({ model: wrapper(), signal: controller.signal });
    vi.advanceTimersByTime(60_000);
    comm.say({ type: "ping", id: 1 });
    expect(comm.ofType("pong")).toHaveLength(0);
  });
});

describe("render", () => {
  it("shows the talk of its model in every view", () => {
    widget.initialize({ model: wrapper() });
    const [one, two] = [document.createElement("div"), document.createElement("div")];
    widget.render({ model: wrapper(), el: one });
    widget.render({ model: wrapper(), el: two });
    const { page } = comm.sent[0]!;
    comm.say({ type: "snapshot", page, ...talkState({ phase: "closed" }), notes: [], turns: [] });
    for (const el of [one, two])
      expect(el.querySelector(".glw-status")?.textContent).toContain("Press Start");
  });

  it("tells two models apart where a host shares the bundle", () => {
    const [first, second] = [wrapper(), wrapper()];
    widget.initialize({ model: first });
    const firstPage = comm.sent[0]!.page;
    const tell = () => comm.say({ type: "snapshot", page: firstPage, ...talkState({ voice: "echo" }) });
    const el = document.createElement("div");
    tell();
    widget.initialize({ model: second });
    widget.render({ model: first, el });
    expect(el.textContent).toContain("echo");
  });

  it("leaves nothing behind when its view goes", () => {
    widget.initialize({ model: wrapper() });
    const el = document.createElement("div");
    const controller = new AbortController();
    const cleanup = widget.render({ model: wrapper(), el, signal: controller.signal });
    cleanup?.();
    controller.abort();
    expect(el.children).toHaveLength(0);
  });

  it("is harmless without a talk", () => {
    expect(() => widget.render({ model: wrapper(), el: document.createElement("div") })).not.toThrow();
  });
});
