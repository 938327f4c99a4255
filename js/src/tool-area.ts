/**
 * The output area in which tools display: a model of its own, shown below the panel by the host's widget manager, so
 * that it is wherever the panel is (in a box, a tab, an output).
 */

import type { AnyModel } from "@anywidget/types";
import type { Scope } from "./scope";

const REFERENCE = "IPY_MODEL_";

/** The parts of the host's widget manager and its views that are used; anywidget's types lack create_view. */
interface ViewManager {
  get_model(modelId: string): Promise<unknown>;
  create_view(model: unknown): Promise<AreaView>;
}

interface AreaView {
  el: HTMLElement;
  /** In JupyterLab and its relatives; it draws some outputs only after it was told that it is in the page. */
  luminoWidget?: { isDisposed: boolean; processMessage(message: object): void };
  remove(): void;
}

/** Show the model that the trait `_tool_area` names; rejected where the host cannot. */
export async function showToolArea(model: AnyModel, parent: HTMLElement, scope: Scope): Promise<void> {
  const manager = model.widget_manager as unknown as Partial<ViewManager> | undefined;
  const reference: unknown = model.get?.("_tool_area");
  if (!manager?.get_model || !manager.create_view || typeof reference !== "string") return;
  const area = await manager.get_model(reference.slice(REFERENCE.length));
  const view = await manager.create_view(area);
  if (scope.isDisposed) view.remove();
  else attach(view, parent, scope);
}

function attach(view: AreaView, parent: HTMLElement, scope: Scope): void {
  let isAttached = false;
  parent.append(view.el);
  const stop = scope.onResize(parent, () => {
    if (parent.clientWidth === 0) return;
    stop();
    tell(view, "before-attach", "after-attach");
    isAttached = true;
  });
  scope.add(() => {
    // A widget that takes itself for attached cannot be disposed when its element has left the page. It is disposed
    // already if its model was closed.
    if (isAttached && !view.luminoWidget?.isDisposed) tell(view, "before-detach", "after-detach");
    view.remove();
  });
}

function tell(view: AreaView, ...types: string[]): void {
  for (const type of types) {
    view.luminoWidget?.processMessage({ type, isConflatable: false, conflate: () => false });
  }
}
