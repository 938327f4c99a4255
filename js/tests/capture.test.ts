// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Microphone, type MicrophoneListener } from "../src/capture";
import { microphoneAbility } from "../src/devices";
import type { MicrophoneState } from "../src/messages";
import { audioPage } from "../src/page";
import { preferences } from "../src/preferences";
import { Scope } from "../src/scope";
import { FakeContext, FakeNode, installAudio, permit, settle } from "./fakes";

let browser: ReturnType<typeof installAudio>;
let scope: Scope;
let microphone: Microphone;
let states: MicrophoneState[];
let listener: { [K in keyof MicrophoneListener]: ReturnType<typeof vi.fn<MicrophoneListener[K]>> };

beforeEach(() => {
  vi.useFakeTimers();
  browser = installAudio();
  scope = new Scope();
  states = [];
  listener = {
    onMicrophone: vi.fn((state) => void states.push(state)),
    onChunk: vi.fn(),
    onMicrophoneLevels: vi.fn(),
    onMicrophonePaused: vi.fn(),
    onMicrophoneSilent: vi.fn(),
  };
  microphone = new Microphone(scope, listener);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  Reflect.deleteProperty(document, "featurePolicy");
  Reflect.deleteProperty(navigator, "permissions");
});

const node = () => FakeNode.newest("grok-live-capture");
const reported = () => states.map(({ state, reason }) => (reason ? `${state} ${reason}` : state));

async function refuse(name: string): Promise<void> {
  browser.mediaDevices.getUserMedia.mockRejectedValueOnce(Object.assign(new Error("no"), { name }));
  await microphone.start(true, true);
}

describe("a microphone that the system mutes", () => {
  const causes = () => listener.onMicrophoneSilent.mock.calls.map(([silent]) => silent?.cause ?? null);

  it("is reported at once, until it is unmuted", async () => {
    await microphone.start(true, true);
    browser.track.mute(true);
    await settle();
    browser.track.mute(false);
    await settle();
    expect(causes()).toEqual(["system_muted", null]);
  });

  it("is not reported any more when it is off", async () => {
    await microphone.start(true, true);
    browser.track.mute(true);
    await settle();
    microphone.stop();
    expect(causes()).toEqual(["system_muted", null]);
  });
});

describe("a microphone that is on", () => {
  const levels = (seconds: number, rms: number) => {
    for (let i = 0; i < 25 * seconds; i++)
      node().port.deliver({ type: "levels", levels: { rms, columns: new Float32Array(), durationMs: 40 } });
  };

  it("reports that the browser has paused it, until it is resumed or off", async () => {
    await microphone.start(true, true);
    const context = FakeContext.made.at(-1)!;
    context.become("suspended");
    vi.advanceTimersByTime(400);
    expect(listener.onMicrophonePaused).toHaveBeenLastCalledWith(true);
    context.become("running");
    expect(listener.onMicrophonePaused).toHaveBeenLastCalledWith(false);
    context.become("suspended");
    vi.advanceTimersByTime(400);
    microphone.stop();
    expect(listener.onMicrophonePaused).toHaveBeenLastCalledWith(false);
  });

  it("reports that it gives only zeros, until it gives sound", async () => {
    await microphone.start(true, true);
    levels(4, 0);
    await settle();
    expect(listener.onMicrophoneSilent.mock.calls).toEqual([
      [{ cause: "silent", device: "Built-in microphone", hasOther: false }],
    ]);
    levels(1, 0.1);
    expect(listener.onMicrophoneSilent).toHaveBeenLastCalledWith(null);
  });

  it("is reported as silent where the browser does not list the microphones", async () => {
    browser.mediaDevices.enumerateDevices.mockRejectedValue(new Error("not allowed"));
    await microphone.start(true, true);
    levels(4, 0);
    await settle();
    expect(listener.onMicrophoneSilent.mock.lastCall?.[0]).toMatchObject({ hasOther: false });
  });

  it("stays off when it is stopped while the next one is looked for", async () => {
    await microphone.start(true, true);
    const next = microphone.startNext(true, true);
    microphone.stop();
    await next;
    expect(browser.mediaDevices.getUserMedia).toHaveBeenCalledTimes(1);
  });

  it("is not reported as silent while it is muted", async () => {
    await microphone.start(true, true);
    microphone.setMuted(true);
    levels(20, 0);
    await settle();
    expect(listener.onMicrophoneSilent).not.toHaveBeenCalled();
  });

  it("can be changed for the next one of the browser's", async () => {
    const label = "Built-in microphone";
    browser.mediaDevices.enumerateDevices.mockResolvedValue([
      { kind: "audioinput", deviceId: "default", label: `Default - ${label}` },
      { kind: "audioinput", deviceId: "a", label },
      { kind: "audiooutput", deviceId: "c", label },
      { kind: "audioinput", deviceId: "b", label: "Headset" },
    ] as never);
    await microphone.start(true, true);
    await microphone.startNext(true, true);
    expect(browser.mediaDevices.getUserMedia.mock.lastCall?.[0]).toMatchObject({
      audio: { deviceId: { exact: "b" } },
    });
  });
});

