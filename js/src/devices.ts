/** What a page may do with microphones, and how it opens one: for the talk, and for the doctor's tests. */

import type { AppliedProcessing, MicrophoneAbility, MicrophoneReason } from "./messages";
import { audioPage } from "./page";
import { prefer, preferences } from "./preferences";

/** Whether this page can use a microphone at all; does not request one. */
export function microphoneAbility(): MicrophoneAbility {
  if (!window.isSecureContext) return "insecure";
  if (isForbidden()) return "policy";
  return "mediaDevices" in navigator && navigator.mediaDevices ? "ok" : "none";
}

/** Why this page cannot use a microphone, as it would be reported after a click; null if it can. */
export function microphoneObstacle(): MicrophoneReason | null {
  const ability = microphoneAbility();
  if (ability === "ok") return null;
  return ability === "none" ? "no_device" : ability;
}

/** In Chromium this distinguishes a host that forbids microphones (VS Code, an iframe) from a user who refused. */
function isForbidden(): boolean {
  const { featurePolicy } = document as { featurePolicy?: { allowsFeature(name: string): boolean } };
  return featurePolicy?.allowsFeature("microphone") === false;
}

/** What the browser has been told about microphones of this page; null where it does not say. */
export async function microphonePermission(): Promise<PermissionState | null> {
  try {
    return (await navigator.permissions.query({ name: "microphone" as PermissionName })).state;
  } catch {
    // Firefox before 131 does not know this name.
    return null;
  }
}

/** The names are those of https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia. */
export function reasonOf(error: unknown): MicrophoneReason {
  const name = (error as { name?: string } | null)?.name ?? "";
  if (name === "NotAllowedError" || name === "SecurityError") return isForbidden() ? "policy" : "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "no_device";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "other";
}

/** The microphones of this computer, each once: Chromium lists the default ones a second time. Empty: not known. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const isAlias = ({ deviceId }: MediaDeviceInfo) => deviceId === "default" || deviceId === "communications";
  return devices.filter((device) => device.kind === "audioinput" && !isAlias(device));
}

/** Open the microphone that is preferred, or the browser's default where that one is no longer there. */
export async function openMicrophone(
  processing: MediaTrackConstraints,
  deviceId: string | null = null,
): Promise<MediaStream> {
  const wanted = deviceId ?? (preferences().microphone || null);
  const open = (id: string | null) =>
    navigator.mediaDevices.getUserMedia({
      audio: { ...(id && { deviceId: { exact: id } }), ...processing, channelCount: 1 },
    });
  try {
    return await open(wanted);
  } catch (error) {
    if (deviceId || !wanted || (error as Error).name !== "OverconstrainedError") throw error;
    prefer({ microphone: "" });
    return open(null);
  }
}

/** Plain true, never "remote-only", which ignores sound played by Web Audio (measured: 0.7 dB of 11). */
export function wantedProcessing(withProcessing: boolean): MediaTrackConstraints {
  const { echoCancellation, noiseSuppression, autoGainControl } = preferences();
  return {
    echoCancellation: echoCancellation ?? withProcessing,
    noiseSuppression: noiseSuppression ?? withProcessing,
    autoGainControl: autoGainControl ?? withProcessing,
  };
}

/** What the browser applies, which can differ from what was requested. */
export function trackDetails(track: MediaStreamTrack): AppliedProcessing {
  const settings = track.getSettings();
  return {
    device: track.label || null,
    echo_cancellation: booleanOrNull(settings.echoCancellation),
    noise_suppression: booleanOrNull(settings.noiseSuppression),
    auto_gain: booleanOrNull(settings.autoGainControl),
    device_rate_hz: audioPage().context?.sampleRate ?? null,
  };
}

function booleanOrNull(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}
