/** The entry point of the live spectrogram, a bundle of its own. */

export { createDrawer } from "./spectrogram/view";
export { useTexts } from "./texts";
