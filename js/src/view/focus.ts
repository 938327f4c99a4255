/**
 * Keeps the focus in the panel when the element that has it is hidden, disabled or removed. What surrounds it gets the
 * focus, and no other button: a key that is still pressed must not press that.
 */

import type { Scope } from "../scope";

/** The returned function makes a change of the panel, and sees to the focus. */
export function keeperOf(panel: HTMLElement, scope: Scope): (change: () => void) => void {
  let path: HTMLElement[] = [];

  scope.listen(panel, "focusin", (event) => {
    path = event.composedPath() as HTMLElement[];
  });
  scope.listen(panel, "focusout", () => {
    path = [];
  });
  return (change) => {
    const [focused, ...around] = path;
    change();
    if (!focused || (focused.isConnected && !focused.closest(":disabled, [hidden]"))) return;
    for (const each of around) {
      if (!each.hasAttribute("tabindex")) continue;
      each.focus();
      if (each === panel || each.matches(":focus")) return;
    }
  };
}
