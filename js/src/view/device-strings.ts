/** What is said of a microphone that cannot be used, and of one that gives no sound. */

import type { MicrophoneReason, SilentMicrophone } from "../messages";
import { text } from "../texts";

export function silenceText({ cause, device, hasOther }: SilentMicrophone): string {
  const microphone = device ? text("microphone_named", { device }) : text("microphone_unnamed");
  if (cause === "system_muted")
    return text(hasOther ? "system_muted_with_other" : "system_muted", { microphone });
  return text(hasOther ? "silent_with_other" : "silent_microphone", { microphone });
}

export function microphoneText(reason: MicrophoneReason): string {
  return text(`microphone_${reason}`, { secure_page: text("secure_page") });
}
