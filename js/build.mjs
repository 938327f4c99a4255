/** Builds the front end into grok_live_widget/widget/static, and fails if a file exceeds the size limit. */

import { mkdirSync, writeFileSync } from "node:fs";
import {
  bundleExplorer,
  bundleFurther,
  bundleStyle,
  bundleWidget,
  FURTHER,
  packageVersion,
} from "./bundle.mjs";

/** The limits are low because anywidget sends a bundle for every widget and saves it in the widget state. */
const MAX_BYTES = {
  "widget.js": 70_000,
  "widget.css": 64_000,
  "explorer.js": 130_000,
  "explorer.css": 16_000,
};

const target = new URL("../grok_live_widget/widget/static/", import.meta.url);
const files = {
  "widget.js": await bundleWidget(packageVersion()),
  "widget.css": await bundleStyle(),
  "explorer.js": await bundleExplorer(),
  "explorer.css": await bundleStyle("explorer"),
};
for (const name of FURTHER) {
  files[`${name}.js`] = await bundleFurther(name, packageVersion());
  files[`${name}.css`] = await bundleStyle(name);
}

mkdirSync(target, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const size = Buffer.byteLength(text);
  if (size > (MAX_BYTES[name] ?? 32_000))
    throw new Error(`${name} has ${size} bytes, more than ${MAX_BYTES[name] ?? 32_000}`);
  writeFileSync(new URL(name, target), text);
  console.log(`${name}  ${(size / 1000).toFixed(1)} kB`);
}
