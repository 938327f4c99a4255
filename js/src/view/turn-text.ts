/** The text of a turn with its Markdown. While a reply sounds, only the words that begin change. */

import type { Turn } from "../messages";
import { text } from "../texts";
import { element, setAttribute } from "./elements";
import { richText, type Word } from "./rich-text";
import { hasUnspoken, spokenLetters } from "./spoken-words";
import { turnText } from "./strings";

export class TurnText {
  readonly #notHeard = element("span", "glw-hidden", {}, [text("not_heard")]);
  #words: Word[] = [];
  #spokenCount = 0;
  #drawn = "";

  constructor(readonly element: HTMLElement) {}

  /** `playedS`: how much of the turn this page has played. */
  show(turn: Turn, playedS: number): void {
    const heardS = turn.heard_s ?? 0;
    const spokenS = turn.was_interrupted ? heardS : Math.max(heardS, playedS);
    const isMarked = turn.text !== "" && hasUnspoken(turn, spokenS);
    const drawn = this.#draw(turn, isMarked);
    setAttribute(this.element, "title", isMarked && turn.word_times.length === 0 ? text("estimated") : "");
    if (isMarked) this.#moveTo(spokenLetters(turn, spokenS), turn.was_interrupted);
    if (drawn) this.#replaceWith(drawn);
  }

  /** Null where nothing has changed. The browser looks at the words once they are all as they are to be. */
  #draw(turn: Turn, isMarked: boolean): DocumentFragment | null {
    const content = turnText(turn);
    const drawn = `${isMarked} ${content}`;
    if (drawn === this.#drawn) return null;
    this.#drawn = drawn;
    this.#words = [];
    this.#spokenCount = 0;
    const isMarkdown = turn.role === "assistant" && turn.text !== "";
    const fragment = document.createDocumentFragment();
    fragment.append(...richText(content, isMarkdown, isMarked ? this.#words : null));
    for (const { element } of this.#words) element.className = "glw-ahead";
    return fragment;
  }

  #replaceWith(drawn: DocumentFragment): void {
    const focused = this.#links.indexOf(document.activeElement as HTMLElement);
    this.element.replaceChildren(drawn);
    this.#links[focused]?.focus();
  }

  get #links(): HTMLElement[] {
    return [...this.element.querySelectorAll("a")];
  }

  #moveTo(letters: number, isInterrupted: boolean): void {
    const words = this.#words;
    let count = this.#spokenCount;
    while (count < words.length && words[count]!.at < letters)
      words[count++]!.element.className = "glw-spoken";
    while (count > 0 && words[count - 1]!.at >= letters) words[--count]!.element.className = "glw-ahead";
    this.#spokenCount = count;
    const next = words[count]?.element;
    if (!isInterrupted || !next) this.#notHeard.remove();
    else if (next.previousSibling !== this.#notHeard) next.before(this.#notHeard);
  }
}
