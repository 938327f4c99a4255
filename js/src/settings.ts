/** The entry point of the settings drawer, a bundle of its own. */

export { createDrawer } from "./settings/view";
export { useTexts } from "./texts";
