// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Microphone, type MicrophoneListener, microphoneAbility } from "../src/capture";
import type { MicrophoneState } from "../src/messages";
import { audioPage } from "../src/page";
import { Scope } from "../src/scope";
import { FakeNode, installAudio, settle } from "./fakes";

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
  };
  microphone = new Microphone(scope, listener);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  Reflect.deleteProperty(document, "featurePolicy");
});

const node = () => FakeNode.newest("grok-live-capture");
const words = () => states.map(({ state, reason }) => (reason ? `${state} ${reason}` : state));

async function refuse(name: string): Promise<void> {
  browser.mediaDevices.getUserMedia.mockRejectedValueOnce(Object.assign(new Error("no"), { name }));
  await microphone.start(true, true);
}

describe("switching on", () => {
  it("asks in the same moment, for plain processing and one channel", () => {
    microphone.start(true, true);
    expect(browser.mediaDevices.getUserMedia).toHaveBeenCalledWith({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
  });

  it("asks for the raw microphone when nothing is to be processed", () => {
    microphone.start(false, true);
    expect(browser.mediaDevices.getUserMedia.mock.lastCall?.[0]).toMatchObject({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  });

  it("tells what the browser really gives", async () => {
    await microphone.start(true, true);
    expect(words()).toEqual(["asking", "on"]);
    expect(microphone.state).toMatchObject({
      device: "Built-in microphone",
      echo_cancellation: true,
      noise_suppression: false,
      auto_gain: null,
      device_rate_hz: 48_000,
    });
  });

  it("hands on chunks and levels of the worklet", async () => {
    await microphone.start(true, true);
    const chunk = { pcm: new Int16Array(2400), sample_index: 0, captured_at_ms: 5 };
    node().port.tell({ type: "chunk", ...chunk });
    node().port.tell({ type: "levels", levels: { rms: 1, columns: new Float32Array() } });
    expect(listener.onChunk).toHaveBeenCalledWith(chunk);
    expect(listener.onMicrophoneLevels).toHaveBeenCalledOnce();
  });

  it("reminds of the browser's question after 20 s", async () => {
    browser.mediaDevices.getUserMedia.mockReturnValueOnce(new Promise(() => {}));
    microphone.start(true, true);
    vi.advanceTimersByTime(20_000);
    expect(words()).toEqual(["asking", "asking waiting"]);
  });
});

describe("letting go", () => {
  it("stops the track, so that the browser's lamp goes out, and closes the context", async () => {
    await microphone.start(true, true);
    microphone.stop();
    expect(browser.track.isStopped).toBe(true);
    expect(node().isConnected).toBe(false);
    expect(audioPage().context).toBeNull();
    expect(words().at(-1)).toBe("off");
  });

  it("happens when its model ends", async () => {
    await microphone.start(true, true);
    scope.dispose();
    expect(browser.track.isStopped).toBe(true);
  });

  it("happens when the answer comes after the person has stopped", async () => {
    let answer = (_stream: unknown) => {};
    browser.mediaDevices.getUserMedia.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    microphone.start(true, true);
    microphone.stop();
    answer(browser.stream);
    await settle();
    expect(browser.track.isStopped).toBe(true);
    expect(words()).toEqual(["asking", "off"]);
  });

  it("happens when another panel of the page takes the microphone", async () => {
    await microphone.start(true, true);
    await new Microphone(scope, listener).start(true, true);
    expect(microphone.isOn).toBe(false);
  });
});

describe("no microphone", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "no_device"],
    ["OverconstrainedError", "no_device"],
    ["NotReadableError", "busy"],
    ["AbortError", "busy"],
    ["TypeError", "other"],
  ])("because of %s is told as %s", async (name, reason) => {
    await refuse(name);
    expect(words().at(-1)).toBe(`failed ${reason}`);
  });

  it("because the app forbids it is told apart from a person's no", async () => {
    Object.assign(document, { featurePolicy: { allowsFeature: () => false } });
    expect(microphoneAbility()).toBe("policy");
    await microphone.start(true, true);
    expect(words()).toEqual(["failed policy"]);
    expect(browser.mediaDevices.getUserMedia).not.toHaveBeenCalled();
  });

  it("because the page is not secure is known without asking", async () => {
    Object.assign(window, { isSecureContext: false });
    await microphone.start(true, true);
    expect(words()).toEqual(["failed insecure"]);
  });

  it("because the browser has no devices at all is told as none", async () => {
    Object.defineProperty(navigator, "mediaDevices", { value: undefined, configurable: true });
    expect(microphoneAbility()).toBe("none");
    await microphone.start(true, true);
    expect(words()).toEqual(["failed no_device"]);
  });

  it("because it was unplugged is told, and offered again when one is plugged in", async () => {
    await microphone.start(true, true);
    browser.track.dispatchEvent(new Event("ended"));
    expect(words().at(-1)).toBe("failed lost");
    browser.mediaDevices.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(words().at(-1)).toBe("off");
  });

  it("because the worklet failed is told", async () => {
    await microphone.start(true, true);
    node().dispatchEvent(new Event("processorerror"));
    expect(words().at(-1)).toBe("failed other");
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
    expect(words()).toEqual(["asking", "on", "muted", "on"]);
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
    node().port.tell({ type: "gate", is_open: false });
    await settle();
    expect(closed).toHaveBeenCalledOnce();
  });

  it("closing the gate does not wait for ever", async () => {
    const closed = vi.fn();
    await microphone.start(true, true);
    microphone.closeGate().then(closed);
    await vi.advanceTimersByTimeAsync(250);
    expect(closed).toHaveBeenCalledOnce();
  });

  it("closing the gate of no microphone is done at once", async () => {
    await expect(microphone.closeGate()).resolves.toBeUndefined();
  });
});
