/** Line icons on a 24 × 24 grid, drawn for this panel; always aria-hidden, since a text label is beside each. */

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  start: "M8 5.2v13.6L19 12z",
  stop: "M7 7h10v10H7z",
  microphone: "M12 3.5a3 3 0 0 1 3 3V12a3 3 0 0 1-6 0V6.5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  microphoneOff:
    "M9 9v3a3 3 0 0 0 4.6 2.5M15 11V6.5a3 3 0 0 0-5.8-1M5.5 11.5a6.5 6.5 0 0 0 10 5.5M18.5 11.5a6.5 6.5 0 0 1-.7 2.9M12 18v3M4 4l16 16",
  interrupt: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM9.5 9.5h5v5h-5z",
  send: "M12 19V5.5M6 11.5l6-6 6 6",
  dismiss: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  inspector: "M8 4v14M4.5 14.5L8 18l3.5-3.5M16 20V6M12.5 9.5L16 6l3.5 3.5",
  spectrogram: "M5 20V10M9.7 20V4M14.3 20v-8M19 20V7",
  shortcuts: "M3 6h18v12H3zM8 14h8",
  doctor: "M3 12h4.5l2-5 4 11 2.5-6H21",
  settings: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1M13 5v4M7 10v4M15 15v4",
  down: "M12 5v13.5M6 12.5l6 6 6-6",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", `glw-icon glw-icon-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
}
