/** Defined by bundle.mjs. */
declare const __VERSION__: string;
