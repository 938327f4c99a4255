/**
 * The page's side of the drawers: their code, which the kernel sends when it is first needed, so that the panel's own
 * bundle stays small, and their messages.
 *
 * A bundle is imported from a Blob URL. The panel's module is evaluated from a text and has no URL that a relative
 * import could begin at, and nothing may be fetched from elsewhere.
 */

import type { Scope } from "./scope";
import { shareTexts, type TextsByLanguage, text } from "./texts";

/** Jupyter may have dropped the request or its answer, or a cell is running. */
const REPEAT_MS = 4000;

export interface Bundle {
  readonly module: unknown;
  readonly style: string;
}

export type SendToKernel = (content: object) => void;

/** What the kernel sends beside the code: the style sheet and the texts. */
export interface SentBundle {
  name: string;
  style: string;
  texts: TextsByLanguage;
}

interface Received extends Omit<SentBundle, "name"> {
  source: string;
}

type Message = { type: "bundle_wanted"; name: string } | { type: "drawer"; name: string; content: object };

export class DrawerComm {
  readonly #messages = new EventTarget();
  readonly #loading = new Map<string, Promise<Bundle>>();
  readonly #receivers = new Map<string, (received: Received) => void>();

  constructor(
    readonly send: (message: Message) => void,
    readonly scope: Scope,
    readonly importSource: (source: string) => Promise<unknown> = importText,
  ) {}

  /** Rejects with a reason if the page or the kernel does not have the bundle; a later call tries again. */
  load(name: string): Promise<Bundle> {
    const loading = this.#loading.get(name) ?? this.#load(name);
    this.#loading.set(name, loading);
    loading.catch(() => this.#loading.delete(name));
    return loading;
  }

  /** Exchange messages with the drawer's part of the kernel; `onMessage` is called until the scope ends. */
  connect(name: string, onMessage: (content: unknown) => void, scope: Scope): SendToKernel {
    scope.listen<CustomEvent>(this.#messages, name, ({ detail }) => onMessage(detail));
    return (content) => this.send({ type: "drawer", name, content });
  }

  receiveMessage(name: string, content: unknown): void {
    this.#messages.dispatchEvent(new CustomEvent(name, { detail: content }));
  }

  /** `source` is empty where the kernel has no such bundle. */
  receiveBundle({ name, style, texts }: SentBundle, source: string): void {
    this.#receivers.get(name)?.({ source, style, texts });
  }

  #request(name: string): void {
    this.send({ type: "bundle_wanted", name });
  }

  async #load(name: string): Promise<Bundle> {
    const waiting = this.scope.child();
    const { source, style, texts } = await new Promise<Received>((resolve) => {
      this.#receivers.set(name, resolve);
      waiting.add(() => this.#receivers.delete(name));
      waiting.interval(REPEAT_MS, () => this.#request(name));
      this.#request(name);
    });
    waiting.dispose();
    if (!source) throw new Error(text("not_built"));
    const module = await this.importSource(source);
    shareTexts(module, texts);
    return { module, style };
  }
}

async function importText(source: string): Promise<unknown> {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } catch {
    throw new Error(text("no_code_allowed"));
  } finally {
    URL.revokeObjectURL(url);
  }
}
