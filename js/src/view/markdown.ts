/**
 * The simple Markdown of replies as a tree: bold, italic, code, code blocks, lists and links. Pure; everything else, such
 * as markers that are not closed (yet), HTML, and links to other schemes than http, https and mailto, stays text.
 */

/** With an empty tag, the text of the source from `start` to `end`; otherwise an element with children. */
export interface MarkdownNode {
  tag: "" | "p" | "ul" | "ol" | "li" | "pre" | "code" | "b" | "i" | "a";
  start: number;
  end: number;
  children: MarkdownNode[];
  /** The address of a link, or the first number of an ordered list. */
  value?: string;
}

const FENCE = /^\s*```([\w+#.-]*)\s*$/;
const ITEM = /^\s*(?:[-*+•]|(\d{1,9})[.)])\s+(?=\S)/;
/** Markers farther apart than this are text, which bounds the time that hostile texts take. */
const SPAN = 400;
const MAX_DEPTH = 4;
const WORD = "[\\p{L}\\p{N}_]";

function emphasis(marker: string, before: string, after: string): string {
  const double = `${marker}{2}`;
  const inner = `(?:[^${marker}]|${double}[^${marker}]{1,${SPAN}}${double})`;
  return (
    `${before}${double}(?=\\S)([^]{1,${SPAN}}?)(?<=\\S)${double}${after}|` +
    `${before}${marker}(?![\\s${marker}])(${inner}{1,${SPAN}}?)(?<=\\S)${marker}${after}`
  );
}

const INLINE = new RegExp(
  [
    "\\\\([\\\\`*_[\\]])",
    `(?<!\`)(\`{1,2})(?!\`)([^]{1,${SPAN}}?)(?<!\`)\\2(?!\`)`,
    emphasis("\\*", "", "(?!\\*)"),
    emphasis("_", `(?<!${WORD})`, `(?!${WORD})`),
    `\\[([^\\]\\n]{1,${SPAN}})\\]\\(((?:[^\\s()<>]|\\([^\\s()<>]{0,${SPAN}}\\)){1,${SPAN}})\\)`,
    "(?<!\\w)(https?:\\/\\/[^\\s<>()\"'`*]+[^\\s<>()\"'`*.,;:!?_])",
  ].join("|"),
  "dgu",
);
/** The tag for each group of `INLINE` that holds what is shown. */
const TAGS = { 1: "", 3: "code", 4: "b", 5: "i", 6: "b", 7: "i", 8: "a", 10: "a" } as const;
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;

export function parseMarkdown(source: string): MarkdownNode[] {
  const blocks: MarkdownNode[] = [];
  let isOpen = false;
  let start = 0;
  for (const line of source.split("\n")) {
    const end = start + line.length;
    const last = blocks.at(-1);
    const item = ITEM.exec(line);
    const fence = FENCE.exec(line);
    if (isOpen && last?.tag === "pre") {
      if (fence?.[1] === "") isOpen = false;
      else Object.assign(last.children[0]!, { start: last.end, end });
    } else if (fence) {
      const first = Math.min(end + 1, source.length);
      blocks.push({ tag: "pre", start, end: first, children: [leaf(first, first)] });
      isOpen = true;
    } else if (item) {
      const tag = item[1] ? "ol" : "ul";
      const list =
        last?.tag === tag ? last : ({ tag, start, end, children: [], value: item[1] } as MarkdownNode);
      list.children.push({ tag: "li", start: start + item[0].length, end, children: [] });
      if (list !== last) blocks.push(list);
      isOpen = true;
    } else if (line.trim() === "") isOpen = false;
    else if (isOpen && last) (last.children.at(-1) ?? last).end = end;
    else {
      blocks.push({ tag: "p", start, end, children: [] });
      isOpen = true;
    }
    start = end + 1;
  }
  for (const block of blocks) {
    for (const part of block.tag === "p" ? [block] : block.children) {
      if (part.tag) part.children = parseInline(source, part.start, part.end);
    }
  }
  return blocks;
}

function leaf(start: number, end: number): MarkdownNode {
  return { tag: "", start, end, children: [] };
}

function parseInline(source: string, start: number, end: number, depth = 0): MarkdownNode[] {
  const nodes: MarkdownNode[] = [];
  let done = start;
  const add = (node: MarkdownNode) => node.end > node.start && nodes.push(node);
  const matches = depth < MAX_DEPTH ? source.slice(start, end).matchAll(INLINE) : [];
  for (const match of matches) {
    const [group, tag] = Object.entries(TAGS).find(([number]) => match[+number] !== undefined)!;
    const value = match[9] ?? match[10];
    if (tag === "a" && !ADDRESS.test(value!)) continue;
    const [from, to] = match.indices![+group]!;
    const shown = leaf(start + from, start + to);
    add(leaf(done, start + match.index));
    done = start + match.index + match[0].length;
    if (tag === "") add(shown);
    else {
      const isText = tag === "code" || match[10] !== undefined;
      const children = isText ? [shown] : parseInline(source, shown.start, shown.end, depth + 1);
      add({ ...shown, tag, children, ...(tag === "a" && { value }) });
    }
  }
  add(leaf(done, end));
  return nodes;
}
