/** The doctor: the checks of kernel and page as rows, and the two tests of sound. */

import type { SendToKernel } from "../drawer-comm";
import { audioPage } from "../page";
import type { Scope } from "../scope";
import { currentLanguage, text } from "../texts";
import type { DrawerContext } from "../view/drawers";
import { element, setShown, setText } from "../view/elements";
import type { PanelState } from "../view/state";
import { browserName } from "./browser-name";
import { asText, type Check, readChecks } from "./checks";
import { dbfs } from "./levels";
import { type SoundTest, testLoudspeaker, testMicrophone } from "./sound-tests";
import { browserText, levelText, nameText, resultText, statusText, summaryText } from "./strings";

/** Jupyter may have dropped an answer, or a cell is running; a server that does not answer takes longer. */
const REPEAT_MS = 4000;
const LEAST_DBFS = -60;

export function createDrawer(context: DrawerContext): HTMLElement {
  return new Doctor(context).element;
}

class Doctor {
  readonly element: HTMLElement;
  readonly #send: SendToKernel;
  readonly #status = element("p", "glw-doctor-status", { role: "status" });
  readonly #list = element("ul", "glw-checks", { "aria-label": text("checks") });
  readonly #again = textButton(text("check_again"));
  readonly #copy = textButton(text("copy_report"));
  readonly #text = element("textarea", "glw-doctor-text", {
    readonly: "",
    "aria-label": text("report_as_text"),
  });
  /** The kernel's checks, and those of this page, which are made here. */
  #kernelChecks: Check[] = [];
  readonly #pageChecks = new Map<string, Check>();
  #run = Date.now();
  #hasAnswer = false;
  #isDone = false;

  constructor({ actions, store, scope }: DrawerContext) {
    this.#send = actions.drawers.connect("doctor", (content) => this.#receive(content), scope);
    const tests = new SoundTests(store, scope, (check) => this.#addOwn(check));
    const tools = element("div", "glw-doctor-tools", {}, [this.#again, this.#copy]);
    const python = element("p", "glw-doctor-note", {}, [text("checks_in_python")]);
    this.#text.hidden = true;
    const parts = [tests.element, this.#status, tools, this.#text, this.#list, python];
    this.element = element("div", "glw-doctor", {}, parts);
    scope.listen(this.#again, "click", () => this.#begin());
    scope.listen(this.#copy, "click", () => this.#copyText());
    scope.interval(REPEAT_MS, () => this.#repeat());
    this.#begin();
  }

  get #checks(): Check[] {
    const others = this.#kernelChecks.filter(({ name }) => !this.#pageChecks.has(name));
    return [...others, ...this.#pageChecks.values()];
  }

  #begin(): void {
    this.#run += 1;
    this.#kernelChecks = [];
    this.#hasAnswer = this.#isDone = false;
    this.#addOwn(browserCheck());
    this.#ask();
  }

  #ask(): void {
    this.#send({ type: "run", run: this.#run });
  }

  #repeat(): void {
    if (this.#isDone) return;
    this.#ask();
    if (!this.#hasAnswer) setText(this.#status, text("kernel_waits"));
  }

  #receive(content: unknown): void {
    const answer = readChecks(content, currentLanguage());
    // An answer that overtook a newer one has fewer checks.
    if (answer?.run !== this.#run || answer.checks.length < this.#kernelChecks.length) return;
    this.#kernelChecks = answer.checks;
    this.#hasAnswer = true;
    this.#isDone ||= answer.isDone;
    this.#show();
  }

  /** What this page has found out is told to the kernel, so that Python's report has it. */
  #addOwn(check: Check): void {
    this.#pageChecks.set(check.name, check);
    this.#send({ type: "tested", ...check });
    this.#show();
  }

  #show(): void {
    const checks = this.#checks;
    setText(this.#status, statusText(checks, this.#isDone));
    this.#list.replaceChildren(...checks.map(rowOf));
    setText(this.#copy, text("copy_report"));
  }

  async #copyText(): Promise<void> {
    const checks = this.#checks.map((check) => ({
      ...check,
      name: nameText(check.name),
      result: resultText(check.result),
    }));
    const report = asText(checks, `grok_live_widget doctor: ${summaryText(this.#checks)}`);
    try {
      await navigator.clipboard.writeText(report);
      setText(this.#copy, text("report_copied"));
    } catch {
      // Absent on pages that are not secure; then the text is shown and selected, to be copied by the keyboard.
      this.#text.value = report;
      setShown(this.#text, true);
      this.#text.focus();
      this.#text.select();
    }
  }
}

function rowOf({ name, result, found, cure }: Check): HTMLElement {
  const head = element("div", "glw-check-head", {}, [
    element("span", "glw-check-result", {}, [resultText(result)]),
    element("span", "glw-check-name", {}, [nameText(name)]),
  ]);
  const texts = [element("p", "glw-check-found", {}, [found])];
  if (cure) texts.push(element("p", "glw-check-cure", {}, [cure]));
  const row = element("li", "glw-check", {}, [head, element("div", "glw-check-texts", {}, texts)]);
  row.dataset.result = result;
  return row;
}

function browserCheck(): Check {
  const hasWorklets = window.isSecureContext && "AudioWorkletNode" in window;
  return {
    name: "browser",
    result: hasWorklets ? "ok" : "failed",
    found: browserText(browserName(navigator.userAgent), hasWorklets),
    cure: hasWorklets ? "" : text("browser_cure"),
  };
}

/** Buttons that begin a test, and what is shown while one runs. Not while a talk listens or a reply sounds. */
class SoundTests {
  readonly element: HTMLElement;
  readonly #buttons = [textButton(text("test_microphone")), textButton(text("test_loudspeaker"))] as const;
  readonly #cancel = textButton(text("cancel_test"));
  readonly #step = element("p", "glw-doctor-note", { role: "status" });
  readonly #meter = element("div", "glw-level", {
    role: "meter",
    "aria-label": text("test_level"),
    "aria-valuemin": String(LEAST_DBFS),
    "aria-valuemax": "0",
  });
  readonly #bar = element("div", "glw-level-bar");
  #running: Scope | null = null;
  #state: PanelState;

  constructor(
    store: DrawerContext["store"],
    readonly scope: Scope,
    readonly onCheck: (check: Check) => void,
  ) {
    this.#state = store.state;
    this.#meter.append(this.#bar);
    const buttons = element("div", "glw-doctor-tools", {}, [...this.#buttons, this.#cancel]);
    this.element = element("div", "glw-doctor-tests", { role: "group", "aria-label": text("sound_tests") }, [
      buttons,
      this.#meter,
      this.#step,
    ]);
    const [microphone, loudspeaker] = this.#buttons;
    scope.listen(microphone, "click", () => this.#begin(testMicrophone));
    scope.listen(loudspeaker, "click", () => this.#begin(testLoudspeaker));
    scope.listen(this.#cancel, "click", () => this.#end(text("test_cancelled")));
    scope.add(store.subscribe((state) => this.#follow(state)));
    this.#show(text("test_stays_here"));
  }

  /** Another panel of this page may use the microphone, too. */
  get #isInUse(): boolean {
    const { microphone, isSpeaking } = this.#state;
    const isTalking = isSpeaking || ["asking", "on", "muted"].includes(microphone);
    return isTalking || (this.#running === null && audioPage().releaseMicrophone !== null);
  }

  #follow(state: PanelState): void {
    const wasInUse = this.#isInUse;
    this.#state = state;
    if (this.#isInUse && this.#running) this.#end(text("test_cancelled"));
    else if (this.#isInUse !== wasInUse && !this.#running) this.#show(text("test_stays_here"));
  }

  async #begin(test: SoundTest): Promise<void> {
    if (this.#running) return;
    if (this.#isInUse) return this.#show(text("test_stays_here"));
    const running = this.scope.child();
    this.#running = running;
    const isCurrent = () => this.#running === running;
    const check = await test(running, {
      onStep: (step) => isCurrent() && this.#show(step),
      onLevel: (rms) => this.#showLevel(rms),
      onTaken: () => isCurrent() && this.#end(text("test_cancelled")),
    });
    if (!isCurrent()) return;
    // The row of the check may be out of sight.
    this.#end([`${nameText(check.name)}: ${check.found}`, check.cure].join(" ").trim());
    this.onCheck(check);
  }

  #end(step: string): void {
    const running = this.#running;
    this.#running = null;
    running?.dispose();
    this.#show(step);
  }

  #show(step: string): void {
    const isRunning = this.#running !== null;
    const isInUse = !isRunning && this.#isInUse;
    for (const each of this.#buttons) each.disabled = isRunning || isInUse;
    setShown(this.#cancel, isRunning);
    setShown(this.#meter, isRunning);
    setText(this.#step, isInUse ? text("test_in_use") : step);
    this.#showLevel(0);
  }

  #showLevel(rms: number): void {
    const level = Math.max(LEAST_DBFS, Math.min(0, dbfs(rms)));
    this.#meter.setAttribute("aria-valuenow", level.toFixed(0));
    this.#meter.setAttribute("aria-valuetext", levelText(dbfs(rms)));
    this.#bar.style.width = `${(100 * (level - LEAST_DBFS)) / -LEAST_DBFS}%`;
  }
}

function textButton(label: string): HTMLButtonElement {
  return element("button", "glw-button glw-doctor-button", { type: "button" }, [label]);
}
