import { describe, expect, it } from "vitest";
import { interruptionXs, merged, speechRanges, turnAt, unheardRanges } from "../../src/axis/marks";
import { centredAt } from "../../src/axis/scale";
import type { TurnSpan } from "../../src/axis/stretches";

const turn = (id: string, startS: number, endS: number, changes: Partial<TurnSpan> = {}): TurnSpan => ({
  id,
  isUser: false,
  startS,
  heardEndS: endS,
  endS,
  wasInterrupted: false,
  ...changes,
});
/** From 0 to 8 s. */
const SCALE = centredAt(4, 0, 600);

describe("the turn at a time", () => {
  const turns = [turn("a", 1, 3), turn("b", 2.5, 4, { isUser: true })];

  it.each([
    [0.9, undefined],
    [1, "a"],
    [2.6, "b"],
    [3.5, "b"],
    [4, undefined],
  ])("%d s", (timeS, id) => expect(turnAt(turns, timeS)?.id).toBe(id));
});

it("what was not heard is shaded, as far as it is in sight", () => {
  const turns = [
    turn("a", 0, 1),
    turn("b", 2, 4, { heardEndS: 3 }),
    turn("c", 7, 12, { heardEndS: 7.5 }),
    turn("d", 20, 22, { heardEndS: 20 }),
  ];
  const ranges = unheardRanges(SCALE, turns);
  expect(ranges.map(({ left, right }) => [left, right].map(Math.round))).toEqual([
    [225, 300],
    [563, 600],
  ]);
});

it("an interruption is where a reply was cut off", () => {
  const turns = [
    turn("a", 0, 2, { wasInterrupted: true, heardEndS: 1 }),
    turn("b", 2, 3),
    turn("c", 3, 4, { wasInterrupted: true, isUser: true }),
    turn("d", 9, 10, { wasInterrupted: true }),
  ];
  expect(interruptionXs(SCALE, turns).map(Math.round)).toEqual([75]);
});

it("speech that goes on reaches to the edge", () => {
  const ranges = speechRanges(SCALE, [
    [-2, 1],
    [6, Number.POSITIVE_INFINITY],
  ]);
  expect(ranges.map(({ left, right }) => [left, right].map(Math.round))).toEqual([
    [0, 75],
    [450, 600],
  ]);
});

it("marks of neighbours are merged", () => {
  const [a, b] = [turn("a", 0, 9), turn("b", 9, 10)];
  const marks = merged([
    { turns: [a], speech: [[0, 1]] },
    {
      turns: [{ ...a }, b],
      speech: [
        [0, 1],
        [3, 4],
      ],
    },
  ]);
  expect(marks.turns.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(marks.speech).toHaveLength(2);
});
