/** One turn of the transcript, which grows in place. */

import type { ToolCall, Turn } from "../messages";
import { text } from "../texts";
import { element, setFigures, setShown, setText } from "./elements";
import { turnText } from "./strings";
import type * as Extras from "./transcript-extras";
import type { TurnText } from "./turn-text";

const MORE = { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" };

export class TurnView {
  readonly element = element("li", "glw-turn", { "aria-current": "false" });
  readonly #more = element(
    "button",
    "glw-button glw-turn-more",
    { ...MORE, "aria-label": text("turn_menu") },
    ["⋯"],
  );
  readonly #speaker = element("bdi", "glw-turn-speaker");
  readonly #remarks = element("span", "glw-turn-remarks");
  readonly #plain = element("p", "glw-turn-plain", { dir: "auto" });
  readonly #text = element("div", "glw-turn-words", { dir: "auto" }, [this.#plain]);
  readonly #seam = element("p", "glw-seam", { dir: "auto" });
  readonly #chips = element("div", "glw-chips");
  #extras: typeof Extras | null = null;
  #calls: readonly ToolCall[] | undefined;
  #richText: TurnText | null = null;
  #playedS = 0;

  constructor(public turn: Turn) {
    const head = element("div", "glw-turn-head", {}, [this.#speaker, this.#remarks, this.#more]);
    this.element.append(this.#seam, head, this.#chips, this.#text);
    this.show(turn);
    this.#showExtras();
  }

  useExtras(extras: typeof Extras): void {
    this.#extras = extras;
    this.#richText = new extras.TurnText(this.#text);
    this.#showRemarks();
    this.#showText();
    this.#showExtras();
  }

  setSpeaker(name: string): void {
    setText(this.#speaker, this.turn.role === "user" ? text("you") : name);
  }

  get calls(): readonly ToolCall[] | undefined {
    return this.#calls;
  }

  setCalls(calls: readonly ToolCall[] | undefined): void {
    if (calls === this.#calls) return;
    this.#calls = calls;
    this.#showExtras();
  }

  show(turn: Turn): void {
    this.turn = turn;
    const { classList } = this.element;
    classList.toggle("glw-turn-you", turn.role === "user");
    classList.toggle("glw-turn-grok", turn.role === "assistant");
    classList.toggle("glw-turn-partial", !turn.is_complete);
    classList.toggle("glw-turn-interrupted", turn.was_interrupted);
    classList.toggle("glw-turn-without-text", turn.text === "");
    setText(this.#seam, turn.seam);
    setShown(this.#seam, turn.seam !== "");
    this.#showRemarks();
    this.#showText();
  }

  /** Mark the turn as the one that sounds; `replyS`: how much of this reply has been played, if it is not a replay. */
  setSounding(isSounding: boolean, replyS: number | null): void {
    const current = String(isSounding);
    if (this.element.getAttribute("aria-current") !== current)
      this.element.setAttribute("aria-current", current);
    if (replyS === null) return;
    this.#playedS = this.turn.reply_start_s + replyS;
    this.#showText();
  }

  #showRemarks(): void {
    if (this.#extras) setFigures(this.#remarks, this.#extras.turnRemarks(this.turn));
  }

  #showExtras(): void {
    const calls = this.#calls ?? [];
    this.#extras?.showCalls(this.#chips, calls);
    setShown(this.#chips, calls.length > 0);
    setShown(this.#more, this.#extras !== null);
  }

  #showText(): void {
    if (this.#richText) this.#richText.show(this.turn, this.#playedS);
    else setText(this.#plain, turnText(this.turn));
  }
}
