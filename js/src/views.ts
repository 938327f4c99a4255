/** The panels that show a talk. */

import type { Disposer, Scope } from "./scope";

const NO_VIEW_TIMEOUT_MS = 5000;

export class Views {
  #count = 0;
  #cancelEnd: Disposer = () => {};

  /** @param onNone called when there has been no panel for 5 s */
  constructor(
    readonly scope: Scope,
    readonly onNone: () => void,
  ) {}

  attach(): Disposer {
    this.#count += 1;
    this.#cancelEnd();
    let isAttached = true;
    return () => {
      if (!isAttached) return;
      isAttached = false;
      this.#count -= 1;
      if (this.#count === 0) this.#cancelEnd = this.scope.timeout(NO_VIEW_TIMEOUT_MS, this.onNone);
    };
  }
}
