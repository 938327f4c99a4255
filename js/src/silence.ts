/**
 * Recognises a microphone that gives nothing but zeros: one with its own mute switch, or a wrong device. A quiet room is
 * never exactly silent. Some microphones give zeros between sentences, so one that was heard is given more time.
 */

const NEVER_HEARD_MS = 4000;
const HEARD_MS = 10_000;

export class SilenceDetector {
  #silentMs = 0;
  #wasHeard = false;

  /** Take the level of the next stretch of the microphone. */
  push(rms: number, durationMs: number): void {
    if (rms > 0) this.#wasHeard = true;
    this.#silentMs = rms > 0 ? 0 : this.#silentMs + durationMs;
  }

  get isSilent(): boolean {
    return this.#silentMs >= (this.#wasHeard ? HEARD_MS : NEVER_HEARD_MS);
  }

  /** Begin again: the microphone was muted here, or another one is used. */
  reset(): void {
    this.#silentMs = 0;
    this.#wasHeard = false;
  }
}
