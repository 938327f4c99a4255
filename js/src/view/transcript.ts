/** The turns in the order of the talk. Turns grow in place; the reader's scroll position is kept. */

import type { Turn } from "../messages";
import type { Scope } from "../scope";
import { button, element, setShown, setText } from "./elements";
import type { PanelState } from "./state";
import { speakerName, turnRemarks, turnText } from "./strings";

const NEAR_END_PX = 24;

class TurnView {
  readonly element = element("li", "glw-turn");
  readonly #speaker = element("span", "glw-turn-speaker");
  readonly #remarks = element("span", "glw-turn-remarks");
  readonly #text = element("p", "glw-turn-words");
  readonly #seam = element("p", "glw-seam");
  #shown: Turn | null = null;

  constructor() {
    const head = element("div", "glw-turn-head", {}, [this.#speaker, this.#remarks]);
    this.element.append(this.#seam, head, this.#text);
  }

  show(turn: Turn, name: string, isSounding: boolean): void {
    setText(this.#speaker, turn.role === "user" ? "You" : name);
    this.element.setAttribute("aria-current", String(isSounding));
    if (turn === this.#shown) return;
    this.#shown = turn;
    const { classList } = this.element;
    classList.toggle("glw-turn-you", turn.role === "user");
    classList.toggle("glw-turn-grok", turn.role === "assistant");
    classList.toggle("glw-turn-partial", !turn.is_complete);
    classList.toggle("glw-turn-interrupted", turn.was_interrupted);
    classList.toggle("glw-turn-without-text", turn.text === "");
    // Screen readers announce a busy item when it is complete, not at each change.
    this.element.setAttribute("aria-busy", String(!turn.is_complete));
    setText(this.#text, turnText(turn));
    setText(this.#seam, turn.seam);
    setShown(this.#seam, turn.seam !== "");
    setText(this.#remarks, turnRemarks(turn).join(" · "));
  }
}

export class Transcript {
  readonly element = element("div", "glw-transcript");
  readonly list = element("ol", "glw-turns", {
    role: "log",
    "aria-live": "polite",
    "aria-label": "Transcript",
    tabindex: "0",
  });
  readonly #empty = element("p", "glw-empty", {}, ["What is said appears here."]);
  readonly #newest = button("glw-newest", "down", "Newest");
  readonly #views = new Map<string | number, TurnView>();
  #turns: PanelState["turns"] | null = null;
  #name = "";
  #soundingReply: number | null = null;
  #isAtEnd = true;

  constructor(scope: Scope) {
    this.element.append(this.#empty, this.list, this.#newest.element);
    scope.listen(this.list, "scroll", () => this.#onScroll());
    scope.listen(this.#newest.element, "click", () => this.#scrollToEnd());
    scope.onResize(this.list, () => this.#isAtEnd && this.#scrollToEnd());
    setShown(this.#newest.element, false);
  }

  show(state: PanelState): void {
    const name = speakerName(state);
    const isUnchanged = state.turns === this.#turns && name === this.#name;
    if (isUnchanged && state.soundingReply === this.#soundingReply) return;
    this.#turns = state.turns;
    this.#name = name;
    this.#soundingReply = state.soundingReply;
    this.#arrange([...state.turns.values()].sort((a, b) => a.order - b.order));
    setShown(this.#empty, state.turns.size === 0);
    setShown(this.list, state.turns.size > 0);
    if (this.#isAtEnd) this.#scrollToEnd();
    else if (!isUnchanged) setShown(this.#newest.element, true);
  }

  #arrange(turns: Turn[]): void {
    const present = new Set(turns.map((turn) => turn.id));
    for (const [id, view] of this.#views) if (!present.has(id)) this.#remove(id, view);
    turns.forEach((turn, index) => {
      const view = this.#views.get(turn.id) ?? new TurnView();
      this.#views.set(turn.id, view);
      view.show(turn, this.#name, turn.reply !== null && turn.reply === this.#soundingReply);
      const current = this.list.children[index] ?? null;
      if (current !== view.element) this.list.insertBefore(view.element, current);
    });
  }

  #remove(id: string | number, view: TurnView): void {
    view.element.remove();
    this.#views.delete(id);
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight <= NEAR_END_PX;
    if (this.#isAtEnd) setShown(this.#newest.element, false);
  }

  #scrollToEnd(): void {
    this.list.scrollTop = this.list.scrollHeight;
    this.#isAtEnd = true;
    setShown(this.#newest.element, false);
  }
}
