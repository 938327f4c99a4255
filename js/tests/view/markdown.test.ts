import { describe, expect, it } from "vitest";
import { type MarkdownNode, parseMarkdown } from "../../src/view/markdown";

/** The tree as markup, to be read in a test. */
function markup(source: string): string {
  const write = ({ tag, start, end, children, value }: MarkdownNode): string => {
    if (tag === "") return source.slice(start, end);
    return `<${tag}${value ? ` ${value}` : ""}>${children.map(write).join("")}</${tag}>`;
  };
  return parseMarkdown(source).map(write).join("");
}

function leaves(source: string): MarkdownNode[] {
  const read = (node: MarkdownNode): MarkdownNode[] =>
    node.tag === "" ? [node] : node.children.flatMap(read);
  return parseMarkdown(source).flatMap(read);
}

describe("simple Markdown", () => {
  it.each([
    ["plain text", "<p>plain text</p>"],
    ["a **b** c", "<p>a <b>b</b> c</p>"],
    ["a *b* _c_ __d__", "<p>a <i>b</i> <i>c</i> <b>d</b></p>"],
    ["**a *b* c**", "<p><b>a <i>b</i> c</b></p>"],
    ["*a **b** c*", "<p><i>a <b>b</b> c</i></p>"],
    ["**a *b***", "<p><b>a <i>b</i></b></p>"],
    ["use `x * y * z` and ``a`b``", "<p>use <code>x * y * z</code> and <code>a`b</code></p>"],
    ["one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"],
    ["- a\n- **b**\n* c", "<ul><li>a</li><li><b>b</b></li><li>c</li></ul>"],
    ["3. a\n4. b\n  more", "<ol 3><li>a</li><li>b\n  more</li></ol>"],
    ["1. a\n\n2. b", "<ol 1><li>a</li><li>b</li></ol>"],
    ["Here:\n- a\n\nEnd", "<p>Here:</p><ul><li>a</li></ul><p>End</p>"],
    ["```py\nx = *1*\n\ny\n```\nend", "<pre>x = *1*\n\ny</pre><p>end</p>"],
    ["[x](https://a.b/c_(d))", "<p><a https://a.b/c_(d)>x</a></p>"],
    ["[*x*](mailto:a@b.c)", "<p><a mailto:a@b.c><i>x</i></a></p>"],
    ["see https://a.b/c?d=1.", "<p>see <a https://a.b/c?d=1>https://a.b/c?d=1</a>.</p>"],
    ["```\n```py\n```\n```", "<pre>```py</pre><pre></pre>"],
    ["\\*a\\*", "<p>*a*</p>"],
  ])("%j", (source, expected) => {
    expect(markup(source)).toBe(expected);
  });
});

describe("text that is no Markdown stays text", () => {
  it.each([
    "2 * 3 * 4",
    "snake_case_name and __init__x",
    "a ** b ** c",
    "**not closed",
    "*not closed",
    "`not closed",
    "[not closed](mailto:a@b.c",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,hi)",
    "[x](//a.b)",
    "[x](/path)",
    "[x]( mailto:a@b.c)",
    "``` not alone in its line ```",
    "[x](java\nscript:alert(1))",
    "-5 degrees",
    "1.5 metres",
    "<b onclick=x>hi</b><script>alert(1)</script>",
  ])("%j", (source) => {
    expect(markup(source)).toBe(`<p>${source}</p>`);
  });
});

it.each(["**bold** and `code", "- a\n- *b", "```\nx = 1", "[x](https://a.b) *y"])(
  "%j, as it is received letter by letter, never loses a letter that is no marker",
  (source) => {
    for (let length = 0; length <= source.length; length++) {
      const part = source.slice(0, length);
      const shown = leaves(part).map(({ start, end }) => part.slice(start, end));
      const letters = (text: string) => text.replace(/https:\S*|[^a-z0-9]/g, "");
      expect(letters(shown.join(""))).toBe(letters(part));
    }
  },
);

/** A generator of numbers that is the same in each run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PIECES =
  "* ** *** _ __ ` `` ``` [ ] ( ) [x](https://a.b) [x](javascript:y) \\ \n \n\n - 1. <b> & a é 😀 א https://c.d".split(
    " ",
  );
PIECES.push(" ", "\n", "\n- ", "\n2. ", "\n```\n");

describe("any text", () => {
  const random = numbers(7);
  const texts = Array.from({ length: 400 }, () =>
    Array.from({ length: Math.ceil(random() * 40) }, () => PIECES[Math.floor(random() * PIECES.length)]).join(
      "",
    ),
  );

  it("has its parts in order, without overlap, and within the text", () => {
    for (const source of texts) {
      let at = 0;
      for (const { start, end } of leaves(source)) {
        expect(start).toBeGreaterThanOrEqual(at);
        expect(end).toBeGreaterThanOrEqual(start);
        at = end;
      }
      expect(at).toBeLessThanOrEqual(source.length);
    }
  });

  it("keeps every letter and digit that is not in an address or a marker", () => {
    for (const source of texts) {
      const shown = leaves(source).map(({ start, end }) => source.slice(start, end));
      const letters = (text: string) => text.replace(/[^é😀א]/gu, "");
      expect(letters(shown.join(""))).toBe(letters(source));
    }
  });

  it("links only to http, https and mailto", () => {
    const addresses = (node: MarkdownNode): string[] => [
      ...(node.tag === "a" ? [node.value!] : []),
      ...node.children.flatMap(addresses),
    ];
    for (const source of texts) {
      for (const address of parseMarkdown(source).flatMap(addresses))
        expect(address).toMatch(/^(https?:\/\/|mailto:)/i);
    }
  });
});

it.each(["*", "**", "_", "`", "[", "[](", "*a", " *a", "**a ", "`a ", "[a](", "((", "\\", "- ", "*_", "**_"])(
  "20,000 letters of %j are read before the test times out",
  (piece) => {
    expect(parseMarkdown(piece.repeat(20_000 / piece.length)).length).toBeGreaterThan(0);
  },
);
