/** What the transcript shows once its further bundle is loaded; until then its text is plain. */

export { Announcer } from "./announcer";
export { showCalls } from "./call-chips";
export { showLine } from "./shown-line";
export { ToolCallList } from "./tool-call-list";
export { TurnMenu } from "./turn-menu";
export { turnRemarks } from "./turn-remarks";
export { TurnText } from "./turn-text";
