/** Bundles the front end, for build.mjs and for the tests: worklets are bundled first and inlined as text. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

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

export async function bundleWorklet(name, version) {
  const result = await build({
    ...common,
    entryPoints: [here(`src/worklets/${name}.worklet.ts`)],
    format: "iife",
    define: { __VERSION__: JSON.stringify(version) },
  });
  return result.outputFiles[0].text;
}

/** Resolves `import source from "worklet:capture"` to the text of that worklet. */
function inlineWorklets(version) {
  return {
    name: "inline-worklets",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^worklet:/ }, ({ path }) => ({ path: path.slice(8), namespace: "worklet" }));
      onLoad({ filter: /.*/, namespace: "worklet" }, async ({ path }) => ({
        contents: await bundleWorklet(path, version),
        loader: "text",
      }));
    },
  };
}

export async function bundleWidget(version) {
  const result = await build({
    ...common,
    entryPoints: { widget: here("src/widget.ts") },
    format: "esm",
    define: { __VERSION__: JSON.stringify(version) },
    plugins: [inlineWorklets(version)],
  });
  return result.outputFiles[0].text;
}

export async function bundleStyle() {
  const result = await build({ ...common, entryPoints: [here("src/widget.css")], target: "chrome123" });
  return result.outputFiles[0].text;
}
