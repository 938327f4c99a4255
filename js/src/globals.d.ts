/** Defined by bundle.mjs. */
declare const __VERSION__: string;

declare module "worklet:capture" {
  const source: string;
  export default source;
}

declare module "worklet:playback" {
  const source: string;
  export default source;
}
