/**
 * Tells screen readers of a turn when it is complete. The transcript itself is no live region, since a text that grows
 * would be read anew with each word: aria-busy of a turn does not prevent that in every screen reader.
 */

import type { Turn } from "../messages";
import type { Scope } from "../scope";
import { text } from "../texts";
import { element } from "./elements";
import { richText } from "./rich-text";
import { spokenLetters } from "./spoken-words";
import type { PanelState } from "./state";
import { speakerName, turnText } from "./strings";

/** Long enough to be read out; then the text is found in the transcript only. */
const KEPT_MS = 20_000;

export class Announcer {
  readonly element = element("div", "glw-hidden", { role: "log", "aria-live": "polite" });
  #told: Set<string | number> | null = null;
  #turns: PanelState["turns"] | null = null;

  constructor(readonly scope: Scope) {}

  /** The turns of the first state are not news. */
  show(state: PanelState): void {
    if (state.turns === this.#turns) return;
    this.#turns = state.turns;
    const complete = [...state.turns.values()].filter((turn) => turn.is_complete);
    const told = this.#told;
    this.#told = new Set(complete.map(({ id }) => id));
    if (!told) return;
    for (const turn of complete) {
      if (told.has(turn.id)) continue;
      const words = richText(wordsOf(turn), turn.role === "assistant").map((block) => block.textContent);
      const shown = element("p", "", { dir: "auto" }, [
        text("announced", {
          speaker: turn.role === "user" ? text("you") : speakerName(state),
          words: words.join(" "),
        }),
      ]);
      this.element.append(shown);
      this.scope.timeout(KEPT_MS, () => shown.remove());
    }
  }
}

/** What was said and heard: of a reply that was cut off, the words before. */
function wordsOf(turn: Turn): string {
  if (turn.interruption === "discard") return text("discarded");
  if (!turn.was_interrupted || turn.heard_s === null) return turnText(turn);
  return `${turn.text.slice(0, spokenLetters(turn, turn.heard_s)).trimEnd()} —`;
}
