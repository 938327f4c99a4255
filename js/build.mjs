/** Builds the front end into grok_live_widget/widget/static, and refuses to let it grow too large. */

import { mkdirSync, writeFileSync } from "node:fs";
import { bundleStyle, bundleWidget, packageVersion } from "./bundle.mjs";

/** anywidget sends the bundle once for every widget and keeps it in saved widget state. */
const LARGEST_BYTES = 60_000;

const target = new URL("../grok_live_widget/widget/static/", import.meta.url);
const files = { "widget.js": await bundleWidget(packageVersion()), "widget.css": await bundleStyle() };

mkdirSync(target, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const size = Buffer.byteLength(text);
  if (size > LARGEST_BYTES) throw new Error(`${name} has ${size} bytes, more than ${LARGEST_BYTES}`);
  writeFileSync(new URL(name, target), text);
  console.log(`${name}  ${(size / 1000).toFixed(1)} kB`);
}
