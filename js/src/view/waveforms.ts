/**
 * The waveforms of both speakers on one time axis, redrawn only while something changes. The axis itself, with its labels
 * and marks and the look back, is a further bundle.
 */

import { text } from "../texts";
import type { DrawerContext } from "./drawers";
import { element } from "./elements";
import type { PanelState, TurnId } from "./state";
import { isStarted, speakerName } from "./strings";
import { Waveform } from "./waveform";

const REDUCED_MOTION_PERIOD_MS = 500;
/**
 * The frame after this time is drawn: 20 in a second of a display with 60 or 120. Each has the browser go through the whole
 * page around the panel, which takes longer than the drawing.
 */
const PAUSE_MS = 45;

export interface AxisContext extends DrawerContext {
  /** The waveforms, to which the axis adds itself. */
  element: HTMLElement;
  /** The style sheet of the bundle. */
  style: string;
  redraw(): void;
}

export interface Axis {
  /** Read size and colours from the page. */
  measure(): void;
  /** Returns whether the live waveforms are to be drawn. */
  draw(nowMs: number): boolean;
  showPlace(turnId: TurnId): void;
}

/** What the bundle exports. */
interface AxisModule {
  createAxis(context: AxisContext): Axis;
}

export class Waveforms {
  readonly element = element("div", "glw-voices");
  readonly #user: Waveform;
  readonly #assistant: Waveform;
  #axis: Axis | null = null;
  #isAxisWanted = false;
  #isLive = false;
  #isVisible = true;
  #isScheduled = false;
  /** What is to be done before the next picture; null: it does not wait for its time. */
  #before: (() => void)[] | null = null;
  readonly #reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

  constructor(readonly context: DrawerContext) {
    const { signals } = context;
    this.#user = new Waveform("glw-voice-you", text("level_user"), signals.user);
    this.#assistant = new Waveform("glw-voice-grok", text("level_reply"), signals.assistant);
    this.#user.setName(text("you"));
    this.element.append(this.#user.element, this.#assistant.element);
    this.#watchPage();
  }

  show(state: PanelState): void {
    this.#assistant.setName(speakerName(state));
    this.#isLive = isStarted(state) || state.isSpeaking;
    if (state.turns.size && !this.#isAxisWanted) this.#load();
    this.#schedule();
  }

  /** Change the page shortly before the next picture, so that one frame has both; false if none is to come soon. */
  beforePicture(change: () => void): boolean {
    if (!this.#before || !this.#isLive || document.hidden) return false;
    this.#before.push(change);
    return true;
  }

  showPlace(turnId: TurnId): void {
    this.#axis?.showPlace(turnId);
  }

  /** Where the bundle cannot be loaded, there are the live waveforms. */
  async #load(): Promise<void> {
    this.#isAxisWanted = true;
    const { actions, scope } = this.context;
    const bundle = await actions.drawers.load("axis").catch(() => null);
    if (!bundle || scope.isDisposed) return;
    this.#axis = (bundle.module as AxisModule).createAxis({
      ...this.context,
      ...bundle,
      element: this.element,
      redraw: () => this.#draw(),
    });
    this.#measure();
  }

  #watchPage(): void {
    const measure = () => this.#measure();
    const { scope } = this.context;
    scope.onPixelResize(this.#user.canvas, measure);
    scope.onAttributes(document.body, measure);
    scope.onAttributes(document.documentElement, measure);
    scope.listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", measure);
    scope.onVisibility(this.element, (isVisible) => {
      this.#isVisible = isVisible;
      this.#schedule();
    });
    scope.listen(document, "visibilitychange", () => this.#schedule());
  }

  #measure(): void {
    for (const waveform of [this.#user, this.#assistant, this.#axis]) waveform?.measure();
    this.#draw();
  }

  #draw(): void {
    const nowMs = Date.now();
    const isLive = this.#axis?.draw(nowMs) ?? true;
    for (const waveform of [this.#user, this.#assistant]) waveform.draw(nowMs, isLive);
  }

  get #hasSomethingToShow(): boolean {
    const nowMs = Date.now();
    return this.#isLive || this.#user.hasSound(nowMs) || this.#assistant.hasSound(nowMs);
  }

  /** With reduced motion the waveforms are redrawn twice a second instead of scrolling. */
  #schedule(): void {
    if (this.#isScheduled || !this.#isVisible || document.hidden) return;
    this.#isScheduled = true;
    const { scope } = this.context;
    if (this.#reducedMotion.matches) scope.timeout(REDUCED_MOTION_PERIOD_MS, () => this.#tick());
    else {
      this.#before = [];
      scope.timeout(PAUSE_MS, () => this.#beginPicture());
    }
  }

  #beginPicture(): void {
    const before = this.#before ?? [];
    this.#before = null;
    for (const change of before) change();
    this.context.scope.frame(() => this.#tick());
  }

  #tick(): void {
    this.#isScheduled = false;
    this.#draw();
    if (this.#hasSomethingToShow) this.#schedule();
  }
}
