// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../src/scope";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a scope", () => {
  it("disposes its children first, then its own disposers in reverse order", () => {
    const order: string[] = [];
    const scope = new Scope();
    scope.add(() => order.push("first"));
    scope.child().add(() => order.push("child"));
    scope.add(() => order.push("second"));
    scope.dispose();
    expect(order).toEqual(["child", "second", "first"]);
  });

  it("disposes once, however often dispose is called", () => {
    const disposer = vi.fn();
    const scope = new Scope();
    scope.add(disposer);
    scope.dispose();
    scope.dispose();
    expect(disposer).toHaveBeenCalledOnce();
  });

  it("runs a disposer early and then not again", () => {
    const disposer = vi.fn();
    const scope = new Scope();
    scope.add(disposer)();
    scope.dispose();
    expect(disposer).toHaveBeenCalledOnce();
  });

  it("disposes at once what is registered after its end", () => {
    const scope = new Scope();
    scope.dispose();
    const disposer = vi.fn();
    scope.add(disposer);
    expect(disposer).toHaveBeenCalledOnce();
    expect(scope.child().isDisposed).toBe(true);
  });

  it("is removed from its parent when it ends", () => {
    const parent = new Scope();
    const disposer = vi.fn();
    const child = parent.child();
    child.add(disposer);
    child.dispose();
    parent.dispose();
    expect(disposer).toHaveBeenCalledOnce();
  });

  it("removes its listeners at its end", () => {
    const listener = vi.fn();
    const target = new EventTarget();
    const scope = new Scope();
    scope.listen(target, "ring", listener);
    target.dispatchEvent(new Event("ring"));
    scope.dispose();
    target.dispatchEvent(new Event("ring"));
    expect(listener).toHaveBeenCalledOnce();
  });

  it("cancels its timers at its end", () => {
    const action = vi.fn();
    const scope = new Scope();
    scope.timeout(100, action);
    scope.interval(100, action);
    scope.frame(action);
    scope.dispose();
    vi.advanceTimersByTime(1000);
    scope.timeout(100, action);
    scope.interval(100, action);
    scope.frame(action);
    vi.advanceTimersByTime(1000);
    expect(action).not.toHaveBeenCalled();
  });

  it("returns a function that cancels a timer", () => {
    const action = vi.fn();
    const scope = new Scope();
    scope.timeout(100, action)();
    vi.advanceTimersByTime(1000);
    expect(action).not.toHaveBeenCalled();
  });
});

describe("the size of an element in pixels of the screen", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    ["is observed where the browser can", true],
    ["is that in pixels of CSS where it cannot, as in Safari", false],
  ])("%s", (_, canObservePixels) => {
    const boxes: unknown[] = [];
    vi.stubGlobal(
      "ResizeObserver",
      class {
        observe(_element: Element, options?: ResizeObserverOptions): void {
          if (options && !canObservePixels)
            throw new TypeError("not a valid value of ResizeObserverBoxOptions");
          boxes.push(options?.box);
        }
        disconnect(): void {
          boxes.push("ended");
        }
      },
    );
    const scope = new Scope();
    scope.onPixelResize(document.body, () => {});
    scope.dispose();
    expect(boxes).toEqual([canObservePixels ? "device-pixel-content-box" : undefined, "ended"]);
  });
});
