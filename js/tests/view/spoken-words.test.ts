import { describe, expect, it } from "vitest";
import { hasUnspoken, spokenLetters } from "../../src/view/spoken-words";
import { turnOf } from "../fakes";

describe("how much of a text has been spoken", () => {
  it("is counted to the next word by the times of words", () => {
    const turn = turnOf({ text: "Good morning, sir.", word_times: [0, 0, 5, 0.4, 14, 1.2], duration_s: 2 });
    expect([0, 0.1, 0.39, 0.4, 1.19, 1.2, 5].map((playedS) => spokenLetters(turn, playedS))).toEqual([
      0, 5, 5, 14, 14, 18, 18,
    ]);
  });

  it("is in proportion to the sound where there are no times", () => {
    const turn = turnOf({ text: "0123456789", duration_s: 2 });
    expect([0, 0.5, 1, 2, 3].map((playedS) => spokenLetters(turn, playedS))).toEqual([0, 2.5, 5, 10, 10]);
    expect(spokenLetters({ ...turn, duration_s: null }, 1)).toBe(10);
  });
});

describe("a reply has words that were not spoken", () => {
  it.each([
    ["while it sounds", { heard_s: 1 }, true],
    ["while it waits", { heard_s: null, reply: 3 }, true],
    ["while it is received", { heard_s: 2, is_complete: false }, true],
    ["not when it was heard to its end", { heard_s: 2 }, false],
    ["not if nothing plays it", { heard_s: null, reply: null }, false],
    ["not without sound", { heard_s: null, has_audio: false }, false],
    ["not if it is the user's", { heard_s: 1, role: "user" as const }, false],
  ])("%s", (_, changes, expected) => {
    const turn = turnOf({ duration_s: 2, reply: 1, ...changes });
    expect(hasUnspoken(turn, turn.heard_s ?? 0)).toBe(expected);
  });
});
