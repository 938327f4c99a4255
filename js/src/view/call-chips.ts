/** The tool calls of a turn, as chips that open to arguments and result. */

import type { ToolCall } from "../messages";
import { text } from "../texts";
import { element } from "./elements";
import { toolCallText } from "./strings";
import { indented } from "./tool-call-list";

/** A chip whose call has not changed stays, with its focus and whether it is open. */
export function showCalls(chips: HTMLElement, calls: readonly ToolCall[]): void {
  for (const [index, call] of calls.entries()) {
    const described = JSON.stringify(call);
    const shown = chips.children[index] as HTMLDetailsElement | undefined;
    if (shown?.dataset.call === described) continue;
    const made = chip(call);
    made.dataset.call = described;
    const hasFocus = shown?.contains(document.activeElement);
    made.open = shown?.open ?? false;
    if (shown) shown.replaceWith(made);
    else chips.append(made);
    if (hasFocus) made.querySelector("summary")?.focus();
  }
  while (chips.children.length > calls.length) chips.lastElementChild!.remove();
}

function chip(call: ToolCall): HTMLDetailsElement {
  return element("details", "glw-chip", { "data-state": call.state }, [
    element("summary", "glw-chip-title", {}, [toolCallText(call, "")]),
    ...part(text("arguments"), indented(call.arguments)),
    ...part(text("result"), call.output),
  ]);
}

function part(title: string, content: string): HTMLElement[] {
  if (content === "") return [];
  const attributes = { tabindex: "0", role: "group", "aria-label": title, dir: "auto" };
  return [
    element("p", "glw-chip-part", {}, [title]),
    element("pre", "glw-call-arguments", attributes, [content]),
  ];
}
