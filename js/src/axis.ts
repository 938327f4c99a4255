/** The entry point of the time axis, a bundle of its own that the kernel sends with the first turn. */

export { createAxis } from "./axis/view";
export { useTexts } from "./texts";
