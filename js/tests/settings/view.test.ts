// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TalkSettings } from "../../src/messages";
import { preferences } from "../../src/preferences";
import { Scope } from "../../src/scope";
import { createDrawer } from "../../src/settings/view";
import type { DrawerContext } from "../../src/view/drawers";
import { INITIAL_STATE, type PanelState, Store } from "../../src/view/state";
import { WaveformHistory } from "../../src/view/waveform-history";
import { forgetPreferences } from "../fakes";

const SETTINGS: TalkSettings = {
  voice: "nova",
  voices: ["nova", "echo"],
  instructions: "Be brief.",
  speed: null,
  threshold: 0.5,
  silence_duration_ms: 500,
};

const DEVICES = [
  { kind: "audioinput", deviceId: "default", label: "Default" },
  { kind: "audioinput", deviceId: "m1", label: "Headset" },
  { kind: "audiooutput", deviceId: "s1", label: "Monitor" },
];

let scope: Scope;
let store: Store<PanelState>;
let drawer: HTMLElement;
let media: EventTarget & { enumerateDevices: ReturnType<typeof vi.fn> };
const changeSettings = vi.fn();
const followPreferences = vi.fn();
const setVolume = vi.fn();
const setHalfDuplex = vi.fn();

const settle = () => vi.waitFor(() => expect(choice("Microphone").options.length).toBeGreaterThan(1));

beforeEach(() => {
  changeSettings.mockClear();
  followPreferences.mockClear();
  media = Object.assign(new EventTarget(), { enumerateDevices: vi.fn(async () => DEVICES) });
  vi.stubGlobal("navigator", { mediaDevices: media });
  vi.stubGlobal(
    "AudioContext",
    class {
      setSinkId() {}
    },
  );
  forgetPreferences();
  scope = new Scope();
  store = new Store<PanelState>({ ...INITIAL_STATE, kernel: "ok", settings: SETTINGS });
  const actions = {
    changeSettings,
    followPreferences,
    setVolume,
    setHalfDuplex,
  } as unknown as DrawerContext["actions"];
  const signals = { user: new WaveformHistory(), assistant: new WaveformHistory() };
  drawer = createDrawer({ store, signals, actions, scope, panel: {} as DrawerContext["panel"] });
  document.body.replaceChildren(drawer);
});

afterEach(() => {
  scope.dispose();
  vi.unstubAllGlobals();
  forgetPreferences();
});

function labelled<E extends Element>(label: string, selector: string): E {
  const labels = [...drawer.querySelectorAll("label")];
  return labels.find((each) => each.textContent?.startsWith(label))!.querySelector<E>(selector)!;
}

const choice = (label: string) => labelled<HTMLSelectElement>(label, "select");
const slider = (label: string) => labelled<HTMLInputElement>(label, "input[type=range]");

function set(control: HTMLInputElement | HTMLSelectElement, value: string, ...types: string[]): void {
  control.value = value;
  for (const type of types) control.dispatchEvent(new Event(type));
}

const change = (settings: Partial<TalkSettings>) => store.update({ settings: { ...SETTINGS, ...settings } });

describe("the talk", () => {
  it("changes the voice, and follows it when Python changes it", () => {
    set(choice("Voice"), "echo", "change");
    expect(changeSettings).toHaveBeenLastCalledWith({ voice: "echo" });
    change({ voice: "of-my-own" });
    expect(choice("Voice").value).toBe("of-my-own");
    change({ voice: "" });
    expect(choice("Voice").selectedOptions[0]!.textContent).toBe("the server's own");
  });

  it("changes the speed when the slider is let go, not while it moves", () => {
    set(slider("Speed"), "1.2", "input");
    expect(changeSettings).not.toHaveBeenCalled();
    expect(labelled("Speed", ".glw-field-value").textContent).toBe("1.20 ×");
    set(slider("Speed"), "1.2", "change");
    expect(changeSettings).toHaveBeenLastCalledWith({ speed: 1.2 });
  });

  it("shows a setting again that the server has refused", () => {
    set(slider("Speed"), "1.4", "input", "change");
    change({});
    expect(slider("Speed").value).toBe("1");
  });

  it("keeps what is being written while other settings change, and applies it by the button", () => {
    const box = labelled<HTMLTextAreaElement>("Instructions", "textarea");
    box.value = "Be long.";
    change({ voice: "echo" });
    expect(box.value).toBe("Be long.");
    drawer.querySelector<HTMLButtonElement>(".glw-apply")!.click();
    expect(changeSettings).toHaveBeenLastCalledWith({ instructions: "Be long." });
    change({ instructions: "From Python." });
    expect(box.value).toBe("From Python.");
  });
});

