/** One list of cards (current problems, with a button that resolves them) and notes (which can be dismissed). */

import type { NoteLevel } from "../messages";
import type { Scope } from "../scope";
import { text } from "../texts";
import { element } from "./elements";
import { icon } from "./icons";
import type { PanelActions, PanelState, ShownNote } from "./state";
import { type Card, cardsOf } from "./strings";

export class Notices {
  /** Never hidden: what appears in a live region is announced only if the region was there before. */
  readonly element = element("div", "glw-notices", { role: "status", tabindex: "-1" });
  readonly #shown = new Map<string, { scope: Scope; element: HTMLElement }>();

  constructor(
    readonly actions: PanelActions,
    readonly scope: Scope,
  ) {}

  show(state: PanelState): void {
    const wanted = new Map<string, (scope: Scope) => HTMLElement>();
    for (const card of cardsOf(state)) wanted.set(card.key + card.text, (scope) => this.#card(card, scope));
    for (const note of state.notes) wanted.set(`note ${note.key}`, (scope) => this.#note(note, scope));
    this.#removeOthers(wanted);
    [...wanted].forEach(([key, make], index) => {
      const shown = this.#shown.get(key)?.element ?? this.#make(key, make);
      const current = this.element.children[index] ?? null;
      if (current !== shown) this.element.insertBefore(shown, current);
    });
  }

  #removeOthers(wanted: Map<string, unknown>): void {
    for (const [key, notice] of this.#shown) {
      if (wanted.has(key)) continue;
      notice.scope.dispose();
      notice.element.remove();
      this.#shown.delete(key);
    }
  }

  #make(key: string, make: (scope: Scope) => HTMLElement): HTMLElement {
    const scope = this.scope.child();
    const created = make(scope);
    this.#shown.set(key, { scope, element: created });
    return created;
  }

  #card({ text, level, actionLabel, action }: Card, scope: Scope): HTMLElement {
    const notice = noticeOf(text, level);
    if (!actionLabel || !action) return notice;
    const button = element("button", "glw-button glw-notice-action", { type: "button" }, [actionLabel]);
    scope.listen(button, "click", () => this.actions[action]());
    notice.classList.add("glw-notice-with-action");
    notice.append(button);
    return notice;
  }

  #note({ key, text: said, level }: ShownNote, scope: Scope): HTMLElement {
    const notice = noticeOf(said, level);
    const labels = { type: "button", "aria-label": text("dismiss") };
    const dismiss = element("button", "glw-button glw-notice-dismiss", labels, [icon("dismiss")]);
    scope.listen(dismiss, "click", () => this.actions.dismissNote(key));
    notice.append(dismiss);
    return notice;
  }
}

function noticeOf(text: string, level: NoteLevel): HTMLElement {
  const content = element("p", "glw-notice-text", {}, [text]);
  const attributes: Record<string, string> = level === "error" ? { role: "alert" } : {};
  return element("div", `glw-notice glw-notice-${level}`, attributes, [content]);
}
