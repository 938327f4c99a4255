/** The entry point of the inspector, a bundle of its own: every message between kernel and server. */

export { createDrawer } from "./inspector/view";
export { useTexts } from "./texts";
