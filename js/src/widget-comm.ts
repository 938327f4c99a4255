/**
 * The comm of an anywidget model, and whether the host still has the kernel behind it.
 *
 * After a restart `model.send` throws or sends nothing, and a kernel that only waits sends nothing either; so the state
 * of the kernel is read from the host where it shows one. JupyterLab and Notebook 7 do: their widget manager has the
 * kernel's connection.
 */

import type { AnyModel } from "@anywidget/types";
import type { Comm } from "./channel";
import type { BinaryBuffer } from "./pcm";
import type { Scope } from "./scope";

/** The part of JupyterLab's IKernelConnection that is used. */
interface HostKernel {
  readonly isDisposed?: boolean;
  readonly status?: string;
  readonly statusChanged?: { connect(slot: () => void): unknown; disconnect(slot: () => void): unknown };
}

/** A kernel that is restarted has forgotten the widget, also when it runs again. */
const LOST_STATES: ReadonlySet<string | undefined> = new Set([
  "restarting",
  "autorestarting",
  "terminating",
  "dead",
]);

export class WidgetComm implements Comm {
  #isLost = false;

  constructor(
    readonly model: AnyModel,
    scope: Scope,
  ) {
    const onStatus = () => {
      this.#isLost ||= this.#hasLostKernel;
    };
    const { kernel } = this;
    kernel?.statusChanged?.connect(onStatus);
    scope.add(() => kernel?.statusChanged?.disconnect(onStatus));
    // ipywidgets triggers this when the comm was closed or its kernel restarts.
    const onComm = () => {
      this.#isLost = true;
    };
    model.on("comm_live_update", onComm);
    scope.add(() => model.off("comm_live_update", onComm));
  }

  /** Whether nothing sent here reaches the Python object any more; false where the host does not tell. */
  get isLost(): boolean {
    return this.#isLost || this.#hasLostKernel;
  }

  send(content: object, buffers: ArrayBuffer[]): void {
    this.model.send(content, undefined, buffers);
  }

  listen(listener: (content: unknown, buffers: BinaryBuffer[]) => void): () => void {
    const onMessage = (content: unknown, buffers?: (BinaryBuffer | string)[]) => {
      this.#isLost = false;
      listener(content, (buffers ?? []).map(bytesOf));
    };
    this.model.on("msg:custom", onMessage);
    return () => this.model.off("msg:custom", onMessage);
  }

  /** undefined: the host does not show its kernel. null: it has none. */
  get kernel(): HostKernel | null | undefined {
    const manager = this.model.widget_manager as unknown as { kernel?: HostKernel | null } | undefined;
    return manager?.kernel;
  }

  get #hasLostKernel(): boolean {
    const { kernel } = this;
    return kernel === null || Boolean(kernel?.isDisposed) || LOST_STATES.has(kernel?.status);
  }
}

/** Hosts whose messages are JSON, such as Shiny, may leave a buffer in base64. */
function bytesOf(buffer: BinaryBuffer | string): BinaryBuffer {
  if (typeof buffer !== "string") return buffer;
  return Uint8Array.from(atob(buffer), (character) => character.charCodeAt(0));
}
