/** The elements of the axis: its canvas, which is a slider, and the row below it. */

import { text } from "../texts";
import { element } from "../view/elements";

export function createParts() {
  const canvas = element("canvas", "glw-axis-canvas", {
    role: "slider",
    tabindex: "0",
    "aria-label": text("axis"),
    // A slider must have a value (WAI-ARIA 1.2); that of a talk without sound.
    "aria-valuenow": "0",
    "aria-description": text("axis_help"),
    title: text("axis_help"),
  });
  const hint = element("p", "glw-axis-hint", { role: "status" });
  const live = toolButton(text("live"), "");
  const [wider, narrower] = [toolButton("−", text("longer_time")), toolButton("+", text("shorter_time"))];
  live.hidden = narrower.disabled = true;
  const tools = element("div", "glw-axis-tools", {}, [hint, live, wider, narrower]);
  return { element: element("div", "glw-axis", {}, [canvas, tools]), canvas, hint, live, wider, narrower };
}

/** A label that is only a sign needs a name. */
function toolButton(label: string, name: string): HTMLButtonElement {
  const named = name ? { "aria-label": name, title: name } : {};
  return element("button", "glw-button glw-axis-button", { type: "button", ...named }, [label]);
}

/** Tell screen readers which time is looked at, when that changes. */
export function describePlace(
  canvas: HTMLCanvasElement,
  { min, max, now, said }: { min: number; max: number; now: number; said: string },
): void {
  if (canvas.getAttribute("aria-valuetext") === said) return;
  const values = {
    valuemin: min.toFixed(1),
    valuemax: max.toFixed(1),
    valuenow: now.toFixed(1),
    valuetext: said,
  };
  for (const [name, value] of Object.entries(values)) canvas.setAttribute(`aria-${name}`, value);
}
