/** The list of shortcuts: groups of keys, each with what it does. */

import { element } from "../view/elements";
import { shortcutGroups } from "./strings";

export function createDrawer(): HTMLElement {
  const groups = shortcutGroups().map(({ title, shortcuts }) => {
    const rows = shortcuts.map(({ keys, does }) =>
      element("div", "glw-shortcut", {}, [
        element(
          "dt",
          "glw-shortcut-keys",
          {},
          keys.map((name) => element("kbd", "glw-key", {}, [name])),
        ),
        element("dd", "glw-shortcut-text", {}, [does]),
      ]),
    );
    const heading = element("p", "glw-shortcuts-title", {}, [title]);
    return element("div", "glw-shortcuts-group", {}, [
      heading,
      element("dl", "glw-shortcuts-list", {}, rows),
    ]);
  });
  return element("div", "glw-shortcuts", {}, groups);
}
