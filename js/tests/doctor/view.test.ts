// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDrawer } from "../../src/doctor/view";
import { audioPage, claimMicrophone } from "../../src/page";
import { Scope } from "../../src/scope";
import type { DrawerContext } from "../../src/view/drawers";
import { INITIAL_STATE, Store } from "../../src/view/state";
import { installAudio, settle } from "../fakes";

vi.mock("worklet:recorder", () => ({ default: async () => "" }));

let browser: ReturnType<typeof installAudio>;
let scope: Scope;
let store: Store<typeof INITIAL_STATE>;
let drawer: HTMLElement;
let answer: (content: unknown) => void;
const send = vi.fn();

const check = (name: string, result = "ok", cure = "") => ({ name, result, found: `${name}.`, cure });
const sent = (type: string) =>
  send.mock.calls.map(([content]) => content).filter((each) => each.type === type);
const shown = () =>
  [...drawer.querySelectorAll<HTMLElement>(".glw-check")].map((row) => [
    row.querySelector(".glw-check-name")!.textContent,
    row.querySelector(".glw-check-result")!.textContent,
  ]);
const status = () => drawer.querySelector(".glw-doctor-status")!.textContent;
const step = () => drawer.querySelector(".glw-doctor-tests [role=status]")!.textContent;
const buttonOf = (label: string) =>
  [...drawer.querySelectorAll("button")].find(({ textContent }) => textContent === label)!;
const run = () => sent("run").at(-1).run;

function tell(checks: object[], isDone = true, of = run()): void {
  answer({ type: "checks", run: of, checks, is_done: isDone });
}

beforeEach(() => {
  vi.useFakeTimers();
  browser = installAudio();
  send.mockClear();
  scope = new Scope();
  store = new Store({ ...INITIAL_STATE });
  const connect = (_: string, onMessage: (content: unknown) => void) => {
    answer = onMessage;
    return send;
  };
  drawer = createDrawer({ store, scope, actions: { drawers: { connect } } } as unknown as DrawerContext);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  Reflect.deleteProperty(navigator, "clipboard");
});

describe("the checks", () => {
  it("are asked for at once, shown as they become known, and summed up", () => {
    expect(sent("run")).toHaveLength(1);
    expect(status()).toBe("Checking…");
    tell([check("versions"), check("TCP", "failed", "Check the port.")], false);
    expect(shown()).toEqual([
      ["versions", "ok"],
      ["TCP", "failed"],
      ["browser", "ok"],
    ]);
    expect(status()).toBe("Checking… Failed: TCP.");
    expect(drawer.querySelector(".glw-check-cure")!.textContent).toBe("Check the port.");
    tell([check("versions"), check("TCP", "failed"), check("page", "warning")]);
    expect(status()).toBe("4 checks: 1 failed, 1 warning. Failed: TCP.");
  });

  it("are asked for again until all are known, and a kernel that does not answer is named", () => {
    vi.advanceTimersByTime(4000);
    expect(sent("run")).toHaveLength(2);
    expect(new Set(sent("run").map(({ run }) => run)).size).toBe(1);
    expect(status()).toContain("has not answered yet");
    tell([check("versions")], false);
    vi.advanceTimersByTime(4000);
    expect(status()).toBe("Checking…");
    tell([check("versions")]);
    vi.advanceTimersByTime(20_000);
    expect(sent("run")).toHaveLength(3);
  });

  it("of an earlier run, and answers that arrive late, are ignored", () => {
    const first = run();
    tell([check("versions"), check("key")], false);
    tell([check("versions")], false);
    expect(shown()).toHaveLength(3);
    buttonOf("Check again").click();
    expect(run()).not.toBe(first);
    tell([check("old")], true, first);
    expect(shown()).toEqual([["browser", "ok"]]);
  });

  it("of the page are told to the kernel, and are not shown twice", () => {
    expect(sent("tested")).toMatchObject([{ name: "browser", result: "ok", cure: "" }]);
    tell([check("versions"), check("browser", "skipped")]);
    expect(shown()).toEqual([
      ["versions", "ok"],
      ["browser", "ok"],
    ]);
  });

  it("are copied as text", async () => {
    const writeText = vi.fn(async () => {});
    Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
    tell([check("TCP", "failed", "Check the port.")]);
    buttonOf("Copy as text").click();
    await settle();
    const [[text]] = writeText.mock.calls as unknown as [[string]];
    expect(text).toContain("grok_live_widget doctor: 2 checks: 1 failed");
    expect(text).toContain("→ Check the port.");
    expect(buttonOf("Copied")).toBeTruthy();
  });

  it("are shown as text where the page may not write the clipboard", async () => {
    Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
    tell([check("TCP", "failed")]);
    buttonOf("Copy as text").click();
    await settle();
    const area = drawer.querySelector("textarea")!;
    expect(area.hidden).toBe(false);
    expect(area.value).toContain("failed   TCP");
  });
});