describe("turning the microphone on", () => {
  it("requests processing and one channel synchronously", () => {
    microphone.start(true, true);
    expect(browser.mediaDevices.getUserMedia).toHaveBeenCalledWith({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
  });

  it("requests the raw microphone without processing", () => {
    microphone.start(false, true);
    expect(browser.mediaDevices.getUserMedia.mock.lastCall?.[0]).toMatchObject({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  });

  it("requests the device and the processing that the user prefers", () => {
    Object.assign(preferences(), { microphone: "m1", noiseSuppression: false });
    microphone.start(true, true);
    expect(browser.mediaDevices.getUserMedia.mock.lastCall?.[0]).toMatchObject({
      audio: { deviceId: { exact: "m1" }, echoCancellation: true, noiseSuppression: false },
    });
  });

  it("uses the browser's default where the preferred device is no longer there", async () => {
    Object.assign(preferences(), { microphone: "unplugged" });
    const gone = Object.assign(new Error("gone"), { name: "OverconstrainedError" });
    browser.mediaDevices.getUserMedia.mockRejectedValueOnce(gone);
    await microphone.start(true, true);
    expect(reported()).toEqual(["asking", "on"]);
    expect(browser.mediaDevices.getUserMedia.mock.lastCall?.[0]).not.toHaveProperty("audio.deviceId");
    expect(preferences().microphone).toBe("");
  });

  it("reports the settings that the browser applies", async () => {
    await microphone.start(true, true);
    expect(reported()).toEqual(["asking", "on"]);
    expect(states.at(-1)).toMatchObject({
      device: "Built-in microphone",
      echo_cancellation: true,
      noise_suppression: false,
      auto_gain: null,
      device_rate_hz: 48_000,
    });
  });

  it("passes on the worklet's chunks and levels", async () => {
    await microphone.start(true, true);
    const chunk = { pcm: new Int16Array(2400), sample_index: 0, captured_at_ms: 5 };
    node().port.deliver({ type: "chunk", ...chunk });
    node().port.deliver({ type: "levels", levels: { rms: 1, columns: new Float32Array() } });
    expect(listener.onChunk).toHaveBeenCalledWith({ ...chunk, stream: 1 });
    expect(listener.onMicrophoneLevels).toHaveBeenCalledOnce();
  });

  it("reminds of the browser's prompt after 20 s", async () => {
    browser.mediaDevices.getUserMedia.mockReturnValueOnce(new Promise(() => {}));
    microphone.start(true, true);
    vi.advanceTimersByTime(20_000);
    expect(reported()).toEqual(["asking", "asking waiting"]);
  });
});

describe("releasing the microphone", () => {
  it("stops the track, which turns off the browser's indicator, and closes the context", async () => {
    await microphone.start(true, true);
    microphone.stop();
    expect(browser.track.isStopped).toBe(true);
    expect(node().isConnected).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(audioPage().context).toBeNull();
    expect(reported().at(-1)).toBe("off");
  });

  it("happens when the model is destroyed", async () => {
    await microphone.start(true, true);
    scope.dispose();
    expect(browser.track.isStopped).toBe(true);
  });

  it("happens when permission is granted after Stop", async () => {
    let answer = (_stream: unknown) => {};
    browser.mediaDevices.getUserMedia.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    microphone.start(true, true);
    microphone.stop();
    answer(browser.stream);
    await settle();
    expect(browser.track.isStopped).toBe(true);
    expect(reported()).toEqual(["asking", "off"]);
  });

  it("happens when another model of the page claims the microphone", async () => {
    await microphone.start(true, true);
    await new Microphone(scope, listener).start(true, true);
    expect(microphone.isOn).toBe(false);
  });
});

describe("a failure", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "no_device"],
    ["OverconstrainedError", "no_device"],
    ["NotReadableError", "busy"],
    ["AbortError", "busy"],
    ["TypeError", "other"],
  ])("by %s is reported as %s", async (name, reason) => {
    await refuse(name);
    expect(reported().at(-1)).toBe(`failed ${reason}`);
  });

  it("by the host's policy is distinguished from a refusal of the user", async () => {
    Object.assign(document, { featurePolicy: { allowsFeature: () => false } });
    expect(microphoneAbility()).toBe("policy");
    await microphone.start(true, true);
    expect(reported()).toEqual(["failed policy"]);
    expect(browser.mediaDevices.getUserMedia).not.toHaveBeenCalled();
  });

  it("by an insecure page is known without a request", async () => {
    Object.assign(window, { isSecureContext: false });
    await microphone.start(true, true);
    expect(reported()).toEqual(["failed insecure"]);
  });

  it("by a browser without media devices is reported as no device", async () => {
    Object.defineProperty(navigator, "mediaDevices", { value: undefined, configurable: true });
    expect(microphoneAbility()).toBe("none");
    await microphone.start(true, true);
    expect(reported()).toEqual(["failed no_device"]);
  });

  it("by unplugging is reported, until a device is plugged in", async () => {
    await microphone.start(true, true);
    browser.track.dispatchEvent(new Event("ended"));
    await settle();
    expect(reported().at(-1)).toBe("failed lost");
    browser.mediaDevices.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(reported().at(-1)).toBe("off");
  });

  it.each(["denied", "prompt"] as const)("by a permission that becomes %s is no unplugging", async (now) => {
    permit("granted");
    await microphone.start(true, true);
    permit(now);
    browser.track.dispatchEvent(new Event("ended"));
    await settle();
    expect(reported().at(-1)).toBe("failed denied");
    expect(browser.track.isStopped).toBe(true);
  });

  it("by unplugging is not taken for a refusal where the permission was for one time only", async () => {
    permit("prompt");
    await microphone.start(true, true);
    browser.track.dispatchEvent(new Event("ended"));
    await settle();
    expect(reported().at(-1)).toBe("failed lost");
  });

  it("of the worklet is reported", async () => {
    await microphone.start(true, true);
    node().dispatchEvent(new Event("processorerror"));
    expect(reported().at(-1)).toBe("failed other");
    expect(browser.track.isStopped).toBe(true);
  });
});

