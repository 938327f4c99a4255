/**
 * The state shared by all models of one browser page: the AudioContext, the microphone, the page's id.
 *
 * It is stored in `globalThis[Symbol.for("grok_live_widget.page")]`, because anywidget evaluates the bundle once for
 * each model, so module variables are not shared. Tests and benchmarks may read the object:
 *
 * - `context`: the AudioContext while anything uses it, and a second longer, else null;
 * - `captures`: the nodes that carry the microphone's sound;
 * - `playbacks`: the AudioWorkletNodes that play. `node.connect(tap)` records what the loudspeaker plays at volume 1, and
 *   `node.port.postMessage({type: "probe", is_on: true})` makes the worklet post back
 *   `{type: "probe", pcm: Int16Array}` for all samples that it takes from its buffer, before fades and resampling.
 */

import { preferences } from "./preferences";
import { type Disposer, Scope } from "./scope";
import { text } from "./texts";

const PAGE = Symbol.for("grok_live_widget.page");
/**
 * How long a context waits for another user. Closing one while its audio thread starts can crash the tab (measured in
 * Chromium 156: within twenty connections that are refused at once).
 */
const UNUSED_MS = 1000;
/** Three times what was measured with a wired loudspeaker. */
const ASSUMED_LATENCY_MS = 100;

export interface AudioPage {
  readonly id: string;
  context: AudioContext | null;
  readonly captures: Set<AudioNode>;
  readonly playbacks: Set<AudioNode>;
  userCount: number;
  /** Keeps the context, which is to be closed because nothing uses it. */
  cancelClosing?: Disposer;
  /** Releases the microphone of the model that uses it. */
  releaseMicrophone: (() => void) | null;
  readonly modules: WeakMap<BaseAudioContext, Map<string, Promise<void>>>;
}

export function audioPage(): AudioPage {
  const holder = globalThis as unknown as Record<symbol, AudioPage | undefined>;
  holder[PAGE] ??= {
    id: randomId(),
    context: null,
    captures: new Set(),
    playbacks: new Set(),
    userCount: 0,
    releaseMicrophone: null,
    modules: new WeakMap(),
  };
  return holder[PAGE];
}

/** crypto.randomUUID is missing on http pages (https://developer.mozilla.org/docs/Web/API/Crypto/randomUUID). */
function randomId(): string {
  return Array.from({ length: 3 }, () => Math.random().toString(36).slice(2, 8)).join("");
}

/**
 * The page's one AudioContext, at the device's own rate: a forced 24 kHz costs Firefox its echo cancellation, and
 * Safari allows about four contexts. It is closed a second after its last user's scope has ended.
 */
export function useContext(scope: Scope): AudioContext {
  const page = audioPage();
  page.cancelClosing?.();
  if (!page.context) {
    page.context = new AudioContext({ latencyHint: "interactive" });
    // One that has been unplugged: the browser's default plays.
    useSpeaker(page).catch(() => {});
  }
  page.userCount += 1;
  scope.add(() => {
    page.userCount -= 1;
    if (page.userCount === 0) page.cancelClosing = new Scope().timeout(UNUSED_MS, () => closeContext(page));
  });
  return page.context;
}

/** Play through the preferred loudspeaker; rejects if it cannot be used. Firefox and Safari have no `setSinkId`. */
export async function useSpeaker({ context }: AudioPage): Promise<void> {
  const sink = context as
    | (AudioContext & { setSinkId?: (id: string) => Promise<void>; sinkId?: string })
    | null;
  const { speaker } = preferences();
  if (sink?.setSinkId && sink.sinkId !== speaker) await sink.setSinkId(speaker);
}

function closeContext(page: AudioPage): void {
  page.context?.close().catch(() => {});
  page.context = null;
}

/**
 * How long a sample that has left the graph takes to the loudspeaker.
 *
 * Not asked of Firefox: reading `outputLatency` at the end of a reply froze the tab for ever in about half of the talks
 * (Firefox 153 with PulseAudio, whose thread then waits for a lock). Safari does not state it.
 */
export function outputLatencyMs(): number {
  const { context } = audioPage();
  if (navigator.userAgent.includes("Firefox/")) return ASSUMED_LATENCY_MS;
  return 1000 * ((context?.baseLatency ?? 0) + (context?.outputLatency ?? 0));
}

/** Have a worklet tell levels only while the page can be seen. */
export function followVisibility(scope: Scope, { port }: AudioWorkletNode): void {
  const tell = () => port.postMessage({ type: "levels", is_on: !document.hidden });
  scope.listen(document, "visibilitychange", tell);
  if (document.hidden) tell();
}

/** Resume without awaiting: outside a click handler `resume()` may stay pending for ever. */
export function resume(context: AudioContext): void {
  context.resume().catch(() => {});
}

/** One microphone per page: claiming it takes it from the model that uses it, which is told by `release`. */
export function claimMicrophone(release: () => void): Disposer {
  const page = audioPage();
  page.releaseMicrophone?.();
  page.releaseMicrophone = release;
  return () => {
    if (page.releaseMicrophone === release) page.releaseMicrophone = null;
  };
}

/** Load a worklet's module once for each context, since a name may be registered only once in a context. */
export function loadWorklet(
  context: AudioContext,
  name: string,
  source: () => Promise<string>,
): Promise<void> {
  const page = audioPage();
  const modules = page.modules.get(context) ?? new Map<string, Promise<void>>();
  page.modules.set(context, modules);
  const loading = modules.get(name) ?? addModule(context, source);
  modules.set(name, loading);
  loading.catch(() => modules.delete(name));
  return loading;
}

async function addModule(context: AudioContext, read: () => Promise<string>): Promise<void> {
  // The class AudioWorkletNode exists on http pages too; the property does not.
  if (!context.audioWorklet) throw new Error(text("page_not_secure"));
  const source = await read();
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } catch {
    await context.audioWorklet.addModule(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`);
  } finally {
    URL.revokeObjectURL(url);
  }
}
