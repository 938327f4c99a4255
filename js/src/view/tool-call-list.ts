/** Calls of Python functions: a quiet line each, and a question where a person is to allow one. */

import type { ToolCall } from "../messages";
import type { Scope } from "../scope";
import { element, setShown, setText } from "./elements";
import type { PanelActions, PanelState } from "./state";
import { speakerName, toolCallText } from "./strings";

class ToolCallView {
  readonly element = element("li", "glw-call");
  readonly #words = element("p", "glw-call-words");
  readonly #question = element("div", "glw-call-question");
  readonly #arguments = element("pre", "glw-call-arguments", { tabindex: "0", "aria-label": "Arguments" });

  constructor(actions: PanelActions, callId: string, scope: Scope) {
    const answer = (label: string, className: string, isAllowed: boolean) => {
      const press = element("button", `glw-button ${className}`, { type: "button" }, [label]);
      scope.listen(press, "click", () => actions.answerTool(callId, isAllowed));
      return press;
    };
    const buttons = [answer("Allow", "glw-allow", true), answer("Don’t allow", "glw-deny", false)];
    this.#question.append(this.#arguments, element("div", "glw-call-answers", {}, buttons));
    this.element.append(this.#words, this.#question);
  }

  show(call: ToolCall, speaker: string): void {
    this.element.dataset.state = call.state;
    setText(this.#words, toolCallText(call, speaker));
    setText(this.#arguments, indented(call.arguments));
    setShown(this.#question, call.state === "waiting");
  }
}

export class ToolCallList {
  readonly element = element("ul", "glw-calls", { role: "status", "aria-label": "Tools" });
  readonly #views = new Map<string, { view: ToolCallView; scope: Scope }>();

  constructor(
    readonly actions: PanelActions,
    readonly scope: Scope,
  ) {}

  show(state: PanelState): void {
    this.#removeOthers(state.calls);
    state.calls.forEach((call, place) => {
      const { element } = this.#shown(call, speakerName(state));
      const there = this.element.children[place] ?? null;
      if (there !== element) this.element.insertBefore(element, there);
    });
    setShown(this.element, state.calls.length > 0);
  }

  #shown(call: ToolCall, speaker: string): ToolCallView {
    const { view } = this.#views.get(call.call_id) ?? this.#made(call.call_id);
    view.show(call, speaker);
    return view;
  }

  #made(callId: string): { view: ToolCallView; scope: Scope } {
    const scope = this.scope.child();
    const made = { view: new ToolCallView(this.actions, callId, scope), scope };
    this.#views.set(callId, made);
    return made;
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

/** JSON as a person reads it; what is none, as it is. */
function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
