/** What is said, in the panel and in Python, of a microphone that is on and gives no sound. */

import type { SilentMicrophone } from "../messages";
import { text } from "../texts";

export function silenceText({ cause, device, hasOther }: SilentMicrophone): string {
  const microphone = device ? text("microphone_named", { device }) : text("microphone_unnamed");
  if (cause === "system_muted")
    return text(hasOther ? "system_muted_with_other" : "system_muted", { microphone });
  return text(hasOther ? "silent_with_other" : "silent_microphone", { microphone });
}
