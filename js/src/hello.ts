/** What a page says of itself when it has a talk. */

import { microphoneAbility } from "./devices";
import type { PageMessage } from "./messages";
import type { AudioPage } from "./page";

export function helloOf({ context }: AudioPage): PageMessage {
  return {
    type: "hello",
    version: __VERSION__,
    clock_ms: Date.now(),
    microphone: microphoneAbility(),
    device_rate_hz: context?.sampleRate ?? null,
    origin: location.origin,
  };
}
