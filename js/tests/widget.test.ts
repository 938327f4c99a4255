// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sectionsOf } from "./catalogue";
import { FakeComm, installAudio, settle, talkState } from "./fakes";

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

/** The kernel that JupyterLab's widget manager shows. */
const kernel = { status: "idle", isDisposed: false, onStatus: () => {} };

function host() {
  const statusChanged = {
    connect: (slot: () => void) => {
      kernel.onStatus = slot;
    },
    disconnect: () => {},
  };
  return {
    kernel: Object.assign(kernel, { statusChanged, status: "idle", isDisposed: false }) as object | null,
  };
}

const TRAITS: Record<string, unknown> = {
  _texts: { en: sectionsOf("en").panel },
  _tool_area: "IPY_MODEL_abc",
};

/** anywidget creates a new wrapper of the same model for each call. */
function wrapper(manager?: object, onLive = (_: () => void) => {}) {
  return {
    widget_manager: manager,
    get: (name: string): unknown => TRAITS[name],
    send: (content: object, _callbacks: unknown, buffers: ArrayBuffer[] = []) => comm.send(content, buffers),
    on: (name: string, listener: (content?: unknown) => void) => {
      if (name === "msg:custom") stopListening = comm.listen(listener);
      else if (name === "comm_live_update") onLive(listener);
    },
    off: (name: string) => name === "msg:custom" && stopListening(),
  };
}

describe("initialize", () => {
  it("returns at once and sends nothing, not even when it is asked, since a page without a panel owns no sound", () => {
    expect(widget.initialize({ model: wrapper() })).toBeTypeOf("function");
    comm.deliver({ type: "snapshot_wanted" });
    expect(comm.sent).toEqual([]);
  });

  it("ends once, by its signal, by its cleanup function, or by both", () => {
    const controller = new AbortController();
    const cleanup = widget.initialize({ model: wrapper(), signal: controller.signal });
    controller.abort();
    cleanup?.();
    expect(comm.ofType("bye")).toHaveLength(1);
  });

  it("starts nothing if its signal is already aborted", () => {
    const controller = new AbortController();
    controller.abort();
    widget.initialize({ model: wrapper(), signal: controller.signal });
    vi.advanceTimersByTime(60_000);
    comm.deliver({ type: "ping", id: 1 });
    expect(comm.ofType("pong")).toHaveLength(0);
  });
});

describe("without a kernel behind it, the panel says so and its controls are disabled, when", () => {
  let manager: ReturnType<typeof host>;
  let el: HTMLElement;
  let closeComm: () => void;
  const start = () => el.querySelector<HTMLButtonElement>(".glw-start")!;

  beforeEach(() => {
    manager = host();
    el = document.createElement("div");
    const onLive = (listener: () => void) => {
      closeComm = listener;
    };
    widget.initialize({ model: wrapper(manager, onLive) });
    widget.render({ model: wrapper(manager), el });
    comm.deliver({ type: "snapshot", page: comm.sent[0]!.page, ...talkState({ phase: "open" }), notes: [] });
    vi.advanceTimersByTime(500);
    expect(start().disabled).toBe(false);
  });

  it.each([
    ["the kernel restarts and runs again", () => ["restarting", "idle"].forEach(become)],
    ["the kernel died and was started again", () => ["autorestarting", "idle"].forEach(become)],
    ["the kernel is dead", () => become("dead")],
    ["the kernel was shut down", () => Object.assign(kernel, { isDisposed: true })],
    ["the notebook has no kernel", () => Object.assign(manager, { kernel: null })],
    ["the comm was closed", () => closeComm()],
  ])("%s", (_, lose) => {
    lose();
    vi.advanceTimersByTime(500);
    expect(el.querySelector(".glw-status")?.textContent).toBe("No kernel");
    expect(el.querySelector(".glw-notice-text")?.textContent).toContain("run the cell again");
    expect([start().disabled, start().textContent]).toEqual([true, "Start"]);
  });

  function become(status: string): void {
    kernel.status = status;
    kernel.onStatus();
  }
});

describe("render", () => {
  it("says hello for the first panel of a model only", () => {
    widget.initialize({ model: wrapper() });
    for (const _ of ["first", "second"])
      widget.render({ model: wrapper(), el: document.createElement("div") });
    expect(comm.sent.map(({ type }) => type)).toEqual(["hello"]);
  });

  it("does not throw if the kernel cannot be reached", () => {
    comm.isBroken = true;
    widget.initialize({ model: wrapper() });
    expect(() => widget.render({ model: wrapper(), el: document.createElement("div") })).not.toThrow();
  });

  it("shows the talk of its model in every view", () => {
    widget.initialize({ model: wrapper() });
    const [one, two] = [document.createElement("div"), document.createElement("div")];
    widget.render({ model: wrapper(), el: one });
    widget.render({ model: wrapper(), el: two });
    const { page } = comm.sent[0]!;
    comm.deliver({ type: "snapshot", page, ...talkState({ phase: "closed" }), notes: [], turns: [] });
    for (const el of [one, two])
      expect(el.querySelector(".glw-status")?.textContent).toContain("Press Start");
  });

  it("shows below the panel what tools display, by the host's widget manager", async () => {
    const area = { el: document.createElement("output"), remove: vi.fn() };
    const widget_manager = {
      get_model: vi.fn(async (id: string) => `model ${id}`),
      create_view: vi.fn(async (_model: unknown) => area),
    };
    const model = { ...wrapper(), widget_manager };
    widget.initialize({ model });
    const el = document.createElement("div");
    const cleanup = widget.render({ model, el });
    await settle();
    expect(widget_manager.create_view).toHaveBeenCalledWith("model abc");
    expect([...el.children].map(({ className }) => className)).toEqual(["glw-panel", ""]);
    expect(el.lastChild).toBe(area.el);
    cleanup?.();
    expect(area.remove).toHaveBeenCalledOnce();
  });

  it("says so if the host cannot show what tools display", async () => {
    const widget_manager = {
      get_model: () => Promise.reject(new Error("no such model")),
      create_view: vi.fn(),
    };
    const model = { ...wrapper(), widget_manager };
    widget.initialize({ model });
    const el = document.createElement("div");
    widget.render({ model, el });
    await settle();
    expect(el.querySelector(".glw-notice-text")?.textContent).toContain(
      "cannot be shown here: no such model.",
    );
  });

  it("distinguishes two models if the host shares the bundle", () => {
    const [first, second] = [wrapper(), wrapper()];
    widget.initialize({ model: first });
    comm.deliver({ type: "state", ...talkState({ voice: "echo" }) });
    widget.initialize({ model: second });
    const el = document.createElement("div");
    widget.render({ model: first, el });
    expect(el.textContent).toContain("echo");
  });

  it("removes its element when the view is removed", () => {
    widget.initialize({ model: wrapper() });
    const el = document.createElement("div");
    const controller = new AbortController();
    const cleanup = widget.render({ model: wrapper(), el, signal: controller.signal });
    cleanup?.();
    controller.abort();
    expect(el.children).toHaveLength(0);
  });

  it("does nothing without a talk", () => {
    expect(() => widget.render({ model: wrapper(), el: document.createElement("div") })).not.toThrow();
  });
});
