/** The tool calls: one line of text each, with a question if the user must allow the call. */

import type { ToolCall } from "../messages";
import type { Scope } from "../scope";
import { text } from "../texts";
import { element, setShown, setText } from "./elements";
import type { PanelActions, PanelState } from "./state";
import { hasKernel, speakerName, toolCallText } from "./strings";

class ToolCallView {
  readonly element = element("div", "glw-call");
  readonly #text = element("p", "glw-call-words");
  readonly #question = element("div", "glw-call-question");
  readonly #buttons: HTMLButtonElement[];
  readonly #arguments = element("pre", "glw-call-arguments", {
    tabindex: "0",
    role: "group",
    "aria-label": text("arguments"),
  });

  constructor(actions: PanelActions, callId: string, scope: Scope) {
    const answer = (label: string, className: string, isAllowed: boolean) => {
      const button = element("button", `glw-button ${className}`, { type: "button" }, [label]);
      scope.listen(button, "click", () => actions.answerTool(callId, isAllowed));
      return button;
    };
    this.#buttons = [answer(text("allow"), "glw-allow", true), answer(text("deny"), "glw-deny", false)];
    this.#question.append(this.#arguments, element("div", "glw-call-answers", {}, this.#buttons));
    this.element.append(this.#text, this.#question);
  }

  show(call: ToolCall, speaker: string, canAnswer: boolean): void {
    for (const button of this.#buttons) button.disabled = !canAnswer;
    this.element.dataset.state = call.state;
    setText(this.#text, toolCallText(call, speaker));
    setText(this.#arguments, indented(call.arguments));
    setShown(this.#question, call.state === "waiting");
  }
}

export class ToolCallList {
  readonly #views = new Map<string, { view: ToolCallView; scope: Scope }>();

  constructor(
    readonly actions: PanelActions,
    readonly scope: Scope,
    readonly element: HTMLElement,
  ) {}

  show(state: PanelState): void {
    this.#removeOthers(state.calls);
    state.calls.forEach((call, index) => {
      const { element } = this.#showCall(call, state);
      const current = this.element.children[index] ?? null;
      if (current !== element) this.element.insertBefore(element, current);
    });
  }

  #showCall(call: ToolCall, state: PanelState): ToolCallView {
    const { view } = this.#views.get(call.call_id) ?? this.#create(call.call_id);
    view.show(call, speakerName(state), hasKernel(state));
    return view;
  }

  #create(callId: string): { view: ToolCallView; scope: Scope } {
    const scope = this.scope.child();
    const created = { view: new ToolCallView(this.actions, callId, scope), scope };
    this.#views.set(callId, created);
    return created;
  }

  #removeOthers(calls: readonly ToolCall[]): void {
    const present = new Set(calls.map((call) => call.call_id));
    for (const [callId, { view, scope }] of this.#views) {
      if (present.has(callId)) continue;
      scope.dispose();
      view.element.remove();
      this.#views.delete(callId);
    }
  }
}

/** Indented JSON; text that is not JSON stays unchanged. */
export function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
