/**
 * The text box: Enter sends, Shift+Enter starts a new line. It works while the connection is closed, too. A text leaves
 * the box when the kernel has sent it, so that none is lost.
 */

import type { Scope } from "../scope";
import { text } from "../texts";
import { button, element } from "./elements";
import type { PanelActions, PanelState } from "./state";
import { hasKernel } from "./strings";

const MAX_HEIGHT_PX = 120;

export class Composer {
  readonly element = element("form", "glw-composer");
  readonly #box = element("textarea", "glw-composer-box", {
    rows: "1",
    dir: "auto",
    "aria-label": text("message"),
    placeholder: text("message_hint"),
  });
  readonly #send = button("glw-send", "send", text("send"));
  #canSend = false;
  /** The text that was passed on and is not answered. */
  #sending: string | null = null;

  constructor(
    readonly actions: PanelActions,
    scope: Scope,
  ) {
    this.#send.element.type = "submit";
    this.element.append(this.#box, this.#send.element);
    scope.listen(this.element, "submit", (event) => this.#submit(event));
    scope.listen<KeyboardEvent>(this.#box, "keydown", (event) => this.#onKey(event));
    scope.listen(this.#box, "input", () => this.#fit());
    scope.onResize(this.element, () => this.#fit());
    this.#fit();
  }

  show(state: PanelState): void {
    this.#canSend = hasKernel(state);
    this.#enable();
  }

  /** While an input method is composing, Enter accepts its suggestion and sends nothing. */
  #onKey(event: KeyboardEvent): void {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
  }

  #submit(event: Event): void {
    event.preventDefault();
    const typed = this.#box.value.trim();
    if (!typed || !this.#canSend || this.#sending !== null) return;
    this.#sending = typed;
    this.#box.focus();
    this.#enable();
    this.actions.sendText(typed, (isSent) => this.#onAnswer(typed, isSent));
  }

  /** The answer to a text that was given back may come later; what was typed since is kept. */
  #onAnswer(typed: string, isSent: boolean): void {
    if (this.#sending === typed) this.#sending = null;
    if (isSent && this.#box.value.trim() === typed) this.#box.value = "";
    this.#fit();
  }

  #enable(): void {
    this.#box.readOnly = this.#sending !== null;
    const isDisabled = this.#box.value.trim() === "" || !this.#canSend || this.#box.readOnly;
    if (this.#send.element.disabled !== isDisabled) this.#send.element.disabled = isDisabled;
  }

  #fit(): void {
    this.#enable();
    this.#box.style.height = "auto";
    if (this.#box.scrollHeight > 0) {
      this.#box.style.height = `${Math.min(MAX_HEIGHT_PX, this.#box.scrollHeight)}px`;
    }
  }
}
