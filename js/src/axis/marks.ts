/** What is at a place of the axis: turns, speech, and what was not heard. Pure. */

import { type Scale, xAt } from "./scale";
import type { Marks, SpeechSpan, TurnSpan } from "./stretches";

export const NO_MARKS: Marks = { turns: [], speech: [] };

export interface Range {
  left: number;
  right: number;
}

/** The marks of several stretches, each once. */
export function merged(parts: readonly Marks[]): Marks {
  const turns = new Map(parts.flatMap((part) => part.turns.map((turn) => [turn.id, turn])));
  const speech = new Map(parts.flatMap((part) => part.speech.map((span) => [span[0], span])));
  return { turns: [...turns.values()], speech: [...speech.values()] };
}

/** The turn that sounds at a time; where both do, the one that began last. */
export function turnAt(turns: readonly TurnSpan[], timeS: number): TurnSpan | null {
  const there = turns.filter(({ startS, endS }) => startS <= timeS && timeS < endS);
  return there.reduce<TurnSpan | null>(
    (last, turn) => (last && last.startS > turn.startS ? last : turn),
    null,
  );
}

/** What was received and never heard, as far as it is in sight. */
export function unheardRanges(scale: Scale, turns: readonly TurnSpan[]): Range[] {
  return turns.flatMap(({ heardEndS, endS }) => rangeOf(scale, heardEndS, endS));
}

/** Where replies were cut off. */
export function interruptionXs(scale: Scale, turns: readonly TurnSpan[]): number[] {
  return turns
    .filter(({ wasInterrupted, isUser }) => wasInterrupted && !isUser)
    .map(({ heardEndS }) => xAt(scale, heardEndS))
    .filter((x) => x >= 0 && x <= scale.widthPx);
}

export function speechRanges(scale: Scale, speech: readonly SpeechSpan[]): Range[] {
  return speech.flatMap(([startS, endS]) => rangeOf(scale, startS, endS));
}

function rangeOf(scale: Scale, startS: number, endS: number): Range[] {
  const left = Math.max(0, xAt(scale, startS));
  const right = Math.min(scale.widthPx, xAt(scale, endS));
  return right > left ? [{ left, right }] : [];
}
