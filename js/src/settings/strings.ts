/** The texts of the settings drawer. */

import type { AppliedProcessing } from "../messages";

export const TEXTS = {
  talk: "Talk",
  voice: "Voice",
  serverVoice: "the server's own",
  speed: "Speed",
  instructions: "Instructions",
  apply: "Apply",
  turns: "Your turn",
  level: "Level of your microphone",
  trace: "What the server hears as speech is underlined",
  threshold: "How sure the server must be that you speak",
  silence: "Pause that ends your turn",
  pushToTalk: "With push-to-talk you end your turn yourself.",
  devices: "Devices",
  microphone: "Microphone",
  speaker: "Loudspeaker",
  default: "the browser's default",
  unnamed: "The browser names its devices once the microphone was allowed.",
  noSpeakers: "This browser plays through the loudspeaker of the system's settings.",
  volume: "Volume",
  halfDuplex: "Do not listen while a reply sounds (for loudspeakers without headphones)",
  processing: "Microphone sound",
  echoCancellation: "Echo cancellation",
  noiseSuppression: "Noise suppression",
  autoGainControl: "Automatic gain",
  unknown: "The microphone is off, so what the browser applies is not known.",
} as const;

export function speedText(speed: number): string {
  return `${speed.toFixed(2)} ×`;
}

export function volumeText(volume: number): string {
  return `${Math.round(100 * volume)} %`;
}

export function pauseText(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** What the browser really does, which can differ from what was asked for. */
export function appliedText(applied: AppliedProcessing | null): string {
  if (!applied) return TEXTS.unknown;
  const parts = [
    [TEXTS.echoCancellation, applied.echo_cancellation],
    [TEXTS.noiseSuppression, applied.noise_suppression],
    [TEXTS.autoGainControl, applied.auto_gain],
  ] as const;
  const shown = parts.map(
    ([name, isOn]) => `${name.toLowerCase()} ${isOn === null ? "not told" : isOn ? "on" : "off"}`,
  );
  const device = applied.device ? `${applied.device}: ` : "";
  return `The browser applies: ${device}${shown.join(", ")}.`;
}
