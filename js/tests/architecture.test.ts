/** Architecture rules that neither the compiler nor the linter can check. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bundleExplorer, bundleFurther, bundleStyle, bundleWidget, DRAWERS, FURTHER } from "../bundle.mjs";

const ROOT = fileURLToPath(new URL("../src", import.meta.url));

const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
  .map((name) => ({ name, source: readFileSync(join(ROOT, name), "utf8") }));

/**
 * Which modules each one may import: everything below it. "view" and "worklets" stand for the modules in those
 * folders, "worklet:…" for the text of a bundled worklet. Types of the worklets' messages may be imported anywhere in
 * the audio layer, since they vanish when the worklets are bundled.
 */
const LAYERS: Record<string, readonly string[]> = {
  widget: ["talk", "tool-area", "traits", "view", "widget-comm", "messages", "texts", "scope"],
  transcript: ["view", "texts"],
  axis: ["axis", "drawer-comm", "view", "texts", "scope"],
  doctor: [
    "doctor",
    "devices",
    "page",
    "view",
    "drawer-comm",
    "messages",
    "scope",
    "texts",
    "worklet:recorder",
  ],
  spectrogram: ["spectrogram", "page", "view", "texts", "scope"],
  inspector: ["inspector", "drawer-comm", "view", "messages", "texts", "scope"],
  shortcuts: ["shortcuts", "view", "texts"],
  settings: ["settings", "view", "preferences", "messages", "texts", "scope"],
  explorer: ["explorer", "widget-comm", "channel", "view", "page", "resampler", "pcm", "texts", "scope"],
  "widget-comm": ["channel", "pcm", "scope"],
  // Imports types of these alone; its code is a further bundle.
  "direct-invitations": ["direct", "drawer-comm", "page"],
  direct: [
    "direct",
    "channel",
    "sound-channel",
    "sound-frames",
    "send-queue",
    "playback",
    "messages",
    "scope",
    "texts",
    "worklets",
    "worker:direct",
  ],
  "sound-frames": [],
  talk: [
    "view",
    "direct",
    "direct-invitations",
    "drawer-comm",
    "sound-files",
    "capture",
    "devices",
    "half-duplex",
    "hello",
    "views",
    "playback",
    "channel",
    "send-queue",
    "page",
    "messages",
    "pcm",
    "scope",
    "texts",
    "worklets",
  ],
  "sound-files": ["messages"],
  hello: ["view", "devices", "messages", "page", "scope"],
  views: ["scope"],
  "half-duplex": ["view", "capture", "channel", "page", "messages", "scope", "texts"],
  capture: ["devices", "silence", "page", "messages", "scope", "worklets", "worklet:audio"],
  devices: ["messages", "page", "preferences"],
  playback: ["page", "messages", "scope", "texts", "worklets", "worklet:audio"],
  channel: ["drawer-comm", "downloads", "sound-channel", "typed-texts", "messages", "pcm", "scope"],
  "sound-channel": ["held-messages", "messages", "send-queue"],
  "typed-texts": [],
  "held-messages": ["messages"],
  "send-queue": ["messages", "pcm"],
  page: ["preferences", "scope", "texts"],
  preferences: [],
  "drawer-comm": ["scope", "texts"],
  downloads: ["messages", "pcm", "scope"],
  "tool-area": ["scope"],
  traits: ["talk", "view", "scope"],
  view: ["view", "drawer-comm", "messages", "scope", "texts"],
  worklets: ["worklets", "resampler", "pcm"],
  messages: ["texts"],
  // The types of the texts are those of the catalogue in the Python package.
  texts: [".."],
  silence: [],
  resampler: [],
  pcm: [],
  scope: [],
};

/** The layer of a path in src: "view/panel.ts" belongs to "view", "pcm" and "pcm.ts" to "pcm". */
function layerOf(path: string): string {
  return path.startsWith("worklet:") ? path : path.split("/")[0]!.replace(/\.ts$/, "");
}

