/**
 * The entry point of the interactive view of turns, a bundle of its own: `render` shows a view, which asks the kernel
 * for what it draws and plays. Nothing is kept for a model that is not shown.
 */

import type { Render } from "@anywidget/types";
import { SoundStore } from "./explorer/sound";
import { ExplorerView } from "./explorer/view";
import { Scope } from "./scope";
import { useTrait } from "./texts";
import { WidgetComm } from "./widget-comm";

const render: Render = (props) => {
  const scope = new Scope();
  const { signal } = props as { signal?: AbortSignal };
  if (signal?.aborted) return;
  if (signal) scope.listen(signal, "abort", () => scope.dispose());
  useTrait(props.model.get?.("_texts"));
  const sound = new SoundStore(new WidgetComm(props.model, scope), scope);
  const view = new ExplorerView(sound, scope);
  props.el.classList.add("glw-host");
  props.el.replaceChildren(view.element);
  scope.add(() => view.element.remove());
  sound.open();
  return () => scope.dispose();
};

export default { render };
