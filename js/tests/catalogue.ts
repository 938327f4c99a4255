/** The texts of the Python package, for the tests. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Texts } from "../src/texts";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../../grok_live_widget/widget/texts");

export const LANGUAGES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));

/** The sections of the page, each a bundle's; the other sections are the kernel's. */
export const SECTIONS = [
  "panel",
  "transcript",
  "axis",
  "settings",
  "inspector",
  "doctor",
  "spectrogram",
  "shortcuts",
  "explorer",
] as const;

export function sectionsOf(language: string): Record<(typeof SECTIONS)[number], Texts> {
  return JSON.parse(readFileSync(join(FOLDER, `${language}.json`), "utf8"));
}

/** All texts of the page. */
export function textsOf(language: string): Texts {
  const sections = sectionsOf(language);
  return Object.assign({}, ...SECTIONS.map((name) => sections[name]));
}
