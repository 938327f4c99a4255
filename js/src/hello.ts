/** What a page says of itself to the kernel. */

import { microphoneAbility } from "./devices";
import type { PageMessage } from "./messages";
import type { AudioPage } from "./page";
import type { Scope } from "./scope";
import type { PanelState, Store } from "./view/state";

const TIMEOUT_MS = 3000;

export interface Hello {
  /** A panel is shown. */
  show(): void;
  /** The kernel has forgotten this page, or one of its messages was lost. */
  repeat(): void;
}

/**
 * Says hello for the first panel: a page that shows none neither plays the talk nor records.
 *
 * Some hosts lose what is sent before their comm is open, so it is repeated, after twice the time each time.
 */
export function helloOf(
  page: AudioPage,
  store: Store<PanelState>,
  scope: Scope,
  send: (message: PageMessage) => void,
): Hello {
  let isShown = false;

  function say(timeoutMs = TIMEOUT_MS): void {
    send(description(page));
    scope.timeout(timeoutMs, () => {
      const { kernel } = store.state;
      if (kernel !== "waiting" && kernel !== "unanswered") return;
      store.update({ kernel: "unanswered" });
      say(2 * timeoutMs);
    });
  }

  const repeat = () => isShown && say();
  scope.listen<PageTransitionEvent>(window, "pageshow", (event) => event.persisted && repeat());
  return {
    show() {
      if (isShown) return;
      isShown = true;
      say();
    },
    repeat,
  };
}

function description({ context }: AudioPage): PageMessage {
  return {
    type: "hello",
    version: __VERSION__,
    clock_ms: Date.now(),
    microphone: microphoneAbility(),
    device_rate_hz: context?.sampleRate ?? null,
    origin: location.origin,
  };
}
