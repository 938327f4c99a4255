/** What the time axis says that has values. */

import { text } from "../texts";
import { clockText } from "./scale";

const MOST_LETTERS = 60;

/** What a screen reader says of the place: when it is, and who speaks there. */
export function placeText(timeS: number, speaker: string, words: string): string {
  const time = clockText(timeS);
  if (!speaker) return time;
  const shown = words.slice(0, MOST_LETTERS);
  return shown ? text("place_with_words", { time, speaker, words: shown }) : text("place", { time, speaker });
}

export function playingText(timeS: number): string {
  return text("playing_from", { time: clockText(timeS) });
}
