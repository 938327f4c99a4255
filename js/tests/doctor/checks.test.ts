import { expect, it } from "vitest";
import { asText, type Check, readChecks } from "../../src/doctor/checks";
import { heardText, levelText, recordedText, statusText, summaryText } from "../../src/doctor/strings";

const KEY: Check = { name: "key", result: "ok", found: "An API key was found.", cure: "" };
const TCP: Check = { name: "TCP", result: "failed", found: "Nothing answers.", cure: "Check the port." };
const SLOW: Check = { name: "round trip", result: "warning", found: "Slow.", cure: "" };

it("checks are read as the kernel sends them", () => {
  const content = { type: "checks", run: 3, checks: [KEY, TCP], is_done: true };
  expect(readChecks(content, "en")).toEqual({ run: 3, checks: [KEY, TCP], isDone: true });
});

it("what is no check is left out, and what are no checks is ignored", () => {
  const checks = [
    { name: "x", result: "good" },
    { result: "ok" },
    null,
    { name: "y", result: "ok", found: 3 },
  ];
  expect(readChecks({ type: "checks", run: 3, checks }, "en")).toEqual({
    run: 3,
    checks: [{ name: "y", result: "ok", found: "", cure: "" }],
    isDone: false,
  });
  for (const content of [null, {}, { type: "checks" }, { type: "other", run: 3, checks: [] }])
    expect(readChecks(content, "en")).toBeNull();
});

it("the text of a report has a line for each check and for each cure", () => {
  expect(asText([KEY, TCP, SLOW], summaryText([KEY, TCP, SLOW])).split("\n")).toEqual([
    "3 checks: 1 failed, 1 warning",
    "  ok       key         An API key was found.",
    "  failed   TCP         Nothing answers.",
    "                       → Check the port.",
    "  warning  round trip  Slow.",
  ]);
});

it("screen readers are told how many checks there are, and what failed", () => {
  expect(statusText([KEY, SLOW], true)).toBe("2 checks: 0 failed, 1 warning.");
  expect(statusText([KEY, SLOW], false)).toBe("Checking…");
  const failures = [KEY, TCP, { ...TCP, name: "TLS" }];
  expect(statusText(failures, false)).toBe("Checking… Failed: TCP, TLS.");
  expect(statusText(failures, true)).toBe("3 checks: 2 failed, 0 warnings. Failed: TCP, TLS.");
});

it("what was recorded and heard is said with its figures", () => {
  expect(levelText(-Infinity)).toBe("silence");
  expect(heardText(0.0421, -31.6)).toBe("The microphone hears the loudspeaker after 42 ms, at -32 dBFS.");
  expect(recordedText(-20.2, "Desk")).toBe("It recorded -20 dBFS from “Desk”.");
  expect(recordedText(-Infinity, "")).toBe("It recorded silence.");
});

it("sentences of the kernel are shown in the language of the page, and others in English", () => {
  const found = "It is off.";
  const translations = { de: { [found]: "Es ist aus.", bad: 3 } };
  const check = { name: "microphone", result: "skipped", found, cure: "Press it." };
  const content = { type: "checks", run: 1, checks: [check], is_done: true, translations };
  expect(readChecks(content, "de")?.checks).toEqual([{ ...check, found: "Es ist aus." }]);
  expect(readChecks(content, "en")?.checks).toEqual([check]);
  expect(readChecks({ ...content, translations: 3 }, "de")?.checks).toEqual([check]);
});
