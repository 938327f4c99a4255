// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../src/scope";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a scope", () => {
  it("disposes of its children first, then of its own in reverse order", () => {
    const order: string[] = [];
    const scope = new Scope();
    scope.add(() => order.push("first"));
    scope.child().add(() => order.push("child"));
    scope.add(() => order.push("second"));
    scope.dispose();
    expect(order).toEqual(["child", "second", "first"]);
  });

  it("disposes once, however often it is told", () => {
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

  it("disposes at once of what is registered after its end", () => {
    const scope = new Scope();
    scope.dispose();
    const disposer = vi.fn();
    scope.add(disposer);
    expect(disposer).toHaveBeenCalledOnce();
    expect(scope.child().isDisposed).toBe(true);
  });

  it("is forgotten by its parent when it ends", () => {
    const parent = new Scope();
    const disposer = vi.fn();
    const child = parent.child();
    child.add(disposer);
    child.dispose();
    parent.dispose();
    expect(disposer).toHaveBeenCalledOnce();
  });

  it("hears nothing after its end", () => {
    const heard = vi.fn();
    const target = new EventTarget();
    const scope = new Scope();
    scope.listen(target, "ring", heard);
    target.dispatchEvent(new Event("ring"));
    scope.dispose();
    target.dispatchEvent(new Event("ring"));
    expect(heard).toHaveBeenCalledOnce();
  });

  it("ends its timers", () => {
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

  it("lets a timer be cancelled", () => {
    const action = vi.fn();
    const scope = new Scope();
    scope.timeout(100, action)();
    vi.advanceTimersByTime(1000);
    expect(action).not.toHaveBeenCalled();
  });
});
