/** The entry point of the list of shortcuts, a further bundle. */

export { createDrawer } from "./shortcuts/view";
export { useTexts } from "./texts";
