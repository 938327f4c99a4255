import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { DrawerComm } from "../src/drawer-comm";
import { Scope } from "../src/scope";

let scope: Scope;
const request = vi.fn();
const importSource = vi.fn(async (source: string) => ({ source }));

beforeEach(() => {
  vi.useFakeTimers();
  request.mockClear();
  importSource.mockClear();
  scope = new Scope();
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

it("asks the kernel for a bundle once, however often it is loaded", async () => {
  const drawers = new DrawerComm(request, scope, importSource);
  const loading = [drawers.load("settings"), drawers.load("settings")];
  drawers.receiveBundle({ name: "settings", style: ".a {}", texts: {} }, "code");
  const [first, second] = await Promise.all(loading);
  expect(first).toEqual({ module: { source: "code" }, style: ".a {}" });
  expect(second).toBe(first);
  expect(await drawers.load("settings")).toBe(first);
  expect(request).toHaveBeenCalledOnce();
  expect(importSource).toHaveBeenCalledOnce();
});

it("asks again while there is no answer, and stops when there is one", async () => {
  const drawers = new DrawerComm(request, scope, importSource);
  const loading = drawers.load("settings");
  vi.advanceTimersByTime(8_000);
  expect(request).toHaveBeenCalledTimes(3);
  drawers.receiveBundle({ name: "settings", style: "", texts: {} }, "code");
  await loading;
  vi.advanceTimersByTime(60_000);
  expect(request).toHaveBeenCalledTimes(3);
});

it("ignores drawers that nothing waits for, and keeps two that are loaded at once apart", async () => {
  const drawers = new DrawerComm(request, scope, importSource);
  drawers.receiveBundle({ name: "settings", style: "", texts: {} }, "unasked");
  const [one, other] = [drawers.load("settings"), drawers.load("frames")];
  drawers.receiveBundle({ name: "frames", style: "", texts: {} }, "frames");
  drawers.receiveBundle({ name: "settings", style: "", texts: {} }, "settings");
  expect((await one).module).toEqual({ source: "settings" });
  expect((await other).module).toEqual({ source: "frames" });
});

it("says why a bundle is missing, and tries again at the next call", async () => {
  const drawers = new DrawerComm(request, scope, importSource);
  const loading = drawers.load("settings");
  drawers.receiveBundle({ name: "settings", style: "", texts: {} }, "");
  await expect(loading).rejects.toThrow("was not built with it");
  importSource.mockRejectedValueOnce(new Error("refused by the page"));
  const again = drawers.load("settings");
  drawers.receiveBundle({ name: "settings", style: "", texts: {} }, "code");
  await expect(again).rejects.toThrow("refused by the page");
  const last = drawers.load("settings");
  drawers.receiveBundle({ name: "settings", style: "", texts: {} }, "code");
  expect((await last).module).toEqual({ source: "code" });
});

it("passes messages between a drawer and the kernel, until the drawer is closed", () => {
  const drawers = new DrawerComm(request, scope, importSource);
  const [open, onMessage] = [scope.child(), vi.fn()];
  const send = drawers.connect("inspector", onMessage, open);
  send({ type: "frames", from: 0 });
  expect(request).toHaveBeenLastCalledWith({
    type: "drawer",
    name: "inspector",
    content: { type: "frames", from: 0 },
  });
  drawers.receiveMessage("settings", "of another");
  drawers.receiveMessage("inspector", { type: "frames" });
  expect(onMessage).toHaveBeenCalledExactlyOnceWith({ type: "frames" });
  open.dispose();
  drawers.receiveMessage("inspector", { type: "frames" });
  expect(onMessage).toHaveBeenCalledOnce();
});
