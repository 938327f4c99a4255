/** The entry point of the transcript's further bundle, which is loaded with the first turn. */

export { useTexts } from "./texts";
export * from "./view/transcript-extras";
