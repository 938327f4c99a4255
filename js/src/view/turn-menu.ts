/** The menu of a turn: one element that all turns share. */

import type { Turn } from "../messages";
import type { Scope } from "../scope";
import { text } from "../texts";
import { element, setShown } from "./elements";
import type { PanelActions, PanelParts, PanelState } from "./state";
import { hasKernel } from "./strings";

const KEYS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

export class TurnMenu {
  readonly element = element("div", "glw-menu", { role: "menu", "aria-label": text("turn"), tabindex: "-1" });
  readonly #items: HTMLButtonElement[];
  #opener: HTMLElement | null = null;
  #turn: Turn | null = null;
  #hasKernel = false;

  constructor(
    readonly actions: PanelActions,
    scope: Scope,
    panel: PanelParts,
  ) {
    const item = (label: string, action: (turn: Turn, opener: HTMLElement) => void) => {
      const attributes = { type: "button", role: "menuitem", tabindex: "-1" };
      const created = element("button", "glw-button glw-menu-item", attributes, [label]);
      scope.listen(created, "click", () => {
        const turn = this.#turn!;
        const opener = this.#opener!;
        this.close(true);
        action(turn, opener);
      });
      return created;
    };
    this.#items = [
      item(text("play_again"), (turn) => actions.requestSound("replay", turn.id)),
      item(text("save_wav"), (turn) => actions.requestSound("save", turn.id)),
      item(text("copy_text"), (turn, opener) => copy(turn.text, opener)),
      item(text("show_place"), (turn) => panel.waveforms.showPlace(turn.id)),
      item(text("show_messages"), (turn) => panel.drawers.showMessages(turn.id)),
    ];
    this.element.append(...this.#items);
    scope.listen<KeyboardEvent>(this.element, "keydown", (event) => this.#onKey(event));
    scope.listen<FocusEvent>(this.element, "focusout", ({ relatedTarget }) => {
      if (relatedTarget !== this.#opener && !this.element.contains(relatedTarget as Node | null))
        this.close(false);
    });
    setShown(this.element, false);
  }

  show(state: PanelState): void {
    this.#hasKernel = hasKernel(state);
  }

  /** Open the menu beside the button of a turn, or close it if it is open there. */
  toggle(opener: HTMLElement, turn: Turn): void {
    const wasOpener = this.#opener;
    this.close(true);
    if (wasOpener === opener) return;
    this.#opener = opener;
    this.#turn = turn;
    const hasSound = this.#hasKernel && turn.has_audio && turn.is_complete;
    const usable = [hasSound, hasSound, turn.text !== "", hasSound, this.#hasKernel];
    this.#items.forEach((item, index) => {
      item.disabled = !usable[index];
    });
    opener.setAttribute("aria-expanded", "true");
    setShown(this.element, true);
    this.place();
    this.element.focus();
    this.#focusNext(1);
  }

  close(returnsFocus: boolean): void {
    const opener = this.#opener;
    this.#opener = this.#turn = null;
    opener?.setAttribute("aria-expanded", "false");
    if (opener && returnsFocus) opener.focus();
    setShown(this.element, false);
  }

  /** Below the button, or above it in the lower half of the transcript. */
  place(): void {
    if (!this.#opener) return;
    const area = this.element.parentElement!.getBoundingClientRect();
    const { top, bottom } = this.#opener.getBoundingClientRect();
    const isLow = top + bottom > area.top + area.bottom;
    const { style } = this.element;
    style.top = isLow ? "auto" : `${bottom - area.top}px`;
    style.bottom = isLow ? `${area.bottom - top}px` : "auto";
  }

  #onKey(event: KeyboardEvent): void {
    const step = KEYS[event.key];
    if (event.key === "Escape") this.close(true);
    else if (event.key === "Home") this.#usable[0]?.focus();
    else if (event.key === "End") this.#usable.at(-1)?.focus();
    else if (step) this.#focusNext(step);
    else return;
    event.preventDefault();
  }

  get #usable(): HTMLButtonElement[] {
    return this.#items.filter((item) => !item.disabled);
  }

  #focusNext(step: number): void {
    const usable = this.#usable;
    const at = usable.indexOf(document.activeElement as HTMLButtonElement);
    usable.at((at + step) % usable.length)?.focus();
  }
}

/** Pages that are not secure, and some frames, have no clipboard; there the browser copies the text that is shown. */
async function copy(text: string, opener: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection()?.selectAllChildren(opener.closest(".glw-turn")!.querySelector(".glw-turn-words")!);
    document.execCommand("copy");
  }
}
