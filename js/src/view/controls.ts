/** The buttons of the header: Start or Stop, mute, interrupt, and hold-to-talk. */

import type { Scope } from "../scope";
import { text } from "../texts";
import { button, element, setAttribute, setShown } from "./elements";
import { icon } from "./icons";
import type { PanelActions, PanelState } from "./state";
import { hasKernel, isStarted } from "./strings";

export class Controls {
  readonly element = element("div", "glw-controls");
  readonly #start = button("glw-start", "start", text("start"));
  readonly #mute = button("glw-mute", "microphone", text("mute"));
  readonly #microphone = button("glw-microphone-on", "microphoneOff", text("microphone_on"));
  readonly #interrupt = button("glw-interrupt", "interrupt", text("interrupt"));
  #isStarted = false;

  constructor(
    readonly actions: PanelActions,
    scope: Scope,
  ) {
    this.#start.element.append(icon("stop"));
    this.#mute.element.append(icon("microphoneOff"));
    const order = [this.#interrupt, this.#microphone, this.#mute, this.#start];
    this.element.append(...order.map((part) => part.element));
    scope.listen(this.#start.element, "click", () => (this.#isStarted ? actions.stop() : actions.start()));
    scope.listen(this.#mute.element, "click", () => actions.toggleMute());
    scope.listen(this.#microphone.element, "click", () => actions.switchMicrophoneOn());
    scope.listen(this.#interrupt.element, "click", () => actions.interrupt());
  }

  show(state: PanelState): void {
    this.#isStarted = isStarted(state);
    this.#start.element.disabled = !hasKernel(state);
    this.#start.setLabel(text(this.#isStarted ? "stop" : "start"));
    this.#start.element.classList.toggle("glw-is-started", this.#isStarted);
    const hasMicrophone = state.microphone === "on" || state.microphone === "muted";
    setShown(this.#mute.element, hasMicrophone);
    setAttribute(this.#mute.element, "aria-pressed", String(state.microphone === "muted"));
    const isOff = state.microphone === "off" || state.microphone === "failed";
    setShown(this.#microphone.element, isOff && state.phase === "open" && state.isOwner);
    setShown(this.#interrupt.element, state.isSpeaking && state.isOwner);
  }
}

/**
 * Opens the gate while the button is held by pointer, Space or Enter, or between two clicks of an assistive tool, and
 * while Space is held with the focus on the panel or its transcript. Escape discards what was said.
 */
export class HoldToTalk {
  readonly element = element("div", "glw-hold");
  readonly #button = button("glw-hold-button", "microphone", text("hold"));
  #isHeld = false;
  /** Whether the button is shown. */
  #isOffered = false;

  constructor(
    readonly actions: PanelActions,
    readonly scope: Scope,
  ) {
    const target = this.#button.element;
    this.element.append(target);
    scope.listen<PointerEvent>(target, "pointerdown", (event) => this.#onPointer(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      scope.listen(target, type, () => actions.releaseToTalk());
    }
    scope.listen<KeyboardEvent>(target, "keydown", (event) => this.#onKey(event, () => actions.holdToTalk()));
    scope.listen<KeyboardEvent>(target, "keyup", (event) =>
      this.#onKey(event, () => actions.releaseToTalk()),
    );
    scope.listen<MouseEvent>(target, "click", (event) => this.#onClick(event));
    scope.listen(target, "contextmenu", (event) => event.preventDefault());
  }

  /** Space holds with the focus on the panel itself or on its transcript; other controls use Space themselves. */
  listenTo(panel: HTMLElement, transcript: HTMLElement): void {
    const isOfPanel = ({ target }: Event) => target === panel || target === transcript;
    const onSpace = (event: KeyboardEvent, action: () => void) => {
      if (event.key === " " && this.#isOffered && isOfPanel(event)) this.#onKey(event, action);
    };
    this.scope.listen<KeyboardEvent>(panel, "keydown", (event) => {
      onSpace(event, () => this.actions.holdToTalk());
      if (event.key === "Escape" && this.#isHeld) this.actions.discardPress();
    });
    this.scope.listen<KeyboardEvent>(panel, "keyup", (event) =>
      onSpace(event, () => this.actions.releaseToTalk()),
    );
    this.scope.listen(panel, "focusout", (event) => {
      if (isOfPanel(event)) this.actions.releaseToTalk();
    });
  }

  show(state: PanelState): void {
    this.#isHeld = state.isHeld;
    this.#isOffered = state.turnDetection === "push_to_talk" && state.microphone === "on";
    setShown(this.element, this.#isOffered);
    setAttribute(this.#button.element, "aria-pressed", String(state.isHeld));
    this.#button.setLabel(text(state.isHeld ? "held" : "hold"));
  }

  #onPointer(event: PointerEvent): void {
    if (event.button !== 0) return;
    (event.target as Element).setPointerCapture?.(event.pointerId);
    this.actions.holdToTalk();
  }

  #onKey(event: KeyboardEvent, action: () => void): void {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) action();
  }

  /** Pointers and keys are handled above; a click without a pointer comes from an assistive tool. */
  #onClick(event: MouseEvent): void {
    const isAssistive = event.detail === 0 && (event as PointerEvent).pointerType !== "mouse";
    if (!isAssistive) return;
    if (this.#isHeld) this.actions.releaseToTalk();
    else this.actions.holdToTalk();
  }
}
