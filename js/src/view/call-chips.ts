/** The tool calls of a turn, as chips that open to arguments and result. */

import type { ToolCall } from "../messages";
import { text } from "../texts";
import { element } from "./elements";
import { toolCallText } from "./strings";
import { indented } from "./tool-call-list";

export function drawCalls(calls: readonly ToolCall[]): HTMLElement[] {
  return calls.map(chip);
}

function chip(call: ToolCall): HTMLElement {
  return element("details", "glw-chip", { "data-state": call.state }, [
    element("summary", "glw-chip-title", {}, [toolCallText(call, "")]),
    ...part(text("arguments"), indented(call.arguments)),
    ...part(text("result"), call.output),
  ]);
}

function part(title: string, content: string): HTMLElement[] {
  if (content === "") return [];
  const attributes = { tabindex: "0", "aria-label": title, dir: "auto" };
  return [
    element("p", "glw-chip-part", {}, [title]),
    element("pre", "glw-call-arguments", attributes, [content]),
  ];
}
