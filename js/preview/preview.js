/** A panel with a fake kernel: ?scene=… selects its content, ?theme=dark the colours, ?width=320 the width, ?dir=rtl, ?lang=de. */

import { stage } from "./stage.js";

const query = new URLSearchParams(location.search);
document.documentElement.dataset.theme = query.get("theme") ?? "light";
document.documentElement.dir = query.get("dir") ?? "ltr";
if (query.has("width")) document.querySelector("main").style.width = `${query.get("width")}px`;
globalThis.stage = stage;
// The tests show the scenes themselves.
if (!query.has("tests")) stage.show(query.get("scene") ?? "transcript");
