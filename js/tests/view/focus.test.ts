// @vitest-environment happy-dom
import { beforeEach, expect, it } from "vitest";
import { Scope } from "../../src/scope";
import { keeperOf } from "../../src/view/focus";

let scope: Scope;
let keep: (change: () => void) => void;

beforeEach(() => {
  document.body.innerHTML = `
    <section tabindex="-1">
      <div id="around" tabindex="-1"><p><button id="one"></button></p><button id="two"></button></div>
    </section>
    <button id="outside"></button>`;
  scope = new Scope();
  keep = keeperOf(document.querySelector("section")!, scope);
});

const find = (id: string) => document.getElementById(id)!;

it.each<[string, (button: HTMLButtonElement) => void]>([
  ["removed", (button) => button.remove()],
  ["hidden", (button) => button.setAttribute("hidden", "")],
  ["in what is hidden", (button) => button.parentElement!.setAttribute("hidden", "")],
  ["disabled", (button) => button.setAttribute("disabled", "")],
])("gives the focus to what is around an element that is %s, and to no other button", (_, change) => {
  find("one").focus();
  keep(() => change(find("one") as HTMLButtonElement));
  expect(document.activeElement).toBe(find("around"));
});

it("gives it to the panel if all around is gone too", () => {
  find("one").focus();
  keep(() => find("around").remove());
  expect(document.activeElement).toBe(document.querySelector("section"));
});

it("leaves the focus where it is, inside and outside of the panel", () => {
  find("two").focus();
  keep(() => find("one").remove());
  expect(document.activeElement).toBe(find("two"));
  find("outside").focus();
  keep(() => find("two").remove());
  expect(document.activeElement).toBe(find("outside"));
});

it("does nothing after its scope has ended", () => {
  scope.dispose();
  find("one").focus();
  keep(() => find("one").remove());
  expect(document.activeElement).not.toBe(find("around"));
});
