/**
 * Turns on a waveform: a strip with the text above each, which plays it, and what was not heard of a reply.
 *
 * The elements are in wavesurfer's scrolled wrapper, inside its shadow root, where the page's styles reach them by
 * their `part` only.
 */

import type { Scope } from "../scope";
import { text } from "../texts";
import { element } from "../view/elements";
import type { Opened, Region } from "./messages";
import { clockText, speakerText } from "./strings";

export function regionLayer(
  opened: Opened,
  trackHeightPx: number,
  play: (region: Region) => void,
  scope: Scope,
): HTMLElement {
  const durationS = opened.sampleCount / opened.rateHz;
  const layer = element("div", "", { part: "glw-regions" });
  for (const region of opened.regions) {
    // One turn alone is all that the view shows.
    if (region.kind === "turn" && opened.roles.length === 1) continue;
    const part = region.kind === "turn" ? regionOf(region, opened, play, scope) : unheardPart();
    part.style.left = `${(100 * region.startS) / durationS}%`;
    part.style.width = `${(100 * (region.stopS - region.startS)) / durationS}%`;
    part.style.top = `${region.track * trackHeightPx}px`;
    part.style.height = `${trackHeightPx}px`;
    layer.append(part);
  }
  return layer;
}

/** The turn that is heard at a time; of two that overlap, the later one. */
export function regionAt(opened: Opened, timeS: number): Region | undefined {
  return opened.regions.findLast(
    ({ kind, startS, stopS }) => kind === "turn" && startS <= timeS && timeS < stopS,
  );
}

function regionOf(region: Region, opened: Opened, play: (region: Region) => void, scope: Scope): HTMLElement {
  const role = opened.roles[region.track] ?? "assistant";
  const times = `${clockText(opened.originS + region.startS)}–${clockText(opened.originS + region.stopS)}`;
  const words = [speakerText(role), times, region.text].filter(Boolean).join(", ");
  const label = element("span", "", { part: "glw-region-text" }, [region.text || speakerText(role)]);
  const strip = element(
    "button",
    "",
    { type: "button", part: `glw-region-strip glw-region-${role}`, "aria-label": words, title: words },
    [label],
  );
  scope.listen<MouseEvent>(strip, "click", (event) => {
    // Otherwise the click would also be one on the waveform.
    event.stopPropagation();
    play(region);
  });
  return element("div", "", { part: `glw-region glw-region-${role}` }, [strip]);
}

function unheardPart(): HTMLElement {
  return element("div", "", { part: "glw-unheard" }, [
    element("span", "", { part: "glw-unheard-text" }, [text("unheard")]),
  ]);
}
