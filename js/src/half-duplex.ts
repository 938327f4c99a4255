/**
 * Half-duplex: the microphone's sound is not sent while a reply sounds, nor just after it. Also what the kernel is told of
 * the microphone, which is muted then, and of the loudspeaker.
 */

import type { Microphone } from "./capture";
import type { CommChannel } from "./channel";
import type { MicrophoneState, ReportedLoudspeaker, ReportedMicrophone } from "./messages";
import { outputLatencyMs } from "./page";
import type { Scope } from "./scope";
import type { PanelState, Store } from "./view/state";
import { isPausedByBrowser } from "./view/strings";

/** How long the echo of a room lasts after the loudspeaker has stopped. */
const ECHO_MS = 200;

export interface HalfDuplex {
  set(isHalfDuplex: boolean): void;
  onSounding(isSounding: boolean): void;
  report(microphone: MicrophoneState): void;
}

/** @param kernel is told of the microphone and the loudspeaker */
export function halfDuplexOf(
  scope: Scope,
  microphone: Microphone,
  store: Store<PanelState>,
  kernel: Pick<CommChannel, "sound" | "send">,
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
    const { isPaused, isSuppressed, silentMicrophone: silent } = store.state;
    if (status.state !== "on") return status;
    if (isPaused) return { ...status, state: "muted", reason: "paused" };
    if (isSuppressed) return { ...status, state: "muted", reason: "half_duplex" };
    return silent ? { ...status, reason: silent.cause } : status;
  }

  /** The kernel ends what was said before a mute, so its last chunk has to be sent first. */
  async function report(status: MicrophoneState): Promise<void> {
    const count = ++reportCount;
    const message = reported(status);
    if (message.state === "muted") await microphone.lastChunk;
    if (count === reportCount) kernel.sound.reportMicrophone(message);
  }

  reportLoudspeaker(scope, store, (state) => kernel.send({ type: "loudspeaker_state", ...state }));
  let told = store.state;
  scope.add(
    store.subscribe((state) => {
      const isNew = state.isPaused !== told.isPaused || state.silentMicrophone !== told.silentMicrophone;
      told = state;
      if (isNew && microphone.state.state === "on") report(microphone.state);
    }),
  );

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

/** Report each change of the loudspeaker. */
function reportLoudspeaker(
  scope: Scope,
  store: Store<PanelState>,
  onReport: (loudspeaker: ReportedLoudspeaker) => void,
): void {
  let told = "ok";
  scope.add(
    store.subscribe((state) => {
      const status = state.soundFailure ? "failed" : state.isSoundWaiting ? "waiting" : "ok";
      if (status === told) return;
      told = status;
      const waiting = status === "waiting" ? (isPausedByBrowser(state) ? "paused" : "click") : "";
      onReport({ state: status, reason: state.soundFailure || waiting });
    }),
  );
}
