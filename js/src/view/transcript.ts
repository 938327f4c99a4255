/**
 * The turns in the order of the talk. A change touches the elements of its own turn only; the reader's scroll position
 * is kept.
 */

import type { Bundle } from "../drawer-comm";
import type { Scope } from "../scope";
import { text } from "../texts";
import type { Announcer } from "./announcer";
import { button, element, setShown } from "./elements";
import type { PanelActions, PanelParts, PanelState, TurnId } from "./state";
import { speakerName } from "./strings";
import type { ToolCallList } from "./tool-call-list";
import type * as Extras from "./transcript-extras";
import type { TurnMenu } from "./turn-menu";
import { TurnView } from "./turn-view";

const NEAR_END_PX = 24;
/** Of the turns before this many, the browser lays out only those in sight. */
const NEW_TURNS = 100;

const NO_BUNDLE: Bundle = { module: null, style: "" };

type Shown = Pick<PanelState, "turns" | "turnCalls"> & { name: string };

export class Transcript {
  readonly element = element("div", "glw-transcript");
  readonly list = element("ol", "glw-turns", {
    "aria-label": text("transcript"),
    tabindex: "0",
  });
  /** A live region, which has to be there before its first text. */
  readonly calls = element("div", "glw-calls", { role: "status", tabindex: "-1" });
  readonly #empty = element("p", "glw-empty", {}, [text("nothing_said")]);
  readonly #newest = button("glw-newest", "down", text("newest"));
  #extras: typeof Extras | null = null;
  #isLoading = false;
  #menu: TurnMenu | null = null;
  #announcer: Announcer | null = null;
  #toolCalls: ToolCallList | null = null;
  readonly #views = new Map<string | number, TurnView>();
  /** The views in the order of the talk. */
  #order: TurnView[] = [];
  #state: PanelState | null = null;
  #shown: Shown | null = null;
  #sounding: TurnView | null = null;
  #isAtEnd = true;
  #willFollowEnd = false;
  #top = 0;