describe("mute and push-to-talk", () => {
  it("mute closes the gate, silences the track and keeps the microphone", async () => {
    await microphone.start(true, true);
    microphone.setMuted(true);
    expect(node().port.posted.at(-1)).toEqual({ type: "gate", is_open: false });
    expect(browser.track).toMatchObject({ enabled: false, isStopped: false });
    microphone.setMuted(false);
    expect(node().port.posted.at(-1)).toEqual({ type: "gate", is_open: true });
    expect(reported()).toEqual(["asking", "on", "muted", "on"]);
  });

  it("a muted microphone stays muted when the button is held", async () => {
    await microphone.start(true, false);
    microphone.setMuted(true);
    microphone.openGate();
    expect(node().port.posted.at(-1)).toEqual({ type: "gate", is_open: false });
  });

  it("push-to-talk begins with a closed gate", async () => {
    await microphone.start(true, false);
    expect(node().options.processorOptions).toEqual({ is_gate_open: false });
  });

  it("closing the gate waits for the last chunk", async () => {
    const closed = vi.fn();
    await microphone.start(true, true);
    microphone.closeGate().then(closed);
    await settle();
    expect(closed).not.toHaveBeenCalled();
    node().port.deliver({ type: "gate", is_open: false });
    await settle();
    expect(closed).toHaveBeenCalledOnce();
  });

  it("closing the gate has a timeout", async () => {
    const closed = vi.fn();
    await microphone.start(true, true);
    microphone.closeGate().then(closed);
    await vi.advanceTimersByTimeAsync(250);
    expect(closed).toHaveBeenCalledOnce();
  });

  it("closing the gate without a microphone resolves at once", async () => {
    await expect(microphone.closeGate()).resolves.toBeUndefined();
  });
});
