/** The text of a turn with its Markdown. While a reply sounds, only the words that begin change. */

import type { Turn } from "../messages";
import { text } from "../texts";
import { element, setAttribute } from "./elements";
import { richText, type Word } from "./rich-text";
import { hasUnspoken, spokenLetters } from "./spoken-words";
import { turnText } from "./strings";

const AHEAD = "glw-ahead";
const SPOKEN = "glw-spoken";

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
    setAttribute(this.element, "title", isMarked && turn.word_times.length === 0 ? text("estimated") : "");
    if (isMarked) this.#moveTo(spokenLetters(turn, spokenS), turn.was_interrupted);
  }

  #draw(turn: Turn, isMarked: boolean): void {
    const content = turnText(turn);
    const drawn = `${isMarked} ${content}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const isMarkdown = turn.role === "assistant" && turn.text !== "";
    const words: Word[] = [];
    const fragment = document.createDocumentFragment();
    fragment.append(...richText(content, isMarkdown, isMarked ? words : null));
    for (const { element } of words) element.className = AHEAD;
    this.#patchWith(fragment);
    this.#useWords(words);
  }

  #patchWith(drawn: DocumentFragment): void {
    const focused = this.#links.indexOf(document.activeElement as HTMLElement);
    this.#notHeard.remove();
    patch(this.element, drawn);
    this.#links[focused]?.focus();
  }

  /** The page may have kept earlier elements in place of those that were drawn. */
  #useWords(drawn: readonly Word[]): void {
    const shown = this.element.querySelectorAll("span");
    this.#words = drawn.map(({ at }, index) => ({ at, element: shown[index]! }));
    this.#spokenCount = Math.min(this.#spokenCount, drawn.length);
    this.#words.forEach(({ element }, index) => {
      const className = index < this.#spokenCount ? SPOKEN : AHEAD;
      if (element.className !== className) element.className = className;
    });
  }

  get #links(): HTMLElement[] {
    return [...this.element.querySelectorAll("a")];
  }

  #moveTo(letters: number, isInterrupted: boolean): void {
    const words = this.#words;
    let count = this.#spokenCount;
    while (count < words.length && words[count]!.at < letters) words[count++]!.element.className = SPOKEN;
    while (count > 0 && words[count - 1]!.at >= letters) words[--count]!.element.className = AHEAD;
    this.#spokenCount = count;
    const next = words[count]?.element;
    if (!isInterrupted || !next) this.#notHeard.remove();
    else if (next.previousSibling !== this.#notHeard) next.before(this.#notHeard);
  }
}

/** Give an element the children of another. Those that stay the same are kept, so that they are not laid out again. */
function patch(shown: Node, drawn: Node): void {
  const children = [...drawn.childNodes];
  children.forEach((child, at) => {
    const old = shown.childNodes[at];
    if (!old) shown.appendChild(child);
    else if (!isAlike(old, child)) shown.replaceChild(child, old);
    else if (!(old instanceof Text)) patch(old, child);
    else if (old.data !== child.textContent) old.data = child.textContent!;
  });
  while (shown.childNodes.length > children.length) shown.lastChild!.remove();
}

/** Whether two nodes differ in nothing but their text or children, and in whether a word has been spoken. */
function isAlike(old: Node, drawn: Node): boolean {
  if (old.nodeName !== drawn.nodeName) return false;
  const isWord = old.nodeName === "SPAN";
  return isWord || old instanceof Text || old.cloneNode(false).isEqualNode(drawn.cloneNode(false));
}
