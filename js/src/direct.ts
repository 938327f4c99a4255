/** The entry point of the further bundle of the direct channel, which the kernel sends with its first invitation. */

import workerSource from "worker:direct/worker-entry";
import { type DirectContext, DirectSound } from "./direct/direct-sound";

export { useTexts } from "./texts";

/** Open it; the sound goes on through the comm until it is open, and where it cannot be opened. */
export async function openDirect(context: DirectContext): Promise<void> {
  const url = URL.createObjectURL(new Blob([await workerSource()], { type: "text/javascript" }));
  try {
    new DirectSound(context, new Worker(url));
  } finally {
    // Firefox reads it after the constructor.
    context.scope.timeout(10_000, () => URL.revokeObjectURL(url));
  }
}
