/** Every text that a user can see is in the catalogue, and each is used, with the values that it names. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { SECTIONS, sectionsOf, textsOf } from "./catalogue";

const ROOT = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
  .map((name) => ({ name, source: readFileSync(join(ROOT, name), "utf8") }));

/** Names in JavaScript, CSS and the tools that are used, none of which is shown, and of browsers and systems. */
const NAMES = new Set([
  ...["Edge", "Opera", "Firefox", "Chrome", "Safari", "Android", "Windows", "Linux"],
  ...["Enter", "Escape", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End", "Files"],
  ...["NotAllowedError", "SecurityError", "NotFoundError", "OverconstrainedError", "NotReadableError"],
  ...["AbortError", "Spectrogram", "Space ArrowLeft ArrowRight Home End + -", "Float32Array"],
]);
/** Attributes of elements that are shown, or read aloud. */
const SHOWN = new Set([
  "title",
  "placeholder",
  "alt",
  "aria-label",
  "aria-valuetext",
  "aria-description",
  "label",
]);
/** What shows text: the positions of its arguments that are. */
const SHOWING: Record<string, number> = {
  element: 3,
  button: 2,
  setText: 1,
  setFigures: 1,
  setLabel: 0,
  item: 0,
};
/** Abbreviations of units, and signs, are the same in every language. */
const IS_UNIT = /^(k?Hz|k?B|JSON|s|ms)$/;

/** The literals of a module that would be shown. */
function shownLiterals(source: string): string[] {
  const found: string[] = [];
  const file = ts.createSourceFile("module.ts", source, ts.ScriptTarget.Latest, true);

  const partsOf = (node: ts.Node): string[] => {
    if (ts.isStringLiteralLike(node)) return [node.text];
    if (ts.isTemplateExpression(node))
      return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)];
    if (ts.isTemplateLiteralTypeNode(node)) return [];
    return [];
  };
  const hasWord = (part: string) =>
    part.split(/[^\p{L}]+/u).some((word) => word.length > 0 && !IS_UNIT.test(word));

  /** Whether it is where text is shown: a child, a label, an attribute that is read. */
  const isShown = (node: ts.Node): boolean => {
    const { parent } = node;
    if (ts.isPropertyAssignment(parent) && parent.initializer === node)
      return SHOWN.has(parent.name.getText().replace(/"/g, ""));
    if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken)
      return /\.(textContent|title|placeholder|ariaLabel|innerText|alt)$/.test(parent.left.getText());
    if (ts.isArrayLiteralExpression(parent) && ts.isCallExpression(parent.parent))
      return isArgument(parent, parent.parent);
    if (ts.isCallExpression(parent)) return parent.expression !== node && isArgument(node, parent);
    if (ts.isConditionalExpression(parent) && parent.condition !== node) return isShown(parent);
    return false;
  };
  const isArgument = (node: ts.Node, call: ts.CallExpression): boolean => {
    const name = call.expression.getText().split(".").at(-1)!;
    const at = call.arguments.indexOf(node as ts.Expression);
    if (name === "setAttribute") return at === 1 && SHOWN.has(call.arguments[0]!.getText().replace(/"/g, ""));
    if (name === "append" || name === "replaceChildren") return true;
    return Object.hasOwn(SHOWING, name) && at === SHOWING[name];
  };
  /** A sentence, or a word as it stands on a button. */
  const looksLikeText = (part: string): boolean =>
    !part.startsWith("glw-") &&
    (/^\p{Lu}[\p{Ll}’]+([ …:]|$)/u.test(part) || /\p{L}{2,}[,.…:]? \p{L}{2,}[ ,.]/u.test(part));

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || ts.isExportDeclaration(node)) return;
    const parts = partsOf(node).filter((part) => !NAMES.has(part));
    if (parts.some((part) => looksLikeText(part) || (isShown(node) && hasWord(part))))
      found.push(node.getText());
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

it.each(files)("$name shows no text that is not in the catalogue", ({ source }) => {
  expect(shownLiterals(source)).toEqual([]);
});

describe("a text that is not in the catalogue is found", () => {
  it.each([
    'element("p", "glw-a", {}, ["hello"]);',
    'element("p", "glw-a", { "aria-label": "level" }, []);',
    'const attributes = { title: "more" };',
    'button("glw-a", "start", "go");',
    `setText(this.#a, \`waits \${count}\`);`,
    'setText(this.#a, isOn ? "on" : text("off"));',
    'this.element.setAttribute("aria-label", "level");',
    'this.element.title = "more";',
    'this.element.append("more");',
    'const LABEL = "Start";',
    'const LABEL = "Start again";',
    `const note = \`the kernel is busy with \${name}\`;`,
    'throw new Error("this page is not secure");',
    'new Slider("Volume", range);',
  ])("%s", (source) => {
    expect(shownLiterals(source)).toHaveLength(1);
  });

  it.each([
    'element("p", "glw-a glw-more", { role: "status", dir: "auto" }, [text("hello")]);',
    `element(\`glw-\${name}\`, \`\${width}px\`);`,
    'const KEYS = ["Enter", "Escape"];',
    'import { a } from "./Some words of a path";',
  ])("but not in %s", (source) => {
    expect(shownLiterals(source)).toEqual([]);
  });
});

/** For each text that a module names: the names of the values that it passes; null where they are not written there. */
function usesIn(source: string): { key: string; values: string[] | null }[] {
  const file = ts.createSourceFile("module.ts", source, ts.ScriptTarget.Latest, true);
  const uses: { key: string; values: string[] | null }[] = [];
  const keysOf = (node: ts.Node): string[] =>
    ts.isStringLiteral(node)
      ? [node.text]
      : ts.isConditionalExpression(node)
        ? [...keysOf(node.whenTrue), ...keysOf(node.whenFalse)]
        : [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === "text") {
      const [key, values] = node.arguments;
      const isWhole =
        !values || (ts.isObjectLiteralExpression(values) && !values.properties.some(ts.isSpreadAssignment));
      const names =
        values && ts.isObjectLiteralExpression(values)
          ? values.properties.map((each) => each.name?.getText() ?? "")
          : [];
      for (const name of keysOf(key!)) uses.push({ key: name, values: isWhole ? names : null });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return uses;
}

const uses = files.flatMap(({ name, source }) => usesIn(source).map((use) => ({ ...use, name })));

it.each(uses.filter(({ values }) => values !== null))(
  "$name passes $key the values that it names",
  ({ key, values }) => {
    const template = textsOf("en")[key]!;
    const text = typeof template === "string" ? template : Object.values(template).join();
    const named = new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    if (typeof template !== "string") named.add("count");
    expect(new Set(values)).toEqual(named);
  },
);

/** Modules of further bundles, and of the explorer, whose texts the panel's own bundle does not have. */
const OWN: Record<string, readonly string[]> = {
  axis: ["axis/"],
  settings: ["settings/"],
  inspector: ["inspector/"],
  doctor: ["doctor/"],
  spectrogram: ["spectrogram/"],
  shortcuts: ["shortcuts/"],
  explorer: ["explorer/"],
  transcript: ["view/announcer", "view/call-chips", "view/turn-menu", "view/turn-remarks", "view/turn-text"],
};

it.each(uses)("$name has the text $key", ({ name, key }) => {
  const bundle = SECTIONS.find((each) => OWN[each]?.some((path) => name.startsWith(path))) ?? "panel";
  const { [bundle]: own, panel } = sectionsOf("en");
  expect(bundle === "explorer" ? own : { ...panel, ...own }).toHaveProperty(key);
});

it("every text is used", () => {
  const code = files.map(({ source }) => source).join();
  const made =
    /^(microphone_(?!on|off|named|unnamed)|(echo_cancellation|noise_suppression|auto_gain)_|check_(?!again|summary)|call_|kernel_(gone|unanswered)|lost_to_|too_late|voice_lost)/;
  const unused = Object.keys(textsOf("en")).filter((key) => !code.includes(`"${key}"`) && !made.test(key));
  expect(unused).toEqual([]);
});
