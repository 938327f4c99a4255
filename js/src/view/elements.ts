/** Elements, made the same way everywhere: classes and text, never markup. */

import { type IconName, icon } from "./icons";

type Attributes = Record<string, string>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  attributes: Attributes = {},
  children: (Node | string)[] = [],
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export interface LabelledButton {
  element: HTMLButtonElement;
  setLabel(label: string): void;
}

/** A button whose visible words are its accessible name. */
export function button(className: string, name: IconName, label: string): LabelledButton {
  const words = element("span", "glw-button-label", {}, [label]);
  const made = element("button", `glw-button ${className}`, { type: "button" }, [icon(name), words]);
  return { element: made, setLabel: (text) => setText(words, text) };
}

/** Touch the page only where something changes, so that screen readers and selections are left in peace. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setShown(target: HTMLElement, isShown: boolean): void {
  if (target.hidden === isShown) target.hidden = !isShown;
}
