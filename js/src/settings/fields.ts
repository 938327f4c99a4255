/** The fields of the drawer: a label, a control, and what it shows of the talk's settings. */

import type { Scope } from "../scope";
import { element, setText } from "../view/elements";

/** A label above a control, and a text beside the label. */
export function field(label: string, control: HTMLElement, value: HTMLElement | null = null): HTMLElement {
  const caption = element("span", "glw-field-label", {}, [label]);
  const heading = element("span", "glw-field-heading", {}, value ? [caption, value] : [caption]);
  // No ids: two panels of a page would have the same.
  return element("label", "glw-field", {}, [heading, control]);
}

export function group(title: string, fields: (HTMLElement | string)[]): HTMLElement {
  const legend = element("legend", "glw-group-title", {}, [title]);
  return element("fieldset", "glw-group", {}, [legend, ...fields]);
}

export class Slider {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  // Not an output: that would be the control of the label.
  readonly #output = element("span", "glw-field-value");
  #shown = Number.NaN;

  /**
   * `onChange` is called when the slider is let go, and while it moves if `isLive`; a double click sets it to `initial`.
   */
  constructor(
    label: string,
    range: { min: number; max: number; step: number; initial: number; isLive?: boolean },
    readonly format: (value: number) => string,
    readonly onChange: (value: number) => void,
    scope: Scope,
  ) {
    const { min, max, step, initial, isLive } = range;
    const numbers = { min: String(min), max: String(max), step: String(step) };
    this.#input = element("input", "glw-slider", { type: "range", ...numbers });
    this.element = field(label, this.#input, this.#output);
    scope.listen(this.#input, "input", () => {
      this.#tell();
      if (isLive) this.onChange(this.#input.valueAsNumber);
    });
    scope.listen(this.#input, "change", () => this.#change(this.#input.valueAsNumber));
    scope.listen(this.#input, "dblclick", () => this.#change(initial));
  }

  /** Follow the talk, but not while the user moves the slider. */
  show(value: number): void {
    if (value === this.#shown) return;
    this.#shown = value;
    this.#input.value = String(value);
    this.#tell();
  }

  #change(value: number): void {
    this.#input.value = String(value);
    this.#tell();
    // What comes back may be another value, if this one is refused.
    this.#shown = Number.NaN;
    this.onChange(value);
  }

  #tell(): void {
    const text = this.format(this.#input.valueAsNumber);
    setText(this.#output, text);
    this.#input.setAttribute("aria-valuetext", text);
  }
}

export interface Option {
  value: string;
  label: string;
}

export class Choice {
  readonly element: HTMLElement;
  readonly #select = element("select", "glw-select");
  #options = "";

  constructor(label: string, onChange: (value: string) => void, scope: Scope) {
    this.element = field(label, this.#select);
    scope.listen(this.#select, "change", () => onChange(this.#select.value));
  }

  show(options: readonly Option[], chosen: string): void {
    const described = JSON.stringify(options);
    if (described !== this.#options) {
      this.#options = described;
      const items = options.map(({ value, label }) => element("option", "", { value }, [label]));
      this.#select.replaceChildren(...items);
    }
    this.#select.value = chosen;
  }
}

export class Switch {
  readonly element: HTMLElement;
  readonly #input = element("input", "glw-switch", { type: "checkbox", role: "switch" });

  constructor(label: string, onChange: (isOn: boolean) => void, scope: Scope) {
    this.element = element("label", "glw-switch-label", {}, [this.#input, label]);
    scope.listen(this.#input, "change", () => onChange(this.#input.checked));
  }

  show(isOn: boolean): void {
    this.#input.checked = isOn;
  }
}
