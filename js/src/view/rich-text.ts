/** Draws the Markdown of a reply with text nodes and elements, and finds its words. */

import { type MarkdownNode, parseMarkdown } from "./markdown";

/** A word that is an element of its own, and where it begins in the source. */
export interface Word {
  element: HTMLElement;
  at: number;
}

/** A longer text is shown without its Markdown. */
const MAX_LETTERS = 20_000;

/** The text as paragraphs and lists; if `words` is given, each word is an element, which is added to it. */
export function richText(source: string, isMarkdown: boolean, words: Word[] | null = null): HTMLElement[] {
  const whole: MarkdownNode = { tag: "", start: 0, end: source.length, children: [] };
  const blocks: MarkdownNode[] =
    isMarkdown && source.length <= MAX_LETTERS
      ? parseMarkdown(source)
      : [{ ...whole, tag: "p", children: [whole] }];

  function draw(node: MarkdownNode): (Node | string)[] {
    const { tag, start, end, value } = node;
    const text = source.slice(start, end);
    if (tag === "") return words ? drawWords(text, start, words) : [text];
    const drawn = document.createElement(tag);
    drawn.append(...node.children.flatMap(draw));
    if (tag === "a") Object.assign(drawn, { href: value, target: "_blank", rel: "noopener noreferrer" });
    else if (tag === "pre") drawn.dir = "ltr";
    else if (tag !== "b" && tag !== "i" && tag !== "code" && tag !== "li") drawn.dir = "auto";
    if (tag === "ol" && value) drawn.setAttribute("start", value);
    return [drawn];
  }

  return blocks.flatMap(draw) as HTMLElement[];
}

function drawWords(text: string, start: number, words: Word[]): (Node | string)[] {
  let at = start;
  return text.split(/(\s+)/).map((piece) => {
    const from = at;
    at += piece.length;
    if (piece.trim() === "") return piece;
    const element = document.createElement("span");
    element.append(piece);
    words.push({ element, at: from });
    return element;
  });
}
