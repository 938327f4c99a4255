/** Defined by bundle.mjs. */
declare const __VERSION__: string;

declare module "worklet:audio" {
  const source: () => Promise<string>;
  export default source;
}

declare module "worklet:recorder" {
  const source: () => Promise<string>;
  export default source;
}

declare module "worker:direct/worker-entry" {
  const source: () => Promise<string>;
  export default source;
}
