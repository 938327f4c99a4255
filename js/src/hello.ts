/** What a page says of itself when it has a talk. */

import { microphoneAbility, microphoneObstacle } from "./devices";
import type { PageMessage } from "./messages";
import type { AudioPage } from "./page";
import { microphoneText } from "./view/strings";

export function helloOf({ context }: AudioPage): PageMessage {
  return {
    type: "hello",
    version: __VERSION__,
    clock_ms: Date.now(),
    microphone: microphoneAbility(),
    microphone_text: microphoneText(microphoneObstacle()),
    device_rate_hz: context?.sampleRate ?? null,
  };
}
