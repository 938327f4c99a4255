/** The drawers below the text box: each is a further bundle, loaded when it is first opened. */

import type { Scope } from "../scope";
import { text } from "../texts";
import { button, element, setShown, setText } from "./elements";
import type { PanelActions, PanelParts, PanelSignals, PanelState, Store, TurnId } from "./state";
import { hasKernel } from "./strings";

/** What the content of a drawer gets; the scope ends when the drawer is closed. */
export interface DrawerContext {
  store: Store<PanelState>;
  signals: PanelSignals;
  actions: PanelActions;
  panel: PanelParts;
  scope: Scope;
  /** The turn that it is opened for. */
  turnId?: TurnId | undefined;
}

/** What a bundle of a drawer exports. */
export interface DrawerModule {
  createDrawer(context: DrawerContext): HTMLElement;
}

/** Each names its bundle, its icon and its text. The list of shortcuts is the last. */
const DRAWERS = ["settings", "inspector", "spectrogram", "doctor", "shortcuts"] as const;
const INSPECTOR = 1;

export class Drawers {
  readonly element = element("div", "glw-drawers");
  readonly #drawers: Drawer[];

  constructor(context: DrawerContext) {
    this.#drawers = DRAWERS.map((name) => new Drawer(name, context));
    const buttons = this.#drawers.map((drawer) => drawer.button);
    const row = element(
      "div",
      "glw-drawer-buttons",
      { role: "group", "aria-label": text("drawers") },
      buttons,
    );
    this.element.append(row, ...this.#drawers.map((drawer) => drawer.element));
  }

  showMessages(turnId: TurnId): void {
    this.#drawers[INSPECTOR]!.toggle(turnId);
  }

  show(state: PanelState): void {
    for (const drawer of this.#drawers) drawer.show(state);
  }

  /** Open the list of shortcuts, or close it. */
  showKeys(): void {
    const { button } = this.#drawers.at(-1)!;
    button.focus();
    button.click();
  }
}

class Drawer {
  readonly button: HTMLButtonElement;
  readonly element: HTMLElement;
  readonly #label: string;
  #open: Scope | null = null;

  constructor(
    readonly name: (typeof DRAWERS)[number],
    readonly context: DrawerContext,
  ) {
    this.#label = text(name);
    this.element = element("section", "glw-drawer", { "aria-label": this.#label });
    this.element.hidden = true;
    this.button = button("glw-drawer-button", name, this.#label).element;
    this.button.setAttribute("aria-expanded", "false");
    context.scope.listen(this.button, "click", () => this.toggle());
    for (const each of [this.button, this.element])
      context.scope.listen<KeyboardEvent>(each, "keydown", (event) => this.#onKey(event));
  }

  /** An open drawer stays open without a kernel: it shows what it knows. */
  show(state: PanelState): void {
    this.button.disabled = this.#open === null && !hasKernel(state);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.defaultPrevented || !this.#open) return;
    event.preventDefault();
    this.toggle();
    this.button.focus();
  }

  /** Open it or close it; for a turn it is opened, anew where it is open. */
  toggle(turnId?: TurnId): void {
    const isOpen = this.#open === null || turnId !== undefined;
    this.#open?.dispose();
    this.#open = isOpen ? this.context.scope.child() : null;
    this.button.setAttribute("aria-expanded", String(isOpen));
    setShown(this.element, isOpen);
    if (this.#open) this.#fill(this.#open, turnId);
    else this.element.replaceChildren();
  }

  async #fill(scope: Scope, turnId?: TurnId): Promise<void> {
    const message = element("p", "glw-drawer-message", { role: "status" }, [text("loading")]);
    this.element.replaceChildren(message);
    try {
      const { module, style } = await this.context.actions.drawers.load(this.name);
      if (scope.isDisposed) return;
      const content = (module as DrawerModule).createDrawer({ ...this.context, scope, turnId });
      this.element.replaceChildren(element("style", "", {}, [style]), content);
    } catch (error) {
      setText(message, text("drawer_failed", { drawer: this.#label, reason: (error as Error).message }));
    }
  }
}
