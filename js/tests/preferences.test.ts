// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { prefer, preferences } from "../src/preferences";
import { forgetPreferences } from "./fakes";

/** What a page that is loaded again does not have. */
const reload = () => Reflect.deleteProperty(globalThis, Symbol.for("grok_live_widget.preferences"));

beforeEach(forgetPreferences);

afterEach(() => {
  vi.unstubAllGlobals();
  forgetPreferences();
});

it("prefers nothing at first", () => {
  expect(preferences()).toEqual({
    microphone: "",
    speaker: "",
    echoCancellation: null,
    noiseSuppression: null,
    autoGainControl: null,
  });
});

it("remembers what was chosen in this browser", () => {
  prefer({ microphone: "m1" });
  prefer({ echoCancellation: false });
  reload();
  expect(preferences()).toMatchObject({ microphone: "m1", echoCancellation: false });
});

it("holds for the page where the browser keeps no storage, or keeps something else", () => {
  localStorage.setItem("grok_live_widget.preferences", "{");
  expect(preferences().microphone).toBe("");
  reload();
  vi.stubGlobal("localStorage", {
    getItem: () => null,
    setItem: () => {
      throw new Error("blocked");
    },
  });
  prefer({ speaker: "s1" });
  expect(preferences().speaker).toBe("s1");
});
