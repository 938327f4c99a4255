/**
 * Half-duplex: the microphone's sound is not sent while a reply sounds, nor just after it. Also what the kernel is told of
 * the microphone, which is muted then.
 */

import type { Microphone } from "./capture";
import type { MicrophoneState, ReportedMicrophone } from "./messages";
import { outputLatencyMs } from "./page";
import type { Scope } from "./scope";
import type { PanelState, Store } from "./view/state";
import { listeningAgainText, microphoneText } from "./view/strings";

/** How long the echo of a room lasts after the loudspeaker has stopped. */
const ECHO_MS = 200;

export interface HalfDuplex {
  set(isHalfDuplex: boolean): void;
  onSounding(isSounding: boolean): void;
  report(microphone: MicrophoneState): void;
}

/** @param onReport receives what the kernel is told of the microphone */
export function halfDuplexOf(
  scope: Scope,
  microphone: Microphone,
  store: Store<PanelState>,
  onReport: (microphone: ReportedMicrophone) => void,
): HalfDuplex {
  /** A reply sounds, or its echo. */
  let isRoomSounding = false;
  let cancelEnd = () => {};
  let reportCount = 0;

  function follow(): void {
    const isSuppressed = store.state.isHalfDuplex && isRoomSounding;
    if (isSuppressed === store.state.isSuppressed) return;
    store.update({ isSuppressed });
    microphone.suppress(isSuppressed);
    if (microphone.state.state === "on") report(microphone.state);
  }

  function reported(status: MicrophoneState): ReportedMicrophone {
    if (status.state !== "on" || !store.state.isSuppressed)
      return { ...status, text: microphoneText(status.reason) };
    return { ...status, state: "muted", reason: "half_duplex", text: listeningAgainText(store.state) };
  }

  /** The kernel ends what was said before a mute, so its last chunk has to be sent first. */
  async function report(status: MicrophoneState): Promise<void> {
    const count = ++reportCount;
    const message = reported(status);
    if (message.state === "muted") await microphone.lastChunk;
    if (count === reportCount) onReport(message);
  }

  return {
    set(isHalfDuplex) {
      store.update({ isHalfDuplex });
      follow();
    },
    onSounding(isSounding) {
      cancelEnd();
      const change = () => {
        isRoomSounding = isSounding;
        follow();
      };
      if (isSounding) change();
      else cancelEnd = scope.timeout(ECHO_MS + outputLatencyMs(), change);
    },
    report,
  };
}
