/** The entry point of the doctor, a bundle of its own: why a talk does not work, and tests of microphone and loudspeaker. */

export { createDrawer } from "./doctor/view";
export { useTexts } from "./texts";
