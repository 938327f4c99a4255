/** The settings drawer: what is not needed at every moment of a talk. */

import { type Preferences, prefer, preferences } from "../preferences";
import { type TextKey, text } from "../texts";
import type { DrawerContext } from "../view/drawers";
import { element, setShown, setText } from "../view/elements";
import type { PanelState } from "../view/state";
import { Waveform } from "../view/waveform";
import { Choice, field, group, type Option, Slider, Switch } from "./fields";
import { appliedText, pauseText, speedText, thresholdText, volumeText } from "./strings";

export function createDrawer(context: DrawerContext): HTMLElement {
  const { store, scope } = context;
  const parts = [new TalkSettings(context), new TurnSettings(context), new DeviceSettings(context)];
  scope.add(
    store.subscribe((state) => {
      for (const part of parts) part.show(state);
    }),
  );
  return element(
    "div",
    "glw-settings",
    {},
    parts.map((part) => part.element),
  );
}

class TalkSettings {
  readonly element: HTMLElement;
  readonly #voice: Choice;
  readonly #speed: Slider;
  readonly #instructions = element("textarea", "glw-instructions", { rows: "3", dir: "auto" });
  #shown = "";

  constructor({ actions, scope }: DrawerContext) {
    this.#voice = new Choice(text("voice"), (voice) => actions.changeSettings({ voice }), scope);
    const range = { min: 0.7, max: 1.5, step: 0.05, initial: 1 };
    this.#speed = new Slider(
      text("speed"),
      range,
      speedText,
      (speed) => actions.changeSettings({ speed }),
      scope,
    );
    const apply = element("button", "glw-button glw-apply", { type: "button" }, [text("apply")]);
    scope.listen(apply, "click", () => actions.changeSettings({ instructions: this.#instructions.value }));
    this.element = group(text("talk"), [
      this.#voice.element,
      this.#speed.element,
      field(text("instructions"), this.#instructions),
      apply,
    ]);
  }

  show({ settings }: PanelState): void {
    const { voice, voices, speed, instructions } = settings;
    const known = voice === "" || voices.includes(voice) ? voices : [voice, ...voices];
    const options = known.map((name) => ({ value: name, label: name }));
    this.#voice.show(voice ? options : [{ value: "", label: text("server_voice") }, ...options], voice);
    this.#speed.show(speed ?? 1);
    // Not over what the user is writing.
    if (instructions !== this.#shown) this.#instructions.value = instructions;
    this.#shown = instructions;
  }
}

class TurnSettings {
  readonly element: HTMLElement;
  readonly #threshold: Slider;
  readonly #silence: Slider;
  readonly #pushToTalk = element("p", "glw-field-note", {}, [text("push_to_talk")]);

  constructor({ actions, signals, scope }: DrawerContext) {
    const steps = { min: 0.1, max: 0.9, step: 0.05, initial: 0.5 };
    const pauses = { min: 100, max: 3000, step: 50, initial: 500 };
    this.#threshold = new Slider(
      text("threshold"),
      steps,
      thresholdText,
      (threshold) => actions.changeSettings({ threshold }),
      scope,
    );
    this.#silence = new Slider(
      text("pause"),
      pauses,
      pauseText,
      (silence_duration_ms) => actions.changeSettings({ silence_duration_ms }),
      scope,
    );
    const trace = new Waveform("glw-voice-you", text("level_user"), signals.user);
    trace.setName(text("speech_underlined"));
    const measure = () => trace.measure();
    scope.onResize(trace.canvas, measure);
    // A change of the theme.
    scope.onAttributes(document.body, measure);
    scope.onAttributes(document.documentElement, measure);
    const draw = (): void => {
      trace.draw(Date.now());
      scope.frame(draw);
    };
    draw();
    this.element = group(text("your_turn"), [
      trace.element,
      this.#pushToTalk,
      this.#threshold.element,
      this.#silence.element,
    ]);
  }

  show({ settings }: PanelState): void {
    const { threshold, silence_duration_ms } = settings;
    const isByServer = threshold !== null && silence_duration_ms !== null;
    setShown(this.#pushToTalk, !isByServer);
    setShown(this.#threshold.element, isByServer);
    setShown(this.#silence.element, isByServer);
    if (!isByServer) return;
    this.#threshold.show(threshold);
    this.#silence.show(silence_duration_ms);
  }
}

type Processing = "echoCancellation" | "noiseSuppression" | "autoGainControl";

/** The devices of this computer, and what the browser does to the sound; remembered for this browser. */
class DeviceSettings {
  readonly element: HTMLElement;
  readonly #microphone: Choice;
  readonly #speaker: Choice;
  readonly #volume: Slider;
  readonly #halfDuplex: Switch;
  readonly #switches: readonly [Processing, Switch][];
  readonly #unnamed = element("p", "glw-field-note", {}, [text("unnamed_devices")]);
  readonly #noSpeakers = element("p", "glw-field-note", {}, [text("no_speakers")]);
  readonly #applied = element("p", "glw-field-note", { role: "status" });
  #device: string | null = null;

  constructor(readonly context: DrawerContext) {
    const { scope } = context;
    this.#microphone = new Choice(text("microphone"), (microphone) => this.#prefer({ microphone }), scope);
    this.#speaker = new Choice(text("speaker"), (speaker) => this.#prefer({ speaker }), scope);
    const { actions } = context;
    const volumes = { min: 0, max: 1, step: 0.01, initial: 1, isLive: true };
    this.#volume = new Slider(
      text("volume"),
      volumes,
      volumeText,
      (volume) => actions.setVolume(volume),
      scope,
    );
    this.#halfDuplex = new Switch(text("half_duplex"), (isOn) => actions.setHalfDuplex(isOn), scope);
    const names: [Processing, TextKey][] = [
      ["echoCancellation", "echo_cancellation"],
      ["noiseSuppression", "noise_suppression"],
      ["autoGainControl", "auto_gain"],
    ];
    this.#switches = names.map(([name, label]) => [
      name,
      new Switch(text(label), (isOn) => this.#prefer({ [name]: isOn }), scope),
    ]);
    const devices = [
      this.#microphone.element,
      this.#unnamed,
      this.#speaker.element,
      this.#noSpeakers,
      this.#volume.element,
    ];
    const switches = this.#switches.map(([, each]) => each.element);
    this.element = element("div", "glw-settings-devices", {}, [
      group(text("devices"), devices),
      group(text("processing"), [this.#halfDuplex.element, ...switches, this.#applied]),
    ]);
    if (navigator.mediaDevices) scope.listen(navigator.mediaDevices, "devicechange", () => this.#list());
    this.#list();
  }

  show({ applied, volume, isHalfDuplex }: PanelState): void {
    this.#volume.show(volume);
    this.#halfDuplex.show(isHalfDuplex);
    const isOn = {
      echoCancellation: applied?.echo_cancellation,
      noiseSuppression: applied?.noise_suppression,
      autoGainControl: applied?.auto_gain,
    };
    for (const [name, each] of this.#switches) each.show(isOn[name] ?? preferences()[name] ?? true);
    setText(this.#applied, appliedText(applied));
    const device = applied?.device ?? null;
    // Names are listed once the microphone was allowed.
    if (device !== this.#device) this.#list();
    this.#device = device;
  }

  #prefer(change: Partial<Preferences>): void {
    prefer(change);
    this.context.actions.followPreferences();
  }

  async #list(): Promise<void> {
    const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
    if (this.context.scope.isDisposed) return;
    const listed = all.filter(
      ({ deviceId }) => deviceId && deviceId !== "default" && deviceId !== "communications",
    );
    this.#microphone.show(optionsOf(listed, "audioinput"), preferences().microphone);
    const canChoose = "setSinkId" in AudioContext.prototype;
    this.#speaker.show(optionsOf(listed, "audiooutput"), preferences().speaker);
    setShown(this.#speaker.element, canChoose);
    setShown(this.#noSpeakers, !canChoose);
    setShown(this.#unnamed, !listed.some(({ label }) => label));
  }
}

function optionsOf(devices: readonly MediaDeviceInfo[], kind: MediaDeviceKind): Option[] {
  const options = devices
    .filter((device) => device.kind === kind)
    .map(({ deviceId, label }, i) => ({ value: deviceId, label: label || `${i + 1}` }));
  return [{ value: "", label: text("default_device") }, ...options];
}
