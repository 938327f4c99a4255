/** Creates elements with classes, attributes and text, never from markup. */

import { type IconName, icon } from "./icons";

type Attributes = Record<string, string>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  attributes: Attributes = {},
  children: (Node | string)[] = [],
): HTMLElementTagNameMap[K] {
  const created = document.createElement(tag);
  created.className = className;
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  created.append(...children);
  return created;
}

export interface LabelledButton {
  element: HTMLButtonElement;
  setLabel(label: string): void;
}

/** A button whose visible label is its accessible name. */
export function button(className: string, name: IconName, label: string): LabelledButton {
  const labelElement = element("span", "glw-button-label", {}, [label]);
  const created = element("button", `glw-button ${className}`, { type: "button" }, [
    icon(name),
    labelElement,
  ]);
  return { element: created, setLabel: (text) => setText(labelElement, text) };
}

/** Set the text only if it changes, so that screen readers and selections are not disturbed. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Set an attribute only if it changes, so that nothing that watches the page is told. */
export function setAttribute(target: HTMLElement, name: string, value: string): void {
  if ((target.getAttribute(name) ?? "") !== value) target.setAttribute(name, value);
}

/** Set texts with a separator between them, each isolated from the direction of what is around it. */
export function setFigures(target: HTMLElement, texts: readonly string[], separator = " · "): void {
  if (target.textContent === texts.join(separator)) return;
  const nodes = texts.flatMap((text) => [separator, element("bdi", "glw-figure", {}, [text])]);
  target.replaceChildren(...nodes.slice(1));
}

export function setShown(target: HTMLElement, isShown: boolean): void {
  if (target.hidden === isShown) target.hidden = !isShown;
}
