/** What the transcript shows once its further bundle is loaded; until then its text is plain. */

export { drawCalls } from "./call-chips";
export { TurnMenu } from "./turn-menu";
export { TurnText } from "./turn-text";
