import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Scope } from "../src/scope";
import { Views } from "../src/views";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("the end of the last view is reported after 5 s, unless another one is shown", () => {
  const onNone = vi.fn();
  const views = new Views(new Scope(), onNone);
  const [leaveFirst, leaveSecond] = [views.attach(), views.attach()];
  leaveFirst();
  leaveFirst();
  vi.advanceTimersByTime(5000);
  expect(onNone).not.toHaveBeenCalled();
  leaveSecond();
  vi.advanceTimersByTime(4999);
  const leaveThird = views.attach();
  vi.advanceTimersByTime(5000);
  expect(onNone).not.toHaveBeenCalled();
  leaveThird();
  vi.advanceTimersByTime(5000);
  expect(onNone).toHaveBeenCalledOnce();
});
