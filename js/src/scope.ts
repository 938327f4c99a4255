/**
 * Lifetimes of listeners, timers, observers and audio nodes: each is registered in a scope.
 *
 * A scope is a tree of disposers. Children are disposed first, then the scope's own disposers in reverse order; what is
 * registered in a disposed scope is disposed at once. tests/architecture.test.ts forbids raw listeners, timers,
 * observers and workers outside this file.
 */

export type Disposer = () => void;

export class Scope {
  readonly #disposers = new Set<Disposer>();
  readonly #children = new Set<Scope>();
  #parent: Scope | null = null;
  #isDisposed = false;

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Register a disposer; the returned function runs it early, once. */
  add(disposer: Disposer): Disposer {
    if (this.#isDisposed) {
      disposer();
      return () => {};
    }
    this.#disposers.add(disposer);
    return () => {
      if (this.#disposers.delete(disposer)) disposer();
    };
  }

  child(): Scope {
    const child = new Scope();
    if (this.#isDisposed) {
      child.dispose();
      return child;
    }
    child.#parent = this;
    this.#children.add(child);
    return child;
  }

  listen<E = Event>(
    target: EventTarget,
    type: string,
    listener: (event: E) => void,
    options?: AddEventListenerOptions,
  ): Disposer {
    if (this.#isDisposed) return () => {};
    const eventListener = listener as EventListener & ((event: E) => void);
    target.addEventListener(type, eventListener, options);
    return this.add(() => target.removeEventListener(type, eventListener));
  }

  /** Listen to a port's messages. Unlike `onmessage`, an event listener does not start the port. */
  listenToPort(port: MessagePort, listener: (message: unknown) => void): Disposer {
    const stop = this.listen<MessageEvent>(port, "message", (event) => listener(event.data));
    port.start();
    return stop;
  }

  timeout(delayMs: number, action: () => void): Disposer {
    if (this.#isDisposed) return () => {};
    let cancel: Disposer = () => {};
    const timer = setTimeout(() => {
      cancel();
      action();
    }, delayMs);
    cancel = this.add(() => clearTimeout(timer));
    return cancel;
  }

  interval(periodMs: number, action: () => void): Disposer {
    if (this.#isDisposed) return () => {};
    const timer = setInterval(action, periodMs);
    return this.add(() => clearInterval(timer));
  }

  frame(action: (nowMs: number) => void): Disposer {
    if (this.#isDisposed) return () => {};
    let cancel: Disposer = () => {};
    const request = requestAnimationFrame((nowMs) => {
      cancel();
      action(nowMs);
    });
    cancel = this.add(() => cancelAnimationFrame(request));
    return cancel;
  }

  onResize(element: Element, action: () => void): Disposer {
    const observer = new ResizeObserver(action);
    observer.observe(element);
    return this.add(() => observer.disconnect());
  }

  /** Called when its size in pixels of the screen changes: also by the browser's zoom, or on another screen. */
  onPixelResize(element: Element, action: () => void): Disposer {
    const observer = new ResizeObserver(action);
    try {
      observer.observe(element, { box: "device-pixel-content-box" });
    } catch {
      // Safari observes the size in pixels of CSS only.
      observer.observe(element);
    }
    return this.add(() => observer.disconnect());
  }

  onVisibility(element: Element, action: (isVisible: boolean) => void): Disposer {
    const observer = new IntersectionObserver((entries) => action(entries.at(-1)?.isIntersecting ?? true));
    observer.observe(element);
    return this.add(() => observer.disconnect());
  }

  onAttributes(element: Element, action: () => void): Disposer {
    const observer = new MutationObserver(action);
    observer.observe(element, { attributes: true });
    return this.add(() => observer.disconnect());
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (this.#parent) this.#parent.#children.delete(this);
    for (const child of [...this.#children].reverse()) child.dispose();
    for (const disposer of [...this.#disposers].reverse()) disposer();
    this.#disposers.clear();
  }
}
