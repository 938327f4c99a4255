/** Opens the direct channel when the kernel invites the page: its code is a further bundle. */

import type * as Direct from "./direct";
import type { DirectContext } from "./direct/direct-sound";
import type { Bundle } from "./drawer-comm";
import { audioPage } from "./page";

export class DirectInvitations {
  #isAccepted = false;

  constructor(readonly load: () => Promise<Bundle>) {}

  /**
   * Open it, unless it is open or could not be opened before: after failures browsers delay connections to a host, and
   * the comm does as well.
   */
  async accept(context: Omit<DirectContext, "page" | "onEnd">): Promise<void> {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    // Where the page may not load code, the sound stays where it is.
    const bundle = await this.load().catch(() => null);
    const onEnd = () => {
      this.#isAccepted = false;
    };
    (bundle?.module as typeof Direct | undefined)?.openDirect({ ...context, page: audioPage().id, onEnd });
  }
}
