/**
 * The time axis over both waveforms. While it is live it adds labels and marks to what they draw; when one looks back it
 * draws the sound of the talk, as the kernel sends it, and plays from a place.
 */

import type { SendToKernel } from "../drawer-comm";
import type { Scope } from "../scope";
import { text } from "../texts";
import { element, setShown, setText } from "../view/elements";
import type { PanelState, TurnId } from "../view/state";
import { hasKernel, speakerName } from "../view/strings";
import { DELAY_MS } from "../view/waveform";
import type { Axis, AxisContext } from "../view/waveforms";
import { merged, NO_MARKS, turnAt } from "./marks";
import { Painter } from "./painter";
import { createParts, describePlace } from "./parts";
import { BARS_S, centredAt, pxPerS, type Scale, spanS, timeAt } from "./scale";
import { type Marks, readPlace, readStretch, type SpeechSpan, type Stretch, Stretches } from "./stretches";
import { placeText, playingText } from "./strings";

const REFRESH_MS = 1000;
/** A pointer that moves less far has clicked. */
const CLICK_PX = 5;
/** The playhead is reported ten times a second, and is moved on between the reports for no longer than this. */
const MOST_AHEAD_S = 0.25;
/** How long after now a reply that was cut off may still have gone on. */
const AHEAD_S = 120;

export function createAxis(context: AxisContext): Axis {
  return new TimeAxis(context);
}

interface Drag {
  pointerId: number;
  startX: number;
  startPlaceS: number;
  hasMoved: boolean;
}

class TimeAxis implements Axis {
  readonly #parts = createParts();
  readonly #canvas = this.#parts.canvas;
  readonly #live = this.#parts.live;
  readonly #painter: Painter;
  readonly #stretches = new Stretches();
  readonly #send: SendToKernel;
  readonly #scope: Scope;
  #state: PanelState | null = null;
  #level = 0;
  /** The time in the middle of the view; null: live. */
  #placeS: number | null = null;
  /** When the talk's clock began, by that of this page. */
  #zeroAtMs: number | null = null;
  #beginS = 0;
  #endS = 0;
  /** What is known of the newest part, which live view shows. */
  #recent: Marks = NO_MARKS;
  #isRecentStale = true;
  #recentAskedAtMs = Number.NEGATIVE_INFINITY;
  #isFollowing = false;
  #returnsToLive = false;
  #playedAtMs = 0;
  #drag: Drag | null = null;
  #isVisible = true;
  #isRedrawDue = false;
  #isWaiting = false;
  /** Changes with all that is drawn but the scale. */
  #version = 0;
  #drawn = "";
  #markedTurn = "";

