/** The panel: a header, both waveforms, the transcript and the text box, all rendered from one state. */

import type { Scope } from "../scope";
import { currentLanguage, text } from "../texts";
import { Composer } from "./composer";
import { Controls, HoldToTalk } from "./controls";
import { Drawers } from "./drawers";
import { element, setAttribute, setFigures, setShown, setText } from "./elements";
import { keeperOf } from "./focus";
import { Notices } from "./notices";
import type { PanelActions, PanelParts, PanelSignals, PanelState, Store } from "./state";
import { lossesOf, speakerName, statusOf, timeLeftOf, usageOf } from "./strings";
import { Transcript } from "./transcript";
import { Waveforms } from "./waveforms";

interface Part {
  readonly element: HTMLElement;
  show(state: PanelState): void;
}

export class Panel {
  /** Without this attribute JupyterLab runs its shortcuts on keys pressed inside outputs. */
  readonly element = element("section", "glw-panel", {
    "data-lm-suppress-shortcuts": "true",
    lang: currentLanguage(),
    // The page's direction counts, unless the language of the panel is written from the right.
    dir: text("direction").replace("ltr", ""),
  });

  constructor(store: Store<PanelState>, signals: PanelSignals, actions: PanelActions, scope: Scope) {
    const panel = {} as PanelParts;
    const context = { store, signals, actions, scope, panel };
    const [hold, transcript] = [new HoldToTalk(actions, scope), new Transcript(actions, scope, panel)];
    const [waveforms, drawers] = [new Waveforms(context), new Drawers(context)];
    Object.assign(panel, { drawers, transcript, waveforms });
    const parts: Part[] = [
      new Header(actions, scope),
      new Line("glw-banner", ({ banner }) => [banner]),
      new Notices(actions, scope),
      waveforms,
      hold,
      transcript,
      { element: transcript.calls, show() {} },
      new Composer(actions, scope),
      drawers,
      new Line("glw-losses", lossesOf),
      new Line("glw-usage", usageOf, " · "),
    ];
    this.element.append(...parts.map((part) => part.element));
    this.element.style.setProperty("--glw-playing", JSON.stringify(text("playing")));
    this.#acceptFiles(actions, scope);
    hold.listenTo(this.element, transcript.list);
    scope.listen<KeyboardEvent>(this.element, "keydown", (event) => {
      event.stopPropagation();
      if (event.key === "?" && !(event.target as Element).matches("input, textarea")) drawers.showKeys();
    });
    const keepFocus = keeperOf(this.element, scope);
    let shown: PanelState | null = null;
    const show = () => {
      shown = store.state;
      keepFocus(() => this.#show(store.state, parts));
    };
    scope.add(
      store.subscribe((state) => {
        if (!shown || !isProgress(shown, state) || !waveforms.beforePicture(show)) show();
      }),
    );
  }

  /** A sound file that is dropped on the panel is asked. */
  #acceptFiles(actions: PanelActions, scope: Scope): void {
    const mark = (isOver: boolean) => this.element.classList.toggle("glw-is-drop", isOver);
    scope.listen<DragEvent>(this.element, "dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      mark(true);
    });
    scope.listen(this.element, "dragleave", () => mark(false));
    scope.listen<DragEvent>(this.element, "drop", (event) => {
      mark(false);
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      // JupyterLab would upload it.
      event.preventDefault();
      event.stopPropagation();
      actions.sendFile(file);
    });
  }

  #show(state: PanelState, parts: Part[]): void {
    const shown = {
      "aria-label": text("talk_with", { name: speakerName(state) }),
      // A place for the focus from which Space talks.
      tabindex: state.turnDetection === "push_to_talk" ? "0" : "-1",
      "data-tone": statusOf(state).tone,
      "data-kernel": state.kernel,
    };
    for (const [name, value] of Object.entries(shown)) setAttribute(this.element, name, value);
    for (const part of parts) part.show(state);
  }
}

/** Whether nothing else has changed than what does several times a second. */
function isProgress(shown: PanelState, state: PanelState): boolean {
  return Object.entries({ ...shown, turns: state.turns, playedS: state.playedS }).every(
    ([name, value]) => state[name as keyof PanelState] === value,
  );
}

class Header implements Part {
  readonly element = element("header", "glw-header");
  readonly #name = element("span", "glw-name");
  readonly #voice = element("span", "glw-voice-tag");
  readonly #title = element("div", "glw-title", {}, [this.#name, this.#voice]);
  readonly #status = element("span", "", { role: "status" });
  readonly #timeLeft = element("span", "");
  readonly #controls: Controls;

  constructor(actions: PanelActions, scope: Scope) {
    this.#controls = new Controls(actions, scope);
    const heading = element("div", "glw-heading", {}, [
      this.#title,
      element("p", "glw-status", {}, [this.#status, this.#timeLeft]),
    ]);
    const indicator = element("span", "glw-indicator", { "aria-hidden": "true" });
    this.element.append(indicator, heading, this.#controls.element);
  }

  show(state: PanelState): void {
    setText(this.#name, speakerName(state));
    setText(this.#voice, [state.voice, state.partner].filter(Boolean).join(" · "));
    setAttribute(this.#title, "title", state.voiceHelp);
    setShown(this.#voice, this.#voice.textContent !== "");
    setText(this.#status, statusOf(state).text);
    setText(this.#timeLeft, timeLeftOf(state));
    this.#controls.show(state);
  }
}

/** A line of text or figures, which is hidden while it is empty. */
class Line implements Part {
  readonly element: HTMLElement;

  constructor(
    className: string,
    readonly textsOf: (state: PanelState) => string[],
    readonly separator = " ",
  ) {
    this.element = element("p", className);
  }

  show(state: PanelState): void {
    setFigures(this.element, this.textsOf(state), this.separator);
    setShown(this.element, this.element.textContent !== "");
  }
}