function importedLayers(name: string, source: string): string[] {
  return [...source.matchAll(/from "([^"]+)"/g)]
    .map((match) => match[1]!)
    .filter((path) => /^(\.|worklet:|worker:)/.test(path))
    .map((path) => (path.startsWith(".") ? join(name, "..", path) : path))
    .map(layerOf);
}

it.each(files)("$name imports only the layers below it", ({ name, source }) => {
  expect(LAYERS[layerOf(name)]).toEqual(expect.arrayContaining(importedLayers(name, source)));
});

const RAW =
  /\.(add|remove)EventListener\(|\b(set|clear)(Timeout|Interval)\(|requestAnimationFrame\(|new (Worker|ResizeObserver|MutationObserver|IntersectionObserver)\b/;

/** A worker ends with all that it has, and `DirectSound` gives the one of direct.ts to the scope. */
const OWN_LIFE = ["scope.ts", "direct.ts", "direct/sound.worker.ts"];

it.each(files.filter(({ name }) => !OWN_LIFE.includes(name)))(
  "$name acquires nothing outside a scope",
  ({ source }) => {
    expect(source).not.toMatch(RAW);
  },
);

it.each(files)("$name inserts no markup into the page", ({ source }) => {
  expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser/);
});

it.each(files)("$name has fewer than 400 lines", ({ source }) => {
  expect(source.split("\n").length).toBeLessThan(400);
});

describe("the bundle", () => {
  it("is smaller than 70 kB and fetches nothing from the network", async () => {
    const [script, style] = [await bundleWidget("1.2.3"), await bundleStyle()];
    expect(Buffer.byteLength(script)).toBeLessThan(70_000);
    expect(Buffer.byteLength(style)).toBeLessThan(64_000);
    const addresses = [...`${script}${style}`.matchAll(/https?:\/\/[^"'`\s)]+/g)].map(([address]) =>
      address.replace(/\.$/, ""),
    );
    expect(new Set(addresses)).toEqual(new Set(["http://www.w3.org/2000/svg"]));
  });

  it("has no animation that goes on: the browser goes through the whole page for each of its frames", async () => {
    const styles = await Promise.all(["widget", "explorer", ...FURTHER].map((name) => bundleStyle(name)));
    for (const style of styles) expect(style).not.toMatch(/infinite|animation-iteration/);
  });

  it("exports only the two hooks of anywidget", async () => {
    const script = await bundleWidget("1.2.3");
    expect(script).toMatch(/export\s*\{\s*[\w$]+ as default\s*\}/);
  });
});

const NAMESPACES = ["http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"];

describe.each(DRAWERS)("the bundle of the drawer %s", (name) => {
  it("is smaller than 32 kB, exports its drawer, and fetches nothing from the network", async () => {
    const [script, style] = [await bundleFurther(name, "1.2.3"), await bundleStyle(name)];
    expect(Buffer.byteLength(script) + Buffer.byteLength(style)).toBeLessThan(32_000);
    expect(script).toMatch(/export\s*\{\s*[\w$]+ as createDrawer,\s*[\w$]+ as useTexts\s*\}/);
    expect(`${script}${style}`).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  });
});

describe("the bundle of the explorer", () => {
  it("is smaller than 130 kB, fetches nothing from the network, and has the licence of wavesurfer", async () => {
    const [script, style] = [await bundleExplorer(), await bundleStyle("explorer")];
    expect(Buffer.byteLength(script)).toBeLessThan(130_000);
    expect(Buffer.byteLength(style)).toBeLessThan(16_000);
    const addresses = [...`${script}${style}`.matchAll(/https?:\/\/[^"'`\s)]+/g)].map(([address]) => address);
    expect(new Set(addresses)).toEqual(new Set([...NAMESPACES, "https://wavesurfer.xyz"]));
    expect(script).toMatch(/^\/\*!.*Copyright \(c\) .*katspaugh.*THIS SOFTWARE IS PROVIDED/s);
  });
});
