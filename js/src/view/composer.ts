/** The text box: Enter sends, Shift+Enter starts a new line. It works while the connection is closed, too. */

import type { Scope } from "../scope";
import { button, element } from "./elements";
import type { PanelActions, PanelState } from "./state";

const MAX_HEIGHT_PX = 120;

export class Composer {
  readonly element = element("form", "glw-composer");
  readonly #box = element("textarea", "glw-composer-box", { rows: "1", "aria-label": "Message" });
  readonly #send = button("glw-send", "send", "Send");

  constructor(
    readonly actions: PanelActions,
    scope: Scope,
  ) {
    this.#send.element.type = "submit";
    this.element.append(this.#box, this.#send.element);
    scope.listen(this.element, "submit", (event) => this.#submit(event));
    scope.listen<KeyboardEvent>(this.#box, "keydown", (event) => this.#onKey(event));
    scope.listen(this.#box, "input", () => this.#fit());
    this.#fit();
  }

  show(state: PanelState): void {
    this.#box.placeholder = state.isRehearsal ? "Type a message…" : "Type to Grok…";
  }

  /** While an input method is composing, Enter accepts its suggestion and sends nothing. */
  #onKey(event: KeyboardEvent): void {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
  }

  #submit(event: Event): void {
    event.preventDefault();
    const text = this.#box.value.trim();
    if (!text) return;
    this.actions.sendText(text);
    this.#box.value = "";
    this.#fit();
  }

  #fit(): void {
    this.#send.element.disabled = this.#box.value.trim() === "";
    this.#box.style.height = "auto";
    if (this.#box.scrollHeight > 0) {
      this.#box.style.height = `${Math.min(MAX_HEIGHT_PX, this.#box.scrollHeight)}px`;
    }
  }
}
