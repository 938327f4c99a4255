import { expect, it } from "vitest";
import type { Frame } from "../../src/inspector/log";
import { droppedText, sizeText, timeText } from "../../src/inspector/strings";

it.each([
  [0, "0:00.000"],
  [-0.0004, "0:00.000"],
  [-0.012, "−0:00.012"],
  [59.9996, "1:00.000"],
  [3661.5, "61:01.500"],
])("shows %d s on the talk's clock as %s", (timeS, text) => {
  expect(timeText({ timeS } as Frame)).toBe(text);
});

it("shows sizes and how many messages were dropped", () => {
  expect([sizeText(999), sizeText(1500)]).toEqual(["999 B", "1.5 kB"]);
  expect([droppedText(1), droppedText(2)]).toEqual([
    "1 older message was dropped.",
    "2 older messages were dropped.",
  ]);
});