  constructor(readonly context: AxisContext) {
    const { actions, scope, store, style } = context;
    this.#scope = scope;
    this.#send = actions.drawers.connect("axis", (content) => this.#receive(content), scope);
    const { wider, narrower } = this.#parts;
    context.element.append(element("style", "", {}, [style]), this.#parts.element);
    this.#painter = new Painter(this.#canvas, context.element);
    setShown(this.#live, false);
    scope.listen(this.#live, "click", () => this.#goLive());
    scope.listen(wider, "click", () => this.#zoom(1));
    scope.listen(narrower, "click", () => this.#zoom(-1));
    scope.listen<PointerEvent>(this.#canvas, "pointerdown", (event) => this.#onPress(event));
    scope.listen<PointerEvent>(this.#canvas, "pointermove", (event) => this.#onMove(event));
    scope.listen<PointerEvent>(this.#canvas, "pointerup", (event) => this.#onRelease(event));
    scope.listen(this.#canvas, "pointercancel", () => {
      this.#drag = null;
    });
    scope.listen<WheelEvent>(this.#canvas, "wheel", (event) => this.#onWheel(event), { passive: false });
    scope.listen<KeyboardEvent>(this.#canvas, "keydown", (event) => this.#onKey(event));
    scope.onVisibility(this.#canvas, (isVisible) => {
      this.#isVisible = isVisible;
      this.#redraw();
    });
    scope.add(store.subscribe((state) => this.#show(state)));
  }

  #show(state: PanelState): void {
    const old = this.#state;
    this.#state = state;
    if (old?.turns !== state.turns) {
      this.#isRecentStale = true;
      this.#stretches.markStale();
    }
    if (old?.playedS !== state.playedS) this.#playedAtMs = Date.now();
    if (old && old.replay !== state.replay) this.#onReplay(old.replay === null);
    setShown(this.#live, this.#placeS !== null);
  }

  measure(): void {
    this.#painter.measure();
    this.#version += 1;
  }

  /** Returns whether the live waveforms are shown. */
  draw(nowMs: number): boolean {
    if (this.#state?.replay != null && this.#isFollowing && !this.#drag)
      this.#placeS = this.#playedPlaceS(nowMs);
    const scale = this.#scaleAt(nowMs);
    if (!scale) {
      this.#askForRecent(0, 0, nowMs);
      return true;
    }
    if (this.#placeS === null) this.#drawLive(scale, nowMs);
    else this.#drawPast(scale, nowMs);
    return this.#placeS === null;
  }

  /** Show where a turn is. */
  showPlace(turnId: TurnId): void {
    this.#send({ type: "place", turn_id: String(turnId) });
  }

  // The kernel.

  #receive(content: unknown): void {
    const place = readPlace(content);
    if (place) {
      // The beginning of the turn is in the middle.
      this.#moveTo(place.startS);
      this.#canvas.focus();
      return;
    }
    const stretch = readStretch(content);
    if (!stretch) return;
    this.#zeroAtMs = stretch.zeroAtMs ?? this.#zeroAtMs;
    // The beginning may not have been known yet when it was gone to.
    if (this.#placeS === this.#beginS) this.#placeS = stretch.beginS;
    [this.#beginS, this.#endS] = [stretch.beginS, stretch.endS];
    if (stretch.columns === 0) this.#recent = stretch;
    else this.#stretches.put(stretch);
    this.#version += 1;
    this.#redraw();
  }

  #askForRecent(startS: number, stopS: number, nowMs: number): void {
    const isDue = nowMs - this.#recentAskedAtMs >= REFRESH_MS;
    if (!this.#isRecentStale || !this.#state || !hasKernel(this.#state)) return;
    if (!isDue) return this.#redrawLater();
    this.#isRecentStale = false;
    this.#recentAskedAtMs = nowMs;
    this.#send({ type: "stretch", start_s: startS - 1, stop_s: stopS, columns: 0 });
  }

  // What is drawn.

  /** Null before the talk's clock is known. */
  #scaleAt(nowMs: number): Scale | null {
    if (this.#placeS !== null) return centredAt(this.#placeS, this.#level, this.#painter.widthPx);
    const rightS = this.#nowS(nowMs);
    return rightS === null ? null : { level: 0, rightS, widthPx: this.#painter.widthPx };
  }

  #nowS(nowMs: number): number | null {
    return this.#zeroAtMs === null ? null : (nowMs - DELAY_MS - this.#zeroAtMs) / 1000;
  }

  #drawLive(scale: Scale, nowMs: number): void {
    this.#askForRecent(timeAt(scale, 0), scale.rightS + AHEAD_S, nowMs);
    const zeroAtMs = this.#zeroAtMs!;
    const clock = (timeMs: number) => (timeMs - zeroAtMs) / 1000;
    const spans = this.context.signals.user.speech;
    const speech = spans.map(({ startMs, endMs }): SpeechSpan => [clock(startMs), clock(endMs)]);
    this.#paint(scale, { turns: this.#recent.turns, speech }, [], nowMs);
    this.#showPlaceOf(null);
  }

  #drawPast(scale: Scale, nowMs: number): void {
    const { known, requests, isWaiting } = this.#stretches.inView(scale, nowMs);
    if (this.#state && hasKernel(this.#state)) for (const request of requests) this.#send(request);
    if (isWaiting) this.#redrawLater();
    const marks = merged(known);
    this.#paint(scale, marks, known, nowMs);
    this.#showPlaceOf(marks);
  }

  #paint(scale: Scale, marks: Marks, stretches: readonly Stretch[], nowMs: number): void {
    const playingS = this.#state?.replay == null ? null : this.#playedPlaceS(nowMs);
    const places = [this.#placeS, playingS].filter((each) => each !== null);
    const drawn = [scale.rightS, scale.level, ...places, this.#version].join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#painter.paint(scale, marks, { stretches, places, isLive: this.#placeS === null });
  }

  /** Tell the transcript and screen readers what is looked at. */
  #showPlaceOf(marks: Marks | null): void {
    const placeS = this.#placeS ?? this.#endS;
    const turn = marks && turnAt(marks.turns, placeS);
    const id = turn?.id ?? "";
    const shown = this.#state?.turns.get(id);
    const speaker = turn ? (turn.isUser ? text("you") : speakerName(this.#state!)) : "";
    const said = marks ? placeText(placeS, speaker, shown?.text ?? "") : text("live");
    describePlace(this.#canvas, { min: this.#beginS, max: this.#endS, now: placeS, said });
    if (id === this.#markedTurn) return;
    this.#markedTurn = id;
    this.context.panel.transcript.showLine(id, false);
  }

  // Moving.

  #moveTo(placeS: number): void {
    this.#placeS = Math.min(Math.max(placeS, this.#beginS), Math.max(this.#beginS, this.#endS));
    this.#isFollowing = this.#returnsToLive = false;
    this.#changed("");
  }

  #goLive(): void {
    this.#placeS = null;
    this.#isFollowing = false;
    this.#changed("");
  }

  /** Move by a time; beyond the newest sound of a talk that goes on it is live again. */
  #moveBy(seconds: number): void {
    const fromS = this.#fromS();
    if (fromS === null) return;
    if (seconds > 0 && (this.#placeS === null || this.#isBeyondEnd(fromS + seconds))) this.#goLive();
    else this.#moveTo(fromS + seconds);
  }

  #isBeyondEnd(placeS: number): boolean {
    return placeS > Math.max(this.#endS, this.#livePlaceS() ?? 0);
  }

  #fromS(): number | null {
    return this.#placeS ?? this.#livePlaceS();
  }

  /** What is in the middle while it is live. */
  #livePlaceS(): number | null {
    const nowS = this.#nowS(Date.now());
    return nowS === null ? null : nowS - spanS({ level: 0, widthPx: this.#painter.widthPx }) / 2;
  }

  #zoom(step: number): void {
    const placeS = this.#fromS();
    if (placeS === null) return;
    if (this.#placeS === null) this.#moveTo(placeS);
    this.#level = Math.min(BARS_S.length - 1, Math.max(0, this.#level + step));
    this.#parts.wider.disabled = this.#level === BARS_S.length - 1;
    this.#parts.narrower.disabled = this.#level === 0;
    this.#redraw();
  }

  #changed(hint: string): void {
    setText(this.#parts.hint, hint);
    setShown(this.#live, this.#placeS !== null);
    this.#version += 1;
    this.#redraw();
  }

  #redraw(): void {
    if (this.#isRedrawDue || !this.#isVisible) return;
    this.#isRedrawDue = true;
    this.#scope.frame(() => {
      this.#isRedrawDue = false;
      this.context.redraw();
    });
  }

  #redrawLater(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#scope.timeout(REFRESH_MS, () => {
      this.#isWaiting = false;
      this.#redraw();
    });
  }

  // Pointer and keys.

  #onPress({ button: pressed, pointerId, clientX }: PointerEvent): void {
    const startPlaceS = this.#fromS();
    if (pressed !== 0 || startPlaceS === null) return;
    this.#canvas.setPointerCapture(pointerId);
    this.#drag = { pointerId, startX: clientX, startPlaceS, hasMoved: false };
  }

  #onMove({ pointerId, clientX }: PointerEvent): void {
    const drag = this.#drag;
    if (drag?.pointerId !== pointerId) return;
    const distance = clientX - drag.startX;
    drag.hasMoved ||= Math.abs(distance) >= CLICK_PX;
    if (drag.hasMoved) this.#moveTo(drag.startPlaceS - distance / pxPerS(this.#shownLevel));
  }

  #onRelease({ pointerId, clientX }: PointerEvent): void {
    const drag = this.#drag;
    if (drag?.pointerId !== pointerId) return;
    this.#drag = null;
    const distance = clientX - drag.startX;
    if (!drag.hasMoved) this.#onClick(clientX - this.#canvas.getBoundingClientRect().left);
    else if (this.#isBeyondEnd(drag.startPlaceS - distance / pxPerS(this.#shownLevel))) this.#goLive();
  }

  get #shownLevel(): number {
    return this.#placeS === null ? 0 : this.#level;
  }

  #onClick(x: number): void {
    const scale = this.#scaleAt(Date.now());
    if (this.#state?.replay != null) this.#stop();
    else if (scale) this.#playFrom(timeAt(scale, x));
  }

  #onWheel(event: WheelEvent): void {
    const { deltaX, deltaY, shiftKey } = event;
    const distance = shiftKey && deltaX === 0 ? deltaY : deltaX;
    if (distance === 0 || Math.abs(distance) < (shiftKey ? 0 : Math.abs(deltaY))) return;
    event.preventDefault();
    this.#moveBy(distance / pxPerS(this.#shownLevel));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pageS = spanS({ level: this.#shownLevel, widthPx: this.#painter.widthPx });
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#moveBy(-pageS / 10),
      ArrowRight: () => this.#moveBy(pageS / 10),
      PageUp: () => this.#moveBy(-pageS),
      PageDown: () => this.#moveBy(pageS),
      Home: () => this.#moveTo(this.#beginS),
      End: () => this.#goLive(),
      "+": () => this.#zoom(-1),
      "-": () => this.#zoom(1),
      Enter: () => this.#toggle(),
      " ": () => this.#toggle(),
      Escape: () => this.#stop(),
    };
    const action = actions[event.key];
    if (!action || (event.key === "Escape" && this.#state?.replay == null)) return;
    event.preventDefault();
    action();
  }

  // Playing.

  #toggle(): void {
    if (this.#state?.replay != null) this.#stop();
    else if (this.#placeS === null) this.#changed(text("look_back_first"));
    else this.#playFrom(this.#placeS);
  }

  #playFrom(timeS: number): void {
    if (!this.#state) return;
    if (!hasKernel(this.#state)) this.#changed(text("not_without_kernel"));
    else if (this.#state.isSpeaking) this.#changed(text("reply_sounds"));
    else if (timeS >= this.#endS) this.#changed(text("nothing_after"));
    else this.context.actions.requestSound("replay_from", Math.max(timeS, this.#beginS));
  }

  #stop(): void {
    this.#returnsToLive = false;
    this.context.actions.interrupt("stop_replay");
    this.#changed("");
  }

  #onReplay(isFirst: boolean): void {
    const { replay, replayStartS } = this.#state!;
    if (replay === null) {
      if (this.#returnsToLive && this.#isFollowing) this.#placeS = null;
      this.#isFollowing = false;
      return this.#changed("");
    }
    if (isFirst) [this.#returnsToLive, this.#isFollowing] = [this.#placeS === null, true];
    if (this.#isFollowing) this.#placeS = replayStartS;
    this.#changed(playingText(replayStartS));
  }

  #playedPlaceS(nowMs: number): number {
    const { replay, replayStartS, soundingReply, playedS } = this.#state!;
    if (soundingReply !== replay) return this.#isFollowing ? (this.#placeS ?? replayStartS) : replayStartS;
    const aheadS = Math.min(MOST_AHEAD_S, (nowMs - this.#playedAtMs) / 1000);
    return replayStartS + playedS + Math.max(0, aheadS);
  }
}
