// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { shortcutGroups } from "../../src/shortcuts/strings";
import { createDrawer } from "../../src/shortcuts/view";

it("names each key beside what it does, in groups", () => {
  const drawer = createDrawer();
  const groups = [...drawer.querySelectorAll(".glw-shortcuts-group")].map((group) => ({
    title: group.querySelector(".glw-shortcuts-title")!.textContent,
    shortcuts: [...group.querySelectorAll("dl > div")].map((row) => ({
      keys: [...row.querySelectorAll("dt kbd")].map(({ textContent }) => textContent),
      does: row.querySelector("dd")!.textContent,
    })),
  }));
  expect(groups).toEqual(shortcutGroups());
  expect(groups.flatMap(({ shortcuts }) => shortcuts)).toContainEqual({
    keys: ["Enter"],
    does: "sends the text",
  });
});