  constructor(
    readonly actions: PanelActions,
    readonly scope: Scope,
    readonly panel: PanelParts,
  ) {
    this.element.append(this.#empty, this.list, this.#newest.element);
    scope.listen(this.list, "scroll", () => this.#onScroll());
    scope.listen<Event>(this.list, "click", ({ target }) => this.#onClick(target as Element));
    scope.listen(this.#newest.element, "click", () => {
      this.#scrollToEnd();
      this.list.focus();
    });
    scope.onResize(this.list, () => this.#isAtEnd && this.#scrollToEnd());
    setShown(this.#newest.element, false);
  }

  show(state: PanelState): void {
    const { turns, turnCalls, calls } = state;
    const name = speakerName(state);
    const old = this.#shown;
    const isUnchanged = old?.turns === turns && old.turnCalls === turnCalls && old.name === name;
    this.#state = state;
    this.#menu?.show(state);
    this.#announcer?.show(state);
    this.#toolCalls?.show(state);
    if (turns.size + calls.length > 0) this.#load();
    if (!isUnchanged) this.#patch({ turns, turnCalls, name });
    this.#followSound(state);
    if (isUnchanged) return;
    setShown(this.#empty, turns.size === 0);
    setShown(this.list, turns.size > 0);
    if (this.#isAtEnd) this.#followEnd();
    else setShown(this.#newest.element, true);
  }

  /** Mark a turn, and no other, and scroll it into sight. */
  showLine(turnId: TurnId, takesFocus: boolean): void {
    this.#extras?.showLine(this.list, this.#views.get(turnId)?.element, takesFocus);
  }

  /** Where the bundle cannot be loaded, the text stays plain. */
  async #load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const { module, style } = await this.actions.drawers.load("transcript").catch(() => NO_BUNDLE);
    if (!module || this.scope.isDisposed) return;
    this.#extras = module as typeof Extras;
    this.#menu = new this.#extras.TurnMenu(this.actions, this.scope, this.panel);
    this.#announcer = new this.#extras.Announcer(this.scope);
    this.#toolCalls = new this.#extras.ToolCallList(this.actions, this.scope, this.calls);
    if (this.#state) this.show(this.#state);
    this.element.append(element("style", "", {}, [style]), this.#menu.element, this.#announcer.element);
    for (const view of this.#order) view.useExtras(this.#extras);
    if (this.#isAtEnd) this.#followEnd();
  }

  #patch(shown: Shown): void {
    const isRenamed = shown.name !== this.#shown?.name;
    this.#shown = shown;
    for (const [id, turn] of shown.turns) {
      const old = this.#views.get(id);
      const calls = shown.turnCalls.get(id);
      if (old?.turn === turn && old.calls === calls && !isRenamed) continue;
      const view = old ?? new TurnView(turn);
      const isMoved = view.turn.order !== turn.order;
      if (view.turn !== turn) view.show(turn);
      if (!old) this.#views.set(id, view);
      if (!old || isMoved) this.#place(view);
      if (!old && this.#extras) view.useExtras(this.#extras);
      if (!old || isRenamed) view.setSpeaker(shown.name);
      view.setCalls(calls);
    }
    if (this.#views.size > shown.turns.size) this.#removeOthers(shown.turns);
  }

  /** Turns are nearly always added at the end. One that takes another's place moves it on, and is told of first. */
  #place(view: TurnView): void {
    this.#order = this.#order.filter((each) => each !== view);
    let at = this.#order.length;
    while (at > 0 && this.#order[at - 1]!.turn.order >= view.turn.order) at -= 1;
    const next = this.#order[at]?.element ?? null;
    this.#order.splice(at, 0, view);
    const { element } = view;
    this.#order.at(-NEW_TURNS - 1)?.element.classList.add("glw-turn-old");
    // An element that is moved is announced again, and loses the focus.
    if (element.parentNode !== this.list || element.nextSibling !== next)
      this.list.insertBefore(element, next);
  }

  #removeOthers(turns: PanelState["turns"]): void {
    for (const [id, view] of this.#views) {
      if (turns.has(id)) continue;
      view.element.remove();
      this.#views.delete(id);
    }
    this.#order = this.#order.filter(({ turn }) => turns.has(turn.id));
  }

  #followSound({ soundingReply, playedS, replay, replayedTurn }: PanelState): void {
    const isReplay = soundingReply !== null && soundingReply === replay;
    const view =
      this.#order.find(({ turn }) =>
        isReplay ? turn.id === replayedTurn : turn.reply === (soundingReply ?? -1),
      ) ?? null;
    if (view !== this.#sounding) this.#sounding?.setSounding(false, null);
    this.#sounding = view;
    view?.setSounding(true, isReplay ? null : playedS);
  }

  #onClick(target: Element): void {
    const opener = target.closest<HTMLElement>(".glw-turn-more");
    const view = opener && this.#order.find(({ element }) => element.contains(opener));
    if (view) this.#menu?.toggle(opener, view.turn);
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    // What has been added since the last frame is no reason to stay: only the reader scrolls up.
    if (!this.#willFollowEnd || scrollTop < this.#top)
      this.#isAtEnd = scrollHeight - scrollTop - clientHeight <= NEAR_END_PX;
    this.#top = scrollTop;
    if (this.#isAtEnd) setShown(this.#newest.element, false);
    this.#menu?.place();
  }

  /** In the next frame, which lays the page out anyway: here it would be laid out at each change of a turn. */
  #followEnd(): void {
    if (this.#willFollowEnd) return;
    this.#willFollowEnd = true;
    this.scope.frame(() => {
      this.#willFollowEnd = false;
      if (this.#isAtEnd) this.#scrollToEnd();
    });
  }

  #scrollToEnd(): void {
    this.list.scrollTop = this.list.scrollHeight;
    this.#top = this.list.scrollTop;
    this.#isAtEnd = true;
    setShown(this.#newest.element, false);
  }
}
