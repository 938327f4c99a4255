/**
 * The door for anywidget: `initialize` owns a talk for each model, `render` only shows it.
 *
 * Both return a cleanup and heed `signal`, which anywidget hands over since 0.10; either may fire, or both.
 */

import type { AnyModel, Initialize, Render } from "@anywidget/types";
import type { Wire } from "./lanes";
import type { BinaryBuffer } from "./pcm";
import { Scope } from "./scope";
import { Talk } from "./talk";
import { Panel } from "./view/panel";

/**
 * anywidget hands `initialize` and `render` different wrappers of one model, but evaluates the bundle for each model
 * anew (its load_esm and modelProxy), so there the newest talk is the only one. marimo shares the bundle and hands
 * over the same model.
 */
const talks = new WeakMap<AnyModel, Talk>();
let newestTalk: Talk | null = null;

/** Must return within 2 s or anywidget gives the model up, so nothing is awaited and nothing is switched on. */
const initialize: Initialize = (props) => {
  const scope = scopeOf(props);
  const talk = new Talk(wireOf(props.model), scope);
  talks.set(props.model, talk);
  newestTalk = talk;
  talk.sayHello();
  return () => scope.dispose();
};

const render: Render = (props) => {
  const talk = talks.get(props.model) ?? newestTalk;
  if (!talk) return;
  const scope = scopeOf(props);
  scope.add(talk.attachView());
  const panel = new Panel(talk.store, talk.signals, talk, scope);
  props.el.replaceChildren(panel.element);
  scope.add(() => panel.element.remove());
  return () => scope.dispose();
};

function scopeOf(props: object): Scope {
  const scope = new Scope();
  const { signal } = props as { signal?: AbortSignal };
  if (signal?.aborted) scope.dispose();
  else if (signal) scope.listen(signal, "abort", () => scope.dispose());
  return scope;
}

function wireOf(model: AnyModel): Wire {
  return {
    send: (content, buffers) => model.send(content, undefined, buffers),
    listen: (listener) => {
      const heard = (content: unknown, buffers?: BinaryBuffer[]) => listener(content, buffers ?? []);
      model.on("msg:custom", heard);
      return () => model.off("msg:custom", heard);
    },
  };
}

export default { initialize, render };
