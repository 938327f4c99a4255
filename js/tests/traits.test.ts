// @vitest-environment happy-dom
import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Scope } from "../src/scope";
import { TalkController } from "../src/talk";
import { followTraits } from "../src/traits";
import { FakeComm, installAudio } from "./fakes";

/** A model as Backbone has it: all values are changed before the first of their events. */
class FakeModel {
  saved: Record<string, unknown>[] = [];
  #listeners = new Map<string, () => void>();
  #unsaved: Record<string, unknown> = {};

  constructor(public values: Record<string, unknown>) {}

  get(name: string): unknown {
    return this.values[name];
  }

  set(name: string, value: unknown): void {
    this.#unsaved[name] = value;
    this.receive({ [name]: value });
  }

  save_changes(): void {
    this.saved.push(this.#unsaved);
    this.#unsaved = {};
  }

  on(name: string, listener: () => void): void {
    this.#listeners.set(name, listener);
  }

  off(name: string): void {
    this.#listeners.delete(name);
  }

  /** What the kernel, or a widget that is linked in the page, has set. */
  receive(values: Record<string, unknown>): void {
    this.values = { ...this.values, ...values };
    for (const name of Object.keys(values)) this.#listeners.get(`change:${name}`)?.();
  }
}

let scope: Scope;
let talk: TalkController;
let model: FakeModel;

beforeEach(() => {
  vi.useFakeTimers();
  installAudio();
  scope = new Scope();
  talk = new TalkController(new FakeComm(), scope);
  model = new FakeModel({ volume: 0.5, muted: false, half_duplex: true });
  followTraits(model as unknown as AnyModel, talk, scope);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

it("the traits are followed from the start, without writing any", () => {
  expect(talk.store.state).toMatchObject({ volume: 0.5, isMuted: false, isHalfDuplex: true });
  expect(model.saved).toEqual([]);
});

it("what the kernel sets is followed, several at once too, and not written back", () => {
  model.receive({ volume: 1, muted: true, half_duplex: false });
  expect(talk.store.state).toMatchObject({ volume: 1, isMuted: true, isHalfDuplex: false });
  expect(model.saved).toEqual([]);
});

it("what a view sets is written, once", () => {
  talk.setVolume(0.25);
  talk.setVolume(0.25);
  talk.setMuted(true);
  expect(model.saved).toEqual([{ volume: 0.25 }, { muted: true }]);
});

it("a volume beyond the limits, from a widget that is linked in the page, is corrected", () => {
  model.receive({ volume: 80 });
  expect(talk.store.state.volume).toBe(1);
  expect(model.saved).toEqual([{ volume: 1 }]);
});

it("a value of another type is ignored", () => {
  model.receive({ volume: "loud", muted: null });
  expect(talk.store.state).toMatchObject({ volume: 0.5, isMuted: false });
});

it("nothing is followed when the model is gone", () => {
  scope.dispose();
  model.receive({ volume: 1 });
  expect(talk.store.state.volume).toBe(0.5);
});
