/** How much of a reply's text has been spoken, as a pure function of its playhead. */

import type { Turn } from "../messages";

/** Whether some of a reply's text is known not to have been spoken, or not yet. */
export function hasUnspoken(turn: Turn, playedS: number): boolean {
  const { role, has_audio, reply, heard_s, is_complete, duration_s } = turn;
  if (role === "user" || !has_audio || (reply ?? heard_s) === null) return false;
  return !is_complete || playedS < (duration_s ?? 0) - 0.02;
}

/** How many letters of the text have been spoken: to the next word by its time, or in proportion to the sound. */
export function spokenLetters({ text, word_times, duration_s }: Turn, playedS: number): number {
  if (playedS <= 0) return 0;
  if (word_times.length === 0) return (text.length * playedS) / Math.max(playedS, duration_s ?? 0);
  for (let i = 0; i < word_times.length; i += 2) if (word_times[i + 1]! > playedS) return word_times[i]!;
  return text.length;
}
