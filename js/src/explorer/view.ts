/** The view: buttons, position, plot, and the text of the turn at the playhead. */

import type { Scope } from "../scope";
import { currentLanguage, text } from "../texts";
import { button, element, type LabelledButton, setText } from "../view/elements";
import { frequencyPlaces } from "./axis";
import type { Opened } from "./messages";
import { SoundPlayer } from "./player";
import { layoutOf, type Palette, Plot } from "./plot";
import { regionAt } from "./regions";
import type { SoundStore } from "./sound";
import { captionText, clockText, loadingText, speakerText, titleText } from "./strings";

/** Sent in the document when a view begins to play, so that the others stop. */
const PLAYS = "grok-live-explorer-plays";
/** An arrow key moves by this part of what is in sight; with Shift, by five times as much. */
const SEEK_PART = 1 / 40;
const WHEEL_STEP_PX = 100;

export class ExplorerView {
  readonly element: HTMLElement;
  readonly #play: LabelledButton = button("glw-play", "start", text("play"));
  readonly #time = element("span", "glw-time");
  readonly #title = element("span", "glw-explorer-title");
  readonly #lanes = element("div", "glw-lanes", { "aria-hidden": "true" });
  readonly #frequencies = element("div", "glw-frequencies", { "aria-hidden": "true" });
  readonly #container = element("div", "glw-plot-area");
  readonly #stage: HTMLElement;
  readonly #caption = element("p", "glw-caption");
  readonly #status = element("p", "glw-explorer-status", { role: "status" });
  readonly #player: SoundPlayer;
  readonly #plot: Plot;
  #drawn = "";

