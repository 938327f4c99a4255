/**
 * Bundles the front end, for build.mjs and for the tests: the panel, whose worklets are bundled first and inlined as text,
 * and the explorer.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The version of the Python package, which is the only version number of the project. */
export function packageVersion() {
  const source = readFileSync(here("../grok_live_widget/__init__.py"), "utf8");
  const version = /^__version__\s*=\s*"([^"]+)"/m.exec(source)?.[1];
  if (!version) throw new Error('grok_live_widget/__init__.py does not define __version__ = "…"');
  return version;
}

const common = {
  bundle: true,
  minify: true,
  write: false,
  target: "es2022",
  legalComments: "none",
  charset: "utf8",
};

export function bundleWorklet(name, version) {
  return bundleInlined(`worklets/${name}.worklet`, version);
}

/** A script that runs outside of the page's main thread. */
async function bundleInlined(path, version) {
  const result = await build({
    ...common,
    entryPoints: [here(`src/${path}.ts`)],
    format: "iife",
    define: { __VERSION__: JSON.stringify(version) },
  });
  return result.outputFiles[0].text;
}

/**
 * Resolves `import source from "worklet:audio"`, and `"worker:…"` likewise, to a function that gives the text of that worklet. It is compressed, since
 * the widget's bundle is saved in the widget state.
 */
function inlineWorklets(version) {
  return {
    name: "inline-worklets",
    setup({ onResolve, onLoad }) {
      for (const [kind, suffix] of [
        ["worklet", ".worklet"],
        ["worker", ""],
      ]) {
        const folder = kind === "worklet" ? "worklets/" : "";
        onResolve({ filter: new RegExp(`^${kind}:`) }, ({ path }) => ({
          path: `${folder}${path.slice(kind.length + 1)}${suffix}`,
          namespace: "inlined",
        }));
      }
      onLoad({ filter: /.*/, namespace: "inlined" }, async ({ path }) => ({
        contents: packed(await bundleInlined(path, version)),
        loader: "js",
      }));
    },
  };
}

/** A module that unpacks a text; every browser with AudioWorklet that is supported has DecompressionStream. */
function packed(text) {
  const base64 = deflateRawSync(text, { level: 9 }).toString("base64");
  return `export default async () => {
    const bytes = Uint8Array.from(atob("${base64}"), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
  }`;
}

export async function bundleWidget(version) {
  const result = await build({
    ...common,
    entryPoints: { widget: here("src/widget.ts") },
    format: "esm",
    define: { __VERSION__: JSON.stringify(version) },
    plugins: [inlineWorklets(version)],
  });
  // Saves 1.8 % more, of a bundle that is saved in each notebook. No function here has a `this` of its own, and what is
  // unsafe otherwise is to write `Error()` for `new Error()`, and `"" + it` for `String(it)`, which symbols alone notice.
  const compress = { passes: 3, unsafe: true, unsafe_arrows: true, hoist_funs: true, keep_fargs: false };
  const smaller = await minify(result.outputFiles[0].text, { module: true, ecma: 2022, compress });
  return smaller.code;
}

/** The explorer, with the licence of wavesurfer.js, whose code it has. */
export async function bundleExplorer() {
  const licence = readFileSync(here("node_modules/wavesurfer.js/LICENSE"), "utf8").trim();
  const result = await build({
    ...common,
    entryPoints: { explorer: here("src/explorer.ts") },
    format: "esm",
    banner: { js: `/*! This file contains wavesurfer.js, https://wavesurfer.xyz\n\n${licence}\n*/` },
  });
  return result.outputFiles[0].text;
}

/** The bundles that the kernel sends when their drawer is first opened. */
export const DRAWERS = ["settings", "inspector", "spectrogram", "doctor", "shortcuts"];
/** The bundles that it sends when a page asks for them: those, two that the first turn needs, and the direct channel. */
export const FURTHER = [...DRAWERS, "transcript", "axis", "direct"];

export async function bundleFurther(name, version) {
  const result = await build({
    ...common,
    entryPoints: [here(`src/${name}.ts`)],
    format: "esm",
    define: { __VERSION__: JSON.stringify(version) },
    plugins: [inlineWorklets(version)],
  });
  return result.outputFiles[0].text;
}

export async function bundleStyle(name = "widget") {
  const result = await build({ ...common, entryPoints: [here(`src/${name}.css`)], target: "chrome123" });
  return result.outputFiles[0].text;
}