describe("the user's turn", () => {
  it("changes threshold and pause, and resets one by a double click", () => {
    set(slider("How sure"), "0.7", "input", "change");
    expect(changeSettings).toHaveBeenLastCalledWith({ threshold: 0.7 });
    set(slider("Pause"), "900", "input", "change");
    expect(changeSettings).toHaveBeenLastCalledWith({ silence_duration_ms: 900 });
    slider("Pause").dispatchEvent(new MouseEvent("dblclick"));
    expect(changeSettings).toHaveBeenLastCalledWith({ silence_duration_ms: 500 });
  });

  it("has neither with push-to-talk, and says so", () => {
    change({ threshold: null, silence_duration_ms: null });
    expect(slider("Pause").closest<HTMLElement>(".glw-field")!.hidden).toBe(true);
    expect(drawer.textContent).toContain("With push-to-talk");
  });
});

describe("devices", () => {
  it("lists each once, and remembers the choice", async () => {
    await settle();
    expect([...choice("Microphone").options].map((each) => each.text)).toEqual([
      "the browser's default",
      "Headset",
    ]);
    set(choice("Microphone"), "m1", "change");
    expect(preferences().microphone).toBe("m1");
    set(choice("Loudspeaker"), "s1", "change");
    expect(preferences().speaker).toBe("s1");
    expect(followPreferences).toHaveBeenCalledTimes(2);
  });

  it("lists them again when one is plugged in", async () => {
    await settle();
    media.enumerateDevices.mockResolvedValue([
      ...DEVICES,
      { kind: "audioinput", deviceId: "m2", label: "New" },
    ]);
    media.dispatchEvent(new Event("devicechange"));
    await vi.waitFor(() => expect(choice("Microphone").options).toHaveLength(3));
  });

  it("changes the volume while the slider moves, and follows it when Python changes it", () => {
    set(slider("Volume"), "0.4", "input");
    expect(setVolume).toHaveBeenLastCalledWith(0.4);
    expect(labelled("Volume", ".glw-field-value").textContent).toBe("40 %");
    store.update({ volume: 0.25 });
    expect(slider("Volume").value).toBe("0.25");
  });

  it("switches half-duplex", () => {
    const half = labelled<HTMLInputElement>("Do not listen", "input");
    half.checked = true;
    half.dispatchEvent(new Event("change"));
    expect(setHalfDuplex).toHaveBeenLastCalledWith(true);
    store.update({ isHalfDuplex: true });
    expect(half.checked).toBe(true);
  });

  it("shows what the browser really applies", () => {
    const applied = { device: "Headset", echo_cancellation: true, noise_suppression: false, auto_gain: null };
    store.update({ applied: { ...applied, device_rate_hz: 48_000 } });
    expect(drawer.textContent).toContain(
      "Headset: echo cancellation on, noise suppression off, automatic gain not told.",
    );
    const noise = labelled<HTMLInputElement>("Noise suppression", "input");
    expect(noise.checked).toBe(false);
    noise.checked = true;
    noise.dispatchEvent(new Event("change"));
    expect(preferences().noiseSuppression).toBe(true);
  });
});