  constructor(
    readonly sound: SoundStore,
    readonly scope: Scope,
  ) {
    this.#player = new SoundPlayer(sound, scope);
    this.#plot = new Plot(this.#container, sound, this.#player, this.#listener(), scope);
    const keys = "Space ArrowLeft ArrowRight Home End + -";
    const described = { tabindex: "0", role: "group", "aria-label": text("plot"), "aria-keyshortcuts": keys };
    this.#stage = element("div", "glw-stage", described, [this.#container, this.#lanes, this.#frequencies]);
    const head = element("div", "glw-explorer-head", {}, [
      this.#play.element,
      this.#time,
      this.#title,
      this.#zoomButtons(),
    ]);
    // JupyterLab must not take the keys for its own shortcuts.
    const suppressed = { "data-lm-suppress-shortcuts": "true" };
    const attributes = { ...suppressed, lang: currentLanguage(), dir: text("direction").replace("ltr", "") };
    const parts = [head, this.#stage, this.#caption, this.#status];
    this.element = element("section", "glw-explorer", attributes, parts);
    this.#play.element.disabled = true;
    this.#listen();
    this.#update();
  }

  #zoomButtons(): HTMLElement {
    const make = (label: string, sign: string, action: () => void) => {
      const made = element("button", "glw-button", { type: "button", "aria-label": label, title: label }, [
        sign,
      ]);
      this.scope.listen(made, "click", action);
      return made;
    };
    return element("div", "glw-zoom", {}, [
      make(text("zoom_out"), "−", () => this.#plot.zoom(-1)),
      make(text("zoom_in"), "+", () => this.#plot.zoom(1)),
      make(text("fit"), text("fit"), () => this.#plot.fit()),
    ]);
  }

  #listener() {
    return {
      onTime: () => this.#showTime(),
      onPlaying: (isPlaying: boolean) => this.#showPlaying(isPlaying),
      onClick: () => void this.#player.play(),
      onRegion: ({ startS, stopS }: { startS: number; stopS: number }) =>
        this.#player.playStretch(startS, stopS),
    };
  }

  #listen(): void {
    this.scope.add(this.sound.listen(() => this.#update()));
    this.scope.listen(this.#play.element, "click", () => this.#toggle());
    this.scope.listen<KeyboardEvent>(this.element, "keydown", (event) => this.#onKey(event));
    this.scope.listen<WheelEvent>(this.#stage, "wheel", (event) => this.#onWheel(event), { passive: false });
    this.scope.listen<CustomEvent>(document, PLAYS, ({ detail }) => {
      if (detail !== this) this.#player.pause();
    });
    const restyle = () => this.#redraw();
    this.scope.onAttributes(document.body, restyle);
    this.scope.onAttributes(document.documentElement, restyle);
    this.scope.listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", restyle);
    // The styles of the host apply when the element is in the page.
    this.scope.onResize(this.#stage, restyle);
  }

  #update(): void {
    const { opened } = this.sound;
    if (opened !== null && this.#lanes.childElementCount === 0) {
      setText(this.#title, titleText(opened));
      this.element.setAttribute("aria-label", titleText(opened));
      this.#lanes.append(...laneNames(opened));
      this.#play.element.disabled = false;
      this.#showTime();
    }
    this.#redraw();
    this.#showStatus();
  }

  /** Frequencies beside the spectrogram, which is there when all of the sound is. */
  #showFrequencies(opened: Opened): void {
    const { trackPx, spectrogramPx } = layoutOf(opened.roles.length);
    const places = frequencyPlaces(opened.rateHz / 2, spectrogramPx);
    const labels = opened.roles.flatMap((_, track) =>
      places.map(({ label, topPx }) => {
        const made = element("span", "glw-frequency", {}, [label]);
        made.style.top = `${opened.roles.length * trackPx + track * spectrogramPx + topPx}px`;
        return made;
      }),
    );
    this.#frequencies.replaceChildren(...labels);
  }

  /** Draw anew if there is more to draw, or the colours of the page are others. */
  #redraw(): void {
    const { opened, tracks, isLoaded } = this.sound;
    if (opened === null || !this.#stage.clientWidth) return;
    const palette = this.#palette();
    const state = JSON.stringify([palette, isLoaded && tracks.length > 0]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    if (isLoaded && tracks.length > 0) this.#showFrequencies(opened);
    this.#plot.draw(palette);
  }

  /** The browser computes the colours: those of CSS are functions of the theme. */
  #palette(): Palette {
    const lanes = [...this.#lanes.children].map((lane) => getComputedStyle(lane));
    const stage = getComputedStyle(this.#stage);
    return {
      voices: lanes.map(({ color, outlineColor }) => [outlineColor, color]),
      cursor: stage.outlineColor,
      isDark: stage.caretColor === "rgb(0, 0, 0)",
    };
  }

  #toggle(): void {
    if (this.#player.paused) void this.#player.play();
    else this.#player.pause();
  }

  #showPlaying(isPlaying: boolean): void {
    if (isPlaying) document.dispatchEvent(new CustomEvent(PLAYS, { detail: this }));
    this.#play.setLabel(isPlaying ? text("pause_playing") : text("play"));
    this.#play.element.classList.toggle("glw-is-playing", isPlaying);
  }

  #showTime(): void {
    const { opened } = this.sound;
    if (opened === null) return;
    const timeS = this.#player.currentTime;
    setText(
      this.#time,
      `${clockText(opened.originS + timeS)} / ${clockText(opened.originS + this.#player.duration)}`,
    );
    const region = regionAt(opened, timeS) ?? (opened.roles.length === 1 ? opened.regions[0] : undefined);
    setText(this.#caption, region?.text ? captionText(opened.roles[region.track], region) : "");
  }

  #showStatus(): void {
    const { opened, isLoaded, isWaiting, loadedCount, pieceCount } = this.sound;
    let status = text("keys");
    if (isWaiting) status = text("sound_in_kernel");
    else if (opened === null) status = text("opening");
    else if (!opened.isWhole) status = text("too_long");
    else if (!isLoaded) status = loadingText((100 * loadedCount) / pieceCount);
    setText(this.#status, status);
  }

  #onKey(event: KeyboardEvent): void {
    const isOnButton = event.composedPath()[0] instanceof HTMLButtonElement;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (isOnButton && (event.key === " " || event.key === "Enter")) return;
    if (!this.#doKey(event.key, event.shiftKey ? 5 : 1)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #doKey(key: string, factor: number): boolean {
    const stepS = this.#plot.visibleS * SEEK_PART * factor;
    switch (key) {
      case " ":
        this.#toggle();
        return true;
      case "ArrowLeft":
        this.#plot.seek(this.#player.currentTime - stepS);
        return true;
      case "ArrowRight":
        this.#plot.seek(this.#player.currentTime + stepS);
        return true;
      case "Home":
        this.#plot.seek(0);
        return true;
      case "End":
        this.#plot.seek(this.#player.duration);
        return true;
      case "+":
      case "=":
        this.#plot.zoom(1);
        return true;
      case "-":
        this.#plot.zoom(-1);
        return true;
      default:
        return false;
    }
  }

  /** Only with Ctrl (a pinch sends it too), since the wheel alone scrolls the notebook. */
  #onWheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left } = this.#stage.getBoundingClientRect();
    this.#plot.zoom(-event.deltaY / WHEEL_STEP_PX, event.clientX - left);
  }
}

/** The speaker of each track; a single one is in the title. */
function laneNames(opened: Opened): HTMLElement[] {
  const { trackPx } = layoutOf(opened.roles.length);
  return opened.roles.map((role, track) => {
    const name = element("span", `glw-lane glw-lane-${role}`, {}, [speakerText(role)]);
    name.style.top = `${(track + 1) * trackPx}px`;
    if (opened.roles.length === 1) name.style.visibility = "hidden";
    return name;
  });
}
