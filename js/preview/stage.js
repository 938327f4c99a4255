/** Shows one scene at a time: a panel (or an explorer) with a kernel and a microphone that are made in the page. */

import explorer from "/static/explorer.js";
import widget from "/static/widget.js";
import { FakeExplorerKernel, FakeKernel, hum, pause } from "./fake-kernel.js";
import { FakeOutputs } from "./fake-outputs.js";
import { SCENES } from "./scenes.js";

const PATIENCE_MS = 15_000;

const contexts = new Set();
globalThis.AudioContext = class extends AudioContext {
  constructor(...options) {
    super(...options);
    contexts.add(this);
  }
};

/** What the microphone gives: "speech", "silence", or the name of the error that opening it throws. */
let microphone = "speech";
let source = null;
navigator.mediaDevices.getUserMedia = async () => {
  if (microphone === "asking") return new Promise(() => {});
  if (microphone !== "speech" && microphone !== "silence") throw new DOMException("", microphone);
  source ??= new AudioContext();
  if (source.state !== "running") source.resume().catch(() => {});
  const stream = source.createMediaStreamDestination();
  Object.defineProperty(stream.stream.getAudioTracks()[0], "label", { value: "Headset" });
  if (microphone === "speech") {
    const sound = source.createBuffer(1, 24_000 * 12, 24_000);
    sound.copyToChannel(
      Float32Array.from(hum(12, 210), (sample) => sample / 32_768),
      0,
    );
    const player = Object.assign(source.createBufferSource(), { buffer: sound, loop: true });
    player.connect(stream);
    player.start();
  }
  return stream.stream;
};

/** Stop the sound of the page as browsers do before the first click on it. */
async function pauseSound() {
  for (const context of contexts) {
    if (context.state === "closed") continue;
    context.resume = () => new Promise(() => {});
    await context.suspend();
  }
}

async function resumeSound() {
  for (const context of contexts) {
    delete context.resume;
    if (context.state !== "closed") await context.resume();
  }
}

/** Whether Python may switch the microphone on: the browser would ask. */
navigator.permissions.query = async () => ({ state: "prompt" });

async function until(isSo, what = String(isSo)) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(16)) {
    const found = isSo();
    if (found) return found;
  }
  throw new Error(`the scene waited in vain for ${what}; the page says: ${document.body.innerText}`);
}

const lang = new URLSearchParams(location.search).get("lang") ?? "en";
const texts = { [lang]: await (await fetch(`/texts/${lang}.json`)).json() };

class Stage {
  #main = document.querySelector("main");
  #ends = [];
  #early = new Map();

  get scenes() {
    return Object.entries(SCENES).map(([name, { title, isLong = false, sounds = isLong }]) => ({
      name,
      title,
      isLong,
      sounds,
    }));
  }

  /** Begin the scenes that take a while by themselves, so that they are ready when they are shown. */
  prepare(...names) {
    for (const name of names) this.#early.set(name, this.#begin(SCENES[name]));
  }

  async show(name) {
    this.hide();
    await this.add(name);
  }

  /** Show a scene below those that are shown. */
  async add(name) {
    await resumeSound();
    const host = this.#main.appendChild(document.createElement("div"));
    host.dataset.scene = name;
    const scene = SCENES[name];
    microphone = scene.microphone ?? "speech";
    const begun = this.#early.get(name) ?? this.#begin(scene);
    this.#early.delete(name);
    const { module, kernel, signal, abort } = begun;
    const view = { model: kernel.model, el: host, signal };
    this.#ends.push(() => abort.abort());
    module.render(view);
    const panel = host.firstElementChild;
    const find = (selector) => panel.querySelector(selector);
    const named = (label) =>
      [...panel.querySelectorAll("button, summary")].find(
        (each) => !each.closest("[hidden]") && (each.ariaLabel ?? each.textContent).includes(label),
      );
    const press = async (label) => (await until(() => named(label), `a button “${label}”`)).click();
    const says = (text) => until(() => panel.innerText.includes(text), `“${text}”`);
    const shows = (selector) => until(() => find(selector)?.checkVisibility() && find(selector), selector);
    const parts = { kernel, panel, find, press, says, shows, until, pause, pauseSound };
    if (!kernel.isSilent && !scene.explores) await until(() => !panel.innerText.includes("Looking for"));
    await scene.play?.(parts);
    if (scene.says) await says(scene.says);
    // The transcript's bundle comes after its turns.
    if (find(".glw-turn:not([hidden])")) await shows(".glw-turn-more");
    Object.assign(globalThis, { kernel, panel });
  }

  hide() {
    for (const end of this.#ends.splice(0)) end();
    this.#main.replaceChildren();
  }

  #begin(scene) {
    const abort = new AbortController();
    const { signal } = abort;
    if (scene.explores) return { module: explorer, kernel: new FakeExplorerKernel(texts), signal, abort };
    const outputs = scene.displays ? new FakeOutputs() : null;
    const kernel = new FakeKernel(scene.kernel ?? {}, texts, outputs);
    widget.initialize({ model: kernel.model, signal });
    return { module: widget, kernel, signal, abort };
  }
}

export const stage = new Stage();
