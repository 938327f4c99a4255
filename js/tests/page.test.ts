// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  audioPage,
  claimMicrophone,
  followVisibility,
  loadWorklet,
  outputLatencyMs,
  useContext,
} from "../src/page";
import { Scope } from "../src/scope";
import { FakeContext, installAudio } from "./fakes";

beforeEach(() => {
  vi.useFakeTimers();
  installAudio();
});

describe("the page", () => {
  it("has one id and one context for all models", () => {
    const [one, other] = [new Scope(), new Scope()];
    expect(useContext(one)).toBe(useContext(other));
    expect(audioPage().id).toBe(audioPage().id);
    expect(audioPage().id.length).toBeGreaterThan(8);
    expect(FakeContext.made).toHaveLength(1);
  });

  it("closes the context a second after its last user has ended", () => {
    const [one, other] = [new Scope(), new Scope()];
    const context = useContext(one);
    useContext(other);
    one.dispose();
    expect(context.state).toBe("running");
    other.dispose();
    expect(context.state).toBe("running");
    vi.advanceTimersByTime(1000);
    expect(context.state).toBe("closed");
    expect(audioPage().context).toBeNull();
  });

  it("gives the context that is to be closed to the next user", () => {
    const [one, other] = [new Scope(), new Scope()];
    const context = useContext(one);
    one.dispose();
    vi.advanceTimersByTime(900);
    expect(useContext(other)).toBe(context);
    vi.advanceTimersByTime(1000);
    expect(context.state).toBe("running");
    other.dispose();
    vi.advanceTimersByTime(1000);
    expect(context.state).toBe("closed");
    expect(FakeContext.made).toHaveLength(1);
  });

  it("gives the microphone to one model at a time", () => {
    const [first, second] = [vi.fn(), vi.fn()];
    const giveUp = claimMicrophone(first);
    claimMicrophone(second);
    expect(first).toHaveBeenCalledOnce();
    giveUp();
    claimMicrophone(vi.fn());
    expect(second).toHaveBeenCalledOnce();
  });
});

it("has a worklet tell levels only while it can be seen", () => {
  const isHidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  const posted: object[] = [];
  const node = { port: { postMessage: (message: object) => posted.push(message) } };
  followVisibility(new Scope(), node as unknown as AudioWorkletNode);
  isHidden.mockReturnValue(false);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(posted).toEqual([false, true].map((is_on) => ({ type: "levels", is_on })));
  isHidden.mockRestore();
});

describe("a worklet", () => {
  const context = () => new FakeContext() as unknown as AudioContext;
  const addModule = (target: AudioContext) => vi.mocked(target.audioWorklet.addModule);

  it("is loaded once for a context", async () => {
    const target = context();
    await Promise.all([
      loadWorklet(target, "a-1", async () => "source"),
      loadWorklet(target, "a-1", async () => "source"),
    ]);
    expect(addModule(target)).toHaveBeenCalledOnce();
  });

  it("is loaded from a data URL if a Blob URL is not allowed", async () => {
    const target = context();
    addModule(target).mockRejectedValueOnce(new Error("AbortError"));
    await loadWorklet(target, "a-1", async () => "let x;");
    expect(addModule(target).mock.calls.map(([url]) => String(url).slice(0, 5))).toEqual(["blob:", "data:"]);
  });

  it("can be loaded again after a failure", async () => {
    const target = context();
    addModule(target).mockRejectedValueOnce(new Error("no")).mockRejectedValueOnce(new Error("no"));
    await expect(loadWorklet(target, "a-1", async () => "source")).rejects.toThrow();
    await expect(loadWorklet(target, "a-1", async () => "source")).resolves.toBeUndefined();
  });

  it("fails on an http page with the reason", async () => {
    const target = Object.assign(new FakeContext(), { audioWorklet: undefined }) as unknown as AudioContext;
    await expect(loadWorklet(target, "a-1", async () => "source")).rejects.toThrow("not secure");
  });
});

describe("the latency of the loudspeaker", () => {
  const read = vi.fn(() => 0.04);

  beforeEach(() => {
    read.mockClear();
    const context = useContext(new Scope());
    Object.defineProperties(context, { baseLatency: { value: 0.01 }, outputLatency: { get: read } });
  });

  afterEach(() => void vi.restoreAllMocks());

  it("is what the browser states", () => {
    expect(outputLatencyMs()).toBeCloseTo(50);
  });

  it("is assumed in Firefox, where asking for it can freeze the tab", () => {
    const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
    vi.spyOn(navigator, "userAgent", "get").mockReturnValue(agent);
    expect(outputLatencyMs()).toBe(100);
    expect(read).not.toHaveBeenCalled();
  });
});
