/** The rules of the house that neither the compiler nor the linter knows. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bundleStyle, bundleWidget } from "../bundle.mjs";

const ROOT = fileURLToPath(new URL("../src", import.meta.url));

const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name, source: readFileSync(join(ROOT, name), "utf8") }));

const importsOf = (source: string) => [...source.matchAll(/from "([^"]+)"/g)].map((match) => match[1]!);

const inFolder = (folder: string) => files.filter(({ name }) => name.startsWith(folder));

const RAW =
  /\.(add|remove)EventListener\(|\b(set|clear)(Timeout|Interval)\(|requestAnimationFrame\(|new (Worker|ResizeObserver|MutationObserver|IntersectionObserver)\b/;

it.each(files.filter(({ name }) => name !== "scope.ts"))(
  "$name acquires nothing outside a scope",
  ({ source }) => {
    expect(source).not.toMatch(RAW);
  },
);

it.each(files)("$name puts no markup into the page", ({ source }) => {
  expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser/);
});

it.each(files)("$name is no longer than about 350 lines", ({ source }) => {
  expect(source.split("\n").length).toBeLessThan(370);
});

it.each(inFolder("view"))("$name imports no audio", ({ source }) => {
  for (const path of importsOf(source)) expect(path).toMatch(/^\.\/|^\.\.\/(messages|scope)$/);
});

it.each(inFolder("worklets"))("$name imports only arithmetic", ({ source }) => {
  for (const path of importsOf(source)) {
    expect(path).toMatch(/^\.\/(chunk-queue|chunk-cutter|levels)$|^\.\.\/(pcm|resampler)$/);
  }
});

describe("the bundle", () => {
  it("is under 60 kB and fetches nothing from elsewhere", async () => {
    const [script, style] = [await bundleWidget("1.2.3"), await bundleStyle()];
    expect(Buffer.byteLength(script)).toBeLessThan(60_000);
    expect(Buffer.byteLength(style)).toBeLessThan(60_000);
    const addresses = [...`${script}${style}`.matchAll(/https?:\/\/[^"'`\s)]+/g)].map(([address]) => address);
    expect(new Set(addresses)).toEqual(new Set(["http://www.w3.org/2000/svg", "http://localhost:8888."]));
  });

  it("exports the two hooks of anywidget and nothing else", async () => {
    const script = await bundleWidget("1.2.3");
    expect(script).toMatch(/export\s*\{\s*[\w$]+ as default\s*\}/);
  });
});
