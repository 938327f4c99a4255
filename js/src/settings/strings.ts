/** What the settings drawer says that has values. */

import type { AppliedProcessing } from "../messages";
import { number, type TextKey, text } from "../texts";

export function speedText(speed: number): string {
  return text("times", { value: number(speed, 2) });
}

export function volumeText(volume: number): string {
  return text("percent", { value: Math.round(100 * volume) });
}

export function pauseText(milliseconds: number): string {
  return text("seconds", { value: number(milliseconds / 1000, 2) });
}

export function thresholdText(threshold: number): string {
  return number(threshold, 2);
}

/** What the browser really does, which can differ from what was asked for. */
export function appliedText(applied: AppliedProcessing | null): string {
  if (!applied) return text("not_known");
  const parts = [
    partText(applied.echo_cancellation, "echo_cancellation"),
    partText(applied.noise_suppression, "noise_suppression"),
    partText(applied.auto_gain, "auto_gain"),
  ].join(", ");
  const { device } = applied;
  return device ? text("applied_to", { device, parts }) : text("applied", { parts });
}

function partText(
  isOn: boolean | null,
  name: "echo_cancellation" | "noise_suppression" | "auto_gain",
): string {
  const state = isOn === null ? "untold" : isOn ? "on" : "off";
  return text(`${name}_${state}` satisfies TextKey);
}
