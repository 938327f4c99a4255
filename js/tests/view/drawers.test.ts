// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Bundle } from "../../src/drawer-comm";
import { Scope } from "../../src/scope";
import { type DrawerContext, Drawers } from "../../src/view/drawers";
import { element } from "../../src/view/elements";
import { INITIAL_STATE, type PanelState, Store } from "../../src/view/state";

let scope: Scope;
let drawers: Drawers;
let contexts: DrawerContext[];
const loadBundle = vi.fn<(name: string) => Promise<Bundle>>();

const CONTENT = {
  createDrawer: (context: DrawerContext) => {
    contexts.push(context);
    return element("div", "content");
  },
};

beforeEach(() => {
  contexts = [];
  loadBundle.mockReset();
  loadBundle.mockResolvedValue({ module: CONTENT, style: ".content { color: red }" });
  scope = new Scope();
  const store = new Store<PanelState>({ ...INITIAL_STATE, kernel: "ok" });
  const actions = { drawers: { load: loadBundle } } as unknown as DrawerContext["actions"];
  drawers = new Drawers({
    store,
    actions,
    scope,
    signals: {} as DrawerContext["signals"],
    panel: {} as DrawerContext["panel"],
  });
  drawers.show(store.state);
  document.body.replaceChildren(drawers.element);
});

afterEach(() => scope.dispose());

const settings = () => drawers.element.querySelector<HTMLButtonElement>(".glw-drawer-button")!;
const drawer = () => drawers.element.querySelector<HTMLElement>(".glw-drawer")!;

async function open(): Promise<void> {
  settings().click();
  await vi.waitFor(() => expect(drawer().textContent).not.toBe("Loading…"));
}

it("loads a drawer when it is first opened, with its style", async () => {
  expect(loadBundle).not.toHaveBeenCalled();
  expect(drawer().hidden).toBe(true);
  settings().click();
  expect(drawer().textContent).toBe("Loading…");
  await vi.waitFor(() => expect(drawer().querySelector(".content")).not.toBeNull());
  expect(loadBundle).toHaveBeenCalledExactlyOnceWith("settings");
  expect(drawer().querySelector("style")!.textContent).toContain("color: red");
  expect(settings().getAttribute("aria-expanded")).toBe("true");
});

it("ends what a drawer shows when it is closed", async () => {
  await open();
  settings().click();
  expect(contexts[0]!.scope.isDisposed).toBe(true);
  expect(drawer().hidden).toBe(true);
  await open();
  expect(contexts[1]!.scope.isDisposed).toBe(false);
});

it("opens the inspector for a turn, anew where it is open", async () => {
  drawers.showMessages("t1");
  await vi.waitFor(() => expect(contexts[0]?.turnId).toBe("t1"));
  expect(loadBundle).toHaveBeenCalledWith("inspector");
  drawers.showMessages("t2");
  await vi.waitFor(() => expect(contexts[1]?.turnId).toBe("t2"));
  expect(contexts.map(({ scope }) => scope.isDisposed)).toEqual([true, false]);
  expect(drawers.element.querySelectorAll(".content")).toHaveLength(1);
});

it("closes by Escape, and gives the focus back to its button", async () => {
  await open();
  drawer().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }));
  expect(drawer().hidden).toBe(true);
  expect(document.activeElement).toBe(settings());
});

it("says why a drawer cannot be shown, and that all else works", async () => {
  loadBundle.mockRejectedValue(new Error("this page does not let code be loaded (Content-Security-Policy)"));
  await open();
  expect(drawer().textContent).toMatch(/^Settings cannot be shown: this page does not let code be loaded/);
  expect(drawer().textContent).toContain("Everything else works");
});

it("shows nothing of a drawer that was closed while it was loading", async () => {
  settings().click();
  settings().click();
  await loadBundle.mock.results[0]!.value;
  expect(contexts).toHaveLength(0);
});

it("opens no drawer without a kernel, but keeps one open", async () => {
  drawers.show({ ...INITIAL_STATE, kernel: "gone" });
  expect(settings().disabled).toBe(true);
  drawers.show({ ...INITIAL_STATE, kernel: "ok" });
  await open();
  drawers.show({ ...INITIAL_STATE, kernel: "gone" });
  expect(settings().disabled).toBe(false);
});
