// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { chosenLanguage, currentLanguage, number, shareTexts, text, useTexts, useTrait } from "../src/texts";
import { textsOf } from "./catalogue";

afterEach(() => {
  document.documentElement.lang = "";
  vi.unstubAllGlobals();
  useTexts("en", textsOf("en"));
});

describe("the language", () => {
  const KNOWN = ["en", "de"];

  it.each([
    ["de", ["de"]],
    ["de", ["de-AT", "en"]],
    ["de", ["DE_ch"]],
    ["en", ["fr", "nl"]],
    ["de", ["fr", "de"]],
    ["en", ["den"]],
    ["en", []],
    ["en", undefined],
  ])("is %s where %j are wanted", (chosen, wanted) => {
    expect(chosenLanguage(KNOWN, wanted)).toBe(chosen);
  });

  it("is the one that the kernel names, whatever is wanted", () => {
    expect(chosenLanguage(["de"], ["en", "fr"])).toBe("de");
  });

  it("is English where the kernel has sent no texts", () => {
    expect(chosenLanguage([], ["de"])).toBe("en");
  });

  const TRAIT = { en: { start: "Start" }, de: { start: "Los" } };

  it.each([
    ["de", "de-DE", ["en"]],
    ["en", "en", ["de"]],
    ["en", "fr", ["de"]],
    ["de", "", ["de-DE", "en"]],
    ["en", "", ["fr"]],
  ])("is %s in a document in “%s” of a user who reads %j", (chosen, lang, languages) => {
    document.documentElement.lang = lang;
    vi.stubGlobal("navigator", { languages });
    useTrait(TRAIT);
    expect([currentLanguage(), text("start")]).toEqual([chosen, chosen === "de" ? "Los" : "Start"]);
  });

  it.each([undefined, null, {}])("does not throw where the trait is %j", (value) => {
    expect(() => useTrait(value)).not.toThrow();
  });
});

describe("a text", () => {
  it("has its values where their names are, as text", () => {
    useTexts("en", { call_failed: "{error} in {function}, {error}" });
    expect(text("call_failed", { function: "f$&", error: "{function}" })).toBe(
      "{function} in f$&, {function}",
    );
  });

  it("has the form for its count in its language", () => {
    const turns = { one: "{count} ход", few: "{count} хода", many: "{count} ходов", other: "{count} хода" };
    useTexts("ru", { turns });
    expect([1, 3, 5, 21].map((count) => text("turns", { count }))).toEqual([
      "1 ход",
      "3 хода",
      "5 ходов",
      "21 ход",
    ]);
  });

  it("has the form for other counts where there is none for its count", () => {
    useTexts("ru", { turns: { other: "{count}" } });
    expect(text("turns", { count: 5 })).toBe("5");
  });

  it("writes numbers as its language does", () => {
    expect([number(1.25, 2), text("percent", { value: 12_345 })]).toEqual(["1.25", "12,345 %"]);
    useTexts("de", { percent: "{value} %" });
    expect([number(1.25, 2), number(1.25, 1), text("percent", { value: 12_345 })]).toEqual([
      "1,25",
      "1,3",
      "12.345 %",
    ]);
  });
});

it("another bundle gets the language, the texts, and its own", () => {
  const bundle = { useTexts: vi.fn() };
  useTexts("de", { start: "Los" });
  shareTexts(bundle, { en: { result: "Result" }, de: { result: "Ergebnis" } });
  expect(bundle.useTexts).toHaveBeenLastCalledWith("de", { start: "Los" }, { result: "Ergebnis" });
  shareTexts(bundle, {});
  expect(bundle.useTexts).toHaveBeenLastCalledWith("de", { start: "Los" }, {});
  expect(() => shareTexts({}, {})).not.toThrow();
});
