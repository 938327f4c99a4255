// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readOpened } from "../../src/explorer/messages";
import { regionAt, regionLayer } from "../../src/explorer/regions";
import { Scope } from "../../src/scope";
import { openedMessage } from "./kernel";

const HOSTILE = '<img src=x onerror="alert(1)">';

let scope: Scope;

beforeEach(() => {
  scope = new Scope();
});

afterEach(() => scope.dispose());

describe("regions", () => {
  const opened = readOpened(
    openedMessage({
      regions: [
        { track: 0, start_s: 1, stop_s: 3, kind: "turn", text: HOSTILE },
        { track: 1, start_s: 2.5, stop_s: 5, kind: "turn", text: "" },
        { track: 1, start_s: 4, stop_s: 5, kind: "unheard", text: "" },
      ],
    }),
  )!;

  it("lie at their times, on their tracks, and play when their strip is clicked", () => {
    const played = vi.fn();
    const layer = regionLayer(opened, 80, played, scope);
    const [user, reply, unheard] = [...layer.children] as HTMLElement[];
    expect([user!.style.left, user!.style.width, user!.style.top]).toEqual(["10%", "20%", "0px"]);
    expect([reply!.style.left, reply!.style.top]).toEqual(["25%", "80px"]);
    expect([unheard!.style.left, unheard!.textContent]).toEqual(["40%", "not heard"]);
    const strip = user!.querySelector("button")!;
    expect(strip.textContent).toBe(HOSTILE);
    expect(strip.getAttribute("aria-label")).toBe(`You, 0:01.0–0:03.0, ${HOSTILE}`);
    expect(reply!.querySelector("button")!.textContent).toBe("Reply");
    const outside = vi.fn();
    scope.listen(layer, "click", outside);
    strip.click();
    expect(played).toHaveBeenCalledExactlyOnceWith(opened.regions[0]);
    expect(outside).not.toHaveBeenCalled();
  });

  it("are found by time, the later one of two that overlap", () => {
    expect(regionAt(opened, 0.5)).toBeUndefined();
    expect(regionAt(opened, 2)).toBe(opened.regions[0]);
    expect(regionAt(opened, 2.7)).toBe(opened.regions[1]);
    expect(regionAt(opened, 4.5)).toBe(opened.regions[1]);
  });
});
