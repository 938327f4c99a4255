/** The waveforms of both speakers on one time axis, redrawn only while something changes. */

import type { Scope } from "../scope";
import { text } from "../texts";
import { element } from "./elements";
import type { PanelSignals, PanelState } from "./state";
import { isStarted, speakerName } from "./strings";
import { Waveform } from "./waveform";

const REDUCED_MOTION_PERIOD_MS = 500;
/** The frame after this time is drawn: 30 in a second of a display with 60, 120 or 144. */
const PAUSE_MS = 28;

export class Waveforms {
  readonly element = element("div", "glw-voices");
  readonly #user: Waveform;
  readonly #assistant: Waveform;
  #isLive = false;
  #isVisible = true;
  #isScheduled = false;
  readonly #reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

  constructor(
    signals: PanelSignals,
    readonly scope: Scope,
  ) {
    this.#user = new Waveform("glw-voice-you", text("level_user"), signals.user);
    this.#assistant = new Waveform("glw-voice-grok", text("level_reply"), signals.assistant);
    this.#user.setName(text("you"));
    this.element.append(this.#user.element, this.#assistant.element);
    this.#watchPage();
  }

  show(state: PanelState): void {
    this.#assistant.setName(speakerName(state));
    this.#isLive = isStarted(state) || state.isSpeaking;
    this.#schedule();
  }

  #watchPage(): void {
    const measure = () => this.#measure();
    this.scope.onPixelResize(this.#user.canvas, measure);
    this.scope.onAttributes(document.body, measure);
    this.scope.onAttributes(document.documentElement, measure);
    this.scope.listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", measure);
    this.scope.onVisibility(this.element, (isVisible) => {
      this.#isVisible = isVisible;
      this.#schedule();
    });
    this.scope.listen(document, "visibilitychange", () => this.#schedule());
  }

  #measure(): void {
    for (const waveform of [this.#user, this.#assistant]) waveform.measure();
    this.#draw();
  }

  #draw(): void {
    const nowMs = Date.now();
    for (const waveform of [this.#user, this.#assistant]) waveform.draw(nowMs);
  }

  get #hasSomethingToShow(): boolean {
    const nowMs = Date.now();
    return this.#isLive || this.#user.hasSound(nowMs) || this.#assistant.hasSound(nowMs);
  }

  /** With reduced motion the waveforms are redrawn twice a second instead of scrolling. */
  #schedule(): void {
    if (this.#isScheduled || !this.#isVisible || document.hidden) return;
    this.#isScheduled = true;
    if (this.#reducedMotion.matches) this.scope.timeout(REDUCED_MOTION_PERIOD_MS, () => this.#tick());
    else this.scope.timeout(PAUSE_MS, () => this.scope.frame(() => this.#tick()));
  }

  #tick(): void {
    this.#isScheduled = false;
    this.#draw();
    if (this.#hasSomethingToShow) this.#schedule();
  }
}
