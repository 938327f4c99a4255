/**
 * The texts of a page in its language, and numbers as that language writes them.
 *
 * They are data of the Python package (widget/texts), which come in a trait of the model and with each further bundle,
 * and not in the code. Each bundle has its own copy of this module, and so its own texts.
 */

import type {
  axis,
  doctor,
  explorer,
  inspector,
  panel,
  settings,
  shortcuts,
  spectrogram,
  transcript,
} from "../../grok_live_widget/widget/texts/en.json";

type Sections = typeof panel &
  typeof transcript &
  typeof axis &
  typeof settings &
  typeof inspector &
  typeof doctor &
  typeof spectrogram &
  typeof shortcuts &
  typeof explorer;
export type TextKey = keyof Sections;
/** A text with names in braces; one that depends on the value `count` has a text for each plural category of CLDR. */
type Template = string | Record<string, string>;
export type Texts = Readonly<Record<string, Template>>;
export type TextsByLanguage = Readonly<Record<string, Texts>>;

const ENGLISH = "en";

let language = ENGLISH;
let texts: Texts = {};
const formats = new Map<number, Intl.NumberFormat>();

/** The language of the texts, as BCP 47 has it. */
export function currentLanguage(): string {
  return language;
}

export function useTexts(newLanguage: string, ...added: Texts[]): void {
  language = newLanguage;
  texts = Object.assign({}, ...added);
  formats.clear();
}

/** Give another bundle the texts of this one, and its own. */
export function shareTexts(module: unknown, own: TextsByLanguage): void {
  (module as { useTexts?: typeof useTexts }).useTexts?.(language, texts, own[language] ?? {});
}

/**
 * Use the texts of a trait, in the language of the document. It is that of what is around the panel: JupyterLab writes
 * its own there (`TranslationManager.languageCode`). Where the document names none, the user's languages count.
 */
export function useTrait(value: unknown): void {
  const byLanguage = (value ?? {}) as TextsByLanguage;
  const { lang } = document.documentElement;
  const chosen = chosenLanguage(Object.keys(byLanguage), lang ? [lang] : navigator.languages);
  useTexts(chosen, byLanguage[chosen] ?? {});
}

/** The first wanted language that there is, whatever its region; else English, else the one that there is. */
export function chosenLanguage(known: readonly string[], wanted: readonly string[] = []): string {
  const languages = wanted.map((tag) => tag.toLowerCase().split(/[-_]/)[0]!);
  return [...languages, ENGLISH, ...known].find((each) => known.includes(each)) ?? ENGLISH;
}

export function text(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const found = texts[key] ?? key;
  const template = typeof found === "string" ? found : pluralOf(found, Number(values.count));
  return template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? number(value, 0) : value;
  });
}

function pluralOf(forms: Record<string, string>, count: number): string {
  return forms[new Intl.PluralRules(language).select(count)] ?? forms.other!;
}

export function number(value: number, digits: number): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = formats.get(digits) ?? new Intl.NumberFormat(language, options);
  formats.set(digits, format);
  return format.format(value);
}