describe("the tests of sound", () => {
  it.each([
    ["a talk listens", { microphone: "on" }],
    ["a talk is muted", { microphone: "muted" }],
    ["a reply sounds", { isSpeaking: true }],
  ] as const)("are not offered while %s, which is said", (_, change) => {
    store.update(change);
    expect(buttonOf("Test microphone").disabled).toBe(true);
    expect(step()).toContain("press Stop");
    store.update({ microphone: "off", isSpeaking: false });
    expect(buttonOf("Test microphone").disabled).toBe(false);
    expect(step()).toContain("Nothing that is recorded here is sent");
  });

  it("do not take the microphone from another panel of the page", async () => {
    const release = vi.fn();
    claimMicrophone(release);
    buttonOf("Test microphone").click();
    await settle();
    expect(release).not.toHaveBeenCalled();
    expect(browser.mediaDevices.getUserMedia).not.toHaveBeenCalled();
    expect(step()).toContain("press Stop");
  });

  it("end when a talk wants the microphone, and release it", async () => {
    buttonOf("Test microphone").click();
    await settle();
    expect(audioPage().releaseMicrophone).not.toBeNull();
    store.update({ microphone: "asking" });
    await settle();
    expect(browser.track.isStopped).toBe(true);
    expect(audioPage().releaseMicrophone).toBeNull();
    expect(sent("tested").map(({ name }) => name)).toEqual(["browser"]);
  });

  it("can be cancelled while the browser asks", async () => {
    browser.mediaDevices.getUserMedia.mockReturnValueOnce(new Promise(() => {}));
    buttonOf("Test loudspeaker").click();
    await settle();
    expect(step()).toContain("Allow the microphone");
    buttonOf("Cancel test").click();
    expect(step()).toBe("The test was cancelled.");
    expect(buttonOf("Test loudspeaker").disabled).toBe(false);
  });

  it.each([
    ["NotAllowedError", "refused"],
    ["NotFoundError", "No microphone was found"],
    ["NotReadableError", "Another program"],
  ])("say in the words of the panel why there is no microphone: %s", async (name, words) => {
    browser.mediaDevices.getUserMedia.mockRejectedValueOnce(Object.assign(new Error("no"), { name }));
    buttonOf("Test microphone").click();
    await settle();
    const told = sent("tested").at(-1);
    expect(told).toMatchObject({ name: "microphone test", result: "failed" });
    expect(told.found).toContain(words);
    expect(shown()).toContainEqual(["microphone test", "failed"]);
    expect(audioPage().releaseMicrophone).toBeNull();
  });

  it("ask a microphone for what a talk asks for, and the loudspeaker's for no processing", async () => {
    const asked = () => browser.mediaDevices.getUserMedia.mock.lastCall![0].audio as MediaTrackConstraints;
    buttonOf("Test microphone").click();
    expect(asked()).toMatchObject({ echoCancellation: true, noiseSuppression: true });
    buttonOf("Cancel test").click();
    buttonOf("Test loudspeaker").click();
    expect(asked()).toMatchObject({
      echoCancellation: false,
      noiseSuppression: false,
      autoGainControl: false,
    });
  });
});
