import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Bundles } from "../src/bundles";
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
  const bundles = new Bundles(request, scope, importSource);
  const loading = [bundles.load("settings"), bundles.load("settings")];
  bundles.receive("settings", "code", ".a {}");
  const [first, second] = await Promise.all(loading);
  expect(first).toEqual({ module: { source: "code" }, style: ".a {}" });
  expect(second).toBe(first);
  expect(await bundles.load("settings")).toBe(first);
  expect(request).toHaveBeenCalledOnce();
  expect(importSource).toHaveBeenCalledOnce();
});

it("asks again while there is no answer, and stops when there is one", async () => {
  const bundles = new Bundles(request, scope, importSource);
  const loading = bundles.load("settings");
  vi.advanceTimersByTime(8_000);
  expect(request).toHaveBeenCalledTimes(3);
  bundles.receive("settings", "code", "");
  await loading;
  vi.advanceTimersByTime(60_000);
  expect(request).toHaveBeenCalledTimes(3);
});

it("ignores bundles that nothing waits for, and keeps two that are loaded at once apart", async () => {
  const bundles = new Bundles(request, scope, importSource);
  bundles.receive("settings", "unasked", "");
  const [one, other] = [bundles.load("settings"), bundles.load("frames")];
  bundles.receive("frames", "frames", "");
  bundles.receive("settings", "settings", "");
  expect((await one).module).toEqual({ source: "settings" });
  expect((await other).module).toEqual({ source: "frames" });
});

it("says why a bundle is missing, and tries again at the next call", async () => {
  const bundles = new Bundles(request, scope, importSource);
  const loading = bundles.load("settings");
  bundles.receive("settings", "", "");
  await expect(loading).rejects.toThrow("was not built with it");
  importSource.mockRejectedValueOnce(new Error("refused by the page"));
  const again = bundles.load("settings");
  bundles.receive("settings", "code", "");
  await expect(again).rejects.toThrow("refused by the page");
  const last = bundles.load("settings");
  bundles.receive("settings", "code", "");
  expect((await last).module).toEqual({ source: "code" });
});
