/**
 * The entry point for anywidget: `initialize` creates a talk controller for each model, `render` only shows it.
 *
 * Both return a cleanup function and observe `signal`, which anywidget passes since 0.10; either may fire, or both.
 */

import type { AnyModel, Initialize, Render } from "@anywidget/types";
import type { Note } from "./messages";
import { Scope } from "./scope";
import { TalkController } from "./talk";
import { text, useTrait } from "./texts";
import { showToolArea } from "./tool-area";
import { followTraits } from "./traits";
import { Panel } from "./view/panel";
import { WidgetComm } from "./widget-comm";

/**
 * anywidget passes different wrappers of one model to `initialize` and `render`, but evaluates the bundle separately
 * for each model (its load_esm and modelProxy), so there the newest talk is the only one. marimo shares the bundle and
 * passes the same model.
 */
const talks = new WeakMap<AnyModel, TalkController>();
let newestTalk: TalkController | null = null;

/** anywidget drops the model unless this returns within 2 s, so nothing is awaited and no device is opened. */
const initialize: Initialize = (props) => {
  const scope = scopeOf(props);
  useTrait(props.model.get?.("_texts"));
  const talk = new TalkController(new WidgetComm(props.model, scope), scope);
  talks.set(props.model, talk);
  newestTalk = talk;
  followTraits(props.model, talk, scope);
  return () => scope.dispose();
};

const render: Render = (props) => {
  const talk = talks.get(props.model) ?? newestTalk;
  if (!talk) return;
  const scope = scopeOf(props);
  scope.add(talk.attachView());
  const panel = new Panel(talk.store, talk.signals, talk, scope);
  props.el.classList.add("glw-host");
  props.el.replaceChildren(panel.element);
  scope.add(() => panel.element.remove());
  showToolArea(props.model, props.el, scope).catch((error: Error) => talk.onNote(areaNote(error)));
  return () => scope.dispose();
};

function areaNote({ message: reason }: Error): Note {
  return { text: text("tool_area_failed", { reason }), level: "warning", topic: "" };
}

function scopeOf(props: object): Scope {
  const scope = new Scope();
  const { signal } = props as { signal?: AbortSignal };
  if (signal?.aborted) scope.dispose();
  else if (signal) scope.listen(signal, "abort", () => scope.dispose());
  return scope;
}

export default { initialize, render };
