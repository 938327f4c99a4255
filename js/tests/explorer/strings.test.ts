import { expect, it } from "vitest";
import { clockText, loadingText } from "../../src/explorer/strings";

it.each([
  [0, 1, "0:00.0"],
  [75.25, 1, "1:15.3"],
  [59.96, 1, "1:00.0"],
  [59.6, 0, "1:00"],
  [3725.5, 1, "1:02:05.5"],
  [-1, 0, "0:00"],
  [0.05, 2, "0:00.05"],
])("writes %d s with %d digits as %s", (timeS, digits, text) => {
  expect(clockText(timeS, digits)).toBe(text);
});

it("says how much of the sound has come", () => {
  expect(loadingText(33.4)).toBe("Reading the sound: 33 %");
});
