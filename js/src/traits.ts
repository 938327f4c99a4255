/** Connects the traits that the page carries out with the talk, in both directions: `volume`, `muted`, `half_duplex`. */

import type { AnyModel } from "@anywidget/types";
import type { Scope } from "./scope";
import type { TalkController } from "./talk";
import type { PanelState } from "./view/state";

export function followTraits(model: AnyModel, talk: TalkController, scope: Scope): void {
  connect("volume", "volume", (value) => talk.setVolume(value));
  connect("muted", "isMuted", (value) => talk.setMuted(value));
  connect("half_duplex", "isHalfDuplex", (value) => talk.setHalfDuplex(value));

  function connect<K extends keyof PanelState>(
    name: string,
    field: K,
    write: (value: PanelState[K]) => void,
  ): void {
    let shown = talk.store.state[field];
    const follow = () => {
      const value = model.get?.(name);
      if (typeof value === typeof shown) write(value);
    };
    // Only what changes here is written: while one trait is followed, the model already has others that are not yet.
    const show = ({ [field]: value }: PanelState) => {
      if (value === shown) return;
      shown = value;
      if (model.get?.(name) === value) return;
      model.set(name, value);
      model.save_changes();
    };
    scope.add(talk.store.subscribe(show));
    model.on(`change:${name}`, follow);
    scope.add(() => model.off(`change:${name}`, follow));
    follow();
  }
}
