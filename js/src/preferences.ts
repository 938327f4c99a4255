/** What a user has chosen for this browser, remembered in its storage: devices, and what the browser does to the sound. */

const KEY = "grok_live_widget.preferences";
/** Shared by all bundles of a page, since each has variables of its own. */
const PREFERENCES = Symbol.for(KEY);

/** Empty and null: the browser's default, and what Python asks for. */
export interface Preferences {
  microphone: string;
  speaker: string;
  echoCancellation: boolean | null;
  noiseSuppression: boolean | null;
  autoGainControl: boolean | null;
}

const DEFAULTS: Preferences = {
  microphone: "",
  speaker: "",
  echoCancellation: null,
  noiseSuppression: null,
  autoGainControl: null,
};

export function preferences(): Preferences {
  const holder = globalThis as unknown as Record<symbol, Preferences | undefined>;
  holder[PREFERENCES] ??= { ...DEFAULTS, ...stored() };
  return holder[PREFERENCES];
}

/** They hold for this page also where the browser keeps no storage. */
export function prefer(change: Partial<Preferences>): void {
  Object.assign(preferences(), change);
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences()));
  } catch {
    // Storage is blocked, or full.
  }
}

function stored(): object {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}
