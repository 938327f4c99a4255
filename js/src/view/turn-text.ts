/** The text of a turn with its Markdown. While a reply sounds, only the words that begin change. */

import type { Turn } from "../messages";
import { text } from "../texts";
import { element } from "./elements";
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
    this.#draw(turn, isMarked);
    const title = isMarked && turn.word_times.length === 0 ? text("estimated") : "";
    if (this.element.title !== title) this.element.title = title;
    if (isMarked) this.#moveTo(spokenLetters(turn, spokenS), turn.was_interrupted);
  }

  #draw(turn: Turn, isMarked: boolean): void {
    const content = turnText(turn);
    const drawn = `${isMarked} ${content}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#words = [];
    this.#spokenCount = 0;
    const isMarkdown = turn.role === "assistant" && turn.text !== "";
    const focused = this.#links.indexOf(document.activeElement as HTMLElement);
    this.element.replaceChildren(...richText(content, isMarkdown, isMarked ? this.#words : null));
    this.#links[focused]?.focus();
    for (const { element } of this.#words) element.className = "glw-ahead";
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
